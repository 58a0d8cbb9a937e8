"""The best batch size of a device is the smallest that is about as fast as any."""

import pytest

from core.analysis.crossover.knee import knee
from core.analysis.crossover.sweep import lines
from core.records import Note
from tests.sweeps import make_grid


def _knee(*grid, **changes):
    (line,) = lines(make_grid(*grid, noise=0.0, **changes))
    return knee(line)


def test_it_is_the_smallest_within_five_percent_of_the_highest_rate():
    found = _knee(1e-3, 1e-5)  # a batch of b reaches b / (b + 100) of the limit
    assert found.batch_size == 2048
    assert found.reaches_pct == pytest.approx(100 * (2048 / 2148) / (8192 / 8292))
    assert found.rate.value == pytest.approx(2048 / (1e-3 + 1e-5 * 2048))
    assert not found.largest


def test_where_the_rate_still_rises_the_largest_is_only_the_best_so_far():
    found = _knee(1e-1, 1e-7)
    assert (found.batch_size, found.largest) == (8192, True)


def test_a_device_without_overhead_is_as_fast_with_the_smallest():
    assert _knee(0.0, 1e-5).batch_size == 16


def test_two_batch_sizes_show_no_knee():
    assert _knee(1e-3, 1e-5, batches=(16, 32)) == Note("too_few_points", {"count": 2, "needed": 3})
