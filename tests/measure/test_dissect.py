"""The instrumented pass: the right stages for each task and data path, each step in full."""

import time

import pytest
import torch

from core.measure import anatomy, devices, trainee
from core.measure.trainee import Trainee
from tests.builders import make_spec


@pytest.fixture
def warm(tiny_data, monkeypatch):
    monkeypatch.setattr(trainee, "_TEACHING_STEPS", 1)
    monkeypatch.setattr(anatomy, "_STEPS", (5, 12))

    def make(**changes):
        made = Trainee(make_spec(**{"threads": 1, **changes}), tiny_data, 1, time.perf_counter())
        made.warm_up(20.0, None, 0.0)
        return made

    return make


@pytest.mark.parametrize(
    ("task", "path", "stages"),
    [
        ("train", "loader", ["load", "copy", "forward", "backward", "optimiser"]),
        ("train", "resident", ["load", "forward", "backward", "optimiser"]),
        ("classify", "loader", ["load", "copy", "forward"]),
        ("classify", "resident", ["load", "forward"]),
        ("extract", "loader", ["load", "copy", "forward", "copy_back"]),
        ("extract", "resident", ["load", "forward", "copy_back"]),
    ],
)
def test_the_stages_are_those_of_the_task_and_its_data_path(task, path, stages, warm):
    found = anatomy.dissect(warm(task=task, data_path=path), 60.0)
    assert found.clock == "host"
    assert [item.stage for item in found.stages] == stages
    assert {len(item.seconds) for item in found.stages} == {12}
    assert all(value >= 0 for item in found.stages for value in item.seconds)


def test_the_stages_add_up_to_the_whole(warm, monkeypatch):
    """On a clock that ticks once a look, every stage takes one tick and nothing lies between them."""
    ticks = iter(range(1_000_000))
    made = warm(data_path="loader")
    monkeypatch.setattr(anatomy.time, "perf_counter_ns", lambda: next(ticks) * 10**9)
    found = anatomy.dissect(made, 60.0)
    assert {value for item in found.stages for value in item.seconds} == {1.0}
    assert next(ticks) == 12 * 5 + 1


@pytest.mark.parametrize(("step_s", "steps"), [(1e-9, 12), (2.0 / 7, 7), (1e9, 5)])
def test_a_slow_model_is_looked_at_for_fewer_steps(step_s, steps, warm):
    made = warm()
    made.step_s = step_s
    assert {len(item.seconds) for item in anatomy.dissect(made, 60.0).stages} == {steps}


def test_it_is_the_loops_step_that_is_dissected(warm):
    """As many steps of the loop end at the same weights."""
    dissected, looped = warm(learning_rate=0.1), warm(learning_rate=0.1)
    anatomy.dissect(dissected, 60.0)
    looped._loop(anatomy._SETTLE_STEPS + 12, [])
    for name, value in looped.model.state_dict().items():
        torch.testing.assert_close(dissected.model.state_dict()[name], value)


def test_a_short_job_is_dissected_shortly(warm):
    made = warm()
    made.step_s = 0.01
    assert {len(item.seconds) for item in anatomy.dissect(made, 0.7).stages} == {7}


@pytest.mark.parametrize("task", ["classify", "extract"])
def test_inference_is_dissected_without_gradients(task, warm):
    made = warm(task=task)
    modes = []
    made.model.register_forward_hook(lambda *_: modes.append(torch.is_inference_mode_enabled()))
    anatomy.dissect(made, 60.0)
    assert set(modes) == {True}


def test_it_runs_as_its_setup_says(warm, monkeypatch):
    made = warm(threads=2, precision="bf16")
    seen = set()
    made.model.register_forward_hook(lambda _, __, out: seen.add((torch.get_num_threads(), out.dtype)))
    waits = []
    monkeypatch.setattr(devices, "synchronise", waits.append)
    anatomy.dissect(made, 60.0)
    assert seen == {(2, torch.bfloat16)}
    assert len(waits) == 2  # before the first stamp and after the last, never in between


def test_on_a_device_the_stamps_are_events_in_its_queue(monkeypatch):
    recorded = []

    class Event:
        def __init__(self, device, enable_timing):
            assert enable_timing

        def record(self):
            self.at_ms = 250.0 * len(recorded)
            recorded.append(self)

        def elapsed_time(self, later):
            return later.at_ms - self.at_ms

    monkeypatch.setattr(torch, "Event", Event)
    stamps = anatomy._DeviceStamps(torch.device("cuda:0"), 5)
    for _ in range(4):
        stamps.mark()
    assert stamps.seconds() == [0.25] * 3
    assert len(set(map(id, recorded))) == 4
