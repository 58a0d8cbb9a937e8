"""The fit of a step's time by its batch size finds what it was made from, and says where it can't."""

import math
import random

import pytest

from core.analysis.crossover.step_fit import StepFit, fit
from core.records import Note
from tests.sweeps import BATCHES


def _points(seconds, batches=BATCHES, noise=0.0, blocks=8, seed=1):
    chance = random.Random(seed)
    return [(b, [seconds(b) * (1 + chance.gauss(0, noise)) for _ in range(blocks)]) for b in batches]


def _straight(b):
    return 1e-3 + 1e-6 * b


def _bound_by_launches(b):
    return max(1e-3, 2e-6 * b)


def test_exact_times_give_the_line_they_were_made_from():
    found = fit(_points(_straight))
    assert [(r.overhead_s, r.per_sample_s) for r in found.regimes] == [pytest.approx((1e-3, 1e-6))]
    assert found.misfit == pytest.approx(0, abs=1e-9)
    assert found.step_s(3000) == pytest.approx(4e-3)
    assert found.covers(8192)
    assert not found.covers(8193)
    assert found.doubts == ()


def test_two_regimes_are_found_where_there_are_two():
    found = fit(_points(_bound_by_launches, noise=0.02))
    assert len(found.regimes) == 2
    first, second = found.regimes
    assert first.high == second.low == pytest.approx(500, rel=0.2)
    assert second.per_sample_s == pytest.approx(2e-6, rel=0.03)
    assert first.overhead_s == pytest.approx(1e-3, rel=0.03)
    edge = first.high
    assert found.step_s(edge) == pytest.approx(first.overhead_s + first.per_sample_s * edge)


@pytest.mark.parametrize("between", [0.0, 0.03])
def test_noise_alone_hardly_ever_makes_two_regimes(between):
    """Neither the blocks' noise, nor what differs from one batch size to the next."""
    chance, two = random.Random(5), 0
    for seed in range(40):
        jobs = {b: 1 + chance.gauss(0, between) for b in BATCHES}
        found = fit(_points(lambda b, jobs=jobs: _straight(b) * jobs[b], noise=0.025, seed=seed))
        two += len(found.regimes) > 1
    assert two <= 2


def test_two_regimes_need_three_batch_sizes_on_either_side():
    assert len(fit(_points(_bound_by_launches, (128, 256, 512, 1024, 2048))).regimes) == 1


def test_one_batch_size_that_was_disturbed_moves_the_line_little():
    points = _points(_straight, noise=0.01)
    points[4] = (points[4][0], [2 * seconds for seconds in points[4][1]])
    found = fit(points)
    assert found.regimes[0].overhead_s == pytest.approx(1e-3, rel=0.03)
    assert found.regimes[0].per_sample_s == pytest.approx(1e-6, rel=0.03)
    held_out = dict(found.held_out)
    assert held_out[256] == pytest.approx(-0.5, abs=0.05)
    assert abs(held_out[4096]) < 0.06


def test_every_batch_size_is_predicted_from_the_others():
    found = fit(_points(_straight, noise=0.02))
    assert [size for size, _ in found.held_out] == list(BATCHES)
    assert all(0 < abs(error) < 0.08 for _, error in found.held_out)
    assert fit(_points(_straight, (16, 64, 256))).held_out == ()


def test_too_few_batch_sizes_are_refused():
    assert fit([]) == Note("too_few_points", {"count": 0, "needed": 3})
    assert fit(_points(_straight, (16, 64))) == Note("too_few_points", {"count": 2, "needed": 3})


def test_what_no_fit_can_rest_on_is_ignored():
    odd = [(128, [1.0]), (0, [1.0, 1.0]), (-4, [1.0, 1.0]), (256, [math.nan, math.inf, -1.0, 0.0])]
    assert fit([*_points(_straight), *odd]) == fit(_points(_straight))
    assert isinstance(fit(odd), Note)


@pytest.mark.parametrize("seconds", [lambda b: 1e-2 / b, lambda b: 1e-3 - 1e-7 * b])
def test_a_step_that_gets_faster_with_more_images_is_refused(seconds):
    assert fit(_points(seconds, noise=0.01)).code in ("slope_negative", "fit_impossible")


def test_a_flat_line_is_no_falling_one():
    flats = [fit(_points(lambda b: 1e-3, noise=0.02, seed=seed)) for seed in range(20)]
    kept = [found for found in flats if isinstance(found, StepFit)]
    assert len(kept) >= 19
    assert any(Note("step_flat") in found.doubts for found in kept)
    assert all(found.step_s(512) == pytest.approx(1e-3, rel=0.03) for found in kept)


def test_an_overhead_below_nothing_is_a_doubt_and_never_a_negative_time():
    found = fit(_points(lambda b: 1e-6 * b - 1e-5, (16, 32, 64, 128, 256), noise=0.005))
    assert Note("negative_overhead") in found.doubts
    assert 0 < found.step_s(1) < found.step_s(16)


def test_an_overhead_of_nothing_within_noise_is_no_doubt():
    for seed in range(10):
        found = fit(_points(lambda b: 1e-6 * b, noise=0.02, seed=seed))
        assert found.regimes[0].overhead_s >= 0
        assert found.doubts == ()


def test_a_rough_fit_says_so():
    jumpy = {b: 1 + 0.4 * (-1) ** i for i, b in enumerate(BATCHES)}
    found = fit(_points(lambda b: _straight(b) * jumpy[b]))
    assert found.misfit > 0.3
    assert [doubt.code for doubt in found.doubts] == ["fit_rough"]


@pytest.mark.parametrize("factor", [1e-200, 1e-9, 1e9, 1e200])
def test_absurd_times_raise_nothing(factor):
    assert isinstance(fit(_points(lambda b: factor * _straight(b), noise=0.02)), (StepFit, Note))
