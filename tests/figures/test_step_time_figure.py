"""Step time over batch size: points, fits, the crossing and where the baseline will do."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from core.figures.crossover.step_time import step_time_alt, step_time_data, step_time_figure, step_time_title
from core.i18n import english
from core.records import Estimate, Note, Setup
from tests.batch_lines import (
    CPU_STEP,
    GPU,
    GPU_STEP,
    NAMES,
    make_crossing,
    make_line,
    make_step_fit,
    unmeasured,
)

BASELINE, CANDIDATE = make_line(CPU_STEP), make_line(GPU_STEP, GPU)


def _figure(crossing, baseline=BASELINE, candidate=CANDIDATE, names=NAMES):
    return step_time_figure(baseline, candidate, crossing, names, english)


def _title(crossing, baseline=BASELINE, candidate=CANDIDATE, names=NAMES):
    return step_time_title(step_time_data(baseline, candidate, crossing, names), english)


def _points(figure):
    return [trace for trace in figure.data if trace.mode == "markers"]


def _region(figure):
    return [shape for shape in figure.layout.shapes if shape.type == "rect" and shape.opacity < 0.2]


def test_the_points_of_both_with_their_intervals():
    figure = _figure(make_crossing())
    for trace, line in zip(_points(figure), (BASELINE, CANDIDATE), strict=True):
        assert trace.x == tuple(cell.batch_size for cell in line.cells)
        for i, cell in enumerate(line.cells):
            assert trace.y[i] == pytest.approx(cell.step_s.value, rel=1e-5)
            assert trace.y[i] + trace.error_y.array[i] == pytest.approx(cell.step_s.high, rel=1e-5)
            assert trace.y[i] - trace.error_y.arrayminus[i] == pytest.approx(cell.step_s.low, rel=1e-5)
    assert _points(figure)[0].hovertext[0].startswith("CPU, batch 16: 52")
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"
    assert "4,096" in figure.layout.xaxis.ticktext
    assert {"1 ms", "10 ms"} <= set(figure.layout.yaxis.ticktext)


def test_the_fits_are_dotted_beyond_what_was_measured():
    figure = _figure(make_crossing())
    curves = [trace for trace in figure.data if trace.mode == "lines" and trace.x[0] is not None]
    assert [trace.line.dash for trace in curves] == ["solid", "dot", "dash", "dot"]
    for inside, outside in (curves[:2], curves[2:]):
        assert (inside.x[0], inside.x[-1]) == pytest.approx((16, 8192))
        known = [x for x in outside.x if x is not None]
        assert all(x <= 16 or x >= 8192 for x in known)
    assert curves[0].y[0] == pytest.approx(2e-4 + 2e-5 * 16)
    assert any(trace.name == "extrapolated" for trace in figure.data)


def test_two_setups_of_the_cpu_differ_by_colour_dash_and_symbol():
    other = make_line(GPU_STEP, Setup(threads=2))
    one, two = (
        trace for trace in _figure(make_crossing(), candidate=other).data if trace.mode == "lines+markers"
    )
    assert one.line.color != two.line.color
    assert one.line.dash != two.line.dash
    assert one.marker.symbol != two.marker.symbol


def test_the_crossing_is_marked_with_its_interval():
    [line] = [shape for shape in _figure(make_crossing()).layout.shapes if shape.type == "line"]
    assert line.x0 == line.x1 == pytest.approx(52.6)
    assert line.name == "break-even and its 95 % interval"
    assert "batch 53 on (50 to 55)" in _title(make_crossing())
    bands = [shape for shape in _figure(make_crossing()).layout.shapes if shape.type == "rect"]
    assert (bands[-1].x0, bands[-1].x1) == (50, 55)


def test_the_region_in_which_the_baseline_will_do_is_shaded_and_labelled():
    figure = _figure(make_crossing())
    [region] = _region(figure)
    assert region.x0 < 16
    assert region.x1 == pytest.approx(52.6)
    [label] = figure.layout.annotations
    assert (label.text, label.xanchor) == ("CPU is<br>fine here", "left")  # no wider than the region
    figure = _figure(make_crossing(faster_above="baseline"))
    [region] = _region(figure)
    assert region.x0 == pytest.approx(52.6)
    assert region.x1 > 8192
    assert figure.layout.annotations[0].xanchor == "right"


def test_without_a_crossing_all_or_nothing_is_shaded():
    always = make_crossing(batch_size=None, reason=Note("no_difference"))
    assert _region(_figure(always)) == []
    assert _title(always) == "GPU Test GPU is faster at every batch size that was measured"
    never = replace(always, faster_above="baseline")
    [region] = _region(_figure(never))
    assert region.x0 < 16 < 8192 < region.x1
    assert _title(never) == "CPU is faster at every batch size that was measured"
    unknown = make_crossing(
        batch_size=None, faster_above=None, reason=Note("too_few_points", {"count": 1, "needed": 3})
    )
    assert _region(_figure(unknown)) == []
    assert _title(unknown) == "No break-even can be given"


def test_the_title_says_from_where_on():
    assert _title(make_crossing()) == "GPU Test GPU is faster from batch 53 on (50 to 55)"
    assert _title(make_crossing(faster_above="baseline")) == "GPU Test GPU is faster up to batch 53 (50 to 55)"
    far = make_crossing(extrapolated=True, batch_size=Estimate(12_345.6, 9_000, 20_000))
    assert _title(far) == "GPU Test GPU is faster from batch 12,300 on (9,000 to 20,000), extrapolated"


def test_an_extrapolated_crossing_is_drawn_if_it_is_near():
    near = make_crossing(extrapolated=True, batch_size=Estimate(30_000, 20_000, math.inf))
    figure = _figure(near)
    assert 10 ** figure.layout.xaxis.range[1] > 30_000
    assert any("break-even, extrapolated" in (shape.name or "") for shape in figure.layout.shapes)
    assert "∞" in _title(near)
    far = _figure(make_crossing(extrapolated=True, batch_size=Estimate(1e7, 1e6, 1e8)))
    assert 10 ** far.layout.xaxis.range[1] < 20_000
    assert all(shape.type == "rect" for shape in far.layout.shapes)
    assert _region(far)[0].x1 > 8192  # all that is drawn


def test_a_fit_below_zero_is_no_point_and_no_error():
    odd = make_step_fit((-1e-3, 2e-5))
    figure = _figure(make_crossing(fits=(odd, Note("too_few_points"))))
    assert all(y > 0 for trace in figure.data for y in trace.y if y is not None)
    assert sum(trace.mode == "lines" and trace.x[0] is not None for trace in figure.data) <= 2


def test_numbers_from_elsewhere_and_names_from_outside():
    recorded = make_line(GPU_STEP, GPU, origin="recorded")
    names = ("<script>x</script>", "GPU H200 · recorded")
    data = step_time_data(BASELINE, recorded, make_crossing(), names)
    assert step_time_title(data, english).startswith("GPU H200 · recorded is faster from")
    assert "scriptx/script" in step_time_alt(data, english)
    assert "<script" not in _figure(make_crossing(), candidate=recorded, names=names).to_json()
    imported = make_line(GPU_STEP, GPU, origin="imported")
    assert "GPU Test GPU · imported is faster" in _title(make_crossing(), candidate=imported)


def test_nothing_and_half_of_it():
    nothing = make_crossing(
        batch_size=None, faster_above=None, fits=(Note("too_few_points"), Note("too_few_points"))
    )
    lines = unmeasured(BASELINE), unmeasured(CANDIDATE)
    assert len(_figure(nothing, *lines).data) == 0
    assert _title(nothing, *lines) == "Nothing was measured"
    assert "{" not in step_time_alt(step_time_data(*lines, nothing, NAMES), english)
    half = _figure(nothing, BASELINE, lines[1])
    assert len(_points(half)) == 1
