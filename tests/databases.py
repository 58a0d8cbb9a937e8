"""Databases to keep runs in: files of SQLite, and a PostgreSQL that the tests start and stop themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
import sqlalchemy as sa

from scripts import postgresql as programs

BACKENDS = ("sqlite", "postgresql")
# Quick, for no test outlives the machine; the server itself may be killed and loses nothing.
_SETTINGS = ("fsync=off", "full_page_writes=off", "shared_buffers=16MB")


class PostgreSQL:
    """A server of its own in a folder of its own, reached by a socket there: no port, no password."""

    def __init__(self, bin_folder: Path) -> None:
        self._bin = bin_folder
        self._user = _somebody_else() if os.geteuid() == 0 else None  # as root it refuses to run
        self._folder = Path(tempfile.mkdtemp(prefix="pg-", dir=_open_folder() if self._user else None))
        self._data = self._folder / "data"
        self._schemas = 0
        if self._user:
            shutil.chown(self._folder, self._user)
        try:
            # an encoding and case rules of its own, whatever those of the machine
            self._run("initdb", "-A", "trust", "-U", "crossover", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
            self.start()
        except BaseException:
            shutil.rmtree(self._folder)
            raise

    def start(self) -> None:
        options = [f"-c {setting}" for setting in (*_SETTINGS, "listen_addresses=")]
        log = self._folder / "log"
        self._run("pg_ctl", "start", "-w", "-l", str(log), "-o", f"-k {self._folder} {' '.join(options)}")

    def stop(self, how: str = "fast") -> None:
        """`how`: fast, or immediate, which is as good as pulling the plug."""
        self._run("pg_ctl", "stop", "-w", "-m", how)

    def close(self) -> None:
        if (self._data / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self._folder)

    def new_url(self) -> str:
        """An empty schema of its own, as DATABASE_URL."""
        self._schemas += 1
        name = f"test_{self._schemas}"
        with connected(self._url()) as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {name}")
        return self._url(options=f"-csearch_path={name}")

    def _url(self, **query: str) -> str:
        where = {"host": str(self._folder), **query}
        url = sa.URL.create("postgresql+psycopg", "crossover", database="postgres", query=where)
        return url.render_as_string(hide_password=False)

    def _run(self, program: str, *arguments: str) -> None:
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
        command = [str(self._bin / program), "-D", str(self._data), *arguments]
        output = self._folder / f"{program}.txt"  # not a pipe, which the server would keep open
        with output.open("wb") as file:
            done = subprocess.run(
                command, cwd=self._folder, env=environment, stdout=file, stderr=file, user=self._user
            )
        if done.returncode:
            logs = [path.read_text() for path in (output, self._folder / "log") if path.exists()]
            raise RuntimeError(f"{program} failed:\n" + "\n".join(logs))


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


def _somebody_else() -> str:
    import pwd  # isn't on Windows

    there = {user.pw_name for user in pwd.getpwall()}
    return "postgres" if "postgres" in there else "nobody"


def _open_folder() -> str:
    """A folder for temporary files whose way another user may go, too."""
    for folder in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        if all(part.stat().st_mode & 0o001 for part in (Path(folder), *Path(folder).parents)):
            return folder
    raise RuntimeError("no folder for temporary files that PostgreSQL's user can reach")
