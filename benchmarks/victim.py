"""`python -m benchmarks.victim URL FOLDER`: a server without pages, made to be killed at any moment.

It runs job after job on scripted workers and imports file after file, and writes down in FOLDER/journal.jsonl,
a line at a time, what it has begun and what it has told as done:

    open                          the queue is there, and what a dead server left has been seen to
    submitted  job                it was queued
    finished   job, digests       it was told as finished and stored
    importing  runs               an import is about to begin
    imported   runs, digests      it was told as done
"""

from __future__ import annotations

import dataclasses
import json
import secrets
import sys
import threading
import time
from pathlib import Path
from typing import Any

from core.codec import to_plain
from core.errors import StoreError
from core.records import SCHEMA_VERSION, JobSpec, RunResult, Setup
from core.runs.files import exchange
from core.runs.files.importing import plan
from core.runs.queue import held, machine_lock
from core.runs.queue.jobs import Runner
from core.runs.queue.keeping import Keeper
from core.runs.queue.worker import Worker
from core.runs.store import Store
from tests.builders import make_result, make_setup, make_workload

_JOB = JobSpec(make_workload(model="quick"), (Setup(), make_setup(threads=1)))
_WAITING = 2  # jobs beside the running one, so that a kill leaves a queue behind
_RUNS_A_FILE = 10
_PAUSE_S = 0.05  # between imports: the database isn't to be locked by them all the time


class Journal:
    """Each line is handed to the system at once: it outlives a process that is killed."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("ab", buffering=0)

    def write(self, what: str, **facts: Any) -> None:
        self._file.write(json.dumps({"what": what, **facts}).encode() + b"\n")


def main(url: str, folder: Path) -> None:
    machine_lock.LOCK = folder / "machine.lock"
    held._PARTIAL_EVERY_S = 0.0  # every block is a write that a kill may cut short
    journal, store = Journal(folder / "journal.jsonl"), Store(url)
    keeper = Keeper(store)
    runner = Runner(keeper, folder / "datasets", start_worker=_worker)
    journal.write("open")
    threading.Thread(target=_import, args=(journal, store, keeper), daemon=True).start()
    _measure(journal, runner)


def _worker() -> Worker:
    return Worker((sys.executable, "-m", "tests.jobs.fake_worker"))


def _measure(journal: Journal, runner: Runner) -> None:
    waiting = list[str]()
    while True:
        while len(waiting) <= _WAITING:
            waiting.append(runner.submit(_JOB))
            if (job := runner.job(waiting[-1])) is not None and job.storage_problem is None:
                journal.write("submitted", job=job.id)
        job_id = waiting.pop(0)
        while (job := runner.wait(job_id, 60)) is not None and not job.done:
            pass
        assert job is not None
        if job.storage_problem is None:  # else it was told as not stored
            assert job.state == "finished", job.failure
            journal.write("finished", job=job_id, digests=_digests(job.results))


def _import(journal: Journal, store: Store, keeper: Keeper) -> None:
    while True:
        results = _some_runs()
        document = {
            "schema_version": SCHEMA_VERSION,
            "runs": to_plain(results),
        }  # without summaries: quick to make
        runs = [result.id for result in results]
        journal.write("importing", runs=runs)
        try:
            new = plan("runs.json", json.dumps(document).encode(), store.run).new
        except StoreError:  # the database is away
            new = ()
        if new and keeper.results(new) is None:
            journal.write("imported", runs=runs, digests=_digests(new))
        time.sleep(_PAUSE_S)


def _some_runs() -> list[RunResult]:
    job, result = secrets.token_hex(5), make_result()
    return [dataclasses.replace(result, id=f"{job}-{number}", job_id=job) for number in range(_RUNS_A_FILE)]


def _digests(results: tuple[RunResult, ...]) -> list[str]:
    return list(map(exchange.digest, results))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
