"""Images per second over batch size, and the batch size that is enough."""

from __future__ import annotations

import pytest

from core.analysis.crossover.knee import Knee, knee
from core.figures.crossover.batch_rate import (
    batch_rate_alt,
    batch_rate_data,
    batch_rate_figure,
    batch_rate_title,
)
from core.i18n import english
from core.records import Estimate, Note
from tests.batch_lines import CPU_STEP, GPU, GPU_STEP, NAMES, make_line, unmeasured

LINES = (make_line(CPU_STEP), make_line(GPU_STEP, GPU))
KNEES = (Knee(256, Estimate(48_000, 47_000, 49_000), 96.2), Knee(8192, Estimate(870_000, 8e5, 9e5), 100, True))


def _figure(lines=LINES, names=NAMES, knees=KNEES):
    return batch_rate_figure(lines, names, knees, english)


def _title(lines=LINES, names=NAMES, knees=KNEES):
    return batch_rate_title(batch_rate_data(lines, names, knees), english)


def test_the_rates_of_each_line_with_their_intervals():
    figure = _figure()
    points = [trace for trace in figure.data if trace.mode == "markers" and len(trace.x) > 1]
    for trace, line in zip(points, LINES, strict=True):
        for i, cell in enumerate(line.cells):
            assert trace.y[i] == pytest.approx(cell.batch_size / cell.step_s.value, rel=1e-5)
            assert trace.y[i] + trace.error_y.array[i] == pytest.approx(cell.rate.high, rel=1e-5)
    assert points[0].hovertext[0].startswith("CPU, batch 16: 30,")
    assert points[0].hovertext[0].count("images/s") == 3
    assert "100,000" in figure.layout.yaxis.ticktext
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"


def test_the_curve_is_that_of_the_step_times_fit():
    curve = next(trace for trace in _figure().data if trace.mode == "lines")
    for size, rate in zip(curve.x, curve.y, strict=True):
        assert rate == pytest.approx(size / (2e-4 + 2e-5 * size), rel=0.05)


def test_the_knee_is_marked_and_named():
    first, second = [trace for trace in _figure().data if trace.marker.size == 17]
    assert (first.x, first.y) == ((256,), (48_000,))
    assert first.hovertext == ("CPU: best batch 256, 96.2 % of the most measured",)
    assert "a larger one may be faster" in second.hovertext[0]
    keys = {trace.name: trace.marker.symbol for trace in _figure().data if trace.showlegend is not False}
    assert keys["best batch"] == first.marker.symbol
    assert keys["still rising at the largest batch"] == second.marker.symbol
    assert first.marker.symbol != second.marker.symbol


def test_the_title_names_the_best_batches_or_the_highest_rate():
    assert _title() == "Best batch: 256 (CPU), 8,192 or larger (GPU Test GPU)"
    few = [Note("too_few_points")] * 2
    assert _title(knees=few).startswith("GPU Test GPU reaches 87")
    assert _title(knees=few).endswith(" at batch 8,192")


def test_it_takes_the_analysis_knees():
    known = [knee(line) for line in LINES]
    assert _title(knees=known).startswith("Best batch: ")


def test_one_point_is_drawn_without_a_fit():
    single = make_line(CPU_STEP, sizes=(64,))
    figure = _figure([single], ["CPU"], [knee(single)])
    assert [trace.mode for trace in figure.data] == ["lines+markers", "markers"]
    assert _title([single], ["CPU"], [knee(single)]).startswith("CPU reaches ")


def test_lines_without_any_rate_are_left_out():
    none = unmeasured(LINES[0])
    assert _title((none, LINES[1])) == "Best batch: 8,192 or larger (GPU Test GPU)"
    assert len(_figure([none], ["CPU"], [Note("too_few_points")]).data) == 0
    assert _title([none], ["CPU"], [Note("too_few_points")]) == "Nothing was measured"


def test_numbers_from_elsewhere_and_names_from_outside():
    recorded = make_line(GPU_STEP, GPU, origin="recorded")
    data = batch_rate_data([recorded], ["<i>GPU</i>"], KNEES[1:])
    assert batch_rate_title(data, english) == "Best batch: 8,192 or larger (iGPU/i · recorded)"
    assert "(iGPU/i · recorded)" in batch_rate_alt(data, english)
    assert "<i>" not in _figure([recorded], ["<i>GPU</i>"], KNEES[1:]).to_json()
