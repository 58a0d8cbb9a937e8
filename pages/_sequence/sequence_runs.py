"""Where the Sequence page's steps come from: this session, the store and the recordings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from core.records import RunResult, Setup
from core.runs.store import RunRow
from pages._sequence.sequence_controls import Choice
from pages._shared import resources

_ROWS_LOOKED_AT = 200  # of the newest runs with this step
_JOBS_LOOKED_AT = 3  # of each device: the newest may have been measured by something that watches no step


@dataclass(frozen=True)
class Found:
    """What is known of one device's step."""

    device: str
    wanted: Setup
    run: RunResult | None = None  # with a watched step
    mates: tuple[RunResult, ...] = ()  # the same device's other setups in the same job
    unwatched: bool = False  # it was measured, but no step was watched


def known(choice: Choice, devices: Sequence[str], last: str | None) -> tuple[Found, ...]:
    """For each device its newest watched step. Raises StoreError for stored runs that can't be read.

    Measured here first, else recorded. Where there is no accelerator, one that did this step elsewhere joins.
    """
    store = resources.storage().store
    rows = [
        row
        for row in (store.alike(choice.workload, _ROWS_LOOKED_AT) if store is not None else ())
        if row.elsewhere is None or row.setup.device not in devices  # else it is no answer for this machine
    ]
    recorded = [run for run in resources.recordings().runs if _same_step(run, choice)]
    seen = [*(row.setup.device for row in rows), *(run.spec.setup.device for run in recorded)]
    elsewhere = [device for device in seen if device != "cpu"][: 2 - len(devices)]
    return tuple(
        _found(device, choice.setup(device), _candidates(choice, choice.setup(device), rows, recorded, last))
        for device in (*devices, *elsewhere)
    )


def _found(device: str, wanted: Setup, jobs: Iterable[Sequence[RunResult]]) -> Found:
    unwatched = False
    for mates in jobs:
        runs = [run for run in mates if _same(run.spec.setup, wanted) and run.blocks]
        watched = [run for run in runs if _is_watched(run)]
        if watched:
            run = min(watched, key=lambda run: run.spec.setup.threads is not None)
            return Found(device, wanted, run, _others(run, mates))
        unwatched = unwatched or bool(runs)
    return Found(device, wanted, unwatched=unwatched)


def _candidates(
    choice: Choice, wanted: Setup, rows: Iterable[RunRow], recorded: Iterable[RunResult], last: str | None
) -> Iterator[Sequence[RunResult]]:
    """Jobs that hold this step, the most welcome first."""
    if last:
        mine = resources.results_of(last)
        if any(_same_step(run, choice) for run in mine):
            yield mine
    jobs = dict.fromkeys(row.job_id for row in rows if _same(row.setup, wanted))
    yield from (resources.results_of(job_id) for job_id in list(jobs)[:_JOBS_LOOKED_AT])
    yield from _by_job(recorded)


def _by_job(runs: Iterable[RunResult]) -> list[list[RunResult]]:
    jobs: dict[str, list[RunResult]] = {}
    for run in runs:
        jobs.setdefault(run.job_id, []).append(run)
    return list(jobs.values())


def _others(run: RunResult, mates: Sequence[RunResult]) -> tuple[RunResult, ...]:
    device = run.spec.setup.device
    return tuple(
        other for other in mates if other.id != run.id and other.spec.setup.device == device and other.blocks
    )


def _same(setup: Setup, wanted: Setup) -> bool:
    """Whatever the number of threads: the best by search, or one that was asked for."""
    return replace(setup, threads=None) == wanted


def _is_watched(run: RunResult) -> bool:
    return run.trace is not None and any(step.spans for step in run.trace.steps)


def _same_step(run: RunResult, choice: Choice) -> bool:
    asked = run.spec.workload
    return (
        replace(asked, epochs=1, learning_rate=choice.workload.learning_rate, seed=choice.workload.seed)
        == choice.workload
    )
