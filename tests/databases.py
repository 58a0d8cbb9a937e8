"""Databases to keep runs in: files of SQLite, and a PostgreSQL that the tests start and stop themselves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import sqlalchemy as sa

from scripts import postgresql as programs

BACKENDS = ("sqlite", "postgresql")
# Quick, for no test outlives the machine; the server itself may be killed and loses nothing.
_QUICK = ("fsync=off", "full_page_writes=off", "shared_buffers=16MB")


class PostgreSQL(programs.Server):
    """One with a schema for each test."""

    def __init__(self, bin_folder: Path) -> None:
        super().__init__(bin_folder, _QUICK)
        self._schemas = 0

    def new_url(self) -> str:
        """An empty schema of its own, as DATABASE_URL."""
        self._schemas += 1
        name = f"test_{self._schemas}"
        with connected(self.url()) as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {name}")
        return self.url(f"?options=-csearch_path%3D{name}&")


@pytest.fixture(scope="session")
def postgresql():
    """The server, started by the first test that asks for it."""
    found = programs.find()
    if found is None or os.name != "posix":
        pytest.skip(f"needs PostgreSQL: {programs.HOW}")
    server = PostgreSQL(found)
    yield server
    server.close()


def connected(url: str):
    """A connection for a look or a change behind the store's back; commits at the end."""
    return sa.create_engine(url, poolclass=sa.NullPool).begin()


def edit(url: str, sql: str, **values: object) -> None:
    with connected(url) as connection:
        connection.execute(sa.text(sql), values)
