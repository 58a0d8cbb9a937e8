"""The profiler's file read as spans: what was asked for when, and done when. CUDA's part is constructed."""

from __future__ import annotations

import pytest

from core.analysis.flow import flow
from core.analysis.trace_soundness import refuse_unsound_trace
from core.measure import spans
from core.measure.marked import source_of
from core.records import Trace
from tests.builders import make_gpu_result, make_spec
from tests.traces import BATCH_BYTES, kineto_step

SPEC = make_spec(device="cuda:0", data_path="loader")
SOURCE = source_of(SPEC)


def recorded(*steps, lag=40.0):
    events = [event for number, at in enumerate(steps) for event in kineto_step(number, at, lag=lag)]
    return spans.Recorded([*events, {"ph": "M", "name": "process_name"}], SOURCE, "cuda")


def step(lag=40.0, flops=None, index=1):
    return recorded(5000.0, 5440.0, 5880.0, lag=lag).step(index, flops or {}, SPEC, BATCH_BYTES)


def of(found, actor, waits=False):
    return [span for span in found.spans if span.actor == actor and span.waits == waits]


def test_the_lines_tile_the_step_and_name_their_places_in_the_source():
    script = of(step(), "script")
    assert [(span.label, span.line) for span in script] == list(SOURCE.line_of.items())
    assert [span.start_s for span in script[1:]] == [span.end_s for span in script[:-1]]
    assert (script[0].start_s, script[-1].end_s) == (0.0, pytest.approx(436e-6))
    assert step().duration_s == pytest.approx(436e-6)


def test_what_the_device_does_is_told_apart_from_asking_for_it():
    own = [span for span in of(step(lag=40.0), "device") if span.line is not None]
    assert [span.label for span in own] == [
        "aten::addmm_kernel", "aten::relu_kernel", "aten::nll_loss_kernel", "aten::mm_kernel",
        "aten::_foreach_add__kernel",
    ]  # fmt: skip
    assert all(span.start_s - span.issued_s == pytest.approx(40e-6) for span in own)
    lines = [SOURCE.line_of[name] for name in ("forward", "forward", "loss", "backward", "update")]
    assert [span.line for span in own] == lines
    assert {span.stream for span in own} == {7}


def test_a_queue_that_runs_ahead_ends_in_a_later_step():
    found = step(lag=600.0)
    own = [span for span in of(found, "device") if span.line is not None]
    assert min(span.start_s for span in own) > found.duration_s
    others = [span for span in of(found, "device") if span.line is None]
    assert others, "meanwhile the device works for the step before"
    assert all(span.start_s >= 0 for span in others)


def test_copies_go_over_the_bus_with_their_bytes_and_the_wait_is_seen():
    [copy] = [span for span in of(step(), "bus") if span.line is not None]
    assert (copy.moved_bytes, copy.label) == (BATCH_BYTES, "Memcpy HtoD (Pageable -> Device)")
    [wait] = of(step(), "script", waits=True)
    assert (wait.label, wait.line) == ("cudaStreamSynchronize", SOURCE.line_of["to_device"])
    assert wait.end_s - wait.start_s == pytest.approx(30e-6)


def test_a_loader_gathers_in_the_hosts_memory():
    [gathered] = of(step(), "memory")
    assert (gathered.start_s, gathered.end_s, gathered.moved_bytes) == (0.0, pytest.approx(100e-6), BATCH_BYTES)


def test_flop_are_matched_by_an_operators_place_and_told_once():
    counting = kineto_step(0, 100.0)
    ids = {event["name"]: event["args"]["External id"] for event in counting if event["cat"] == "cpu_op"}
    flops = spans.flops_of(counting, {ids["aten::addmm"]: 51_380_224, ids["aten::mm"]: 655_360})
    own = {span.label: span.flops for span in of(step(flops=flops), "device") if span.line is not None}
    assert own["aten::addmm_kernel"] == 51_380_224
    assert own["aten::mm_kernel"] == 655_360
    assert own["aten::relu_kernel"] is None


def test_more_spans_than_are_kept_are_counted(monkeypatch):
    whole = len(step().spans)
    monkeypatch.setattr(spans, "MOST_SPANS", 3)
    cut = step()
    assert len(cut.spans) + cut.left_out == whole
    assert len(of(cut, "script")) == len(SOURCE.line_of)


def test_what_is_read_is_sound_and_can_be_drawn():
    trace = Trace(SOURCE.text, (step(lag=600.0),), (4e-4,), BATCH_BYTES)
    refuse_unsound_trace(trace, "trace")
    drawn = flow(make_gpu_result(spec=SPEC, trace=trace))
    assert drawn is not None
    assert drawn.actors == ("user", "script", "memory", "bus", "device")
    launches = [message for message in drawn.messages if message.code == "launch"]
    assert [message.count for message in launches] == [2, 1, 1, 1]
    assert all(message.received_s - message.sent_s == pytest.approx(600e-6) for message in launches)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        (
            "void at::native::(anonymous namespace)::softmax_warp_forward<float, 4>(int)",
            "at::native::softmax_warp_forward",
        ),
        ("ampere_sgemm_128x64_nn", "ampere_sgemm_128x64_nn"),
        ("Memcpy HtoD (Pinned -> Device)", "Memcpy HtoD (Pinned -> Device)"),
        ("Memset (Device)", "Memset (Device)"),
        ("<lambda>", "<lambda>"),
    ],
)
def test_kernels_are_called_by_their_names_without_types(name, label):
    assert spans._short(name) == label
