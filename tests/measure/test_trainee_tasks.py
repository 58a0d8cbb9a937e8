"""What a trainee does besides training: classify, extract, and look at the test images."""

import dataclasses

import pytest
import torch
from torch.nn import functional

from core.measure import feeds, models, trainee
from tests.measure.training import BATCH, STEPS, make, run_epochs, warm

# --- the tasks without training


@pytest.fixture
def short_teaching(monkeypatch):
    monkeypatch.setattr(trainee, "_TEACHING_STEPS", 5)


def test_classify_is_taught_before_the_clock_starts(digits_data):
    made = warm(digits_data, task="classify", epochs=1)
    assert [(note.code, note.facts) for note in made.take_notes()] == [("taught_before", {"steps": 600})]
    before = [value.clone() for value in made.model.parameters()]
    made.block(0.0, lead_in=0.0)
    record = made.end_epoch(60.0)
    assert record.test_accuracy > 0.8
    assert record.test_samples == 360
    assert record.train_loss is None
    assert all(torch.equal(a, b) for a, b in zip(before, made.model.parameters(), strict=True))


def test_a_large_model_is_left_untaught_and_says_so(tiny_data, monkeypatch):
    monkeypatch.setattr(models, "is_small", lambda name: False)
    assert [note.code for note in make(tiny_data, task="classify").take_notes()] == ["untrained_weights"]


@pytest.mark.parametrize("task", ["classify", "extract"])
def test_the_work_is_proven_before_the_clock_starts(task, tiny_data, short_teaching):
    first = warm(tiny_data, task=task, data_path="loader")
    second, other = (warm(tiny_data, task=task, seed=seed) for seed in (0, 1))
    assert len(first.first_losses) == STEPS
    torch.testing.assert_close(first.first_losses, second.first_losses)
    assert first.first_losses != pytest.approx(other.first_losses, rel=1e-4)
    block, losses = first.block(0.0, lead_in=0.0)
    assert (block.loss, losses) == (None, [])


def test_classify_proves_its_loss_and_extract_its_features(tiny_data, short_teaching):
    order = feeds.order(640, 0, 1)[:BATCH]
    x, y = tiny_data.train_x[order], tiny_data.train_y[order]
    classify, extract = (warm(tiny_data, task=task) for task in ("classify", "extract"))
    with torch.inference_mode():
        assert classify.first_losses[0] == pytest.approx(functional.cross_entropy(classify.model(x), y).item())
        features = extract.model(x)
    assert features.shape == (BATCH, 512)
    assert extract.first_losses[0] == pytest.approx(features.square().mean().item())


def test_extract_has_no_accuracy(tiny_data):
    made = warm(tiny_data, task="extract")
    made.block(0.0, lead_in=0.0)
    record = made.end_epoch(60.0)
    assert (record.train_loss, record.test_accuracy, record.test_samples) == (None, None, 0)


@pytest.mark.parametrize("task", ["classify", "extract"])
def test_inference_is_in_evaluation_mode(task, tiny_data, short_teaching):
    made = warm(tiny_data, task=task)
    assert not made.model.training
    made.block(0.0, lead_in=0.0)
    made.end_epoch(60.0)
    assert not made.model.training


# --- evaluation


def test_the_accuracy_is_the_share_of_right_answers(tiny_data):
    made = warm(tiny_data, learning_rate=0.1)
    _, _, (record,) = run_epochs(made, 1)
    with torch.inference_mode():
        right = (made.model(tiny_data.test_x).argmax(dim=1) == tiny_data.test_y).float().mean().item()
    assert record.test_accuracy == pytest.approx(right)
    assert record.test_samples == 100
    assert record.evaluation_s > 0
    assert made.model.training


def test_evaluation_stops_when_its_time_is_over(tiny_data):
    made = warm(tiny_data)
    made.block(0.0, lead_in=0.0)
    record = made.end_epoch(0.0)
    assert record.test_samples == BATCH  # one batch of the hundred, so that there is an answer
    assert record.test_accuracy is not None


def test_batch_normalisation_doesnt_learn_from_test_images(tiny_data):
    made = make(tiny_data)
    norm = torch.nn.BatchNorm2d(1)
    made.model = torch.nn.Sequential(models.FromBytes(), norm, torch.nn.Flatten(), torch.nn.Linear(784, 10))
    made.end_epoch(60.0)
    made.progress.steps_in_epoch = 1
    made.end_epoch(60.0)
    assert norm.num_batches_tracked == 0
    assert norm.training


def test_without_test_images_there_is_no_accuracy(tiny_data):
    made = warm(dataclasses.replace(tiny_data, test_x=tiny_data.test_x[:0], test_y=tiny_data.test_y[:0]))
    made.block(0.0, lead_in=0.0)
    record = made.end_epoch(60.0)
    assert (record.test_accuracy, record.test_samples) == (None, 0)
    assert record.train_loss is not None
