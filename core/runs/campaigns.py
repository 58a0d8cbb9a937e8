"""Chains of jobs for a server's visitors, each in a thread of its own that waits for its jobs in the queue.

Knows neither what the jobs are for nor what is concluded from them.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from core.errors import CrossoverError, InputError, MeasurementError
from core.records import JobSpec, Note, RunResult
from core.runs.queue.job import Job
from core.runs.queue.jobs import Runner

AT_ONCE = 4  # where visitors aren't counted: each has a job in the queue
_KEPT_IN_MEMORY = 20  # campaigns that are over
_LOOK_EVERY_S = 0.5

Measure = Callable[[JobSpec], Sequence[RunResult]]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What is known of any campaign."""

    job_id: str | None = None  # the job that is being measured or waits
    failure: Note | None = None
    cancelled: bool = False
    done: bool = False


P = TypeVar("P", bound=Progress)


class CancelledError(Exception):
    """Somebody has had enough: raised by what waits for a job, with what that had measured by then."""

    def __init__(self, results: Sequence[RunResult] = ()) -> None:
        super().__init__()
        self.results = tuple(results)


class Change(Protocol):
    """Sets fields of a campaign's progress."""

    def __call__(self, **changes: object) -> None: ...


@dataclass
class _Campaign(Generic[P]):
    visitor: str | None
    network: str | None
    progress: P


class Campaigns(Generic[P]):
    """The campaigns of one kind."""

    def __init__(self, runner: Runner, name: str) -> None:
        self._runner, self._name = runner, name
        self._lock = threading.Lock()
        self._campaigns: dict[str, _Campaign[P]] = {}  # the oldest first

    def start(
        self,
        begun: P,
        go: Callable[[Measure, Change], None],
        visitor: str | None = None,
        network: str | None = None,
    ) -> str:
        """Begin, and return an id at once. `go` is handed what runs its jobs and what tells of its progress.

        Raises InputError where too many are under way.
        """
        campaign_id = secrets.token_hex(5)
        with self._lock:
            self._refuse_more(visitor, network or visitor)
            self._campaigns[campaign_id] = _Campaign(visitor, network or visitor, begun)
            over = [key for key, item in self._campaigns.items() if item.progress.done]
            for key in over[: max(0, len(over) - _KEPT_IN_MEMORY)]:
                del self._campaigns[key]
        arguments = (campaign_id, go, visitor, network)
        threading.Thread(target=self._run, args=arguments, name=self._name, daemon=True).start()
        return campaign_id

    def state(self, campaign_id: str) -> P | None:
        """None: there is none of this id, or it was over long ago."""
        with self._lock:
            campaign = self._campaigns.get(campaign_id)
            return campaign.progress if campaign else None

    def cancel(self, campaign_id: str) -> None:
        """Stop; what is measured stays."""
        job_id = None
        with self._lock:
            campaign = self._campaigns.get(campaign_id)
            if campaign is not None and not campaign.progress.done:
                campaign.progress = replace(campaign.progress, cancelled=True)
                job_id = campaign.progress.job_id
        if job_id is not None:
            self._runner.cancel(job_id)

    def _refuse_more(self, visitor: str | None, network: str | None) -> None:
        under_way = [item for item in self._campaigns.values() if not item.progress.done]
        allowance = self._runner.limits.allowance
        if allowance is not None:
            if any(item.visitor == visitor for item in under_way):
                raise InputError("sweep_under_way")
            near = sum(item.network == network for item in under_way)
            if near >= allowance.open_jobs:
                raise InputError("too_many_under_way", most=allowance.open_jobs)
        most = AT_ONCE if allowance is None else self._runner.limits.waiting
        if len(under_way) >= most:
            raise InputError("too_many_under_way", most=most)

    def _run(
        self,
        campaign_id: str,
        go: Callable[[Measure, Change], None],
        visitor: str | None,
        network: str | None,
    ) -> None:
        def change(**changes: object) -> None:
            self._change(campaign_id, **changes)

        def measure(spec: JobSpec) -> Sequence[RunResult]:
            return self._wait_for(campaign_id, spec, visitor, network)

        end: dict[str, object] = {"failure": Note("queue_stopped")}  # by a fault of ours, which the log tells
        try:
            go(measure, change)
            end = {}
        except CancelledError:
            end = {"cancelled": True}
        except CrossoverError as problem:
            end = {"failure": problem.note}
        finally:
            self._change(campaign_id, done=True, job_id=None, **end)

    def _wait_for(
        self, campaign_id: str, spec: JobSpec, visitor: str | None, network: str | None
    ) -> Sequence[RunResult]:
        """A job's results. Raises MeasurementError where the job itself has failed before it measured anything;
        setups that failed each by itself are results."""
        if self._is_cancelled(campaign_id):  # between two jobs
            raise CancelledError
        job_id = self._runner.submit(spec, visitor, network)
        self._change(campaign_id, job_id=job_id)
        if self._is_cancelled(campaign_id):  # before there was a job to cancel
            self._runner.cancel(job_id)
        while True:
            job = self._runner.wait(job_id, _LOOK_EVERY_S)
            if job is None:
                raise CancelledError
            if job.done:
                break
        if job.state == "cancelled":
            raise CancelledError(job.results)
        refuse_failed(job)
        return job.results

    def _is_cancelled(self, campaign_id: str) -> bool:
        with self._lock:
            return self._campaigns[campaign_id].progress.cancelled

    def _change(self, campaign_id: str, **changes: object) -> None:
        with self._lock:
            campaign = self._campaigns[campaign_id]
            campaign.progress = replace(campaign.progress, **changes)  # type: ignore[arg-type]


def refuse_failed(job: Job) -> None:
    """Raise the failure of a job that has failed as a whole, before anything was measured."""
    if job.failure is None or any(result.blocks for result in job.results):
        return
    if any(run.status is None for run in job.assembly.runs):
        raise MeasurementError(job.failure.code, **job.failure.facts)
