"""Real measurements in real processes, and what is left when any of them is killed."""

import os
import signal
import subprocess
import sys

import pytest

from core.analysis.comparison import compare
from core.records import JobSpec, Note, Setup
from core.runs.queue.worker import Worker
from tests.builders import make_workload
from tests.jobs.children import PATIENCE_S, ROOT, is_gone, until

ONE = Setup(threads=1)
SHORT = JobSpec(make_workload(dataset="synthetic:1x28x28,images=640", epochs=1), (ONE,), 20.0)
PAIR = JobSpec(SHORT.workload, (ONE, Setup(threads=1, data_path="loader")), 20.0, 100.0)
LONG = JobSpec(make_workload(dataset="synthetic:1x28x28,images=6400", epochs=1000), (ONE,), 3000.0)


@pytest.fixture
def real(serve):
    return serve(start_worker=Worker)


def test_a_worker_killed_in_mid_run_leaves_its_blocks_and_a_working_queue(real, store):
    job_id, next_id = real.submit(LONG), real.submit(PAIR)
    real.measuring(job_id, blocks=3)
    pid = real.worker_pid
    os.kill(pid, signal.SIGKILL)
    done = real.finished(job_id)
    assert (done.state, done.failure) == ("failed", Note("worker_killed"))
    (stored,) = store.runs_of_job(job_id)
    assert (stored.status, stored.failure) == ("failed", Note("worker_killed"))
    assert len(stored.blocks) >= 3
    assert stored.telemetry.cpu
    after = real.finished(next_id)
    assert after.state == "finished"
    assert after.results[0].cold_start.worker_start_s is not None  # a fresh worker, whose start is paid anew
    assert real.worker_pid != pid
    comparison = compare(*after.results)
    assert comparison.parity.code == "same"
    assert comparison.speedup is not None
    assert comparison.pairs >= 10


SERVER = """
import sys, threading
from pathlib import Path
from core.runs.queue import held, jobs, machine_lock
from core.runs.queue.keeping import Keeper
from core.runs.store import Store
from tests.jobs.test_real_runs import LONG, SHORT

url, lock, data = sys.argv[1:]
machine_lock.LOCK = Path(lock)
held._PARTIAL_EVERY_S = 0.0
runner = jobs.Runner(Keeper(Store(url)), Path(data))
ids = [runner.submit(LONG), runner.submit(SHORT)]
runner.wait_for_worker()
print(*ids, runner.worker_pid, flush=True)
threading.Event().wait()
"""


@pytest.fixture
def another_server(url, store, lock, tmp_path):
    """A server of its own process, with a job running and one waiting."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, url, str(lock), str(tmp_path / "datasets")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def test_a_server_killed_in_mid_run_leaves_no_orphan_and_its_queue_to_the_next(another_server, serve, store):
    running, waiting, worker_pid = another_server.stdout.readline().split()
    until(lambda: store.runs_of_job(running), "partial results")
    assert [store.job(item).state for item in (running, waiting)] == ["running", "queued"]
    another_server.send_signal(signal.SIGKILL)
    another_server.wait(PATIENCE_S)
    until(lambda: is_gone(int(worker_pid)), "the orphan's end")

    heir = serve(start_worker=Worker)
    assert store.job(running).state == "interrupted"
    assert store.job(running).failure == Note("server_stopped")
    (part,) = store.runs_of_job(running)
    assert part.status == "interrupted"
    assert part.blocks
    done = heir.finished(waiting)
    assert done.state == "finished"
    assert store.runs_of_job(waiting) == done.results
    assert store.open_jobs() == ()
