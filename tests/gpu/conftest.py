"""Tests in this folder run where torch sees a GPU, and are skipped elsewhere."""

from __future__ import annotations

import pytest

from core.runs.queue import machine_lock
from core.runs.queue.keeping import Keeper
from core.runs.queue.worker import Worker
from tests.jobs.children import Server


@pytest.fixture(scope="session", autouse=True)
def _needs_a_gpu():
    torch = pytest.importorskip("torch")
    if not torch.accelerator.is_available():
        pytest.skip("torch sees no GPU on this machine")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One warm worker for all tests of a file, and a machine lock of its own; NVIDIA's GPUs only."""
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("torch sees no NVIDIA GPU on this machine")
    folder = tmp_path_factory.mktemp("gpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine_lock, "LOCK", folder / "machine.lock")
        started = Server(Keeper(None), folder, start_worker=Worker)
        started.wait_for_worker()
        yield started
        started.close()
