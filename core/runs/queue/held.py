"""The jobs that a server holds in memory: looked up, waited for, filled with events, ended once and stored.

It must not know where they are measured.
"""

from __future__ import annotations

import collections
import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from core.errors import CrossoverError
from core.records import Note
from core.runs.admission import Limits
from core.runs.elsewhere.targets import Event
from core.runs.queue import owner
from core.runs.queue.gate import Gate
from core.runs.queue.job import Job, JobState
from core.runs.queue.keeping import Keeper

_KEPT_IN_MEMORY = 20  # jobs that are over; older ones are read from the store
_PARTIAL_EVERY_S = 5.0  # what a dead server leaves behind is at most this old


class Held:
    """`changed` guards every job, and tells of each change."""

    def __init__(
        self, keeper: Keeper, limits: Limits | None, heard: Callable[[Job, Event], None] | None = None
    ) -> None:
        """`heard` is told every event of `core.measure`, before it is folded."""
        self.limits = limits or Limits()
        self.changed = threading.Condition()
        self.keeper, self.owner = keeper, owner.me()
        self._listeners = [heard] if heard else []
        self._gate = Gate(self.limits)
        self._jobs: collections.OrderedDict[str, Job] = collections.OrderedDict()
        self._closed = False

    def job(self, job_id: str) -> Job | None:
        """A job held in memory: waiting, running or lately over."""
        with self.changed:
            return self._jobs.get(job_id)

    @contextlib.contextmanager
    def watching(self, job_id: str) -> Iterator[Job | None]:
        """The job with its events held still; keep it short."""
        with self.changed:
            yield self._jobs.get(job_id)

    def listen(self, heard: Callable[[Job, Event], None]) -> None:
        """Tell it every event of `core.measure`, too, before it is folded."""
        self._listeners.append(heard)

    def wait(self, job_id: str, timeout_s: float) -> Job | None:
        """Block until any job changes or the time is over."""
        with self.changed:
            job = self._jobs.get(job_id)
            if job is not None and not job.done:
                self.changed.wait(timeout_s)
            return job

    def fold(self, job: Job, event: Event) -> None:
        """Take in one event of `core.measure`."""
        for hear in self._listeners:
            hear(job, event)
        with self.changed:
            if event["type"] == "error":
                self.fail(job, Note(event["code"], event["facts"]))
            else:
                job.assembly.add(event)
            self.changed.notify_all()
        if event["type"] in ("block", "epoch") and time.monotonic() - job.saved_s > _PARTIAL_EVERY_S:
            self._keep_partly(job)

    def _keep_partly(self, job: Job) -> None:
        self.keeper.results(job.results_now("interrupted"))
        job.saved_s = time.monotonic()
        with self.changed:
            is_over = job.results_are_final
        if is_over:  # another thread has ended it meanwhile, and what was just written isn't the last word
            self.keeper.results(job.results)

    def fail(self, job: Job, failure: Note) -> None:
        with self.changed:
            if not job.over:  # a cancel kills the worker too: that is no failure
                job.failure = job.failure or failure
            self.changed.notify_all()

    def finish(self, job: Job) -> None:
        """Its results as they are now are those that stay."""
        with self.changed:
            if job.results_are_final:
                return
            job.results_are_final = True
            runs = job.told or job.assembly.runs
            if job.failure is None and all(run.status == "failed" for run in runs):
                job.failure = runs[0].failure
            state: JobState = "cancelled" if job.over else "failed" if job.failure else "finished"
            results = job.results_now("cancelled" if state == "cancelled" else "failed")
            job.results, job.state, job.sampler = results, state, None
        self.keeper.job_done(job, self.owner)
        with self.changed:
            job.done = True
            if job.target is None:  # another machine's pace says nothing of this one's
                self._gate.over(job)
            self.changed.notify_all()

    def hold(self, job: Job) -> None:
        """Called with the lock held."""
        self._jobs[job.id] = job
        old = [item.id for item in self._jobs.values() if item.done]
        for job_id in old[: max(0, len(old) - _KEPT_IN_MEMORY)]:
            del self._jobs[job_id]


def note_of(problem: Exception, code: str = "") -> Note:
    return problem.note if isinstance(problem, CrossoverError) else Note(code, {"problem": str(problem)})
