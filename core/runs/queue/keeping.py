"""The store as the queue sees it: it may be absent or fail, and a measurement goes on regardless.

What can't be kept is told to the caller, who shows it; nothing is lost in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from core.analysis import stats, timed
from core.analysis.quality import quality
from core.analysis.summary import final_accuracy
from core.errors import StoreError
from core.records import Note, RunResult
from core.runs.queue.job import Job, JobState

if TYPE_CHECKING:  # the store needs SQLAlchemy, which a machine that only measures may lack
    from core.runs.store import JobRow, RunSummary, Store

_MOST_UNKEPT = 20  # jobs whose results are held in memory while there is no database

_UNDO = timedelta(days=1)  # how long what was deleted can be brought back


class Keeper:
    """Writes to a store, if there is one. Every method returns the problem it met, or None."""

    def __init__(self, store: Store | None) -> None:
        self._store = store
        self._unkept: dict[str, Job] = {}  # by id, the oldest first

    def job_added(self, job: Job, owner: str) -> Note | None:
        """Put a job in the list of jobs, by which its link is found."""
        state: JobState = "queued" if job.target is None else "running"
        kind = job.target.kind if job.target is not None else None
        problem = self._try(
            lambda store: store.add_job(job.id, job.spec, job.created_at, owner, job.visitor, state, kind)
        )
        job.is_listed = problem is None
        return problem

    def job_done(self, job: Job, owner: str) -> None:
        """Keep all of a job that is over; what fails is said in the job, and tried again by `keep_again`."""
        job.storage_problem = self._all_of(job, owner)
        if job.storage_problem is not None:
            self._unkept[job.id] = job
            if len(self._unkept) > _MOST_UNKEPT:
                self._unkept.pop(next(iter(self._unkept)), None)

    def keep_again(self, owner: str) -> None:
        """What the store couldn't take when it was over: the database may be back."""
        for job in tuple(self._unkept.values()):
            job.storage_problem = self._all_of(job, owner)
            if job.storage_problem is None:
                self._unkept.pop(job.id, None)  # another thread may have been quicker

    def _all_of(self, job: Job, owner: str) -> Note | None:
        problem = None if job.is_listed else self.job_added(job, owner)
        if any(result.blocks for result in job.results):
            problem = self.results(job.results) or problem
        return self.job_over(job.id, job.state, job.failure) or problem

    def job_running(self, job_id: str) -> Note | None:
        return self._try(lambda store: store.set_job_state(job_id, "running"))

    def job_over(self, job_id: str, state: JobState, failure: Note | None) -> Note | None:
        return self._try(lambda store: store.set_job_state(job_id, state, failure))

    def results(self, results: Sequence[RunResult]) -> Note | None:
        """Keep results, replacing earlier parts of the same runs."""
        if self._store is None:
            return None
        rows = [(result, listed(result)) for result in results]
        return self._try(lambda store: store.add_runs(rows))

    def beat(self, owner: str, at: str) -> Note | None:
        return self._try(lambda store: store.beat(owner, at))

    def purge(self, now: datetime, keep_days: int | None) -> Note | None:
        """Remove for good what was deleted a day ago, and what is older than `keep_days`."""
        oldest = None if keep_days is None else (now - timedelta(days=keep_days)).isoformat()
        return self._try(lambda store: store.purge((now - _UNDO).isoformat(), oldest))

    def left_behind(self, is_alive: Callable[[str], bool | None], stale_before: str) -> Sequence[JobRow]:
        """Open jobs of servers that are gone. Raises StoreError: at the start there is nothing to lose yet."""
        return self._store.orphaned(is_alive, stale_before) if self._store else ()

    def adopted(self, row: JobRow, owner: str, at: str) -> bool:
        """Whether the job is now ours; another server may have been quicker. Raises StoreError."""
        return self._store is not None and self._store.adopt(row.id, owner, row.owner, at)

    def _try(self, write: Callable[[Store], object]) -> Note | None:
        if self._store is None:
            return None
        try:
            write(self._store)
        except StoreError as problem:
            return problem.note
        return None


def listed(result: RunResult) -> RunSummary:
    """The summary's values without their intervals, which would cost ten times what storing does."""
    from core.runs.store import RunSummary

    per_sample = timed.seconds_per_sample(result)
    typical = stats.median(per_sample) if len(per_sample) > 1 else None  # of one block there is no rate either
    whole = timed.samples_per_epoch(result)
    return RunSummary(
        samples_per_s=1 / typical if typical else None,
        epoch_s=typical * whole if typical and whole else None,
        test_accuracy=final_accuracy(result),
        quality=quality(result).badge,
    )
