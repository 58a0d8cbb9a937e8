"""Medians, spreads and intervals of times. Knows nothing of runs: positive numbers in, numbers out.

The ratio of setups that took turns, which every verdict rests on, comes from rank statistics (`paired_ratio`).
Other intervals are 95 % percentile bootstrap intervals (B. Efron, R. J. Tibshirani, An Introduction to the
Bootstrap, 1993, chapter 13) with a fixed seed. The same samples always give the same numbers.
"""

from __future__ import annotations

import functools
import itertools
import math
import random
import statistics
from collections.abc import Sequence

from core.records import Estimate

RESAMPLES = 1000  # the 2.5 % tails then rest on 25 values each; more moves no digit that is shown
_SEED = 0

# Both tails of a paired ratio's interval together, if its pairs were independent. Noise that lasts from block
# to block makes them hang together: with autocorrelation r and turns A B B A A B B A, the variance of the pairs'
# mean is 1 + r(1-r)/(1+r^2) times as large, at most 1.21 (r = 0.41). At 1/32 the interval keeps 95 % even then;
# the reserve also pays for looking repeatedly until it is narrow enough.
PAIRED_TAILS = 1 / 32
RANKED_PAIRS = 6  # with fewer, no rank statistic reaches 1 - PAIRED_TAILS
# Student's t for 2 to 5 pairs at the same level: the quantile 1 - PAIRED_TAILS / 2 for 1 to 4 degrees of freedom.
_STUDENT = {2: 20.355, 3: 5.523, 4: 3.835, 5: 3.254}
# All pairs of pairs are looked at: more than these are first joined in time, neighbours by their median.
MOST_PAIRS = 100


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

    The value is the median of the geometric means of all pairs of ratios, the interval lies between two of
    these means (J. L. Hodges, E. L. Lehmann, Estimates of location based on rank tests, Ann. Math. Statist.
    34, 1963; M. Hollander, D. A. Wolfe, E. Chicken, Nonparametric Statistical Methods, 3rd ed. 2014, 3.2-3.3).
    It is exact for any noise, however skewed or bursting, that strikes either block of a pair alike: a ratio's
    logarithm is then symmetric about the truth. With fewer than RANKED_PAIRS pairs Student's t interval of
    the logarithms is given, which is exact for log-normal noise and wide.
    """
    ratios = [first / second for first, second in zip(_positive(a), _positive(b), strict=True)]
    if len(ratios) < 2:
        return None
    return _typical(_joined(_positive(ratios)))


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
def _typical(ratios: tuple[float, ...]) -> Estimate:
    means = sorted(math.sqrt(a * b) for i, a in enumerate(ratios) for b in ratios[i:])
    middle = len(means) // 2
    value = math.sqrt(means[middle] * means[-1 - middle])
    if len(ratios) < RANKED_PAIRS:
        spread = statistics.stdev(map(math.log, ratios)) / math.sqrt(len(ratios))
        factor = math.exp(_STUDENT[len(ratios)] * spread)
        return Estimate(value, value / factor, value * factor)
    rank = _rank(len(ratios))
    return Estimate(value, means[rank], means[-1 - rank])


@functools.cache
def _rank(pairs: int) -> int:
    """Index of the interval's lower end among the sorted means of pairs, from the signed-rank distribution.

    The largest number that a sum of ranks out of 1..`pairs`, each taken with probability 1/2, doesn't exceed
    with a probability above PAIRED_TAILS / 2.
    """
    mean = pairs * (pairs + 1) // 4
    chances = [1.0]  # of each sum, up to the mean of all ranks' sum
    for taken in range(1, pairs + 1):
        half = [chance / 2 for chance in chances]
        shifted = [0.0] * taken + half
        chances = [x + y for x, y in itertools.zip_longest(half, shifted, fillvalue=0.0)][: mean + 1]
    below = itertools.accumulate(chances)
    return sum(1 for chance in below if chance <= PAIRED_TAILS / 2) - 1


def _joined(ratios: tuple[float, ...]) -> tuple[float, ...]:
    size = math.ceil(len(ratios) / MOST_PAIRS)
    groups = (ratios[start : start + size] for start in range(0, len(ratios), size))
    return ratios if size == 1 else tuple(statistics.median(group) for group in groups)


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
