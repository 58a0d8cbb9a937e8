"""Constructed lines over batch sizes, and what is concluded from them. Nothing here was ever measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from core.analysis.crossover import sweep
from core.analysis.crossover.crossing import Bracket, Crossing
from core.analysis.crossover.memory_fit import MemoryFit
from core.analysis.crossover.step_fit import Regime, StepFit
from core.analysis.crossover.sweep import Cell, Line, State
from core.records import Estimate, Note, Setup
from tests.sweeps import BATCHES, make_grid

GIB = 2**30
CPU, GPU = Setup(), Setup(device="cuda:0")
NAMES = ("CPU", "GPU Test GPU")
CPU_STEP, GPU_STEP = (2e-4, 2e-5), (1.2e-3, 1e-6)  # seconds: overhead, per image; they cross at 1e-3 / 1.9e-5


def make_line(
    step: tuple[float, float],
    setup: Setup = CPU,
    sizes: Sequence[int] = BATCHES,
    *,
    memory: tuple[float, float] | None = None,
    **changes: Any,
) -> Line:
    """A line that takes `step[0] + step[1] * b` seconds and `memory[0] + memory[1] * b` bytes."""
    [line] = sweep.lines(make_grid(*step, setup, sizes, **changes))
    if memory is None:
        return line
    fixed, each = memory
    cells = (replace(cell, memory_bytes=round(fixed + each * cell.batch_size)) for cell in line.cells)
    return replace(line, cells=tuple(cells))


def without(line: Line, batch_size: int, state: State) -> Line:
    """The line with one cell that wasn't measured."""
    gone = Cell(batch_size, state, reason=Note(state))
    return replace(line, cells=tuple(gone if cell.batch_size == batch_size else cell for cell in line.cells))


def unmeasured(line: Line) -> Line:
    """The line of a setup of which every run failed."""
    return replace(line, cells=tuple(Cell(cell.batch_size, "failed") for cell in line.cells))


def make_step_fit(step: tuple[float, float], sizes: Sequence[int] = BATCHES) -> StepFit:
    return StepFit((Regime(*step, 0, float("inf")),), tuple(sizes), 0.01, (), ())


def make_crossing(**changes: Any) -> Crossing:
    """Of CPU_STEP and GPU_STEP: at 52.6 images."""
    fits = make_step_fit(CPU_STEP), make_step_fit(GPU_STEP)
    found = Crossing(Estimate(52.6, 50, 55), "candidate", None, False, Bracket(32, 64), True, fits, ())
    return replace(found, **changes)


def make_memory_fit(**changes: Any) -> MemoryFit:
    found = MemoryFit(2e8, 4e5, 16 * GIB, 8192, 42_450, False, ())
    return replace(found, **changes)
