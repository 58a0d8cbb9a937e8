from __future__ import annotations

import math
import random

import pytest

from core.analysis import stats
from core.records import Estimate


def test_median_and_quartiles():
    assert stats.median([3, 1, 2]) == 2
    assert stats.median([4, 1, 2, 3]) == 2.5
    assert stats.quartiles([1, 2, 3, 4, 5]) == (2, 4)
    assert stats.relative_iqr([1, 2, 3, 4, 5]) == pytest.approx(2 / 3)
    assert stats.relative_iqr([7]) is None


def test_interval_covers_the_true_median_about_as_often_as_it_says():
    chance = random.Random(1)
    hits = 0
    for _ in range(60):
        found = stats.median_interval([chance.lognormvariate(0, 0.3) for _ in range(25)])
        hits += found.low <= 1.0 <= found.high
    assert 51 <= hits <= 60  # 95 % of 60 is 57, three standard deviations either way


def test_interval_is_the_same_each_time_and_narrows_with_more_values():
    values = [1 + 0.1 * math.sin(i * 7) for i in range(80)]
    few, many = stats.median_interval(values[:10]), stats.median_interval(values)
    assert few == stats.median_interval(list(values[:10]))
    assert few.low <= few.value <= few.high
    assert many.high - many.low < few.high - few.low


def test_identical_values_have_an_interval_without_width():
    assert stats.median_interval([2.0] * 9) == Estimate(2.0, 2.0, 2.0)
    assert stats.paired_ratio([4.0] * 5, [2.0] * 5) == Estimate(2.0, 2.0, 2.0)


def test_pairing_cancels_a_drift_that_both_sides_share():
    drift = [1 + 0.05 * i for i in range(16)]
    slow = [0.4 * d for d in drift]
    fast = [0.1 * d for d in drift]
    paired, separate = stats.paired_ratio(slow, fast), stats.ratio_of_medians(slow, fast)
    assert paired.value == pytest.approx(4)
    assert paired.high - paired.low < 1e-9
    assert separate.value == pytest.approx(4)
    assert separate.high - separate.low > 0.3


def test_a_paired_ratio_by_hand():
    # logarithms to the base 2: -9, 1, 2, 3, 30; without the fifth at each end 1, 2, 3, winsorised 1, 1, 2, 3, 3
    found = stats.paired_ratio([2.0**-9, 2.0, 4.0, 8.0, 2.0**30], [1.0] * 5)
    assert math.log2(found.value) == pytest.approx(2)
    # winsorised standard deviation 1, over 3/5 of the pairs and the root of 5; t 5.523 for 2 degrees of freedom
    assert math.log2(found.high) == pytest.approx(2 + 5.523 * 1 / (0.6 * math.sqrt(5)), abs=1e-3)
    assert math.log2(found.low) == pytest.approx(2 - 5.523 * 1 / (0.6 * math.sqrt(5)), abs=1e-3)


def test_two_pairs_give_students_t_of_their_logarithms():
    found = stats.paired_ratio([math.exp(0.1), math.exp(-0.1)], [1.0, 1.0])
    assert found.value == pytest.approx(1.0)
    # standard deviation 0.1 * sqrt(2) over sqrt(2), times t of one degree of freedom: tan(pi / 2 * 31 / 32)
    assert math.log(found.high) == pytest.approx(0.1 * math.tan(math.pi / 2 * 31 / 32))
    assert found.low == pytest.approx(1 / found.high)


@pytest.mark.parametrize(
    ("freedom", "t"), [(1, 12.7062), (2, 4.3027), (3, 3.1824), (8, 2.3060), (29, 2.0452), (120, 1.9799)]
)
def test_students_distribution_is_that_of_the_tables(freedom, t):
    assert stats._within(t, freedom) == pytest.approx(0.95, abs=1e-5)
    assert stats._within(stats.student(freedom, stats.PAIRED_TAILS), freedom) == pytest.approx(31 / 32)


def test_the_other_way_round_it_is_the_inverse():
    slow, fast = [1.0, 1.3, 1.1, 1.9, 1.2, 1.4, 1.15], [1.0, 1.0, 0.9, 1.2, 1.1, 1.0, 1.3]
    there, back = stats.paired_ratio(slow, fast), stats.inverse(stats.paired_ratio(fast, slow))
    assert (there.value, there.low, there.high) == pytest.approx((back.value, back.low, back.high))


def test_wild_pairs_move_the_ratio_little():
    ratios = [1.98, 2.0, 2.02, 1.99, 2.01, 2.0, 2.0, 1.97, 2.03, 2.0]
    wild = stats.paired_ratio([*ratios, 900.0, 1100.0], [1.0] * 12)
    assert wild.value == pytest.approx(2.0, rel=0.005)
    assert 1.95 < wild.low < wild.high < 2.05


def test_two_modes_give_an_interval_that_says_so():
    found = stats.paired_ratio([1.0, 2.0] * 8, [1.0] * 16)
    assert found.value == pytest.approx(math.sqrt(2))
    assert found.high / found.low > 1.9
    assert stats.paired_ratio([1.0, 2.0] * 80, [1.0] * 160).high < 1.6


def test_a_ratio_that_no_number_holds_is_refused():
    for call in (stats.paired_ratio, stats.ratio_of_medians):
        with pytest.raises(ValueError, match="not a finite positive number"):
            call([1e-300] * 3, [1e300] * 3)
        with pytest.raises(ValueError, match="not a finite positive number"):
            call([1e300] * 3, [1e-300] * 3)


@pytest.mark.parametrize("function", [stats.paired_ratio, stats.ratio_of_medians])
def test_too_few_values_for_a_ratio(function):
    assert function([1.0], [2.0]) is None
    assert stats.median_interval([1.0]) is None
    assert stats.median_interval([]) is None


def test_pairs_must_match():
    with pytest.raises(ValueError, match="argument 2 is longer"):
        stats.paired_ratio([1.0, 2.0], [1.0, 2.0, 3.0])


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_a_time_that_cannot_be_is_refused(bad):
    for call in (
        lambda: stats.median([1.0, bad]),
        lambda: stats.quartiles([1.0, bad]),
        lambda: stats.relative_iqr([1.0, bad]),
        lambda: stats.median_interval([1.0, bad]),
        lambda: stats.paired_ratio([1.0, 2.0], [1.0, bad]),
        lambda: stats.ratio_of_medians([1.0, bad], [1.0, 2.0]),
    ):
        with pytest.raises(ValueError, match="not a finite positive number"):
            call()
    with pytest.raises(ValueError, match="no values"):
        stats.median([])


def test_inverse_keeps_low_below_high():
    assert stats.inverse(Estimate(0.5, 0.25, 1.0)) == Estimate(2.0, 1.0, 4.0)
    assert stats.scaled(Estimate(0.5, 0.25, 1.0), 4) == Estimate(2.0, 1.0, 4.0)
