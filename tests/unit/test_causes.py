"""Why a watched step takes as long as it does: each cause on a constructed run that has it, and not without."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.analysis.causes import causes, inflation, line_seconds
from core.errors import InputError
from core.explaining import explained
from core.i18n import english
from core.records import Span
from tests.builders import make_blocks, make_result
from tests.traces import make_gpu_trace, make_gpu_watched, make_trace, make_watched


def found(run):
    return {note.code: note.facts for note in causes(run)}


def test_a_gpu_that_is_mostly_idle_waits_for_python():
    run = make_gpu_watched(trace=make_gpu_trace(kernel_us=2.0))
    facts = found(run)["device_waits_for_python"]
    assert facts == {"pct": 8, "count": 20}  # 20 kernels of 2 µs in a clean step of 500 µs
    assert any(
        "worked 8 % of the step" in text and "waits for Python" in text for text in explained(run, english)
    )


def test_a_gpu_that_is_mostly_busy_sets_the_pace():
    run = make_gpu_watched(trace=make_gpu_trace(kernel_us=20.0))
    assert found(run)["device_busy"]["pct"] == 80
    assert "device_waits_for_python" not in found(run)


def test_copies_that_take_long_are_named_with_their_rate():
    run = make_gpu_watched(trace=make_gpu_trace(copy_us=250.0, kernel_us=2.0))
    facts = found(run)
    assert facts["transfer_bound"]["pct"] == 50
    assert facts["transfer_bound"]["gb_per_s"] == pytest.approx(50_688 / 250e-6 / 1e9)
    assert "device_waits_for_copies" in facts
    assert "transfer_bound" not in found(make_gpu_watched())


def test_a_loader_that_takes_long_is_what_the_gpu_waits_for():
    plain = make_gpu_trace(kernel_us=2.0)
    warm = plain.steps[1]
    slow = tuple(
        replace(span, end_s=span.end_s + 0) if span.actor != "memory" else replace(span, end_s=300e-6)
        for span in warm.spans
    )
    run = make_gpu_watched(trace=replace(plain, steps=(plain.steps[0], replace(warm, spans=slow))))
    assert found(run)["device_waits_for_loading"]["loading_s"] == pytest.approx(300e-6)


def test_how_far_the_script_runs_ahead_is_told():
    assert found(make_gpu_watched())["script_ahead"]["ahead_s"] == pytest.approx(100e-6, rel=0.2)
    assert "script_ahead" not in found(make_gpu_watched(trace=make_gpu_trace(lag_us=5.0)))


def test_how_long_the_script_stands_still_is_told():
    assert found(make_gpu_watched())["script_waits"]["waited_s"] == pytest.approx(40e-6)


def test_a_device_that_the_profiler_does_not_see_is_said():
    plain = make_gpu_trace()
    warm = plain.steps[1]
    script = tuple(span for span in warm.spans if span.actor == "script" and not span.waits)
    run = make_gpu_watched(trace=replace(plain, steps=(replace(warm, spans=script),)))
    assert list(found(run)) == ["device_not_watched"]


def test_on_the_cpu_what_is_not_computing_is_told():
    facts = found(make_watched())
    assert facts["cpu_operations"] == {"count": 7, "pct": 75, "rest_pct": 15}
    assert facts["to_device_on_cpu"]["took_s"] == pytest.approx(0.001)


def test_a_first_step_that_is_much_longer_names_its_line():
    facts = found(make_watched())["cold_step"]
    assert facts["times"] == pytest.approx(5.0, rel=0.02)
    assert facts["line"] == 7
    [said] = [text for text in explained(make_watched(), english) if "first step" in text]
    assert "loss.backward()" in said
    short = replace(make_trace().steps[0], duration_s=0.5)
    assert "cold_step" not in found(make_watched(trace=make_trace(steps=(short, make_trace().steps[1]))))


def test_inflation_is_watched_over_clean():
    slowed = inflation(make_watched(blocks=make_blocks(0.2)))
    assert slowed.value == pytest.approx(2.0, rel=0.02)
    assert slowed.low <= slowed.value <= slowed.high
    assert inflation(make_result()) is None
    assert any(
        "2× as long" in text or "2.0" in text
        for text in explained(make_watched(blocks=make_blocks(0.2)), english)
    )


def test_without_a_watched_step_there_are_no_causes_but_the_stages_are_told():
    assert causes(make_result()) == ()
    [split] = explained(make_result(), english)
    assert split.startswith("Where its time goes: the backward pass 55 %, the forward pass 34 %")


def test_unsound_spans_are_refused():
    bad = replace(make_trace().steps[1], spans=(*make_trace().steps[1].spans, Span("device", "x", 0.3, 0.2, 7)))
    with pytest.raises(InputError):
        causes(make_watched(trace=make_trace(steps=(bad,))))


def test_every_line_has_its_time():
    assert line_seconds(make_watched(), "warm")[7] == pytest.approx(0.18)
    assert line_seconds(make_watched(), "cold")[7] == pytest.approx(0.9)
    assert line_seconds(make_result(), "warm") == {}
