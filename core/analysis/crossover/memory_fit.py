"""How much memory training takes by its batch size, and from which on it doesn't fit. Knows lines only."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from core.analysis.crossover.sweep import Line
from core.records import Note

_FEWEST = 3
_FLAT = 0.02  # growth over the whole range, as a share of the peak, that may be chance: pages, caches, rounding
_ROUGH = 0.10


@dataclass(frozen=True, slots=True)
class MemoryFit:
    """Peak memory = fixed_bytes + per_sample_bytes * batch size."""

    fixed_bytes: float  # weights and optimiser; on the CPU the whole worker with torch and the images
    per_sample_bytes: float
    capacity_bytes: int | None  # of the device; on the CPU of the machine. None: not known
    largest_measured: int
    stops_at: int | None  # the first batch size that doesn't fit
    stops_measured: bool  # a batch was seen not to fit, and stops_at is no larger; else it is extrapolated
    doubts: tuple[Note, ...]

    def peak_bytes(self, batch_size: float) -> float:
        return self.fixed_bytes + self.per_sample_bytes * batch_size


def memory_fit(line: Line) -> MemoryFit | Note:
    """The fit, or why there is none.

    Plain least squares: peaks are rounded by an allocator, in bytes and not in proportion, and where it stops
    fitting hangs on the large ones. What the fit says is bounded by what was seen: it stops fitting above the
    largest batch that was measured, and no later than where memory ran out.
    """
    peaks = [(cell.batch_size, cell.memory_bytes) for cell in line.measured if cell.memory_bytes]
    if len(peaks) < _FEWEST:
        return Note("memory_unknown", {"count": len(peaks), "needed": _FEWEST})
    fixed, each = _line(peaks)
    largest = max(line.measured[-1].batch_size, peaks[-1][0])
    grown = each * (peaks[-1][0] - peaks[0][0])
    off = [abs(peak - fixed - each * size) for size, peak in peaks]
    if grown <= max(_FLAT * peaks[-1][1], 2 * statistics.fmean(off)):
        return Note("memory_flat")
    misfit = max(off) / peaks[-1][1]
    doubts = (Note("memory_rough", {"misfit_pct": round(100 * misfit)}),) if misfit > _ROUGH else ()
    capacity = _capacity(line)
    full = [
        cell.batch_size for cell in line.cells if cell.state == "out_of_memory" and cell.batch_size > largest
    ]
    stops = min(full, default=None)
    if capacity is not None:
        by_fit = max(largest + 1, math.floor((capacity - fixed) / each) + 1)
        stops = by_fit if stops is None else min(by_fit, stops)
    return MemoryFit(fixed, each, capacity, largest, stops, bool(full), doubts)


def _line(peaks: Sequence[tuple[int, int]]) -> tuple[float, float]:
    slope, intercept = statistics.linear_regression(*zip(*peaks, strict=True))
    return intercept, slope


def _capacity(line: Line) -> int | None:
    run = line.example
    if run is None or run.environment is None:
        return None
    known = run.environment
    return known.machine.memory_bytes if line.setup.device == "cpu" else known.device.memory_bytes
