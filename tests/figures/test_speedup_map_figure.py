"""The heat map: ratios, what has none and why, and where the ratio passes 1."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from core.analysis.crossover import sweep
from core.figures.crossover.speedup_map import (
    speedup_map_alt,
    speedup_map_data,
    speedup_map_figure,
    speedup_map_title,
)
from core.i18n import english
from tests.batch_lines import CPU, CPU_STEP, GPU, GPU_STEP, NAMES, make_line, unmeasured, without

SIZES = (16, 64, 256, 1024)


def _rows(sizes=SIZES, **changes):
    slow = (2e-4, 1e-6)  # of a small model on the CPU
    return [
        ("cnn", make_line(CPU_STEP, model="cnn"), make_line(GPU_STEP, GPU, model="cnn")),
        ("mlp", make_line(CPU_STEP, sizes=sizes), make_line(GPU_STEP, GPU, sizes, **changes)),
        (
            "mlp_64",
            make_line(slow, sizes=sizes, model="mlp_64"),
            make_line(GPU_STEP, GPU, sizes, model="mlp_64"),
        ),
    ]


def _data(rows, names=NAMES):
    return speedup_map_data(rows, names)


def _named(figure):
    return {trace.name: trace for trace in figure.data if trace.name}


def test_a_row_for_each_model_the_mlps_by_width():
    data = _data(_rows())
    assert [row.model for row in data.rows] == ["mlp_64", "mlp", "cnn"]
    figure = speedup_map_figure(data, english)
    heat = figure.data[0]
    assert figure.layout.yaxis.ticktext == ("mlp_64", "mlp", "cnn")
    assert heat.x == pytest.approx([math.log2(size) for size in data.batch_sizes], rel=1e-5)
    assert "4,096" in figure.layout.xaxis.ticktext
    assert [len(row) for row in heat.z] == [len(data.batch_sizes)] * 3
    assert heat.z[0][1] is None  # batch 32 was measured with the cnn alone
    assert heat.text[0][1] == heat.hovertext[0][1] == ""


def test_what_was_measured_closely_around_a_crossing_has_no_column():
    close = (16, 32, 37, 45, 64, 88, 98, 131, 256)
    rows = [*_rows(close), ("mlp_7", make_line(CPU_STEP, sizes=(100,)), make_line(GPU_STEP, GPU, (100,)))]
    data = _data(rows[1:2])
    assert data.batch_sizes == (16, 32, 64, 98, 256)
    assert data.rows[0].break_even[0] == pytest.approx(53, abs=4)  # between 45 and 64, closer than the columns
    assert 100 in _data(rows).batch_sizes  # or its row were empty
    assert 45 not in _data(rows).batch_sizes


def test_each_ratio_is_written_and_coloured_alike_on_both_sides_of_1():
    [_, row, _] = _rows()
    data = _data([row])
    [known] = data.rows
    assert [square.ratio.value for square in known.squares] == pytest.approx([0.43, 1.17, 3.66, 9.28], rel=0.03)
    heat = speedup_map_figure(data, english).data[0]
    assert [*heat.text[0][:3]] == ["0.4×", "1.2×", "3.7×"]
    assert heat.zmin == -heat.zmax
    assert heat.z[0] == pytest.approx([math.log2(s.ratio.value) for s in known.squares], abs=0.01)
    assert "mlp, batch 16: 0.4" in heat.hovertext[0][0]
    assert "95 % interval 0.4" in heat.hovertext[0][0]


def test_with_many_columns_the_texts_are_short():
    data = _data([("mlp", make_line((1e-4, 1e-6)), make_line((4e-3, 1e-6), GPU))])
    [texts] = speedup_map_figure(data, english).data[0].text
    assert texts[0] == "<.1"
    assert max(map(len, texts)) <= 3


def test_where_the_interval_includes_1_there_is_no_winner():
    baseline = make_line(CPU_STEP, sizes=SIZES, noise=0.2)
    same = make_line(CPU_STEP, replace(CPU, threads=2), SIZES, noise=0.2)
    data = _data([("mlp", baseline, same)])
    even = [square for square in data.rows[0].squares if not square.certain]
    assert even
    texts = speedup_map_figure(data, english).data[0].text[0]
    assert sum(text.startswith("≈") for text in texts) == len(even)
    assert f"Without a reliable difference: {len(even)};" in speedup_map_alt(data, english)
    assert f" in {sum(s.ratio.low > 1 for s in data.rows[0].squares)} of 4 cells" in speedup_map_title(
        data, english
    )


def test_cells_without_a_ratio_say_why_and_whose():
    [_, (model, baseline, candidate), _] = _rows()
    candidate = without(without(candidate, 1024, "out_of_memory"), 16, "failed")
    baseline = without(baseline, 256, "too_slow")
    data = _data([(model, baseline, candidate)])
    figure = speedup_map_figure(data, english)
    named = _named(figure)
    assert named["out of memory"].hovertext == ("mlp, batch 1,024: out of memory (GPU Test GPU)",)
    assert named["too slow"].hovertext == ("mlp, batch 256: too slow (CPU)",)
    assert named["failed"].x == (4,)
    assert len({named[word].marker.symbol for word in ("out of memory", "too slow", "failed")}) == 3
    assert [*figure.data[0].text[0]] == ["", "1.2×", "", ""]
    assert "out of memory: 1; too slow: 1; failed: 1." in speedup_map_alt(data, english)


def test_the_break_even_lies_between_the_neighbours_on_either_side_of_1():
    data = _data(_rows())
    small, mlp, _ = data.rows
    assert small.break_even == ()
    [at] = mlp.break_even
    low, high = (
        sweep.ratio(*pair).value for pair in list(sweep.shared(data.lines[0][1], data.lines[1][1]))[:2]
    )
    along = math.log(low) / (math.log(low) - math.log(high))
    assert math.log(at) == pytest.approx(math.log(16) + along * math.log(4))
    contour = next(t for name, t in _named(speedup_map_figure(data, english)).items() if "break-even" in name)
    assert next(y for y in contour.y if y is not None) == 0.5  # mlp's row is the second
    assert math.log2(at) in [pytest.approx(x, rel=1e-4) for x in contour.x if x is not None]


def test_the_title_says_in_how_many_cells_and_where_the_break_even_runs():
    [cnn, mlp, small] = _rows()
    title = speedup_map_title(_data([mlp]), english)
    assert title == "GPU Test GPU is faster than CPU in 3 of 4 cells; break-even near batch 51 (mlp)"
    later = ("cnn", make_line((6e-4, 5e-6), sizes=SIZES, model="cnn"), cnn[2])
    both = speedup_map_title(_data([mlp, later]), english)
    assert "GPU Test GPU is faster than CPU in 5 of 8 cells; break-even runs from batch 51 (mlp) to 1" in both
    assert both.endswith(" (cnn)")
    assert "break-even" not in speedup_map_title(_data([small]), english)


def test_numbers_from_elsewhere_and_names_from_outside():
    data = _data(_rows(origin="recorded")[1:2], ("<b>CPU</b>", "GPU"))
    title = speedup_map_title(data, english)
    assert title.startswith("GPU · recorded is faster than bCPU/b in 3 of 4 cells")
    assert "GPU · recorded over bCPU/b" in speedup_map_alt(data, english)
    assert "above 1×: GPU · recorded is faster" in _named(speedup_map_figure(data, english))
    evil = _data([("<img src=x>", *_rows()[1][1:])])
    assert "<img" not in speedup_map_figure(evil, english).to_json()


def test_nothing_measured_on_both():
    [_, (model, baseline, candidate), _] = _rows()
    data = _data([(model, unmeasured(baseline), candidate)])
    assert speedup_map_title(data, english) == "Nothing was measured on both"
    assert "–" in speedup_map_alt(data, english)
    apart = _data([(model, make_line(CPU_STEP, sizes=(16, 32)), make_line(GPU_STEP, GPU, (64, 128)))])
    assert len(speedup_map_figure(apart, english).data) == 0
    assert speedup_map_title(apart, english) == "Nothing was measured on both"


def test_a_large_map_stays_small():
    sizes = tuple(2**power for power in range(2, 14))
    data = _data([("mlp", make_line(CPU_STEP, sizes=sizes), make_line(GPU_STEP, GPU, sizes))])
    large = replace(data, rows=data.rows * 25)
    figure = speedup_map_figure(large, english)
    assert len(figure.data[0].z) == 25
    assert len(figure.to_json()) < 35_000


def test_the_text_is_read_on_every_colour_of_the_scale():
    heat = speedup_map_figure(_data(_rows()[1:2]), english).data[0]
    ink = _luminance(heat.textfont.color)
    assert all((_luminance(colour) + 0.05) / (ink + 0.05) >= 4.5 for _, colour in heat.colorscale)
    assert [at for at, _ in heat.colorscale] == [0, 0.25, 0.5, 0.75, 1]


def _luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
