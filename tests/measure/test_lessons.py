"""The article's lines tried on the CPU: all of them, raw, and with the effect that is said of them."""

from __future__ import annotations

import math
import time
import typing
import warnings

import pytest
import torch

from core.measure import lessons
from core.records import LessonName
from tests.measure.training import BATCH, losses_of_a_plain_training, warm

_VARIANTS = {
    "rebuild": ["tensor", "as_tensor", "list"],
    "to_device": ["each_batch", "once"],
    "model_to_device": ["model"],
    "zero_grad": ["with", "without"],
    "synchronise": ["unsynchronised", "synchronised"],
}


@pytest.fixture
def tried(tiny_data):
    """What a trainee's lessons found, as {(lesson, variant): trial}."""

    def make(max_seconds=3.0, step_s=None, **changes):
        made = warm(tiny_data, **changes)
        made.step_s = step_s or made.step_s
        return {(trial.lesson, trial.variant): trial for trial in made.try_lessons(max_seconds)}

    return make


def test_every_lesson_is_tried_in_every_variant(tried):
    found = tried()
    assert list(_VARIANTS) == list(typing.get_args(LessonName))
    assert list(found) == [(lesson, variant) for lesson, variants in _VARIANTS.items() for variant in variants]
    for (lesson, _), trial in found.items():
        assert (len(trial.seconds) >= 3) == (lesson != "zero_grad")
        assert all(seconds > 0 for seconds in trial.seconds)


def test_how_much_was_tried_is_kept(tried):
    found = tried()
    bytes_of_an_image = 28 * 28
    tensor = found["rebuild", "tensor"]
    assert (tensor.samples, tensor.moved_bytes) == (640, 640 * bytes_of_an_image)
    assert found["rebuild", "as_tensor"].moved_bytes == 0
    assert found["rebuild", "list"].samples == lessons._MOST_NUMBERS // bytes_of_an_image
    assert found["to_device", "once"].samples == found["to_device", "each_batch"].samples == 640
    assert found["synchronise", "synchronised"].samples % BATCH == 0


def test_on_the_cpu_nothing_moves(tried):
    found = tried()
    assert {found[key].moved_bytes for key in found if "to_device" in key[0]} == {0}


def test_with_zero_grad_the_losses_are_those_of_the_training_and_without_they_part(tried, tiny_data):
    found = tried(learning_rate=0.1)
    clean, piled = found["zero_grad", "with"].losses, found["zero_grad", "without"].losses
    expected, _ = losses_of_a_plain_training(tiny_data, 3, rate=0.1)
    torch.testing.assert_close(list(clean[:3]), expected)
    torch.testing.assert_close(piled[:2], clean[:2])  # the second gradient is the first that comes on top
    assert abs(piled[2] - clean[2]) > 1e-4
    assert len(clean) == len(piled) <= 60


def test_losses_end_before_the_first_that_is_no_number(tried):
    found = tried(learning_rate=100.0)
    losses = found["zero_grad", "without"].losses
    assert len(losses) < 60
    assert all(map(math.isfinite, losses))


def test_what_there_is_no_time_for_is_left_out(tried):
    names = {lesson for lesson, _ in tried(max_seconds=1.0, step_s=10.0)}
    assert names == {"rebuild", "to_device", "model_to_device"}


@pytest.mark.parametrize("task", ["classify", "extract"])
def test_without_training_there_are_no_gradients_to_set_to_zero(task, tried, monkeypatch):
    monkeypatch.setattr("core.measure.trainee._TEACHING_STEPS", 1)
    names = {lesson for lesson, _ in tried(task=task)}
    assert names == set(_VARIANTS) - {"zero_grad"}


def test_a_job_gets_a_share_of_its_time_only(tiny_data):
    made = warm(tiny_data)
    start = time.process_time()  # not the clock's: the machine may be busy
    made.try_lessons(0.5)
    assert time.process_time() - start < 5  # 0.15 s and what at least must be done


def test_the_training_is_left_as_it_was(tiny_data):
    made = warm(tiny_data)
    before = {name: value.clone() for name, value in made.model.state_dict().items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made.try_lessons(1.0)
    for name, value in made.model.state_dict().items():
        assert torch.equal(value, before[name])
    assert all(parameter.grad is None for parameter in made.model.parameters())


def test_images_beyond_the_bound_are_left_out(tried, monkeypatch):
    monkeypatch.setattr(lessons, "_MOST_BYTES", 100 * 28 * 28)
    found = tried()
    assert found["rebuild", "tensor"].samples == 100
    assert found["to_device", "once"].samples == 64, "whole batches"
