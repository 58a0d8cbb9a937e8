"""Child processes to measure with, and ways to wait for what they do."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import psutil

from core.records import JobSpec, Setup
from core.runs.queue.jobs import Runner
from core.runs.queue.worker import Worker
from tests.builders import make_workload

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120.0  # a busy machine


def until(condition, what="it", patience_s=PATIENCE_S):
    """Wait until the condition holds and return what it says."""
    deadline = time.monotonic() + patience_s
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.005)
    return answer


def is_gone(pid):
    """Whether a process has ended; one that nobody has waited for yet counts."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def fake_worker():
    return Worker((sys.executable, "-m", "tests.jobs.fake_worker"))


def job(model, *setups, **work):
    return JobSpec(make_workload(model=model, **work), setups or (Setup(),))


class Server(Runner):
    """A queue that a test can wait for."""

    def finished(self, job_id):
        """The job when it is over and stored."""
        deadline = time.monotonic() + PATIENCE_S
        while not (found := self.wait(job_id, deadline - time.monotonic())).done:
            assert time.monotonic() < deadline, f"{found.state} for too long: {found}"
        return found

    def measuring(self, job_id, blocks=2):
        """The job once so many blocks of its first setup are in."""
        found = self.job(job_id)
        with self.changed:
            told = self.changed.wait_for(lambda: len(found.assembly.runs[0].blocks) >= blocks, PATIENCE_S)
        assert told, f"no {blocks} blocks came: {found}"
        return found
