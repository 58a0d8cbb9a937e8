"""Real child processes, a machine lock of each test's own, and waiting without a clock."""

from __future__ import annotations

import pytest

from core.runs.queue import machine_lock
from core.runs.queue.keeping import Keeper
from core.runs.store import Store
from tests.jobs.children import Server, fake_worker


@pytest.fixture(autouse=True)
def lock(tmp_path, monkeypatch):
    """Nobody else's measurement is waited for."""
    monkeypatch.setattr(machine_lock, "LOCK", tmp_path / "machine.lock")
    monkeypatch.setattr(machine_lock, "_POLL_S", 0.01)
    return machine_lock.LOCK


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'crossover.sqlite3'}"


@pytest.fixture
def store(url):
    opened = Store(url)
    yield opened
    opened.close()


@pytest.fixture
def serve(tmp_path, store):
    """Start a queue, on fake workers and this test's database unless told otherwise."""
    started = []

    def start(keeper=None, start_worker=fake_worker, **options):
        server = Server(keeper or Keeper(store), tmp_path / "datasets", start_worker=start_worker, **options)
        started.append(server)
        return server

    yield start
    for server in started:
        server.close()


@pytest.fixture
def server(serve):
    return serve()
