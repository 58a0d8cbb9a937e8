"""Training that ends with an accuracy: each setup for itself, the rest of the job as ever."""

from __future__ import annotations

import time

import pytest

from core import messages
from core.measure import devices, job
from core.records import JobSpec, Setup
from tests.builders import make_workload
from tests.measure.conftest import Events

ONE, OTHER = Setup(threads=1), Setup(threads=1, fused=True)


@pytest.fixture
def train(tmp_path, monkeypatch, no_collections, digits_data):
    """A job on the real digits, in short blocks."""
    monkeypatch.setattr(job, "prepare", lambda *_: digits_data)
    monkeypatch.setattr(job, "_BLOCK_SECONDS", (0.02, 0.05))
    monkeypatch.setattr(job, "_RESTING_SECONDS", 0.005)
    monkeypatch.setattr(job, "LEAD_IN_S", 0.001)

    def run(*setups, until, max_seconds=20.0, **options):
        work = make_workload(
            **{"model": "mlp_32", "batch_size": 512, "learning_rate": 0.1, "epochs": 50, **options}
        )
        spec = JobSpec(work, setups or (ONE,), max_seconds, 100.0, until_accuracy=until)
        context = job.Context(devices.available(), 1, tmp_path, 1.5, time.perf_counter())
        events = Events()
        job.run(spec, context, events)
        return events

    return run


def accuracies(events, run=0):
    return [event["epoch"]["test_accuracy"] for event in events.of("epoch", run)]


def notes(events, run=0):
    return [event["note"] for event in events.of("note", run)]


def test_training_ends_with_the_accuracy_and_not_with_the_epochs(train):
    events = train(until=0.7)
    known = accuracies(events)
    assert events.statuses() == {0: "finished"}
    assert max(known) >= 0.7
    assert len(known) < 50
    assert "accuracy_not_reached" not in [note["code"] for note in notes(events)]
    assert len(events.of("block")) >= 15, "enough for an interval"


def test_setups_that_do_the_same_work_reach_it_after_the_same_epoch_and_go_on_taking_turns(train):
    events = train(ONE, OTHER, until=0.7)
    assert events.statuses() == {0: "finished", 1: "finished"}
    first = [next(i for i, share in enumerate(accuracies(events, run)) if share >= 0.7) for run in (0, 1)]
    assert first[0] == first[1]
    counts = [len(events.of("block", run)) for run in (0, 1)]
    assert abs(counts[0] - counts[1]) <= 1
    assert min(counts) >= 15


def test_what_is_never_reached_is_said_with_the_best(train):
    events = train(until=1.0, epochs=1)
    assert events.statuses() == {0: "finished"}, "its epochs are done"
    [note] = [note for note in notes(events) if note["code"] == "accuracy_not_reached"]
    assert note["facts"] == {"target_pct": 100.0, "best_pct": 100 * max(accuracies(events))}
    assert messages.sentence(note["code"], note["facts"])


def test_out_of_time_before_it_is_reached(train):
    events = train(until=1.0, max_seconds=0.05)
    assert events.statuses() == {0: "out_of_time"}
    assert "accuracy_not_reached" in [note["code"] for note in notes(events)]


def test_without_test_images_no_accuracy_is_known(run_job):
    events = run_job(until_accuracy=0.5)  # random images
    assert events.statuses() == {0: "finished"}
    assert "accuracy_unknown" in [note["code"] for note in notes(events)]


def test_the_others_know_nothing_of_it(run_job):
    assert notes(run_job(epochs=2)) == []
