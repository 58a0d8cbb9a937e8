"""Which point comes next: the ends, the middle, then what narrows the crossing; what the time is enough for."""

import math

import pytest

from core.analysis.crossover.sweep_plan import (
    affordable,
    beside,
    crossing_about,
    next_batch,
    next_point,
    predicted_step_s,
)
from tests.sweeps import BATCHES

CPU, GPU = (1e-4, 2e-6), (3e-4, 1e-7)  # a, c: they cross at 105.3
CROSSING = (GPU[0] - CPU[0]) / (CPU[1] - GPU[1])


def step_s(line, size):
    return line[0] + line[1] * size


def order(*lines, batches=BATCHES):
    """The order in which a grid would be measured, all of it."""
    tried, left = [], list(batches)
    while left:
        times = [{size: step_s(line, size) for size in tried} for line in lines]
        size = next_batch(sorted(tried), left, times)
        tried.append(size)
        left.remove(size)
    return tried


def test_the_ends_come_first_then_the_middle():
    assert order(CPU, GPU)[:3] == [16, 8192, 256]


def test_all_of_the_grid_is_measured_once():
    assert sorted(order(CPU, GPU)) == list(BATCHES)


def test_after_the_first_picture_a_point_is_chosen_that_narrows_the_crossing_most():
    tried = (16, 256, 8192)
    left = [size for size in BATCHES if size not in tried]
    times = [{size: step_s(line, size) for size in tried} for line in (CPU, GPU)]

    def variance(more):
        """var(b*), from the information matrices inverted by hand."""
        found = 0.0
        for line in (CPU, GPU):
            a, b, c = 0.0, 0.0, 0.0
            for size in (*tried, more):
                weight = step_s(line, size) ** -2
                a, b, c = a + weight, b + weight * size, c + weight * size * size
            found += (c - 2 * CROSSING * b + CROSSING**2 * a) / (a * c - b * b)
        return found

    best = min(left, key=variance)
    assert next_batch(tried, left, times) == best
    assert variance(best) < 0.95 * variance(512)
    assert best in (32, 64, 128)


def test_where_nothing_crosses_the_largest_gap_is_filled():
    assert order(CPU, (2e-4, 4e-6))[:5] == [16, 8192, 256, 1024, 64]
    assert order(CPU)[:5] == [16, 8192, 256, 1024, 64]


def test_every_model_gets_its_first_picture_before_any_is_refined():
    tried, left, seen = {}, {"a": list(BATCHES), "b": list(BATCHES)}, []
    for _ in range(8):
        model, size = next_point(("a", "b"), tried, left, {})
        tried.setdefault(model, []).append(size)
        left[model].remove(size)
        seen.append((model, size))
    assert seen[:6] == [("a", 16), ("b", 16), ("a", 8192), ("b", 8192), ("a", 256), ("b", 256)]
    assert [model for model, _ in seen[6:]] == ["a", "b"]


def test_nothing_is_left():
    assert next_point(("a",), {"a": [16]}, {"a": []}, {}) is None


@pytest.mark.parametrize(
    ("times", "size", "expected"),
    [
        ({}, 64, None),
        ({16: 0.1}, 64, 0.4),  # in proportion: at most
        ({16: 0.1}, 8, 0.1),  # a smaller batch is no slower
        ({16: 0.1, 64: 0.2}, 40, 0.15),
        ({16: 0.1, 64: 0.2}, 160, 0.4),  # by the last slope
        ({16: 0.1, 64: 0.09}, 160, 0.09),  # never less than what was seen
    ],
)
def test_a_steps_time_is_predicted(times, size, expected):
    assert predicted_step_s(times, size) == (None if expected is None else pytest.approx(expected))


def test_the_time_is_enough_for_as_many_cells_as_can_be():
    needed = {("m", 64, 0): 30.0, ("m", 16, 0): 1.0, ("m", 32, 0): 4.0}
    assert affordable(needed, 6.0) == {("m", 16, 0), ("m", 32, 0)}
    assert affordable(needed, 35.0) == set(needed)
    assert affordable(needed, 0.5) == set()


def test_the_crossing_is_found_from_what_was_measured():
    cpu, gpu = ({size: step_s(line, size) for size in (16, 256, 8192)} for line in (CPU, GPU))
    assert crossing_about(cpu, gpu) == pytest.approx(CROSSING)
    assert crossing_about(cpu, cpu) is None
    assert crossing_about(cpu, {size: 2 * seconds for size, seconds in cpu.items()}) is None
    assert crossing_about({16: 1.0}, gpu) is None


def test_what_was_measured_says_more_than_two_straight_lines():
    """A CPU that slows down out of its cache: the lines' crossing isn't where the winner changes."""
    cpu = {16: 1e-4, 256: 1.1e-4, 1024: 4e-4, 8192: 50e-4}
    gpu = {16: 3e-4, 256: 3e-4, 1024: 3e-4, 8192: 3e-4}
    assert 256 < crossing_about(cpu, gpu) < 1024


def test_beside_a_crossing_no_batch_size_is_measured_twice():
    known = {64, 128}
    for _ in range(6):
        known.add(beside(105.3, known, 16, 8192))
    assert known == {64, 128, 105, 70, 158, 88, 58, 190}
    assert beside(66, {64}, 16, 8192) == 44  # 64 is as good as 66
    assert beside(17.0, {17, 16}, 16, 20) == 20
    assert beside(1.0, {1, 2}, 1, 2) is None


def test_unbounded_numbers_end_in_no_error():
    times = [{16: 1e-9, 64: 1e9}, {16: 1e9, 64: 1e-9}]
    assert next_batch((16, 32, 64), [48], times) == 48
    assert math.isfinite(crossing_about(*times))
