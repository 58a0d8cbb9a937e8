"""A PostgreSQL server of the benchmark's own, as durable as it comes: a commit that was told is on the disk.

The tests' server is quicker and may forget the last moments when the machine is stopped.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from importlib.util import find_spec

from scripts import postgresql


def missing() -> str | None:
    """Why there can be no server here; None if there can."""
    if find_spec("psycopg") is None:
        return "install the Python package psycopg"
    return postgresql.HOW if postgresql.find() is None else None


@contextlib.contextmanager
def cluster() -> Iterator[postgresql.Server]:
    """A running server for as long as the block lasts."""
    programs = postgresql.find()
    assert programs is not None
    server = postgresql.Server(programs)
    try:
        yield server
    finally:
        server.close()
