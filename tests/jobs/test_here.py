"""This machine as a place to measure, in the same calls as any other."""

import gc

import pytest

from core.errors import MeasurementError
from core.runs.elsewhere.here import ThisMachine
from tests.jobs.children import job, until


@pytest.fixture
def here(serve):
    return ThisMachine(serve())


def test_this_machine_tells_what_it_has(here):
    (target,) = here.targets()
    assert (target.node, target.device, target.count, target.state) == (None, "cpu", 1, "free")
    assert (target.kind, target.id) == (target.machine.cpu.model, "here/cpu")
    assert dict(target.packages)["torch"]


def test_this_machine_tells_the_events_of_a_job(here):
    (target,) = here.targets()
    events = list(here.submit("mine", job("quick"), target))
    kinds = [event["type"] for event in events]
    assert kinds[0] == "placed"
    assert kinds.index("surroundings") < kinds.index("setup")
    assert [kind for kind in kinds if kind in ("block", "epoch", "run_end")] == ["block"] * 3 + [
        "epoch",
        "run_end",
    ]
    assert (kinds[-1], events[-1]["runs"][0]["status"]) == ("results", "finished")


def test_a_job_of_this_machine_is_cancelled(here):
    (target,) = here.targets()
    events = here.submit("mine", job("endless"), target)
    told = []
    for event in events:
        told.append(event["type"])
        if event["type"] == "block":
            here.cancel("mine")
    assert told[-1] == "results"
    here.cancel("mine")


def test_events_that_nobody_reads_end_with_who_asked_for_them(here):
    (target,) = here.targets()
    here.submit("mine", job("endless"), target)
    gc.collect()
    until(lambda: here.targets()[0].state == "free")


def test_a_busy_machine_of_ours_isnt_waited_for_longer_than_was_said(here):
    (target,) = here.targets()
    first = here.submit("first", job("endless"), target)
    assert next(first)["type"] == "placed"
    assert here.targets()[0].state == "busy"
    with pytest.raises(MeasurementError) as refusal:
        list(here.submit("second", job("quick"), target, wait_s=0.0))
    assert refusal.value.code == "target_busy"
    here.close()
    assert [event["type"] for event in first][-1] == "results"
