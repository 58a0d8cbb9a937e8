"""A watched step as a sequence: actors, messages in order, bars that stay few; and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.analysis.flow import MOST_BARS, flow
from core.analysis.soundness import refuse_unsound
from core.errors import InputError
from core.records import Span
from tests.builders import make_result, make_spec
from tests.traces import (
    BATCH_BYTES,
    LINES,
    make_gpu_trace,
    make_gpu_watched,
    make_many,
    make_trace,
    make_watched,
)


def said(drawn):
    return [(message.code, message.sender, message.receiver) for message in drawn.messages]


def changed(run, moment="warm", **changes):
    """The run with one of its steps changed."""
    steps = tuple(replace(step, **changes) if step.moment == moment else step for step in run.trace.steps)
    return replace(run, trace=replace(run.trace, steps=steps))


def with_span(run, span):
    return changed(run, spans=(*run.trace.steps[1].spans, span))


def test_on_the_cpu_the_script_waits_for_each_answer():
    drawn = flow(make_watched())
    assert drawn.actors == ("user", "script", "memory", "device")
    assert said(drawn) == [
        ("begin", "user", "script"),
        ("fetch", "script", "memory"),
        ("batch", "memory", "script"),
        ("stays", "script", "memory"),
        ("compute", "script", "device"),
        ("done", "device", "script"),
        ("compute", "script", "device"),
        ("done", "device", "script"),
        ("compute", "script", "device"),
        ("done", "device", "script"),
        ("compute", "script", "device"),
        ("done", "device", "script"),
        ("loss", "script", "user"),
    ]
    assert [message.number for message in drawn.messages] == list(range(1, 14))
    forward = drawn.messages[4]
    assert (forward.line, forward.count, forward.flops) == (5, 3, 51_380_224 + 655_360)
    assert forward.busy_s == pytest.approx(0.13)
    assert drawn.messages[2].moved_bytes == BATCH_BYTES
    assert drawn.end_s == drawn.step_s == pytest.approx(0.4)


def test_on_a_gpu_it_asks_and_goes_on():
    drawn = flow(make_gpu_watched())
    assert drawn.actors == ("user", "script", "memory", "bus", "device")
    assert said(drawn) == [
        ("begin", "user", "script"),
        ("fetch", "script", "memory"),
        ("batch", "memory", "script"),
        ("copy", "script", "bus"),
        ("arrives", "bus", "device"),
        ("ready", "device", "script"),
        ("launch", "script", "device"),
        ("launch", "script", "device"),
        ("launch", "script", "device"),
        ("launch", "script", "device"),
        ("loss", "script", "user"),
    ]
    launches = [message for message in drawn.messages if message.code == "launch"]
    assert [message.count for message in launches] == [6, 2, 8, 4]
    assert all(message.received_s - message.sent_s == pytest.approx(100e-6) for message in launches)
    assert drawn.end_s > drawn.step_s, "the device is still busy when the script is done"


def test_a_result_that_is_copied_back_is_asked_for_and_arrives():
    back = Span("bus", "Memcpy DtoH (Device -> Pageable)", 500e-6, 520e-6, 9, None, 7, 490e-6, moved_bytes=4096)
    found = said(flow(with_span(make_gpu_watched(), back)))
    assert ("return", "script", "bus") in found
    assert ("returned", "bus", "script") in found


def test_of_the_cpus_first_step_each_line_says_whom_it_asks():
    drawn = flow(make_watched(), "cold")
    assert {bar.actor for bar in drawn.bars} == {"script"}
    assert [message.code for message in drawn.messages] == [
        "begin",
        "fetch",
        "batch",
        *["compute", "done"] * 5,
        "loss",
    ]
    asked, done = drawn.messages[3:5]
    assert (asked.line, asked.sent_s, done.received_s) == (5, pytest.approx(0.215), pytest.approx(0.955))


def test_of_a_gpus_first_step_the_scripts_side_alone_is_known():
    drawn = flow(make_gpu_watched(), "cold")
    assert said(drawn) == [
        ("begin", "user", "script"),
        ("ready", "device", "script"),
        ("loss", "script", "user"),
    ]
    assert {bar.actor for bar in drawn.bars} == {"script"}
    assert drawn.step_s == pytest.approx(sum(gpu / 100 for *_line, gpu in LINES) + 0.01)


def test_thousands_of_spans_become_few_bars_and_nothing_is_lost():
    run = make_gpu_watched(trace=make_many(2000))
    drawn = flow(run)
    assert MOST_BARS / 3 < len(drawn.bars) <= MOST_BARS, "few, but not one long block"
    kernels = [bar for bar in drawn.bars if bar.actor == "device"]
    assert sum(bar.count for bar in kernels) == 2000
    assert sum(bar.flops for bar in kernels) == pytest.approx(2000 * 1e6)
    assert sum(bar.busy_s for bar in kernels) == pytest.approx(2000 * 0.8e-5)
    [launch] = [message for message in drawn.messages if message.code == "launch"]
    assert launch.count == 2000


def test_few_spans_are_left_as_they_are():
    run = make_watched()
    assert len(flow(run).bars) == len(run.trace.steps[1].spans)


@pytest.mark.parametrize(
    "run",
    [make_result(), make_watched(trace=make_trace(steps=())), changed(make_watched(), spans=())],
    ids=["older", "no steps", "no spans"],
)
def test_without_spans_there_is_nothing_to_draw(run):
    assert flow(run) is None


def test_a_trace_that_was_cut_off_says_by_how_much():
    assert flow(changed(make_watched(), left_out=12)).left_out == 12


@pytest.mark.parametrize(
    ("span", "problem"),
    [
        (Span("device", "aten::mm", -0.1, 0.01, 7), "below 0"),
        (Span("device", "aten::mm", 0.3, 0.2, 7), "ends before it starts"),
        (Span("device", "aten::mm", 0.22, 0.3, 7), "two things at once"),
        (Span("device", "aten::mm", 0.396, 0.397, 99), "lines"),
        (Span("device", "aten::mm", 0.396, 0.397, 7, issued_s=0.399), "its own"),
        (Span("device", "aten::mm", 0.396, 0.397, 7, flops=-1.0), "below 0"),
        (Span("memory", "gather", 0.03, 0.05, 1, moved_bytes=-1), "below 0"),
        (Span("script", "fetch", 0.1, 0.11, 1), "two things at once"),
    ],
)
def test_clock_readings_that_cannot_be_are_refused_with_a_reason(span, problem):
    run = with_span(make_watched(), span)
    for refuse in (flow, refuse_unsound):
        with pytest.raises(InputError) as caught:
            refuse(run)
        assert caught.value.code == "malformed_record"
        assert problem in caught.value.facts["problem"]


@pytest.mark.parametrize("change", [{"watched_s": (0.0,)}, {"batch_bytes": -1}])
def test_a_trace_that_cannot_be_is_refused(change):
    with pytest.raises(InputError):
        refuse_unsound(make_watched(trace=make_trace(**change)))


def test_streams_may_work_side_by_side():
    other = Span("device", "nccl", 300e-6, 900e-6, 7, "backward", 20, 250e-6)
    assert flow(with_span(make_gpu_watched(), other)) is not None


def test_the_records_of_a_trace_survive_a_file():
    from core.codec import from_plain, to_plain
    from core.records import Trace

    for trace in (make_trace(), make_gpu_trace()):
        assert from_plain(Trace, to_plain(trace)) == trace


def test_another_task_ends_with_its_own_result():
    run = make_watched(spec=make_spec(task="classify", data_path="loader"))
    assert flow(run).messages[-1].code == "answers"
