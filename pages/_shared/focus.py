"""The job that the address names, or the newest one of the chosen settings: what is known of it."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import StoreError
from core.records import JobSpec, Note, RunResult
from pages._shared import resources
from pages._shared.settings import Settings


@dataclass(frozen=True)
class Focus:
    job_id: str | None = None
    spec: JobSpec | None = None
    open: bool = False  # waiting or running here
    problem: Note | None = None  # why there is nothing to see of it


def named(job_id: str | None) -> Focus:
    """The job of a link. A link may be old, or made up."""
    if not job_id:
        return Focus()
    job = resources.runner().job(job_id)
    if job is not None:
        return Focus(job_id, job.spec, not job.done, job.failure or job.storage_problem)
    store = resources.storage().store
    try:
        row = store.job(job_id) if store else None
    except StoreError as problem:
        return Focus(None, problem=problem.note)
    if row is None:
        return Focus(None, problem=Note("unknown_job", {"job": job_id[:40]}))
    elsewhere = row.state in ("queued", "running")
    return Focus(job_id, row.spec, problem=Note("measured_elsewhere") if elsewhere else row.failure)


def results(focus: Focus, settings: Settings) -> tuple[RunResult, ...] | Note:
    """The named job's results; without one, those of the newest job that measured exactly these settings."""
    store = resources.storage().store
    try:
        job_id = focus.job_id
        if job_id is None and store is not None:
            job_id = store.latest_job(settings.workload, settings.setups())
        return resources.results_of(job_id) if job_id else ()
    except StoreError as problem:
        return problem.note


def recorded(settings: Settings) -> tuple[RunResult, ...]:
    """Recorded accelerator runs of the chosen workload, the newest of each device and setup."""
    newest: dict[object, RunResult] = {}
    for run in resources.recordings().matching(settings.workload):
        if run.spec.setup.device != "cpu" and run.environment is not None:
            newest.setdefault((run.environment.device.name, run.spec.setup), run)
    return tuple(newest.values())
