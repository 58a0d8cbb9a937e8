"""Runs by where and how they were executed, whatever their number of workers. It draws no conclusion."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from core.analysis import stats, timed
from core.analysis.crossover.sweep import software
from core.analysis.leaderboard import Hardware, hardware
from core.analysis.machines import whole_gib
from core.analysis.soundness import refuse_unsound
from core.analysis.speedup import MIN_BLOCKS
from core.errors import InputError
from core.records import Estimate, Note, Origin, RunResult, Setup, Workload


@dataclass(frozen=True, slots=True)
class Place:
    """What runs share that differ in nothing but their workers, or their work."""

    setup: Setup  # without workers and threads, and without which of several equal devices
    threads: int | None  # of each worker
    device: Hardware
    machine: tuple[object, ...]
    software: str
    origin: Origin


Placed = tuple[Place, RunResult]


def placed(runs: Iterable[RunResult]) -> tuple[Placed, ...]:
    """The runs with their places, the newest first. One that failed before it knew its environment has that of
    its job; without any it is left out."""
    newest = sorted(runs, key=age, reverse=True)
    known = {(run.job_id, run.spec.setup.device): run for run in newest if run.environment is not None}
    found = ((_place(run, known.get((run.job_id, run.spec.setup.device))), run) for run in newest)
    return tuple((place, run) for place, run in found if place is not None)


def by_workers(runs: Iterable[Placed]) -> dict[tuple[Place, Workload], dict[int, RunResult]]:
    """Each number of workers once: its newest run, one that was measured before one that wasn't."""
    found: dict[tuple[Place, Workload], dict[int, RunResult]] = {}
    for place, run in runs:
        keep(found.setdefault((place, run.spec.workload), {}), run)
    return found


def keep(counts: dict[int, RunResult], run: RunResult) -> None:
    """Take a run up where it tells more than the newer one that is known."""
    known = counts.get(run.spec.setup.workers)
    if known is None or (untimed(known) is not None and untimed(run) is None):
        counts[run.spec.setup.workers] = run


def rate(run: RunResult) -> Estimate | None:
    """Images per second; None for what can't be relied on at all."""
    reason = untimed(run)
    if reason is not None and reason.code != "too_few_blocks":
        return None
    per_sample = stats.median_interval(timed.seconds_per_sample(run)) if run.blocks else None
    return stats.inverse(per_sample) if per_sample is not None else None


def untimed(run: RunResult) -> Note | None:
    """Why a run has no times to rely on; None: it has."""
    if run.status == "failed":
        return run.failure or Note("run_failed")
    try:
        refuse_unsound(run, f"RunResult {run.id}")
    except InputError as problem:
        return problem.note
    return Note("too_few_blocks") if len(run.blocks) < MIN_BLOCKS else None


def age(run: RunResult) -> tuple[str, str]:
    return run.created_at, run.id


def _place(run: RunResult, known: RunResult | None) -> Place | None:
    setup, device = run.spec.setup, hardware(known) if known is not None else None
    if known is None or known.environment is None or device is None or setup.workers < 1:
        return None
    machine = known.environment.machine
    asked = setup.threads if setup.threads is not None or setup.device != "cpu" else run.threads
    alike = dataclasses.replace(setup, workers=1, threads=None, device=setup.device.split(":")[0])
    gpus = tuple(sorted(gpu.uuid for gpu in machine.gpus))
    where = (machine.cpu.model, whole_gib(machine.memory_bytes), gpus)
    return Place(alike, asked, device, where, software(known), run.origin)
