"""What holds for all figures; what each one shows is tested in the file named after it."""

from __future__ import annotations

import json

import pytest

from core.analysis.crossover.knee import knee
from core.analysis.crossover.scaling import one_or_several as pairs_of
from core.analysis.crossover.scaling import scalings
from core.figures import accuracy, anatomy, block_times, epoch_time, loss, memory, telemetry, throughput
from core.figures.crossover import (
    batch_memory,
    batch_rate,
    one_or_several,
    scaling,
    scaling_efficiency,
    speedup_map,
    step_time,
    target_times,
    time_to_accuracy,
)
from core.i18n import english
from tests.batch_lines import (
    CPU_STEP,
    GPU,
    GPU_STEP,
    NAMES,
    make_crossing,
    make_line,
    make_memory_fit,
    unmeasured,
)
from tests.builders import make_blocks, make_gpu_result, make_result, make_spec
from tests.workers import make_strong

FIGURES = [
    *(throughput, epoch_time, loss, accuracy, anatomy, memory, block_times, telemetry),
    *(time_to_accuracy, target_times),
]
every_figure = pytest.mark.parametrize("module", FIGURES, ids=lambda module: module.__name__.split(".")[-1])


def _parts(module):
    name = module.__name__.split(".")[-1]
    return tuple(getattr(module, f"{name}_{part}") for part in ("data", "figure", "title", "alt"))


def _marked(text):
    return f"¤{text}"


@every_figure
@pytest.mark.parametrize(
    "results",
    [
        [],
        [make_result(status="failed", blocks=(), epochs=(), anatomy=None, memory=None, telemetry=None,
                     data=None, environment=None)],
    ],
    ids=["nothing", "failed"],
)  # fmt: skip
def test_nothing_to_draw_is_an_empty_figure_and_said(module, results):
    data, figure, title, alt = _parts(module)
    assert len(figure(results, english).data) == 0
    assert title(data(results), english)
    assert "{" not in alt(data(results), english)


@every_figure
def test_small_enough_for_sixty_blocks_a_side(module):
    spec = {"epochs": 12}
    cpu = make_result(blocks=make_blocks(0.4123456789, epochs=12, extra=0), spec=make_spec(**spec))
    gpu = make_gpu_result(
        blocks=make_blocks(0.1123456789, epochs=12, extra=0, start_s=12.3456789),
        spec=make_spec(device="cuda:0", **spec),
    )
    assert len(cpu.blocks) == 60
    assert len(module_json(module, [cpu, gpu])) < 10_000


def module_json(module, results):
    return _parts(module)[1](results, english).to_json()


@every_figure
def test_the_front_end_may_theme_it(module):
    layout = json.loads(module_json(module, [make_result(), make_gpu_result()]))["layout"]
    assert "layout" not in layout["template"]
    assert not {"font", "paper_bgcolor", "plot_bgcolor", "colorway", "title"} & set(layout)
    assert layout["legend"]["orientation"] == "h"


@every_figure
def test_every_text_is_translated(module):
    results = [make_result(), make_gpu_result()]
    data, figure, title, alt = _parts(module)
    drawn = figure(results, _marked)
    assert title(data(results), _marked).startswith("¤")
    assert alt(data(results), _marked).startswith("¤")
    axes = [axis.title.text for axis in (drawn.layout.xaxis, drawn.layout.yaxis) if axis.title.text]
    assert axes
    assert all(text.startswith("¤") for text in axes)


@every_figure
def test_titles_and_alts_say_which_setup(module):
    data, _, title, alt = _parts(module)
    found = data([make_result(), make_gpu_result()])
    assert "Test GPU" in alt(found, english)
    if module is not loss:
        assert "Test GPU" in title(found, english)


def _over_batches(module, cpu, gpu):
    """What a figure over batch sizes draws, and how it is drawn."""
    both = (cpu, gpu)
    arguments = {
        speedup_map: ([("mlp", *both)], NAMES),
        step_time: (*both, make_crossing(), NAMES),
        batch_rate: (both, NAMES, [knee(line) for line in both]),
        batch_memory: (both, NAMES, [make_memory_fit(), make_memory_fit()]),
    }[module]
    data, figure, title, alt = _parts(module)
    found = data(*arguments)

    def drawn(translate):
        return figure(found, translate) if module is speedup_map else figure(*arguments, translate)

    return drawn, lambda translate: (title(found, translate), alt(found, translate))


over_batches = pytest.mark.parametrize(
    "module",
    [speedup_map, step_time, batch_rate, batch_memory],
    ids=lambda module: module.__name__.split(".")[-1],
)


@over_batches
def test_over_batch_sizes_nothing_is_an_empty_figure_and_said(module):
    drawn, words = _over_batches(module, unmeasured(make_line(CPU_STEP)), unmeasured(make_line(GPU_STEP, GPU)))
    title, alt = words(english)
    assert title.startswith("Nothing was measured")
    assert "{" not in alt
    if module is not speedup_map:  # which says that the runs failed
        assert len(drawn(english).data) == 0


@over_batches
def test_over_batch_sizes_it_is_small_themed_by_the_front_end_and_translated(module):
    cpu = make_line(CPU_STEP, memory=(5e8, 3e4))
    drawn, words = _over_batches(module, cpu, make_line(GPU_STEP, GPU, memory=(2e8, 4e5), origin="recorded"))
    figure = drawn(_marked)
    text = figure.to_json()
    assert len(text) < 12_000
    layout = json.loads(text)["layout"]
    assert "layout" not in layout["template"]
    assert not {"font", "paper_bgcolor", "plot_bgcolor", "colorway", "title"} & set(layout)
    assert layout["legend"]["orientation"] == "h"
    axes = [axis.title.text for axis in (figure.layout.xaxis, figure.layout.yaxis) if axis.title.text]
    named = [trace.name for trace in figure.data if trace.name and trace.showlegend is not False]
    marked = [*words(_marked), *axes, *(name for name in named if not name.startswith(NAMES))]
    assert axes
    assert [text for text in marked if "¤" not in text] == []
    assert all("recorded" in text for text in words(english))


over_workers = pytest.mark.parametrize(
    "module",
    [scaling, scaling_efficiency, one_or_several],
    ids=lambda module: module.__name__.split(".")[-1],
)


@over_workers
def test_over_workers_nothing_is_an_empty_figure_and_said(module):
    data, figure, title, alt = _parts(module)
    assert len(figure([], english).data) == 0
    assert title(data([]), english).startswith(("Nothing was measured", "No efficiency"))
    assert "{" not in alt(data([]), english)


@over_workers
def test_over_workers_it_is_small_themed_by_the_front_end_and_translated(module):
    several = make_strong({1: 0.1, 2: 0.058, 4: 0.035, 8: 0.03}, origin="recorded")
    one = make_strong({1: 0.05}, threads=4, job="job-one")
    found = pairs_of(one, several) if module is one_or_several else scalings(several)
    data, drawn, title, alt = _parts(module)
    figure = drawn(found, _marked)
    text = figure.to_json()
    assert len(text) < 6_000
    layout = json.loads(text)["layout"]
    assert "layout" not in layout["template"]
    assert not {"font", "paper_bgcolor", "plot_bgcolor", "colorway", "title"} & set(layout)
    axes = [axis.title.text for axis in (figure.layout.xaxis, figure.layout.yaxis) if axis.title.text]
    named = [trace.name for trace in figure.data if trace.showlegend is not False]
    words = title(data(found), _marked), alt(data(found), _marked)
    assert axes
    assert [text for text in (*words, *axes, *named) if "¤" not in text] == []
    assert "recorded" in words[1]
