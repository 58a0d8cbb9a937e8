"""The command line in this process, on fake workers, without waiting for anybody's measurement."""

from __future__ import annotations

import pytest

from core.cli import engine, main
from core.runs.queue import machine_lock
from tests.jobs.children import Server, fake_worker


@pytest.fixture(autouse=True)
def _own_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(machine_lock, "LOCK", tmp_path / "machine.lock")
    monkeypatch.setattr(machine_lock, "_POLL_S", 0.01)
    monkeypatch.setenv("CROSSOVER_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def servers(monkeypatch):
    """The queues that commands have started, on fake workers."""
    started = []

    def start(*arguments, **options):
        started.append(Server(*arguments, **{"start_worker": fake_worker, **options}))
        return started[-1]

    monkeypatch.setattr(engine, "Runner", start)
    return started


@pytest.fixture
def crossover(servers, capsys):
    """Run a command: its exit code, what it printed and what it complained of, in lines."""

    def run(*arguments):
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code
        said = capsys.readouterr()
        return code, said.out.splitlines(), said.err.splitlines()

    return run
