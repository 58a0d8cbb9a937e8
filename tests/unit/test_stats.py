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


def test_a_paired_ratio_is_the_median_of_the_geometric_means_of_all_pairs_of_ratios():
    # ratios 1, 4, 16: means 1, 2, 4, 4, 8, 16, and the middle two are 4
    assert stats.paired_ratio([1, 8, 48], [1, 2, 3]).value == pytest.approx(4)


def test_its_interval_is_that_of_the_signed_ranks():
    # 2**0 to 2**7: the tail of the lowest 3 sums of ranks (1, 1, 1 and 2 ways) is 5/256 <= 1/64 only for 3 of them
    powers = [2.0**i for i in range(8)]
    found = stats.paired_ratio(powers, [1.0] * 8)
    assert (found.low, found.value, found.high) == pytest.approx((2, 2**3.5, 2**6))
    # the published exact ranks for 97 % and more: Hollander, Wolfe, Chicken, table A.4
    assert [stats._rank(pairs) + 1 for pairs in (6, 7, 8)] == [1, 2, 3]


def test_six_pairs_give_the_range_and_fewer_students_t():
    six = stats.paired_ratio([1.0, 1.1, 1.2, 1.3, 1.4, 1.5], [1.0] * 6)
    assert (six.low, six.high) == (1.0, 1.5)
    two = stats.paired_ratio([math.exp(0.1), math.exp(-0.1)], [1.0, 1.0])
    # mean 0, standard deviation 0.1 * sqrt(2), over sqrt(2), times 20.355
    assert (two.value, math.log(two.high)) == pytest.approx((1.0, 2.0355))
    assert two.low == pytest.approx(1 / two.high)


def test_the_other_way_round_it_is_the_inverse():
    slow, fast = [1.0, 1.3, 1.1, 1.9, 1.2, 1.4, 1.15], [1.0, 1.0, 0.9, 1.2, 1.1, 1.0, 1.3]
    there, back = stats.paired_ratio(slow, fast), stats.inverse(stats.paired_ratio(fast, slow))
    assert (there.value, there.low, there.high) == pytest.approx((back.value, back.low, back.high))


def test_a_single_wild_pair_moves_the_ratio_little():
    ratios = [1.98, 2.0, 2.02, 1.99, 2.01, 2.0, 2.0, 1.97, 2.03, 2.0]
    wild = stats.paired_ratio([*ratios, 900.0], [1.0] * 11)
    assert wild.value == pytest.approx(2.0, rel=0.005)
    assert 1.9 < wild.low < wild.high < 2.1


def test_two_modes_give_an_interval_that_spans_them():
    found = stats.paired_ratio([1.0, 2.0] * 8, [1.0] * 16)
    assert (found.low, found.high) == pytest.approx((1.0, 2.0))
    assert found.value == pytest.approx(math.sqrt(2))


def test_very_many_pairs_are_joined_to_their_neighbours_median():
    ratios = [1.0, 5.0, 1.2] * stats.MOST_PAIRS
    assert stats.paired_ratio(ratios, [1.0] * len(ratios)) == Estimate(1.2, 1.2, 1.2)


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
