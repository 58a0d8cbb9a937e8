"""Medians, spreads and bootstrap intervals of times. Knows nothing of runs: positive numbers in, numbers out.

Intervals are 95 % percentile bootstrap intervals (B. Efron, R. J. Tibshirani, An Introduction to the
Bootstrap, 1993, chapter 13) with a fixed seed, so that the same samples always give the same text.
"""

from __future__ import annotations

import functools
import math
import random
import statistics
from collections.abc import Sequence

from core.records import Estimate

RESAMPLES = 1000  # the 2.5 % tails then rest on 25 values each; more moves no digit that is shown
_SEED = 0


def median(values: Sequence[float]) -> float:
    """Raises ValueError for no values, or one that isn't a finite positive number (as all below do)."""
    return statistics.median(_positive(values))


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """First and third quartile, interpolated between samples. Raises ValueError for fewer than two."""
    low, _, high = statistics.quantiles(_positive(values), n=4, method="inclusive")
    return low, high


def relative_iqr(values: Sequence[float]) -> float | None:
    """(third - first quartile) / median: the middle half's spread. None for fewer than two values."""
    if len(values) < 2:
        return None
    low, high = quartiles(values)
    return (high - low) / median(values)


def median_interval(values: Sequence[float]) -> Estimate | None:
    """The median with its interval, in the values' unit. None for fewer than two values."""
    return None if len(values) < 2 else _median_interval(_positive(values))


def paired_ratio(a: Sequence[float], b: Sequence[float]) -> Estimate | None:
    """The median of a[i] / b[i], resampled pair by pair. None for fewer than two pairs.

    a[i] and b[i] are times of neighbouring blocks of two setups that took turns: what both share (clock,
    heat, other load) cancels in each ratio, where it would widen or shift a ratio of two separate medians.
    """
    pairs = zip(_positive(a), _positive(b), strict=True)
    return median_interval([first / second for first, second in pairs])


def ratio_of_medians(a: Sequence[float], b: Sequence[float]) -> Estimate | None:
    """median(a) / median(b), each side resampled by itself: for times that have no natural pairs."""
    if min(len(a), len(b)) < 2:
        return None
    return _ratio_of_medians(_positive(a), _positive(b))


def inverse(estimate: Estimate) -> Estimate:
    """1 / estimate, as seconds per image become images per second."""
    return Estimate(1 / estimate.value, 1 / estimate.high, 1 / estimate.low)


def scaled(estimate: Estimate, factor: float) -> Estimate:
    return Estimate(estimate.value * factor, estimate.low * factor, estimate.high * factor)


# Several figures of one page ask for the same interval.
@functools.lru_cache(maxsize=256)
def _median_interval(values: tuple[float, ...]) -> Estimate:
    medians = _resampled_medians(values, random.Random(_SEED))
    return _percentile_interval(statistics.median(values), medians)


@functools.lru_cache(maxsize=256)
def _ratio_of_medians(a: tuple[float, ...], b: tuple[float, ...]) -> Estimate:
    chance = random.Random(_SEED)
    above, below = _resampled_medians(a, chance), _resampled_medians(b, chance)
    ratios = [first / second for first, second in zip(above, below, strict=True)]
    return _percentile_interval(statistics.median(a) / statistics.median(b), ratios)


def _resampled_medians(values: tuple[float, ...], chance: random.Random) -> list[float]:
    return [statistics.median(chance.choices(values, k=len(values))) for _ in range(RESAMPLES)]


def _percentile_interval(value: float, resampled: list[float]) -> Estimate:
    cuts = statistics.quantiles(resampled, n=40, method="inclusive")  # 2.5 % steps
    return Estimate(value, cuts[0], cuts[-1])


def _positive(values: Sequence[float]) -> tuple[float, ...]:
    if not values:
        raise ValueError("no values")
    for value in values:
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"not a finite positive number: {value}")
    return tuple(values)
