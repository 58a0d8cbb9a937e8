"""The best batch size for a device: where larger ones hardly speed it up any more. Knows lines only, no fit."""

from __future__ import annotations

from dataclasses import dataclass

from core.analysis.crossover.sweep import Line
from core.records import Estimate, Note

NEAR = 0.95  # of the highest rate: closer than what a change of clock or of load does to it
_FEWEST = 3  # with fewer batch sizes it isn't seen whether the rate still rises


@dataclass(frozen=True, slots=True)
class Knee:
    """The smallest measured batch size that is about as fast as any."""

    batch_size: int
    rate: Estimate  # images per second
    reaches_pct: float  # of the highest rate that was measured
    largest: bool = False  # the rate still rises at the largest measured: a larger batch may be faster


def knee(line: Line) -> Knee | Note:
    """The smallest measured batch size within 5 % of the highest measured rate, or why there is none."""
    rates = [(cell.batch_size, rate) for cell in line.measured if (rate := cell.rate) is not None]
    if len(rates) < _FEWEST:
        return Note("too_few_points", {"count": len(rates), "needed": _FEWEST})
    highest = max(rate.value for _, rate in rates)
    batch_size, rate = next((size, rate) for size, rate in rates if rate.value >= NEAR * highest)
    return Knee(batch_size, rate, 100 * rate.value / highest, batch_size == rates[-1][0])
