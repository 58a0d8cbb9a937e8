"""A job as its events tell it: turns, ends, failures; nothing in them that JSON can't say."""

import dataclasses
import gc
import itertools
import math
import random

import pytest
import torch

from core.measure import devices, feeds, job
from core.measure.trainee import Trainee
from core.records import Device, JobSpec, Limits, Setup
from core.runs.queue.assemble import Assembly
from tests.builders import make_setup, make_workload

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


# --- the order of things


def test_one_setup_from_beginning_to_end(run_job):
    events = run_job()
    kinds = [event["type"] for event in events]
    assert kinds[0] == "data"
    order = [kind for kind, before in zip(kinds, [None, *kinds], strict=False) if kind != before]
    assert [kind for kind in order if kind not in ("block", "epoch")] == [
        "data",
        "setup",
        "warm",
        "anatomy",
        "run_end",
    ]
    assert events.error is None
    assert events.statuses() == {0: "finished"}
    assert [event["epoch"]["epoch"] for event in events.of("epoch")] == [1, 2]
    assert len(events.of("block")) >= 15
    assert all(math.isfinite(number) for event in events for number in numbers_in(event))
    warm = events.of("warm")[0]
    assert (warm["threads"], warm["steps_per_epoch"], warm["losses"]) == (1, 10, [])
    assert (warm["data"]["train_samples"], warm["data"]["parameters"]) == (640, 407_050)
    assert warm["cold_start"]["worker_start_s"] == 1.5


def test_its_events_fold_into_a_result(run_job):
    spec = JobSpec(make_workload(epochs=2), (ONE, OTHER), 20.0)
    assembly = Assembly("job", spec, "")
    for event in run_job(ONE, OTHER):
        assembly.add(event)
    for run in assembly.runs:
        assert (run.phase, run.status, run.failure) == ("over", "finished", None)
        assert len(run.first_losses) == 10
        assert sum(block.steps for block in run.blocks if block.epoch <= 2) == 20
    one, other = assembly.runs
    torch.testing.assert_close(one.first_losses, other.first_losses)
    assert one.data == other.data
    assert [len(run.anatomy.stages) for run in assembly.runs] == [4, 5]


def test_turns_are_taken_in_rounds_that_go_forth_and_back(run_job, monkeypatch):
    taken = []
    block = Trainee.block
    monkeypatch.setattr(
        Trainee, "block", lambda self, seconds, lead_in: taken.append(lead_in) or block(self, seconds, lead_in)
    )
    order = turns(run_job(ONE, OTHER))
    rounds = [order[i : i + 4] for i in range(0, len(order), 4)]
    assert len(rounds) >= 8
    assert set(rounds) == {"ABBA", "BAAB"}  # who begins is drawn
    # only a block that follows the other setup's has lost its warmth
    assert [seconds > 0 for seconds in taken] == [False, *(a != b for a, b in itertools.pairwise(order))]
    assert turns(run_job(ONE, OTHER))[:32] == order[:32]  # by the seed
    assert turns(run_job(ONE, OTHER, seed=1))[:32] != order[:32]


def test_who_is_done_first_leaves_the_other_to_finish(run_job, monkeypatch):
    """With a budget that one setup spends at once, the other goes on alone."""
    spend = Trainee.block

    def block(self, seconds, lead_in):
        done = spend(self, seconds, lead_in)
        self.progress.spent_s += 100.0 if self.spec.setup == ONE else 0.0
        return done

    monkeypatch.setattr(Trainee, "block", block)
    events = run_job(ONE, OTHER)
    order = turns(events)
    assert order.count("A") == 1
    assert order.count("B") >= 15
    assert events.statuses()[1] == "finished"
    assert [note["note"] for note in events.of("note")] == [
        {"code": "stopped_by_time", "facts": {"target_pct": 100.0}},
    ]


def test_three_setups_take_turns_too(run_job):
    bf16 = make_setup(precision="bf16", threads=1)
    order = [event["run"] for event in run_job(ONE, OTHER, bf16).of("block")]
    for i in range(0, len(order), 6):
        there, back = order[i : i + 3], order[i + 3 : i + 6]
        assert sorted(there) == [0, 1, 2]
        assert back == there[::-1]


def test_each_run_is_dissected_after_its_last_block(run_job):
    events = run_job(ONE, OTHER)
    for run in (0, 1):
        own = [event["type"] for event in events if event.get("run") == run]
        assert own[-2:] == ["anatomy", "run_end"]
        assert own.count("anatomy") == own.count("run_end") == 1


