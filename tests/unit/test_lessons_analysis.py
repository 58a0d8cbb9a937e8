"""What is derived from the article's lines, tried one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.analysis import lessons
from core.records import Estimate, LessonTrial
from tests.builders import make_result
from tests.learning import around, make_lessons


def _run(*trials):
    return make_result(lessons=trials)


def _zero_grad(clean, piled):
    return _run(
        LessonTrial("zero_grad", "with", losses=tuple(clean)),
        LessonTrial("zero_grad", "without", losses=tuple(piled)),
    )


def test_a_trial_is_found_by_its_lesson_and_variant():
    run = _run(*make_lessons())
    assert lessons.trial(run, "rebuild", "list").samples == 200
    assert lessons.trial(run, "rebuild", "once") is None
    assert lessons.trial(_run(), "rebuild", "list") is None, "an older run has none"


def test_the_typical_time_is_the_median_with_its_interval():
    found = lessons.seconds(LessonTrial("rebuild", "tensor", around(0.01)))
    assert found.value == pytest.approx(0.01)
    assert found.low < found.value < found.high


@pytest.mark.parametrize("seconds", [(), (0.1,), (0.1, 0.0, 0.1)])
def test_too_little_for_an_interval_gives_none(seconds):
    tried, other = (
        LessonTrial("rebuild", "tensor", seconds, samples=1),
        LessonTrial("rebuild", "list", around(1.0)),
    )
    assert lessons.seconds(tried) is None
    assert lessons.seconds_per_sample(tried) is None
    assert lessons.times_as_long(other, tried) is None


def test_what_was_not_tried_gives_none():
    tried = LessonTrial("rebuild", "tensor", around(1.0), samples=10)
    assert lessons.seconds(None) is None
    assert lessons.seconds_per_sample(None) is None
    assert lessons.seconds_per_sample(replace(tried, samples=None)) is None
    assert lessons.times_as_long(None, tried) is None
    assert lessons.times_as_long(tried, None) is None
    assert lessons.times_as_long(tried, replace(tried, samples=None)) is None
    assert lessons.adding_up(_run()) is None


def test_times_are_compared_for_each_image_where_the_numbers_of_images_differ():
    few = LessonTrial("rebuild", "list", around(0.02), samples=100)
    many = LessonTrial("rebuild", "tensor", around(0.01), samples=1000)
    assert lessons.times_as_long(few, replace(many, samples=100)).value == pytest.approx(2)
    assert lessons.times_as_long(few, many).value == pytest.approx(20)
    assert lessons.seconds_per_sample(few).value == pytest.approx(0.0002)


@pytest.mark.parametrize(("low", "high", "none"), [(0.9, 1.1, True), (1.01, 1.1, False), (0.8, 0.99, False)])
def test_an_interval_that_holds_1_is_no_difference(low, high, none):
    assert lessons.no_difference(Estimate((low + high) / 2, low, high)) is none


def test_losses_part_where_gradients_add_up():
    found = lessons.adding_up(_zero_grad([2.3, 2.2, 2.1, 2.0], [2.3, 2.2, 2.2, 2.4]))
    assert found == lessons.AddingUp(4, 2.0, 2.4, parted_at=3, diverged_at=None)


def test_a_loss_that_is_no_number_any_more_is_named_by_its_step():
    found = lessons.adding_up(_zero_grad([2.3, 2.2, 2.1, 2.0], [2.3, 2.2, 9.0]))
    assert found == lessons.AddingUp(3, 2.1, 9.0, parted_at=3, diverged_at=4)


def test_rounding_is_no_parting():
    found = lessons.adding_up(_zero_grad([2.3, 2.2], [2.3, 2.2 * (1 + 1e-6)]))
    assert found.parted_at is None


def test_no_loss_at_all_says_nothing():
    assert lessons.adding_up(_zero_grad([2.3], [])) is None
