"""A job in which something fails: what it tells of it, and what it leaves alone."""

import math

import pytest
import torch

from core.measure import anatomy, feeds, job
from core.measure.failures import ProcessSpoilt
from core.measure.trainee import Trainee
from core.records import Setup
from tests.builders import make_setup

ONE, OTHER = Setup(threads=1), Setup(threads=1, data_path="loader")
SLOW = "synthetic:1x28x28,images=6400"


def numbers_in(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from numbers_in(item)
    elif isinstance(value, (int, float)):
        yield value


def turns(events):
    return "".join("AB"[event["run"]] for event in events.of("block"))


def test_a_setup_that_cant_be_built_leaves_the_others_alone(run_job, monkeypatch):
    def broken(self, batch):
        raise RuntimeError("the bus is on fire\nat line 3")

    monkeypatch.setattr(feeds.LoaderFeed, "to_device", broken)
    events = run_job(OTHER, ONE)
    assert events.error is None
    assert events.statuses() == {0: "failed", 1: "finished"}
    (end,) = events.of("run_end", 0)
    assert end["failure"] == {"code": "torch_failed", "facts": {"problem": "the bus is on fire"}}
    assert {event["run"] for event in events.of("block")} == {1}


def test_a_setup_that_fails_on_its_way_keeps_its_blocks(run_job, monkeypatch):
    block = Trainee.block

    def limited(self, seconds, lead_in):
        if self.spec.setup == OTHER and self.progress.spent_s > 0:
            raise RuntimeError("gone")
        return block(self, seconds, lead_in)

    monkeypatch.setattr(Trainee, "block", limited)
    events = run_job(ONE, OTHER)
    assert events.statuses() == {0: "finished", 1: "failed"}
    assert turns(events).count("B") == 1
    assert turns(events).count("A") >= job._FEWEST_BLOCKS


@pytest.mark.parametrize("max_seconds", [20.0, 0.01])
def test_all_may_fail_at_their_very_end(max_seconds, run_job, monkeypatch):
    def broken(trainee, max_seconds):
        raise RuntimeError("no")

    monkeypatch.setattr(anatomy, "dissect", broken)
    events = run_job(ONE, OTHER, max_seconds=max_seconds)
    assert events.error is None
    assert events.statuses() == {0: "failed", 1: "failed"}
    assert len(events.of("run_end")) == 2


def test_a_full_memory_names_the_batch_that_fits(run_job, monkeypatch):
    monkeypatch.setattr(torch.accelerator, "empty_cache", lambda: None)
    fetch = feeds.LoaderFeed.fetch

    def limited(self):
        if self._batch_size > 16:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return fetch(self)

    monkeypatch.setattr(feeds.LoaderFeed, "fetch", limited)
    events = run_job(OTHER, ONE)
    assert events.statuses() == {0: "failed", 1: "finished"}
    facts = {"device": "cpu", "batch_size": 64, "fits": 16}
    assert events.of("run_end", 0)[0]["failure"] == {"code": "out_of_memory_fits", "facts": facts}


def test_a_lost_device_ends_the_job_and_the_process(run_job, monkeypatch):
    block = Trainee.block

    def lost(self, seconds, lead_in):
        if self.spec.setup == OTHER:
            raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")
        return block(self, seconds, lead_in)

    monkeypatch.setattr(Trainee, "block", lost)
    events = run_job(ONE, OTHER)
    assert isinstance(events.error, ProcessSpoilt)
    assert events.error.code == "device_failed"
    assert events.error.facts["problem"].startswith("CUDA error: an illegal memory access")
    assert events.statuses() == {1: "failed"}
    assert turns(events) in ("", "A")  # whoever was first


def test_a_diverging_training_is_a_note_and_no_failure(run_job):
    events = run_job(learning_rate=1e6)
    assert events.statuses() == {0: "finished"}
    (note,) = events.of("note")
    assert note["note"]["code"] == "diverged"
    assert events.of("block")[-1]["block"]["loss"] is None
    assert all(math.isfinite(number) for event in events for number in numbers_in(event))


@pytest.mark.parametrize(
    ("work", "code"),
    [
        ({"batch_size": 641}, "batch_too_large"),
        ({"model": "resnet81"}, "unknown_model"),
        ({"dataset": "synthetic:1x8x8,images=64", "model": "cnn"}, "images_too_small"),
        ({"model": "squeezenet1_1", "task": "extract"}, "no_features"),
        ({"dataset": "synthetic:x"}, "bad_synthetic"),
        ({"model": "resnet18", "batch_size": 1, "dataset": "synthetic:3x32x32,images=4"}, "batch_needs_two"),
    ],
)
def test_a_workload_that_cant_be_refuses_the_whole_job(work, code, run_job):
    events = run_job(ONE, OTHER, **work)
    assert events.error.code == code
    assert type(events.error).__name__ == "InputError"
    assert events.of("block") == []


def test_a_device_that_isnt_here_is_refused_before_anything_is_prepared(run_job):
    events = run_job(ONE, make_setup(device="cuda:7"))
    assert events.error.code == "unknown_device"
    assert list(events) == []
