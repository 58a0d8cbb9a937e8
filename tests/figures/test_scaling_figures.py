"""What the figures over workers and of one or several devices draw and say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.analysis.crossover.scaling import one_or_several, scalings
from core.figures.crossover import one_or_several as pairs
from core.figures.crossover import scaling, scaling_efficiency
from core.i18n import english
from core.records import Estimate
from tests.workers import make_strong, make_weak

STRONG = {1: 0.1, 2: 0.058, 4: 0.035}


def _lines(**changes):
    runs = [*make_strong(STRONG, waiting=0.12, **changes), *make_weak({2: 0.11, 4: 0.12}, **changes)]
    return tuple(line for line in scalings(runs) if line.batch_size == 1024)


def test_each_line_has_its_points_with_intervals_and_an_ideal_that_starts_where_it_does():
    figure = scaling.scaling_figure(_lines(), english)
    strong, weak, *ideals = figure.data
    assert list(strong.x) == list(weak.x) == [1, 2, 4]
    assert strong.y[0] == pytest.approx(10_240, rel=0.02)
    assert strong.y[2] == pytest.approx(1024 / 0.035, rel=0.02)
    assert all(above > 0 for above in strong.error_y.array)
    assert (strong.line.dash, strong.marker.symbol) != (weak.line.dash, weak.marker.symbol)
    assert [tuple(line.x) for line in ideals] == [(1, 4), (1, 4)]
    assert ideals[0].y[1] == pytest.approx(4 * strong.y[0], rel=1e-5)
    assert [line.showlegend for line in ideals] == [True, False]


def test_without_one_worker_there_is_no_ideal():
    [line] = scalings(make_strong({2: 0.058, 4: 0.035}))
    figure = scaling.scaling_figure([line], english)
    assert len(figure.data) == 1
    data = scaling.scaling_data([line])
    assert scaling.scaling_title(data, english) == "4 workers process 29,200 images/s"


def test_the_titles_state_the_finding():
    lines = _lines()
    title = scaling.scaling_title(scaling.scaling_data(lines), english)
    assert title == "From 10,200 images/s with one worker to 29,200 images/s with 4"
    title = scaling_efficiency.scaling_efficiency_title(
        scaling_efficiency.scaling_efficiency_data(lines), english
    )
    assert title == "4 workers are 71.3 % efficient (70.5–72.1 %)"


def test_efficiency_is_in_per_cent_below_a_line_at_a_hundred():
    figure = scaling_efficiency.scaling_efficiency_figure(_lines(), english)
    strong, _weak, ideal = figure.data
    assert list(strong.y) == pytest.approx([100, 86, 71], abs=1.5)
    assert set(ideal.y) == {100}
    assert figure.layout.yaxis.range[0] == 0


def test_an_efficiency_above_one_is_in_the_picture():
    strong, *_ = _lines()
    above = Estimate(1.3, 1.2, 1.4)
    points = tuple(replace(point, efficiency=above if point.workers > 1 else None) for point in strong.points)
    figure = scaling_efficiency.scaling_efficiency_figure([replace(strong, points=points)], english)
    assert figure.layout.yaxis.range[1] > 140


def test_where_a_line_is_from_is_said_unless_it_was_measured_here():
    data = scaling.scaling_data(_lines(origin="recorded"))
    assert "(strong scaling) · recorded" in scaling.scaling_alt(data, english)
    assert "recorded" not in scaling.scaling_alt(scaling.scaling_data(_lines()), english)


def _pairs(one_s, **changes):
    several = make_strong({2: 0.058}, **changes)
    return one_or_several(make_strong({1: one_s}, job="job-one", threads=2, **changes), several)


@pytest.mark.parametrize(
    ("one_s", "said"),
    [
        (0.1, "Batch 1,024: CPU · 1 thread each · 2 workers is 1.7"),
        (0.02, "Batch 1,024: CPU · 1 thread each · 2 workers is only 0.3"),
        (0.058, "Batch 1,024: no reliable difference between"),
    ],
)
def test_the_title_says_which_is_faster(one_s, said):
    data = pairs.one_or_several_data(_pairs(one_s))
    assert pairs.one_or_several_title(data, english).startswith(said)


def test_one_and_several_have_a_bar_each_at_every_batch_size():
    found = [*_pairs(0.1), *_pairs(0.2, batch_size=2048)]
    figure = pairs.one_or_several_figure(found, english)
    one, several = figure.data
    assert list(one.y) == list(several.y) == ["batch 1,024", "batch 2,048"]
    assert (one.name, several.name) == ("CPU · 2 threads", "CPU · 1 thread each · 2 workers")
    assert one.marker.pattern.shape != several.marker.pattern.shape, "not by colour alone"
    alt = pairs.one_or_several_alt(pairs.one_or_several_data(found), english)
    assert "batch 1,024" in alt
    assert alt.count(" images/s, between ") == 4


def test_without_a_ratio_none_is_told():
    [pair] = _pairs(0.1)
    unknown = replace(pair, ratio=None, winner="unknown")
    title = pairs.one_or_several_title(pairs.one_or_several_data([unknown]), english)
    assert title.startswith("Batch 1,024: no ratio is given for")
    assert "×" not in title
