"""A PostgreSQL server of the benchmark's own, as durable as it comes: a commit that was told is on the disk.

The tests' server is quicker and forgets the last moments when it is stopped at once.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from scripts import postgresql

_USER = "postgres"  # Debian's: PostgreSQL doesn't run as root


def missing() -> str | None:
    """Why there can be no server here; None if there can."""
    if find_spec("psycopg") is None:
        return "install the Python package psycopg"
    return postgresql.HOW if postgresql.find() is None else None


class Cluster:
    """Reached by a socket in its folder, by nobody else."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self._programs, self._folder = programs, folder
        self._user = _USER if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(folder, self._user)
        self.url = f"postgresql+psycopg://{_USER}@/postgres?host={folder}"
        self._run("initdb", "--username", _USER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8")

    def start(self) -> None:
        options = f"-c listen_addresses= -c unix_socket_directories={self._folder}"
        self._run("pg_ctl", "start", "--wait", "--log", str(self._folder / "log"), "--options", options)

    def stop_at_once(self) -> None:
        """Without a checkpoint: the next start has to recover, as after a crash."""
        self._run("pg_ctl", "stop", "--wait", "--mode", "immediate")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), "--pgdata", str(self._folder / "data"), *arguments]
        subprocess.run(command, check=True, cwd=self._folder, user=self._user, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """A running server for as long as the block lasts."""
    programs = postgresql.find()
    assert programs is not None
    with tempfile.TemporaryDirectory(prefix="crossover-pg-") as folder:
        server = Cluster(Path(folder), programs)
        server.start()
        try:
            yield server
        finally:
            server.stop_at_once()
