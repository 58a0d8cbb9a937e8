"""Curves that might as well have been measured: resamples of a step's fit. Knows no second line.

A bootstrap of the fit's residuals and of the blocks behind each point (B. Efron, R. J. Tibshirani, An
Introduction to the Bootstrap, 1993, 9.4) with the fit's robust weights kept as they are (M. Salibian-Barrera,
R. H. Zamar, Bootstrapping robust estimates of regression, Ann. Statist. 30, 2002), which makes each resample
two sums instead of a fit. Each point is moved by
- its noise: the median of its own blocks, resampled;
- lack of fit: a residual of the fit, made up for leverage, as far as residuals are larger than noise explains;
- both stretched by how wrong a scatter may be that is known from few points (Student's t for the normal).
"""

from __future__ import annotations

import functools
import math
import operator
import random
import statistics
from collections.abc import Sequence

from core.analysis.crossover import least_squares, step_shape
from core.analysis.crossover.step_fit import Regime, regimes
from core.analysis.crossover.step_shape import Curve, Samples

RESAMPLES = 1000
_MEDIANS = 100  # resampled medians of each point, of which each resample takes one
_KNOWN = 2  # degrees of freedom that the blocks' noise adds to what residuals tell of the scatter


@functools.lru_cache(maxsize=128)
def resampled(samples: Samples, seed: int) -> tuple[tuple[Regime, ...], ...]:
    """RESAMPLES curves around the best one. Two lines that are compared need two seeds."""
    curve = step_shape.best(samples)
    if curve is None:
        raise ValueError("these samples have no fit")
    chance = random.Random(seed)
    centre = _in_full(curve)
    rows = [_row(size, centre) for size, _ in samples]
    moved = least_squares.influence(rows, curve.solution.weights)
    lack = _lack_of_fit(curve, rows, moved)
    shifts = [
        _shifts(value, values, lack, chance)
        for value, (_, values) in zip(curve.solution.fitted, samples, strict=True)
    ]
    freedom = curve.spare + _KNOWN
    curves = []
    for together in zip(*shifts, strict=True):
        stretch = math.sqrt(freedom / (2 * chance.gammavariate(freedom / 2, 1)))
        drawn = [
            start + stretch * sum(map(operator.mul, line, together))
            for start, line in zip(centre, moved, strict=True)
        ]
        curves.append(_regimes(drawn, samples))
    return tuple(curves)


def _shifts(
    fitted: float, values: Sequence[float], lack: Sequence[float], chance: random.Random
) -> list[float]:
    """By how many seconds one point is off in each resample."""
    middle, count = statistics.median(values), len(values)
    own = [statistics.median(chance.choices(values, k=count)) / middle - 1 for _ in range(_MEDIANS)]
    drawn = zip(chance.choices(own, k=RESAMPLES), chance.choices(lack, k=RESAMPLES), strict=True)
    return [fitted * (noise + error) for noise, error in drawn]


def _lack_of_fit(
    curve: Curve, rows: Sequence[Sequence[float]], moved: Sequence[Sequence[float]]
) -> list[float]:
    """Relative residuals, centred, without the share of their spread that the blocks' noise explains."""
    if curve.spare <= 0:
        return [0.0]
    residuals = []
    for i, (row, residual) in enumerate(zip(rows, curve.solution.residuals, strict=True)):
        leverage = sum(value * line[i] for value, line in zip(row, moved, strict=True))
        residuals.append(residual / math.sqrt(max(1 - leverage, 0.1)))
    middle = statistics.fmean(residuals)
    beyond = curve.scatter**2 - curve.noise**2
    typical = math.sqrt(statistics.fmean((residual - middle) ** 2 for residual in residuals))
    share = math.sqrt(beyond) / typical if typical else 0.0
    return [(residual - middle) * share for residual in residuals]


def _in_full(curve: Curve) -> tuple[float, ...]:
    """Overhead, slope, its change and the knot; an overhead or a slope of 0 isn't known to be just that."""
    (overhead, slope), *rest = curve.pieces
    knot = curve.shape.knot
    return (overhead, slope) if knot is None else (overhead, slope, rest[0][1] - slope, knot)


def _row(batch_size: float, centre: tuple[float, ...]) -> tuple[float, ...]:
    """How much the step time changes with each of them (the knot's: V. M. R. Muggeo, Estimating regression
    models with unknown break-points, Statist. Med. 22, 2003)."""
    if len(centre) == 2:
        return 1.0, batch_size
    _, _, change, knot = centre
    beyond = batch_size > knot
    return 1.0, batch_size, max(0.0, batch_size - knot), -change if beyond else 0.0


def _regimes(drawn: Sequence[float], samples: Samples) -> tuple[Regime, ...]:
    overhead, slope, *rest = drawn
    if not rest:
        return regimes(((overhead, slope),), None)
    change, knot = rest[0], min(max(rest[1], samples[0][0]), samples[-1][0])
    return regimes(((overhead, slope), (overhead - change * knot, slope + change)), knot)
