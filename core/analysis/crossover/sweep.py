"""Cells and lines of a sweep: what each setup took at each batch size. Knows no fit, nor where runs are from.

A cell is one model in one setup at one batch size; a line is a setup's cells over the batch sizes. What is
timed in unlike software, or on unlike hardware, never shares a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from core.analysis import stats, timed
from core.analysis.leaderboard import Hardware, hardware
from core.analysis.speedup import speedup
from core.records import Estimate, Note, Origin, RunResult, Setup, Task

# too_slow: so slow that it would have taken most of the time there was, and wasn't tried
State = Literal["measured", "out_of_memory", "too_slow", "failed"]

_FULL_MEMORY = ("out_of_memory", "out_of_memory_fits", "worker_killed")


@dataclass(frozen=True, slots=True)
class Cell:
    """One setup at one batch size."""

    batch_size: int
    state: State
    step_s: Estimate | None = None  # of one step; None: not measured
    memory_bytes: int | None = None  # the peak: on an accelerator what the setup added, else the whole worker's
    reason: Note | None = None  # why it wasn't measured
    result: RunResult | None = None  # None: not tried

    @property
    def step_times(self) -> tuple[float, ...]:
        """Seconds of a step, one for each timed block."""
        if self.result is None:
            return ()
        return tuple(seconds * self.batch_size for seconds in timed.seconds_per_sample(self.result))

    @property
    def rate(self) -> Estimate | None:
        """Images per second."""
        return stats.scaled(stats.inverse(self.step_s), self.batch_size) if self.step_s else None


@dataclass(frozen=True, slots=True)
class Line:
    """One way to execute one model on one device, in one software: its cells by batch size, ascending."""

    task: Task
    model: str
    dataset: str
    setup: Setup
    device: Hardware
    software: str
    origin: Origin
    cells: tuple[
        Cell, ...
    ]  # each batch size once: its newest run, one that was measured before one that wasn't

    @property
    def measured(self) -> tuple[Cell, ...]:
        return tuple(cell for cell in self.cells if cell.step_s is not None)

    @property
    def example(self) -> RunResult | None:
        """The newest run, which tells the device, the machine and the software."""
        runs = [cell.result for cell in self.cells if cell.result is not None]
        return max(runs, key=lambda run: (run.created_at, run.id), default=None)

    def at(self, batch_size: int) -> Cell | None:
        return next((cell for cell in self.cells if cell.batch_size == batch_size), None)


def cell_of(result: RunResult) -> Cell:
    """The cell that a run has measured, or failed to. Raises InputError("malformed_record") as `timed` does."""
    batch_size = result.spec.workload.batch_size
    per_sample = stats.median_interval(timed.seconds_per_sample(result)) if result.blocks else None
    memory = result.memory
    peak = None
    if memory is not None:
        on_cpu = result.spec.setup.device == "cpu"
        peak = memory.host_peak_bytes if on_cpu else memory.device_peak_bytes
    if per_sample is not None:
        return Cell(batch_size, "measured", stats.scaled(per_sample, batch_size), peak, result=result)
    reason = result.failure or Note("too_few_blocks")
    full = reason.code in _FULL_MEMORY
    return Cell(batch_size, "out_of_memory" if full else "failed", None, peak, reason, result)


def lines(runs: Iterable[RunResult]) -> tuple[Line, ...]:
    """The lines that runs make up, in the order of their first run. Runs without an environment are left out:
    they don't say what they were to be measured on."""
    groups: dict[tuple[object, ...], list[RunResult]] = {}
    for run in runs:
        device = hardware(run)
        if device is not None:
            work = run.spec.workload
            key = (work.task, work.model, work.dataset, run.spec.setup, device, software(run), run.origin)
            groups.setdefault(key, []).append(run)
    return tuple(_line(group) for group in groups.values())


def software(run: RunResult) -> str:
    """What computes, as far as speed hangs on it: "torch 2.13.0+cu130, cuDNN 91900"; "" where not known."""
    if run.environment is None:
        return ""
    known = run.environment.software
    gpu = run.spec.setup.device.startswith("cuda")
    return f"torch {known.torch}" + (f", cuDNN {known.cudnn}" if gpu and known.cudnn else "")


def ratio(baseline: Cell | None, candidate: Cell | None) -> Estimate | None:
    """How many times as fast as the baseline the candidate is; above 1: the candidate is faster.

    Of one job, its blocks took turns and are paired; else each side is resampled by itself. None where one
    wasn't measured.
    """
    if baseline is None or candidate is None or baseline.result is None or candidate.result is None:
        return None
    if baseline.step_s is None or candidate.step_s is None:
        return None
    return speedup(baseline.result, candidate.result)[0]


def shared(baseline: Line, candidate: Line) -> tuple[tuple[Cell, Cell], ...]:
    """Where both were measured, by batch size."""
    pairs = ((cell, candidate.at(cell.batch_size)) for cell in baseline.measured)
    return tuple((cell, other) for cell, other in pairs if other is not None and other.step_s is not None)


def _line(runs: Sequence[RunResult]) -> Line:
    newest = sorted(runs, key=lambda run: (run.created_at, run.id), reverse=True)
    cells: dict[int, Cell] = {}
    for run in newest:
        known = cells.get(run.spec.workload.batch_size)
        if known is not None and known.step_s is not None:
            continue  # before its interval is worked out, which is what takes time
        cell = cell_of(run)
        if known is None or cell.step_s is not None:
            cells[cell.batch_size] = cell
    run = runs[0]
    work, device = run.spec.workload, hardware(run)
    assert device is not None
    ordered = tuple(cells[size] for size in sorted(cells))
    return Line(work.task, work.model, work.dataset, run.spec.setup, device, software(run), run.origin, ordered)
