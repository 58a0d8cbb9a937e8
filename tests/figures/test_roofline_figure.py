"""The roofline: what the device can do, and how much of it the rungs do."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from core.figures.roofline import flops_words, roofline_alt, roofline_data, roofline_figure, roofline_title
from core.i18n import english
from core.records import Rate
from tests.ladders import make_ladder, make_limits


def _marked(text):
    return f"¤{text}"


def _rungs(*names, limits=None):
    rungs = make_ladder().rungs
    if limits is not None:
        rungs = [
            replace(rung, result=replace(rung.result, limits=limits)) if rung.name == "loader" else rung
            for rung in rungs
        ]
    return [rung for rung in rungs if rung.name in names]


def test_a_roof_for_each_precision_and_a_point_for_each_rung():
    rungs = _rungs("loader", "onednn")
    data, figure = roofline_data(rungs), roofline_figure(rungs, english)
    assert [trace.name for trace in figure.data] == [
        "fp32: at most 1 GFLOP/s",
        "bf16: at most 2 GFLOP/s",
        "The article's loop",
        "Products by oneDNN",
    ]
    bandwidth, peak = 1e8, 1e9
    left, ridge, right = figure.data[0].x
    assert ridge == pytest.approx(peak / bandwidth)
    assert left < ridge < right
    assert figure.data[0].y == pytest.approx((left * bandwidth, peak, peak))
    point = figure.data[3]
    assert point.y[0] == pytest.approx(400 * 1e6, rel=0.01)  # images/s times FLOP an image
    assert point.x[0] == pytest.approx(data.points[1].under.intensity)
    assert left < point.x[0] < right
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"


def test_the_title_says_what_the_limit_is_and_how_near_the_best_comes():
    assert roofline_title(roofline_data(_rungs("loader", "onednn")), english) == (
        "CPU: arithmetic is the limit, and Products by oneDNN reaches 40 % of it"
    )
    slow = make_limits(rates=(*make_limits().rates[:3], Rate("memory", 1e3, (0.01, 0.01))))
    title = roofline_title(roofline_data(_rungs("loader", limits=slow)), english)
    assert title.startswith("CPU: memory is the limit, and The article's loop reaches")


def test_a_rung_in_another_precision_is_under_its_own_roof():
    data = roofline_data(_rungs("loader", "bf16"))
    assert [point.under.precision for point in data.points] == ["fp32", "bf16"]
    assert "32 % of what is possible" in roofline_alt(data, english)  # 640 of 2,000 images/s


def test_the_alternative_text_gives_limits_and_points():
    text = roofline_alt(roofline_data(_rungs("loader")), english)
    assert text.startswith("Roofline of CPU on logarithmic axes")
    assert "1 GFLOP/s (fp32), 2 GFLOP/s (bf16)" in text
    assert "160 MFLOP/s, 16 % of what is possible" in text


@pytest.mark.parametrize(
    "limits",
    [make_limits(rates=()), make_limits(flops_per_sample=None), make_limits(rates=make_limits().rates[:3])],
)
def test_what_was_not_measured_is_not_drawn(limits):
    rungs = _rungs("loader", "onednn", limits=limits)
    assert len(roofline_figure(rungs, english).data) == 0
    assert roofline_title(roofline_data(rungs), english) == "The device's limits were not measured"
    assert roofline_alt(roofline_data(rungs), english) == "The device's limits were not measured"
    assert len(roofline_figure([], english).data) == 0


@pytest.mark.parametrize(
    ("rate", "words"),
    [(2.18e11, "218 GFLOP/s"), (9.89e14, "989 TFLOP/s"), (1.2e15, "1.2 PFLOP/s"), (5e5, "0.5 MFLOP/s")],
)
def test_rates_of_arithmetic(rate, words):
    assert flops_words(rate) == words


def test_small_themed_by_the_front_end_and_translated():
    rungs = _rungs("loader", "onednn", "bf16")
    figure = roofline_figure(rungs, _marked)
    text = figure.to_json()
    assert len(text) < 10_000
    layout = json.loads(text)["layout"]
    assert not {"font", "paper_bgcolor", "plot_bgcolor", "colorway", "title"} & set(layout)
    shown = [trace.name for trace in figure.data if trace.name != "bfloat16"]
    shown += [figure.layout.xaxis.title.text, figure.layout.yaxis.title.text]
    shown += [roofline_title(roofline_data(rungs), _marked), roofline_alt(roofline_data(rungs), _marked)]
    assert [text for text in shown if not text.startswith("¤")] == []
