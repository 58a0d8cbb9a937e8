"""Medians, spreads and intervals of times. Knows nothing of runs: positive numbers in, numbers out.

The ratio of setups that took turns, which every verdict rests on, is a trimmed mean of their blocks' ratios
(`paired_ratio`). Other intervals are 95 % percentile bootstrap intervals (B. Efron, R. J. Tibshirani, An
Introduction to the Bootstrap, 1993, chapter 13) with a fixed seed. The same samples always give the same
numbers.
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

# One pair in so many is set aside at each end: the usual share, and enough for a burst in every tenth block.
_TRIMMED = 5
# Both tails of a paired ratio's interval together, if its pairs were independent. Noise that lasts from block
# to block makes them hang together: with autocorrelation r and turns A B B A A B B A, the variance of a mean of
# pairs is 1 + r(1-r)/(1+r^2) times as large, at most 1.21 (r = 0.41). At 1/32 95 % are kept even then, and
# the reserve also pays for looking repeatedly until it is narrow enough (tests/unit/test_calibration.py).
PAIRED_TAILS = 1 / 32


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
    """The typical a[i] / b[i] with its 95 % interval. None for fewer than two pairs.

    a[i] and b[i] are times of neighbouring blocks of two setups that took turns: what both share (clock,
    heat, other load) cancels in each ratio, where it would widen or shift a ratio of two separate medians.
    What strikes either block of a pair alike, skewed or in bursts, makes the logarithm of the ratio symmetric
    about the truth. The value is its mean without the fifth at each end, the interval Student's t with the
    winsorised spread (J. W. Tukey, D. H. McLaughlin, Less vulnerable confidence and significance procedures
    for location, Sankhya A 25, 1963; R. R. Wilcox, Introduction to Robust Estimation and Hypothesis Testing,
    3rd ed. 2012, 4.3): nearly as narrow as the mean's where the noise is mild, and unmoved by bursts.
    """
    ratios = [first / second for first, second in zip(_positive(a), _positive(b), strict=True)]
    return None if len(ratios) < 2 else _trimmed(_positive(ratios))


def ratio_of_medians(a: Sequence[float], b: Sequence[float]) -> Estimate | None:
    """median(a) / median(b), each side resampled by itself: for times that have no natural pairs."""
    if min(len(a), len(b)) < 2:
        return None
    return _ratio_of_medians(_positive(a), _positive(b))


def paired_error(ratio: Estimate, pairs: int) -> tuple[float, int]:
    """The standard error of a `paired_ratio`'s logarithm, and the degrees of freedom it is known with."""
    freedom = pairs - 2 * (pairs // _TRIMMED) - 1
    return math.log(ratio.high / ratio.low) / 2 / student(freedom, PAIRED_TAILS), freedom


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
def _trimmed(ratios: tuple[float, ...]) -> Estimate:
    ordered, count, aside = sorted(map(math.log, ratios)), len(ratios), len(ratios) // _TRIMMED
    kept = ordered[aside : count - aside]
    winsorised = [kept[0]] * aside + kept + [kept[-1]] * aside
    error = statistics.stdev(winsorised) * math.sqrt(count) / len(kept)
    limit = student(len(kept) - 1, PAIRED_TAILS)
    value, factor = math.exp(statistics.fmean(kept)), math.exp(limit * error)
    return Estimate(value, value / factor, value * factor)


@functools.cache
def student(freedom: int, tails: float) -> float:
    """The value that Student's t exceeds, on either side, with a probability of `tails` (1/32 or more)."""
    low, high = 0.0, 32.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < 1 - tails else (low, middle)
    return high


def _within(t: float, freedom: int) -> float:
    """P(|T| <= t) as a finite sum (Abramowitz, Stegun, Handbook of Mathematical Functions, 26.7.3-4)."""
    angle = math.atan(t / math.sqrt(freedom))
    odd = freedom % 2
    term, total = (math.cos(angle) if odd else 1.0), 0.0
    for k in range(odd + 1, freedom, 2):
        total += term
        term *= math.cos(angle) ** 2 * k / (k + 1)
    return 2 / math.pi * (angle + math.sin(angle) * total) if odd else math.sin(angle) * total


@functools.lru_cache(maxsize=256)
def _ratio_of_medians(a: tuple[float, ...], b: tuple[float, ...]) -> Estimate:
    chance = random.Random(_SEED)
    above, below = _resampled_medians(a, chance), _resampled_medians(b, chance)
    ratios = _positive([first / second for first, second in zip(above, below, strict=True)])
    return _percentile_interval(statistics.median(a) / statistics.median(b), ratios)


def _resampled_medians(values: tuple[float, ...], chance: random.Random) -> list[float]:
    return [statistics.median(chance.choices(values, k=len(values))) for _ in range(RESAMPLES)]


def _percentile_interval(value: float, resampled: Sequence[float]) -> Estimate:
    cuts = statistics.quantiles(resampled, n=40, method="inclusive")  # 2.5 % steps
    return Estimate(value, cuts[0], cuts[-1])


def _positive(values: Sequence[float]) -> tuple[float, ...]:
    if not values:
        raise ValueError("no values")
    for value in values:
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"not a finite positive number: {value}")
    return tuple(values)
