"""Memory over batch size: the fit, the capacity and where it stops fitting."""

from __future__ import annotations

import pytest

from core.figures.crossover.batch_memory import (
    batch_memory_alt,
    batch_memory_data,
    batch_memory_figure,
    batch_memory_title,
)
from core.i18n import english
from core.records import Note
from tests.batch_lines import (
    CPU_STEP,
    GIB,
    GPU,
    GPU_STEP,
    NAMES,
    make_line,
    make_memory_fit,
    unmeasured,
    without,
)

CPU_LINE = make_line(CPU_STEP, memory=(5e8, 3e4))
GPU_LINE = make_line(GPU_STEP, GPU, memory=(2e8, 4e5))
FEW, FIT = Note("too_few_points"), make_memory_fit()


def _figure(lines=(GPU_LINE,), names=NAMES[1:], fits=(FIT,)):
    return batch_memory_figure(lines, names, fits, english)


def _title(lines=(GPU_LINE,), names=NAMES[1:], fits=(FIT,)):
    return batch_memory_title(batch_memory_data(lines, names, fits), english)


def _named(figure, part):
    return next(trace for trace in figure.data if part in (trace.name or "").replace("<br>", " "))


def _crosses(figure):
    return [trace for trace in figure.data if trace.hovertext and trace.marker.symbol in ("x", "x-open")]


def _curves(figure):
    return [trace for trace in figure.data if trace.mode == "lines" and trace.x[0] is not None]


def test_the_peaks_and_the_fit_dotted_beyond_them():
    figure = _figure()
    [points] = [trace for trace in figure.data if trace.mode == "markers" and len(trace.x) > 1]
    assert points.y[0] == 206_400_000
    assert points.hovertext[0] == "GPU Test GPU, batch 16: 197 MiB"
    inside, outside = _curves(figure)
    assert inside.x[-1] == pytest.approx(8192)
    assert inside.y[-1] == pytest.approx(2e8 + 4e5 * 8192, rel=1e-5)
    assert (inside.line.dash, outside.line.dash) == ("solid", "dot")
    assert max(x for x in outside.x if x) == pytest.approx(42_450)  # beyond, there is no such use
    assert {"256 MiB", "1 GiB"} & set(figure.layout.yaxis.ticktext)


def test_the_capacity_and_where_it_is_reached():
    figure = _figure()
    [capacity] = figure.layout.shapes
    assert capacity.y0 == capacity.y1 == 16 * GIB
    assert capacity.name == "capacity 16 GiB"
    assert _named(figure, "memory is full").marker.symbol == "x-open"
    [stop] = _crosses(figure)
    assert stop.hovertext[0].startswith("GPU Test GPU: memory is full from batch 42,400")
    assert (stop.x, stop.y[0]) == ((42_450,), pytest.approx(16 * GIB, rel=1e-5))
    assert _title() == "GPU Test GPU: memory is full from batch 42,400 on (extrapolated)"
    measured = make_memory_fit(stops_measured=True)
    assert _title(fits=[measured]) == "GPU Test GPU: memory is full from batch 42,450 on (measured)"


def test_a_capacity_far_away_is_said_but_not_drawn():
    fit = make_memory_fit(stops_at=10**9, per_sample_bytes=17.0)
    figure = _figure(fits=[fit])
    assert 10 ** figure.layout.xaxis.range[1] < 20_000
    assert _crosses(figure) == []
    assert "memory is full from batch 1,000,000,000" in _title(fits=[fit])


def test_where_it_ran_out_there_is_a_cross_on_the_axis():
    line = without(GPU_LINE, 8192, "out_of_memory")
    figure = _figure([line])
    assert _named(figure, "out of memory").marker.symbol == "x"
    cross = _crosses(figure)[0]
    assert cross.x == (8192,)
    assert cross.y[0] == pytest.approx(10 ** figure.layout.yaxis.range[0], rel=0.2)
    assert cross.marker.symbol == "x"
    assert _title([line], fits=[FEW]) == "Out of memory at batch 8,192 (GPU Test GPU)"


def test_nothing_but_lack_of_memory():
    line = without(make_line(GPU_STEP, GPU, (64,)), 64, "out_of_memory")
    figure = _figure([line], fits=[FEW])
    assert _crosses(figure)[0].x == (64,)
    assert _title([line], fits=[FEW]) == "Out of memory at batch 64 (GPU Test GPU)"


def test_on_the_cpu_it_is_the_whole_worker():
    fits = [make_memory_fit(fixed_bytes=5e8, per_sample_bytes=3e4, capacity_bytes=None, stops_at=None)]
    figure = _figure([CPU_LINE], ["CPU"], fits)
    assert figure.data[0].name == "CPU"
    assert figure.layout.yaxis.title.text == "Peak memory, whole worker"
    assert len(figure.layout.shapes) == 0
    assert _title([CPU_LINE], ["CPU"], fits) == "Each image in a batch takes more memory: 29.3 KiB (CPU)"
    alt = batch_memory_alt(batch_memory_data([CPU_LINE], ["CPU"], fits), english)
    assert "477 MiB at batch 16, 711 MiB at batch 8,192 (CPU)" in alt


def test_without_a_fit_the_peaks_remain():
    figure = _figure((CPU_LINE, GPU_LINE), NAMES, (FEW, FEW))
    assert _curves(figure) == []
    assert figure.data[0].name == "CPU, whole worker"
    assert _title((CPU_LINE, GPU_LINE), NAMES, (FEW, FEW)).startswith("Peak memory: 477 MiB to 711 MiB (CPU")


def test_setups_of_one_device_share_its_capacity():
    figure = _figure((GPU_LINE, GPU_LINE), ("GPU · fp32", "GPU · bf16"), (FIT, FIT))
    assert [shape.name for shape in figure.layout.shapes] == ["capacity 16 GiB"]
    assert sum(trace.showlegend is not False for trace in figure.data) == 4  # two lines, full, extrapolated


def test_nothing_measured():
    line = unmeasured(GPU_LINE)
    assert len(_figure([line], fits=[FEW]).data) == 0
    assert _title([line], fits=[FEW]) == "Nothing was measured"
    assert "{" not in batch_memory_alt(batch_memory_data([line], NAMES[1:], [FEW]), english)


def test_numbers_from_elsewhere_and_names_from_outside():
    line = make_line(GPU_STEP, GPU, memory=(2e8, 4e5), origin="recorded")
    assert _title([line], ["<b>GPU</b>"]).startswith("bGPU/b · recorded: memory is full")
    assert "<b>" not in _figure([line], ["<b>GPU</b>"]).to_json()
