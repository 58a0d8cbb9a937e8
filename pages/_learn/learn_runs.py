"""Where the Learn page's numbers come from: the named job, the store, this session and the recordings."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from core.records import RunResult, Workload
from pages._shared import resources

_ROWS_LOOKED_AT = 100  # of the workload's newest runs


def known(workload: Workload, named: str | None, last: str | None) -> tuple[RunResult, ...]:
    """The runs of the newest job that tried the article's lines, and recorded ones of devices it didn't use.

    `named`: a job that the address names, which is shown and no other measured here; `last`: this session's
    own. Raises StoreError for stored runs that can't be read.
    """
    own = _tried(resources.results_of(named)) if named else _newest(workload, last)
    devices = {result.spec.setup.device == "cpu" for result in own}
    return own + tuple(run for run in _recorded(workload) if (run.spec.setup.device == "cpu") not in devices)


def one_for_each_device(results: Iterable[RunResult]) -> tuple[RunResult, ...]:
    """The runs whose lessons are quoted: the article's loop, where it was run; the CPU's first."""
    ordered = sorted(results, key=lambda run: run.spec.setup.data_path != "loader")
    found: dict[str, RunResult] = {}
    for run in ordered:
        if run.lessons:
            found.setdefault(run.spec.setup.device, run)
    return tuple(sorted(found.values(), key=lambda run: run.spec.setup.device != "cpu"))


def beside_resident(run: RunResult, results: Sequence[RunResult]) -> RunResult | None:
    """The run of the same job that differs from this one in where its images are, and nothing else."""
    wanted = replace(run.spec, setup=replace(run.spec.setup, data_path="resident"))
    mates = (other for other in results if other.job_id == run.job_id and other.id != run.id)
    return next((other for other in mates if other.spec == wanted), None)


def _newest(workload: Workload, last: str | None) -> tuple[RunResult, ...]:
    mine = [run for run in resources.results_of(last) if run.spec.workload == workload] if last else ()
    stored = (resources.results_of(job_id) for job_id in _stored_jobs(workload))
    return next(filter(None, map(_tried, itertools.chain((mine,), stored))), ())


def _tried(results: Sequence[RunResult]) -> tuple[RunResult, ...]:
    """All runs of a job, if any of them tried the lines: one that was cancelled may not have come to it."""
    return tuple(results) if any(run.lessons for run in results) else ()


def _stored_jobs(workload: Workload) -> Iterator[str]:
    """The jobs that were asked to try the lines, newest first."""
    store = resources.storage().store
    if store is None:
        return
    for job_id in dict.fromkeys(row.job_id for row in store.history(workload, _ROWS_LOOKED_AT)):
        row = store.job(job_id)
        if row is not None and row.spec.lessons:
            yield job_id


def _recorded(workload: Workload) -> tuple[RunResult, ...]:
    """The newest recorded job of each kind of device that tried the lines on this work."""
    found: dict[bool, list[RunResult]] = {}
    recorded = resources.recordings().matching(workload)
    tried = {run.job_id for run in recorded if run.lessons}
    for run in recorded:
        if run.job_id in tried:
            mates = found.setdefault(run.spec.setup.device == "cpu", [run])
            if run.job_id == mates[0].job_id and run is not mates[0]:
                mates.append(run)
    return tuple(run for mates in found.values() for run in mates)
