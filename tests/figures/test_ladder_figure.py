"""The ladder: a bar a rung in the ladder's order, told apart by precision, beside what the device could do."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from core import units
from core.analysis.ladder import Ladder
from core.figures.ladder import (
    Limit,
    ladder_alt,
    ladder_data,
    ladder_figure,
    ladder_title,
    rung_label,
    with_limits,
)
from core.i18n import english
from tests.builders import make_blocks
from tests.ladders import make_ladder, make_limits

EMPTY = Ladder("cpu", ())


def _marked(text):
    return f"¤{text}"


def _named(ladder, name):
    return next(rung for rung in ladder.rungs if rung.name == name)


def _with(ladder, name, **changes):
    """The ladder with other results on one rung."""
    rungs = [
        replace(rung, result=replace(rung.result, **changes)) if rung.name == name else rung
        for rung in ladder.rungs
    ]
    return Ladder(ladder.device, tuple(rungs))


def test_a_bar_with_its_interval_for_each_rung_in_the_ladders_order():
    ladder = make_ladder()
    data, figure = ladder_data(ladder), ladder_figure(ladder, english)
    assert [bar.rung.name for bar in data.bars] == [
        "transforms", "loader", "resident", "fused", "onednn", "bf16", "compiled",
    ]  # fmt: skip
    assert [trace.name for trace in figure.data] == ["fp32", "bf16"]
    assert [label.split("<br>")[0] for label in figure.data[1].y] == ["bfloat16"]
    assert [label.split("<br>")[0] for label in figure.layout.yaxis.categoryarray] == [
        "Image by image", "The article's loop", "Data resident", "Fused optimiser", "Products by oneDNN",
        "bfloat16", "Compiled step",
    ]  # fmt: skip
    assert figure.data[0].marker.color != figure.data[1].marker.color
    known = data.bars[4].samples_per_s
    place = next(i for i, label in enumerate(figure.data[0].y) if label.startswith("Products by oneDNN"))
    assert figure.data[0].x[place] == pytest.approx(400, rel=0.01)
    assert figure.data[0].x[place] + figure.data[0].error_x.array[place] == pytest.approx(known.high)
    assert figure.data[0].x[place] - figure.data[0].error_x.arrayminus[place] == pytest.approx(known.low)


def test_bars_say_the_gain_over_the_articles_loop_which_has_none_itself():
    data = ladder_data(make_ladder())
    figure = ladder_figure(make_ladder(), english)
    labels = figure.layout.yaxis.categoryarray
    assert labels[1] == "The article's loop<br>160"
    assert labels[4] == f"Products by oneDNN<br>400 · {units.ratio(data.bars[4].gain)}"
    assert data.bars[4].gain.value == pytest.approx(2.5, rel=0.02)
    assert data.bars[1].gain is None
    said = (
        f"{units.ratio(data.bars[4].gain)} as fast as the article's loop, {units.interval(data.bars[4].gain)}"
    )
    assert said in figure.data[0].hovertext[4]


def test_a_rung_whose_losses_part_has_a_bar_but_no_gain_and_is_not_the_best():
    losses = tuple(2.0 for _ in range(66))
    data = ladder_data(_with(make_ladder(), "bf16", first_losses=losses))
    bar = next(bar for bar in data.bars if bar.rung.name == "bf16")
    assert bar.samples_per_s.value == pytest.approx(640, rel=0.01)
    assert bar.gain is None
    assert data.bars[data.best].rung.name == "onednn"


def test_the_limits_of_every_precision_that_was_used():
    data = ladder_data(make_ladder())
    assert data.limits == (
        Limit("peak", "fp32", pytest.approx(1000)),
        Limit("products", "fp32", pytest.approx(700)),
        Limit("peak", "bf16", pytest.approx(2000)),
    )
    figure = ladder_figure(make_ladder(), english)
    assert [(line.name, line.x0) for line in figure.layout.shapes] == [
        ("arithmetic peak, fp32", 1000),
        ("products alone, fp32", 700),
        ("arithmetic peak, bf16", 2000),
    ]
    assert figure.layout.xaxis.range[1] > 2000
    assert figure.layout.shapes[0].line.dash != figure.layout.shapes[1].line.dash
    colours = [trace.marker.color for trace in figure.data]
    assert [line.line.color for line in figure.layout.shapes] == [colours[0], colours[0], colours[1]]


def test_a_limit_that_is_far_off_is_said_and_not_drawn():
    ladder = make_ladder("cuda:0")
    data = ladder_data(ladder)
    assert data.limits[0].samples_per_s == pytest.approx(1e7)
    assert not any(data.drawn(limit) for limit in data.limits)
    assert len(ladder_figure(ladder, english).layout.shapes) == 0
    assert "10,000,000 images/s (arithmetic peak, fp32)" in ladder_alt(data, english)


def test_without_measured_limits_there_are_none():
    ladder = _with(make_ladder(), "loader", limits=None)
    assert ladder_data(ladder).limits == ()
    assert "Limits: –." in ladder_alt(ladder_data(ladder), english)
    uncounted = _with(make_ladder(), "loader", limits=make_limits(flops_per_sample=None))
    assert ladder_data(uncounted).limits == ()


def test_a_rung_has_its_own_limits_or_the_newest_of_its_device():
    ladder = make_ladder()
    assert with_limits(_named(ladder, "onednn"), ladder.rungs).limits == make_limits()
    own = _with(ladder, "onednn", limits=make_limits(2e9), created_at="2026-11-21T00:00:00+00:00")
    assert with_limits(_named(own, "onednn"), own.rungs).limits == make_limits(2e9)
    assert with_limits(_named(own, "fused"), own.rungs).limits == make_limits(2e9)
    assert with_limits(_named(own, "loader"), own.rungs).limits == make_limits()


def test_the_title_says_what_the_best_rung_gains():
    assert ladder_title(ladder_data(make_ladder()), english).startswith("CPU: bfloat16 is 4.0")
    title = ladder_title(ladder_data(make_ladder("cuda:0", origin="recorded")), english)
    assert title.startswith("GPU Test GPU · recorded: CUDA graph of several steps · compiled, bf16 is 25")
    loader = Ladder("cpu", (_named(make_ladder(), "loader"), _named(make_ladder(), "transforms")))
    assert ladder_title(ladder_data(loader), english) == "CPU: no rung is surely faster than the article's loop"
    nothing_alike = Ladder("cpu", (_named(make_ladder(), "transforms"),))
    parted = _with(nothing_alike, "transforms", first_losses=(9.0,) * 66)
    assert "no rung did the same work for certain" in ladder_title(ladder_data(parted), english)


def test_labels_name_what_the_rungs_name_leaves_out():
    rungs = make_ladder("cuda:0").rungs
    assert [rung_label(rung, english) for rung in rungs] == [
        "The article's loop",
        "Data resident",
        "bfloat16",
        "CUDA graph",
        "CUDA graph of several steps · compiled, bf16",
    ]


def test_equal_labels_are_numbered_because_they_are_categories():
    ladder = make_ladder()
    twin = replace(_named(ladder, "onednn"), result=replace(_named(ladder, "onednn").result, id="again"))
    figure = ladder_figure(Ladder("cpu", (*ladder.rungs[:-1], twin)), english)
    assert len(set(figure.layout.yaxis.categoryarray)) == len(ladder.rungs)


def test_one_block_is_no_rate_and_gets_no_bar():
    ladder = _with(make_ladder(), "fused", blocks=make_blocks()[:1])
    assert "fused" not in [bar.rung.name for bar in ladder_data(ladder).bars]


def test_nothing_to_draw_is_an_empty_figure_and_said():
    assert len(ladder_figure(EMPTY, english).data) == 0
    assert ladder_title(ladder_data(EMPTY), english) == "No rung was measured"
    assert "{" not in ladder_alt(ladder_data(EMPTY), english)


def test_small_and_left_to_the_front_end_to_theme():
    text = ladder_figure(make_ladder(), english).to_json()
    assert len(text) < 10_000
    layout = json.loads(text)["layout"]
    assert not {"font", "paper_bgcolor", "plot_bgcolor", "colorway", "title"} & set(layout)


def test_every_text_is_translated():
    ladder = make_ladder()
    figure, data = ladder_figure(ladder, _marked), ladder_data(ladder)
    shown = [ladder_title(data, _marked), ladder_alt(data, _marked), figure.layout.xaxis.title.text]
    shown += [*figure.layout.yaxis.categoryarray, *(line.name for line in figure.layout.shapes)]
    assert [text for text in shown if not text.startswith("¤")] == []