@pytest.mark.parametrize("task", ["classify", "extract"])
def test_the_other_tasks(task, run_job, monkeypatch):
    monkeypatch.setattr("core.measure.trainee._TEACHING_STEPS", 5)
    events = run_job(task=task, epochs=1)
    assert events.statuses() == {0: "finished"}
    assert {event["block"]["loss"] for event in events.of("block")} == {None}
    assert all(event["losses"] == [] for event in events.of("block"))
    assert len(events.of("warm")[0]["losses"]) == 10  # the proof comes with the warm-up
    assert [event["epoch"]["train_loss"] for event in events.of("epoch")] == [None]


# --- time


def test_a_small_budget_ends_a_slow_run(run_job):
    events = run_job(max_seconds=0.05, dataset=SLOW, epochs=1000)
    assert events.statuses() == {0: "out_of_time"}
    (record,) = events.of("epoch")[-1:]
    assert record["epoch"]["steps"] == sum(
        event["block"]["steps"]
        for event in events.of("block")
        if event["block"]["epoch"] == record["epoch"]["epoch"]
    )
    assert len(events.of("anatomy")) == 1


def test_time_ends_where_the_budget_does(run_job, monkeypatch):
    """On a clock where each block takes a second, five seconds are five blocks."""
    block = Trainee.block

    def a_second(self, seconds, lead_in):
        before = self.progress.spent_s
        done = block(self, 0.0, lead_in)
        self.progress.spent_s = before + 1.0
        return done

    monkeypatch.setattr(Trainee, "block", a_second)
    events = run_job(max_seconds=5.0, epochs=1000)
    assert len(events.of("block")) == 5
    assert events.statuses() == {0: "out_of_time"}


def test_enough_blocks_are_timed_even_of_a_short_training(run_job):
    events = run_job(epochs=1)
    assert job._FEWEST_BLOCKS <= len(events.of("block")) < job._FEWEST_BLOCKS + 2
    assert len(events.of("epoch")) == 1
    extra = [event for event in events.of("block") if event["block"]["epoch"] > 1]
    assert extra


def test_a_rough_job_ends_each_setup_as_soon_as_its_ratio_is_known(run_job, monkeypatch):
    asked = []

    def known(stopping, baseline, other):
        asked.append((baseline, other))
        return other == 2 or len(stopping._blocks[other]) >= 12

    monkeypatch.setattr(job.Stopping, "known", known)
    events = run_job(ONE, OTHER, Setup(threads=1, fused=True), rough=True, epochs=1000)
    blocks = {run: len(events.of("block", run)) for run in range(3)}
    assert blocks == {0: 12, 1: 12, 2: 6}  # in rounds of two; with the last of the others the baseline ends
    assert set(asked) == {(0, 1), (0, 2)}
    assert events.statuses() == dict.fromkeys(range(3), "out_of_time")  # of a thousand epochs
    assert {event["note"]["code"] for event in events.of("note")} >= {"stopped_by_interval"}


def test_without_its_baseline_a_rough_job_ends(run_job, monkeypatch):
    def broken(self, seconds, lead_in):
        if self.spec.setup == ONE:
            raise RuntimeError("lost")
        return block(self, seconds, lead_in)

    block = Trainee.block
    monkeypatch.setattr(Trainee, "block", broken)
    events = run_job(ONE, OTHER, rough=True, epochs=1000)
    assert events.statuses() == {0: "failed", 1: "out_of_time"}
    assert len(events.of("block", 1)) <= 2


@pytest.mark.parametrize(("target_pct", "code"), [(100.0, "stopped_by_interval"), (0.1, "stopped_by_time")])
def test_measuring_goes_on_until_the_ratio_is_known_well_enough(target_pct, code, run_job, monkeypatch):
    """Blocks that differ by a tenth, on a clock of which nothing else depends."""
    chance = random.Random(0)
    block = Trainee.block

    def scattered(self, seconds, lead_in):
        before = self.progress.spent_s
        done, losses = block(self, 0.0, lead_in)
        self.progress.spent_s = before + 0.125
        return dataclasses.replace(done, duration_s=0.125 * chance.lognormvariate(0, 0.1)), losses

    monkeypatch.setattr(Trainee, "block", scattered)
    events = run_job(ONE, OTHER, max_seconds=6.0, target_pct=target_pct)
    assert {run: status for run, status in events.statuses().items() if status != "finished"} == {}
    assert [note["note"] for note in events.of("note")] == [
        {"code": code, "facts": {"target_pct": target_pct}}
    ] * 2
    blocks = [turns(events).count(setup) for setup in "AB"]
    assert blocks[0] == blocks[1] == (48 if code == "stopped_by_time" else blocks[0])
    assert blocks[0] >= 20  # both epochs, in blocks of one step


def test_one_setup_alone_has_no_ratio_to_wait_for(run_job):
    events = run_job(target_pct=0.1)
    assert events.of("note") == []
    assert len(events.of("block")) < 40


