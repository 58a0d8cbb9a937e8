"""The trace file has the fields that the Trace Event Format asks for, and all that was watched."""

from __future__ import annotations

import json

import pytest

from core.errors import InputError
from core.records import Span
from core.runs.files.chrome_trace import chrome_trace
from tests.builders import make_result
from tests.traces import make_gpu_watched, make_trace, make_watched

RUNS = (make_watched(), make_gpu_watched())


def events(kind=None):
    found = json.loads(json.dumps(chrome_trace(RUNS), allow_nan=False))["traceEvents"]
    return [event for event in found if kind in (None, event["ph"])]


def test_the_file_has_the_formats_fields():
    document = chrome_trace(RUNS)
    assert set(document) == {"traceEvents", "displayTimeUnit", "otherData"}
    assert document["displayTimeUnit"] in ("ms", "ns")
    for event in events():
        assert {"name", "ph", "ts", "pid", "tid"} <= set(event), event
        assert event["ph"] in ("X", "M", "s", "f")
        assert all(type(event[name]) in (int, float) for name in ("ts", "pid", "tid"))
    for event in events("X"):
        assert event["dur"] >= 0
        assert isinstance(event["args"], dict)
        assert isinstance(event["cat"], str)


def test_every_span_of_every_step_is_there_in_microseconds():
    spans = [span for run in RUNS for step in run.trace.steps for span in step.spans]
    found = events("X")
    assert len(found) == len(spans)
    for event, span in zip(found, spans, strict=True):
        assert (event["name"], event["ts"]) == (span.label, pytest.approx(1e6 * span.start_s))
        assert event["dur"] == pytest.approx(1e6 * (span.end_s - span.start_s))
    codes = {event["args"].get("code") for event in found}
    assert codes >= {"loss.backward()", "optimiser.step()", "batch = next(batches)"}


def test_steps_are_processes_and_actors_threads_with_names():
    named = {
        (event["pid"], event["tid"]): event["args"]["name"]
        for event in events("M")
        if event["name"] == "thread_name"
    }
    used = {(event["pid"], event["tid"]) for event in events("X")}
    assert used == set(named)
    processes = {
        event["pid"]: event["args"]["name"] for event in events("M") if event["name"] == "process_name"
    }
    assert len(processes) == 4
    assert sum("cold step" in name for name in processes.values()) == 2
    assert len({event["tid"] for event in events("X") if event["pid"] == 4}) == 4, (
        "script, memory, and a stream each"
    )


def test_what_was_asked_for_is_tied_to_what_was_done():
    asked, done = ({event["id"]: event for event in events(kind)} for kind in "sf")
    issued = [
        span for run in RUNS for step in run.trace.steps for span in step.spans if span.issued_s is not None
    ]
    assert len(asked) == len(done) == len(issued) > 10
    assert set(asked) == set(done)
    assert all(done[key]["bp"] == "e" and asked[key]["ts"] <= done[key]["ts"] for key in asked)


def test_runs_without_a_watched_step_leave_it_empty():
    assert chrome_trace((make_result(),))["traceEvents"] == []


def test_unsound_spans_are_not_written():
    bad = make_trace().steps[1]
    bad = type(bad)(bad.moment, bad.instrument, bad.duration_s, (*bad.spans, Span("device", "x", 0.3, 0.2, 7)))
    with pytest.raises(InputError):
        chrome_trace((make_watched(trace=make_trace(steps=(bad,))),))
