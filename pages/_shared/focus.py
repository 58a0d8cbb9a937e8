"""The jobs that the address names, or the newest of the chosen settings: what is known of them."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import StoreError
from core.records import JobSpec, Note, RunResult
from core.runs.store import Store
from pages._shared import resources
from pages._shared.settings import Settings

_MOST_JOBS = 65  # that a link can name: this machine's, and as many as run at once elsewhere


@dataclass(frozen=True)
class Focus:
    job_id: str | None = None
    spec: JobSpec | None = None
    open: bool = False  # waiting or running here
    problem: Note | None = None  # why there is nothing to see of it
    kind: str | None = None  # of the other machine that it is measured on; None: this one


@dataclass(frozen=True)
class Several:
    """Jobs that belong together: one for this machine, and one for each other."""

    parts: tuple[Focus, ...] = ()

    @property
    def job_ids(self) -> tuple[str, ...]:
        return tuple(part.job_id for part in self.parts if part.job_id)

    @property
    def link(self) -> str | None:
        """As an address names them."""
        return ",".join(self.job_ids) or None

    @property
    def open(self) -> bool:
        return any(part.open for part in self.parts)

    @property
    def jobs(self) -> list[tuple[JobSpec, str | None]]:
        """What was asked for, and of which kind of other machine."""
        return [(part.spec, part.kind) for part in self.parts if part.spec is not None]


def all_named(job_ids: str | None) -> Several:
    """The jobs of a link, which names them with commas between."""
    found = dict.fromkeys(filter(None, (job_ids or "").split(",")))
    return Several(tuple(named(job_id) for job_id in list(found)[:_MOST_JOBS]))


def named(job_id: str | None) -> Focus:
    """The job of a link. A link may be old, or made up."""
    if not job_id:
        return Focus()
    job = resources.runner().job(job_id)
    if job is not None:
        kind = job.target.kind if job.target else None
        return Focus(job_id, job.spec, not job.done, job.failure or job.storage_problem, kind)
    store = resources.storage().store
    try:
        row = store.job(job_id) if store else None
        if row is None:
            return Focus(None, problem=Note("unknown_job", {"job": job_id[:40]}))
    except StoreError as problem:
        return Focus(None, problem=problem.note)
    by_others = Note("measured_elsewhere") if row.state in ("queued", "running") else row.failure
    return Focus(job_id, row.spec, problem=by_others, kind=row.elsewhere)


def results(focus: Several, settings: Settings) -> tuple[RunResult, ...] | Note:
    """The named jobs' results as far as they are over; without any named, those of the newest that measured
    exactly these settings: on this machine, and on each kind of other machines."""
    store = resources.storage().store
    try:
        job_ids = focus.job_ids or (_newest(store, settings) if store is not None else ())
        return tuple(run for job_id in job_ids for run in resources.results_of(job_id))
    except StoreError as problem:
        return problem.note


def _newest(store: Store, settings: Settings) -> tuple[str, ...]:
    here = store.latest_job(settings.workload, settings.setups()) if settings.here else None
    away = [
        found
        for device in ("cpu", "cuda:0", "xpu:0", "mps")  # a kind's own is known only while it is connected
        for kind in settings.kinds
        if (found := store.latest_job(settings.workload, settings.setups_on(device), kind))
    ]
    return tuple(filter(None, (here, *away)))


def recorded(settings: Settings) -> tuple[RunResult, ...]:
    """Recorded accelerator runs of the chosen workload, the newest of each device and setup."""
    newest: dict[object, RunResult] = {}
    for run in resources.recordings().matching(settings.workload):
        if run.spec.setup.device != "cpu" and run.environment is not None:
            newest.setdefault((run.environment.device.name, run.spec.setup), run)
    return tuple(newest.values())