def test_who_waits_for_others_keeps_pace_in_short_blocks(run_job, monkeypatch):
    asked = {ONE: [], OTHER: []}
    block = Trainee.block

    def noted(self, seconds, lead_in):
        asked[self.spec.setup].append((self.epochs_done, seconds))
        return block(self, 0.0 if self.spec.setup == OTHER else 1e9, lead_in)

    monkeypatch.setattr(Trainee, "block", noted)
    monkeypatch.setattr(job, "_block_seconds", lambda trainee, spec: 7.0)
    run_job(ONE, OTHER)  # two blocks are the first's work, twenty the second's
    assert asked[ONE][:2] == [(False, 7.0)] * 2
    assert set(asked[ONE][2:18]) == {(True, job._RESTING_SECONDS)}
    assert asked[OTHER][:20] == [(False, 7.0)] * 20


@pytest.mark.parametrize(
    ("step_s", "max_seconds", "spent_s", "seconds"),
    [
        (0.0001, 60.0, 0.0, 0.05),  # 20 steps in all: as short as a block may be
        (0.3, 60.0, 0.0, 0.2),  # a thirtieth of the whole
        (60.0, 3600.0, 0.0, 0.5),  # as long as a block may be
        (60.0, 60.0, 59.7, 0.3),  # what is left of the time
        (60.0, 60.0, 59.99, 0.05),
        (10.0, 6.0, 0.0, 0.2),  # a thirtieth of the time that there is
    ],
)
def test_how_long_a_block_is(step_s, max_seconds, spent_s, seconds):
    class Paced:
        steps_per_epoch = 10
        progress = type("Progress", (), {})

    Paced.step_s, Paced.progress.spent_s = step_s, spent_s
    spec = JobSpec(make_workload(epochs=2), (ONE,), max_seconds)
    assert job._block_seconds(Paced, spec) == pytest.approx(seconds, abs=1e-9)


# --- the device's own paths, on a device that only pretends


def test_each_block_is_synchronised_at_its_two_ends_only(run_job, monkeypatch):
    waits, steps = [], []
    monkeypatch.setattr(devices, "synchronise", lambda device: waits.append(len(steps)))
    fetch = feeds.ResidentFeed.fetch
    monkeypatch.setattr(feeds.ResidentFeed, "fetch", lambda self: steps.append(1) or fetch(self))
    events = run_job(max_seconds=1000.0)  # one setup: no leading in
    warm = events.of("warm")[0]["cold_start"]["warm_up_steps"] + 1
    blocks = [event["block"]["steps"] for event in events.of("block")]
    expected, done = [], 0
    for count in [*[1] * warm, *blocks]:
        expected += [done, done + count]
        done += count
    assert waits[: len(expected)] == expected
    assert len(waits) == len(expected) + 2  # the dissection's own two


def test_the_devices_of_a_job_are_looked_up_in_what_the_worker_found(run_job, monkeypatch):
    monkeypatch.setattr(devices, "available", lambda: (Device("cpu", "Test CPU"), Device("xpu:0", "Test XPU")))
    events = run_job(make_setup(device="cuda:0"))
    assert events.error.facts["available"] == "cpu, xpu:0"


def test_what_is_built_is_left_out_of_later_collections(run_job, monkeypatch):
    monkeypatch.setattr(job, "gc", gc)
    frozen = []
    block = Trainee.block
    monkeypatch.setattr(Trainee, "block", lambda *args: frozen.append(gc.get_freeze_count()) or block(*args))
    run_job()
    assert min(frozen) > 0
    assert gc.get_freeze_count() == 0


@pytest.mark.parametrize(
    ("trouble", "code"),
    [(None, None), (RuntimeError("no such operator"), "limits_failed"), (MemoryError(), "limits_failed")],
)
def test_limits_that_cant_be_measured_take_nothing_from_the_run(run_job, monkeypatch, trouble, code):
    def measured(trainee):
        if trouble is not None:
            raise trouble
        return Limits(1.0, ())

    monkeypatch.setattr(Trainee, "limits", measured)
    events = run_job(limits=True)
    assert events.statuses() == {0: "finished"}
    assert [event["note"]["code"] for event in events.of("note") if "limits" in event["note"]["code"]] == (
        [code] if code else []
    )
    assert len(events.of("limits")) == (trouble is None)


def test_limits_arent_measured_where_a_step_takes_too_long_for_them(run_job, monkeypatch):
    monkeypatch.setattr(job, "_STEPS_OF_LIMITS", 1e9)
    events = run_job(limits=True)
    assert [event["note"]["code"] for event in events.of("note")] == ["limits_too_slow"]
    assert events.of("limits") == []
    assert events.statuses() == {0: "finished"}
