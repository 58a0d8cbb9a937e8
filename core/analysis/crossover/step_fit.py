"""How long a step takes by its batch size: t(b) = a + c*b, in one regime or in two that meet."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from core.analysis.crossover import step_shape
from core.analysis.crossover.step_shape import Curve, Samples
from core.records import Note

Points = Sequence[tuple[int, Sequence[float]]]  # batch size, seconds of a step (one for each timed block)

FEWEST = 3  # batch sizes
ROUGH = 0.10  # misfit beyond which a fit describes the measurements only roughly
_PLAUSIBLE_S = (1e-10, 1e10)  # seconds of a step beyond these are no measurement
_LARGEST = 1e15  # batch size
_BLOCKS = 2  # a batch size with fewer doesn't say how it scatters


@dataclass(frozen=True, slots=True)
class Regime:
    """t(b) = overhead_s + per_sample_s * b, for batches of `low` to `high` images."""

    overhead_s: float  # a: what a step costs whatever its batch size
    per_sample_s: float  # c; 0: in this range no growth is seen beyond noise
    low: float
    high: float  # math.inf for the last


@dataclass(frozen=True, slots=True)
class StepFit:
    """One device's line, with how well it describes what was measured."""

    regimes: tuple[Regime, ...]  # one, or two that meet
    batches: tuple[int, ...]  # what it rests on
    misfit: float | None  # typical |measured/fitted - 1| of the points; None: no more points than parameters
    held_out: tuple[tuple[int, float], ...]  # batch size, predicted from the others / measured - 1
    doubts: tuple[Note, ...]  # negative overhead, no growth, misfit beyond trust

    def step_s(self, batch_size: float) -> float:
        """Seconds of a step by the fit. Below what was measured no image gets cheaper: a negative overhead
        would take all of the time away."""
        first = self.batches[0]
        seconds = self._line(batch_size)
        return max(seconds, self._line(first) * batch_size / first) if batch_size < first else seconds

    def covers(self, batch_size: float) -> bool:
        """Whether it lies in what was measured: beyond, it is extrapolated."""
        return self.batches[0] <= batch_size <= self.batches[-1]

    def _line(self, batch_size: float) -> float:
        regime = next((item for item in self.regimes if batch_size < item.high), self.regimes[-1])
        return regime.overhead_s + regime.per_sample_s * batch_size


def fit(points: Points) -> StepFit | Note:
    """The fit to each batch size's median, or why there is none.

    Points with fewer than two blocks, or with times or sizes that can't be, are ignored.
    """
    samples = usable(points)
    if len(samples) < FEWEST:
        return Note("too_few_points", {"count": len(samples), "needed": FEWEST})
    curve = step_shape.best(samples)
    if curve is None:
        return Note("fit_impossible")
    if curve.pieces[-1][1] < 0:
        return Note("slope_negative")
    misfit = _misfit(curve)
    batches = tuple(size for size, _ in samples)
    return StepFit(
        regimes(curve.pieces, curve.shape.knot),
        batches,
        misfit,
        _held_out(curve, samples),
        tuple(_doubts(curve, samples, misfit)),
    )


def usable(points: Points) -> Samples:
    """What a fit can rest on, ascending; blocks of one batch size are put together."""
    sizes: dict[int, list[float]] = {}
    for size, seconds in points:
        if 0 < size <= _LARGEST:
            kept = (value for value in seconds if _PLAUSIBLE_S[0] <= value <= _PLAUSIBLE_S[1])
            sizes.setdefault(size, []).extend(kept)
    return tuple((size, tuple(sizes[size])) for size in sorted(sizes) if len(sizes[size]) >= _BLOCKS)


def regimes(pieces: Sequence[tuple[float, float]], knot: float | None) -> tuple[Regime, ...]:
    """Overhead and slope of each, with where they hold."""
    if knot is None:
        return (Regime(*pieces[0], 0.0, math.inf),)
    return Regime(*pieces[0], 0.0, knot), Regime(*pieces[1], knot, math.inf)


def _misfit(curve: Curve) -> float | None:
    """The mean, made up for the fit's bending towards its points."""
    residuals = curve.solution.residuals
    if curve.spare <= 0:
        return None
    return statistics.fmean(map(abs, residuals)) * math.sqrt(len(residuals) / curve.spare)


def _held_out(whole: Curve, samples: Samples) -> tuple[tuple[int, float], ...]:
    """Each predicted by a curve of the same shape through the others."""
    if len(samples) <= FEWEST:
        return ()
    errors = []
    for i, measured in enumerate(step_shape.medians(samples)):
        curve = step_shape.of_shape(whole.shape, samples[:i] + samples[i + 1 :])
        if curve is not None:
            size = samples[i][0]
            predicted = sum(
                x * y for x, y in zip(curve.shape.row(size), curve.solution.coefficients, strict=True)
            )
            errors.append((size, predicted / measured - 1))
    return tuple(errors)


def _doubts(curve: Curve, samples: Samples, misfit: float | None) -> list[Note]:
    doubts = []
    if curve.shape.overhead and step_shape.surely_negative(curve, samples, 0):
        doubts.append(Note("negative_overhead"))
    if curve.shape.knot is None and not curve.shape.slope:
        doubts.append(Note("step_flat"))
    if misfit is not None and misfit > ROUGH:
        doubts.append(Note("fit_rough", {"misfit_pct": round(100 * misfit)}))
    return doubts
