"""What explains a job's runs, once all are measured: the article's lines tried, single steps watched."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from core.errors import MeasurementError
from core.measure import job
from core.measure.trainee import Trainee
from core.records import JobSpec, Setup
from tests.builders import make_workload
from tests.measure.test_job_events import ONE, OTHER, numbers_in


def test_single_steps_are_watched_and_lines_tried_when_everything_is_timed(run_job):
    events = run_job(ONE, OTHER, trace=True, lessons=True)
    kinds = [event["type"] for event in events]
    last_timed = max(place for place, kind in enumerate(kinds) if kind == "run_end")
    after = kinds[last_timed + 1 :]
    assert after == ["lessons", "lessons", "trace", "trace"], "the profiler comes last"
    assert [event["run"] for event in events.of("trace")] == [0, 1]
    assert events.statuses() == {0: "finished", 1: "finished"}
    assert all(math.isfinite(number) for event in events for number in numbers_in(event))


@pytest.mark.parametrize(
    ("asked", "method", "code"),
    [("trace", "watch", "trace_failed"), ("lessons", "try_lessons", "lessons_failed")],
)
def test_looking_closer_takes_nothing_from_a_run_where_it_fails(run_job, monkeypatch, asked, method, code):
    def broken(trainee, max_seconds):
        raise RuntimeError("no such profiler")

    monkeypatch.setattr(Trainee, method, broken)
    events = run_job(**{asked: True})
    [note] = [event["note"] for event in events.of("note") if "failed" in event["note"]["code"]]
    assert note == {"code": code, "facts": {"problem": "no such profiler"}}
    assert events.statuses() == {0: "finished"}
    assert events.of(asked) == []


def test_a_step_that_takes_too_long_to_be_watched_is_told(run_job, monkeypatch):
    def slow(trainee, max_seconds):
        raise MeasurementError("trace_too_slow")

    monkeypatch.setattr(Trainee, "watch", slow)
    codes = [event["note"]["code"] for event in run_job(trace=True).of("note")]
    assert "trace_too_slow" in codes


def test_nothing_is_watched_unasked(run_job):
    events = run_job()
    assert events.of("trace") == events.of("lessons") == []


@pytest.mark.parametrize(
    ("device", "trace", "used_up"), [("cpu", True, False), ("cuda:0", False, False), ("cuda:0", True, True)]
)
def test_a_process_whose_accelerator_was_profiled_is_used_up(device, trace, used_up):
    """What listens to the driver may slow down all later launches: the next job gets a new process."""
    trainee = SimpleNamespace(spec=SimpleNamespace(setup=Setup(device)))
    asked = JobSpec(make_workload(), (Setup(device),), trace=trace)
    assert job._profiled_elsewhere(job._Contestant(0, trainee), asked) is used_up
