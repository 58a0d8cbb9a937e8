"""The store as the queue sees it: it may be absent or fail, and a measurement goes on regardless.

What can't be kept is told to the caller, who shows it; nothing is lost in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from core.analysis import stats, timed
from core.analysis.quality import quality
from core.analysis.summary import final_accuracy
from core.errors import StoreError
from core.records import JobSpec, Note, RunResult

if TYPE_CHECKING:  # the store needs SQLAlchemy, which a machine that only measures may lack
    from core.runs.store import JobRow, RunSummary, Store

Over = Literal["finished", "failed", "cancelled", "interrupted"]
_UNDO = timedelta(days=1)  # how long what was deleted can be brought back


class Keeper:
    """Writes to a store, if there is one. Every method returns the problem it met, or None."""

    def __init__(self, store: Store | None) -> None:
        self._store = store

    def job_added(
        self, job_id: str, spec: JobSpec, created_at: str, owner: str, visitor: str | None
    ) -> Note | None:
        return self._try(lambda store: store.add_job(job_id, spec, created_at, owner, visitor))

    def job_running(self, job_id: str) -> Note | None:
        return self._try(lambda store: store.set_job_state(job_id, "running"))

    def job_over(self, job_id: str, state: Over, failure: Note | None) -> Note | None:
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
        """Whether the job is now ours; another server may have been quicker."""
        return self._store is not None and self._store.adopt(row.id, owner, row.owner, at)

    def _try(self, write: Callable[[Store], object]) -> Note | None:
        if self._store is None:
            return None
        try:
            write(self._store)
        except StoreError as problem:
            return Note(problem.code, dict(problem.facts))  # type: ignore[arg-type]
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
