"""The Crossover page: the answer, what stands behind it, and what it says where there is none."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from core.analysis.crossover.crossing import crossing
from core.analysis.crossover.sweep import lines
from core.crossing_words import crossing_sentence
from core.i18n import english
from core.messages import sentence
from core.records import Note, Setup
from core.runs.store import RunSummary, Store
from core.wording import labels_of
from tests.builders import make_environment, make_software
from tests.pages.reading import charts, errors, has_chinese, read, texts
from tests.pages.scripted import CPU, GPU
from tests.sweeps import make_grid, make_sweep_result

_PAGE = "pages/crossover.py"
SIZES = (16, 64, 256, 1024, 4096)
ONE, BEST = Setup(threads=1), Setup()


def visit(dashboard, locale="en-US", **parameters):
    """A new visitor who opens a link to the page."""
    return dashboard.visit(locale, _PAGE, **parameters)


def _sizes(visitor):
    return tuple(visitor.select_slider(key=f"crossover_{end}_size").value for end in ("smallest", "largest"))


def keep(dashboard, *grids):
    """Store what a sweep would have: a job for each cell."""
    for grid in grids:
        for run in grid:
            dashboard.keep(replace(run, job_id=f"job-{run.id}"))


def crossing_grids(**changes):
    """One thread has less overhead, all threads less for each image: they cross at 200."""
    small = make_grid(2e-4, 10e-6, ONE, SIZES, **changes)
    return small, make_grid(12e-4, 5e-6, BEST, SIZES, **changes)


# --- before anything was measured ------------------------------------------------------------------


def test_the_first_visit_explains_and_invites_to_run(dashboard):
    visitor = visit(dashboard)
    assert not visitor.exception
    assert visitor.title[0].value == "From which batch size on is it faster?"
    assert "Nothing has been measured with these settings yet" in texts(visitor)
    assert "mlp on digits, batch 16 to 8192: CPU, 1 thread; CPU, best thread count" in texts(visitor)
    assert not visitor.button(key="sweep").disabled
    assert len(charts(visitor)) == len(visitor.header) == len(visitor.error) == 0
    assert visitor.query_params == {}


def test_until_the_devices_are_known_nothing_can_be_started(dashboard):
    dashboard.workers.ready.clear()
    visitor = visit(dashboard)
    assert not visitor.exception
    assert visitor.button(key="sweep").disabled
    dashboard.workers.ready.set()
    dashboard.runner.wait_for_worker()
    assert not visitor.run().button(key="sweep").disabled


# --- the address -------------------------------------------------------------------------------------


def test_a_link_sets_the_controls_and_the_controls_the_link(dashboard):
    dashboard.workers.devices = (CPU, GPU)
    given = {"model": "cnn", "also": "mlp_64,resnet18", "smallest": "32", "largest": "512", "baseline": "cpu/1"}
    visitor = visit(dashboard, **given, candidate_precision="bf16", seconds="60")
    assert not visitor.exception
    assert visitor.multiselect(key="crossover_also_list").value == ["mlp_64", "resnet18"]
    assert _sizes(visitor) == (32, 512)
    assert visitor.selectbox(key="crossover_baseline_device").value == "cpu/1"
    assert visitor.selectbox(key="crossover_candidate_device").value == "cuda:0"
    assert visitor.query_params == {**given, "candidate_precision": "bf16", "seconds": "60"}
    visitor.multiselect(key="crossover_also_list").set_value([]).run()
    visitor.select_slider(key="crossover_smallest_size").set_value(16).run()
    visitor.select_slider(key="crossover_largest_size").set_value(8192).run()
    visitor.selectbox(key="crossover_baseline_device").set_value("cpu").run()
    assert visitor.query_params == {"model": "cnn", "candidate_precision": "bf16", "seconds": "60"}


@pytest.mark.parametrize(
    "parameter",
    [
        {"smallest": "0"},
        {"largest": "many"},
        {"also": "../x"},
        {"baseline": "cpu/x"},
        {"baseline": "cuda:0/2"},
        {"candidate": "recorded,cpu"},
        {"candidate_precision": "fp8"},
        {"seconds": "1"},
        {"seconds": "99999"},
        {"model": "../x"},
    ],
)
def test_what_makes_no_sense_in_a_link_is_named_and_left_out(dashboard, parameter):
    visitor = visit(dashboard, dataset="mnist", **parameter)
    assert not visitor.exception
    assert f"`{next(iter(parameter))}`" in visitor.warning[0].value
    assert visitor.query_params == {"dataset": "mnist"}


def test_a_range_may_be_given_in_any_order_and_of_one_size(dashboard):
    visitor = visit(dashboard, smallest="512", largest="512")
    assert not visitor.exception
    assert _sizes(visitor) == (512, 512)
    visitor = visit(dashboard, smallest="1024", largest="32")
    assert _sizes(visitor) == (32, 1024)


def test_the_same_setup_twice_cannot_be_run(dashboard):
    visitor = visit(dashboard, baseline="cpu", candidate="cpu")
    assert not visitor.exception
    assert visitor.button(key="sweep").disabled
    assert "Baseline and candidate are the same: choose two setups." in texts(visitor)


def test_precisions_are_compared_like_devices(dashboard):
    small, large = (
        make_grid(2e-4, 10e-6, ONE, SIZES),
        make_grid(12e-4, 5e-6, replace(ONE, precision="bf16"), SIZES),
    )
    keep(dashboard, small, large)
    visitor = visit(dashboard, baseline="cpu/1", candidate="cpu/1")
    visitor.selectbox(key="crossover_candidate_precision").set_value("bf16").run()
    assert not visitor.exception
    assert visitor.query_params["candidate_precision"] == "bf16"
    assert "CPU, 1 thread; CPU, 1 thread · bf16" in texts(visitor)
    assert "CPU · bf16 is faster" in read(visitor.header[0])
    assert "The precisions differ" in texts(visitor)
    assert not visitor.button(key="sweep").disabled


# --- the answer --------------------------------------------------------------------------------------


def test_the_crossing_is_said_first_with_what_stands_behind_it(dashboard):
    grids = crossing_grids()
    keep(dashboard, *grids)
    visitor = visit(dashboard)
    assert not visitor.exception
    pair = [lines(grid)[0] for grid in grids]
    names = labels_of([line.example for line in pair], english)
    assert [read(head) for head in visitor.header] == [crossing_sentence(crossing(*pair), *names, english)]
    assert "Measured directly" in texts(visitor)
    assert len(charts(visitor)) == 4
    assert all(alt for _, alt in charts(visitor))
    assert [metric.label for metric in visitor.metric] == ["Best batch size"] * 2
    assert "whatever its batch size" in texts(visitor)
    assert "Predicted from the others" in texts(visitor)


def test_the_answer_leads_on_to_where_it_is_used(dashboard):
    keep(dashboard, *crossing_grids(model="mlp_64"))
    links = [link.proto for link in visit(dashboard, model="mlp_64").get("page_link")]
    assert [(link.page, link.query_string) for link in links if link.page in ("", "decide")] == [
        ("", "model=mlp_64&batch_size=256"),
        ("decide", "model=mlp_64"),
    ]


def test_the_same_in_chinese(dashboard):
    keep(dashboard, *crossing_grids())
    visitor = visit(dashboard, "zh-CN")
    assert not visitor.exception
    assert has_chinese(visitor.title[0].value)


def test_the_table_shows_each_point_beside_the_line(dashboard):
    keep(dashboard, *crossing_grids())
    visitor = visit(dashboard)
    visitor.session_state["crossover_fits"] = True
    visitor.run()
    assert not visitor.exception
    rows = [line for line in texts(visitor).splitlines() if line.startswith("| :small[4,096]")]
    assert len(rows) == 2
    assert all(row.count("\N{NO-BREAK SPACE}%") == 2 for row in rows)


def test_further_models_are_rows_of_the_map(dashboard):
    keep(dashboard, *crossing_grids(), *crossing_grids(model="mlp_64"))
    keep(dashboard, make_grid(1e-3, 1e-6, ONE, SIZES, model="cnn"))  # on one side only
    visitor = visit(dashboard)
    assert not visitor.exception
    [heat] = [trace for spec, _ in charts(visitor) for trace in spec["data"] if trace["type"] == "heatmap"]
    assert len(heat["y"]) == 2


def test_of_many_models_the_latest_are_drawn_and_it_is_said(dashboard):
    for n in range(14):
        grids = (make_grid(1e-3, 1e-6, setup, (16,), model=f"mlp_{n + 1}") for setup in (ONE, BEST))
        when = {"created_at": f"2026-11-20T10:00:{n:02}+00:00"}
        keep(dashboard, *([replace(run, **when) for run in grid] for grid in grids))
    visitor = visit(dashboard, model="mlp_1")
    assert not visitor.exception
    assert "The map shows the 12 models that were measured last; 2 others are stored." in texts(visitor)
    [heat] = [trace for spec, _ in charts(visitor) for trace in spec["data"] if trace["type"] == "heatmap"]
    assert len(heat["y"]) == 12


def test_a_searched_thread_count_that_differs_is_not_in_the_name(dashboard):
    small, large = crossing_grids()
    keep(dashboard, small, [replace(run, threads=place + 1) for place, run in enumerate(large)])
    visitor = visit(dashboard)
    assert not visitor.exception
    assert "CPU · best thread count" in read(visitor.header[0])


def test_thousands_of_stored_cells_are_looked_through_once_and_no_run_is_read_twice(dashboard, monkeypatch):
    others = [make_grid(1e-3, 1e-6, Setup(threads=n), SIZES, model=f"mlp_{n}") for n in range(2, 42)]
    dashboard.store.add_runs([(run, RunSummary(1.0)) for grid in others for run in grid])
    keep(dashboard, *crossing_grids())
    asked = []
    for name in ("swept", "run"):
        real = getattr(Store, name)
        monkeypatch.setattr(
            Store, name, lambda self, *given, _real=real, _name=name: asked.append(_name) or _real(self, *given)
        )
    visitor = visit(dashboard)
    assert (asked.count("swept"), asked.count("run")) == (1, 2 * len(SIZES))
    visitor.run()
    assert not visitor.exception
    assert len(asked) == 1 + 2 * len(SIZES)


# --- too little --------------------------------------------------------------------------------------


def test_one_side_alone_is_shown_and_the_other_asked_for(dashboard):
    keep(dashboard, crossing_grids()[0])
    visitor = visit(dashboard)
    assert not visitor.exception
    assert "CPU, best thread count isn't measured with this model yet." in texts(visitor)
    assert len(charts(visitor)) == 2
    assert not visitor.button(key="sweep").disabled


def test_one_point_says_what_is_missing(dashboard):
    keep(dashboard, *(grid[:1] for grid in crossing_grids()))
    visitor = visit(dashboard)
    assert not visitor.exception
    assert "at least" in visitor.header[0].value
    assert "measured so far: 1" in visitor.header[0].value


def test_a_cell_out_of_memory_is_a_result(dashboard):
    small, large = crossing_grids()
    facts = {"device": "cpu", "batch_size": 4096}
    full = replace(large[-1], status="failed", failure=Note("out_of_memory", facts), blocks=())
    dashboard.keep(*small[-1:], full)
    keep(dashboard, small[:-1], large[:-1])
    visitor = visit(dashboard)
    assert not visitor.exception
    assert "a batch of 4,096 didn't fit, as measured" in texts(visitor)


def test_nothing_but_failures_says_why(dashboard):
    facts = {"device": "cpu", "batch_size": 16}
    run = make_sweep_result(16, 1e-3, ONE, status="failed", failure=Note("out_of_memory", facts))
    dashboard.keep(replace(run, blocks=()))
    visitor = visit(dashboard)
    assert not visitor.exception
    assert errors(visitor) == [sentence("out_of_memory", facts)]
    assert "Nothing has been measured with these settings yet" in texts(visitor)


def test_samples_that_cannot_be_are_told_of_and_the_rest_is_shown(dashboard):
    small, large = crossing_grids()
    keep(dashboard, small, large)
    bad = replace(large[0].blocks[0], samples=0)
    dashboard.store.add_run(replace(large[0], blocks=(bad, *large[0].blocks[1:])), samples_per_s=1.0)
    visitor = visit(dashboard)
    assert not visitor.exception
    [said] = errors(visitor)
    assert "samples and a duration above 0" in said
    assert len(charts(visitor)) == 4


# --- other machines ------------------------------------------------------------------------------------


def _gpu_grid():
    return make_grid(5e-4, 1e-7, Setup("cuda:0"), SIZES)


def test_a_recorded_gpu_is_set_against_this_machines_cpu_and_labelled(dashboard):
    keep(dashboard, crossing_grids()[0])
    dashboard.record(*_gpu_grid())
    visitor = visit(dashboard, baseline="cpu/1", candidate="recorded,cuda:0,NVIDIA Test GPU")
    assert not visitor.exception
    assert not any("No GPU here" in said.value for said in visitor.info)
    assert visitor.selectbox(key="crossover_candidate_device").value == "recorded,cuda:0,NVIDIA Test GPU"
    assert "NVIDIA Test GPU · recorded" in visitor.selectbox(key="crossover_candidate_device").options
    assert "Test GPU · recorded" in visitor.header[0].value
    assert not visitor.button(key="sweep").disabled
    assert len(charts(visitor)) == 4


def test_without_a_gpu_a_recorded_one_is_set_against_the_cpu_unasked(dashboard):
    dashboard.record(*_gpu_grid())
    visitor = visit(dashboard)
    assert not visitor.exception
    assert visitor.query_params == {}
    devices = [visitor.selectbox(key=f"crossover_{side}_device").value for side in ("baseline", "candidate")]
    assert devices == ["cpu", "recorded,cuda:0,NVIDIA Test GPU"]
    assert "NVIDIA Test GPU · recorded: one side of two" in read(visitor.header[0])
    assert visit(dashboard, model="cnn").selectbox(key="crossover_candidate_device").value == "cpu"


def test_a_single_recorded_point_is_no_line_to_compare_with(dashboard):
    dashboard.record(*_gpu_grid()[:1])
    assert visit(dashboard).selectbox(key="crossover_candidate_device").value == "cpu"


def test_in_what_two_lines_are_unlike_is_said_in_words(dashboard):
    around = make_environment(software=make_software(torch="2.9.0"))
    small, large = crossing_grids()
    keep(dashboard, small, [replace(run, environment=around) for run in large])
    assert "which can change speed by itself: torch." in texts(visit(dashboard))
    said = sentence("lines_differ", {"fields": "torch, cpu.model, numpy"}, english)
    assert said.endswith("by itself: torch, the CPU, numpy.")


def test_two_recorded_devices_need_no_run(dashboard):
    dashboard.record(*_gpu_grid(), *crossing_grids()[1])
    visitor = visit(dashboard, baseline="cpu/1", candidate="cpu")
    visitor.button(key="elsewhere").click().run()
    assert not visitor.exception
    assert visitor.query_params == {
        "baseline": "recorded,cpu,Test CPU",
        "candidate": "recorded,cuda:0,NVIDIA Test GPU",
    }
    assert visitor.button(key="sweep").disabled
    assert visitor.header[0].value.count("recorded") >= 2


def test_unlike_software_makes_a_line_of_its_own_and_it_is_said(dashboard):
    keep(dashboard, *crossing_grids())
    around = make_environment(software=make_software(torch="2.9.0"))
    old = [
        replace(run, id=f"old-{run.id}", environment=around, created_at="2026-10-01T10:00:00+00:00")
        for run in make_grid(9e-4, 9e-6, ONE, (2, 4))
    ]
    keep(dashboard, old)
    visitor = visit(dashboard)
    assert not visitor.exception
    assert "2 points of torch 2.9.0 on Test CPU" in texts(visitor)


def test_the_command_sweeps_this_machine_where_the_other_was(dashboard):
    keep(dashboard, crossing_grids()[0])
    dashboard.record(*_gpu_grid())
    visitor = visit(dashboard, baseline="cpu/1", smallest="64")  # the recorded GPU is what is compared with
    visitor.session_state["crossover_take_away"] = True
    visitor.run()
    assert not visitor.exception
    [command] = [code.value for code in visitor.code]
    assert command == (
        "python -m core sweep --model mlp --dataset digits --batch-sizes 64,256,1024,4096 "
        "--setup device=cpu,threads=1 --max-seconds 120"
    )


# --- a store that can't be read --------------------------------------------------------------------------


def test_a_store_that_cannot_be_read_is_told(dashboard, tmp_path):
    keep(dashboard, *crossing_grids())
    with sqlite3.connect(tmp_path / "results.sqlite3") as database:
        database.execute("UPDATE runs SET document = x'00'")
    visitor = visit(dashboard)
    assert not visitor.exception
    assert len(errors(visitor)) == 1
    assert "Nothing has been measured" not in texts(visitor)


def test_a_store_without_its_table_is_told_and_the_page_stands(dashboard, tmp_path):
    assert dashboard.store.count() == 0
    with sqlite3.connect(tmp_path / "results.sqlite3") as database:
        database.execute("DROP TABLE runs")
    visitor = visit(dashboard)
    assert not visitor.exception
    assert [said for said in errors(visitor) if said.startswith("The stored results can't be read")]
    assert not visitor.button(key="sweep").disabled
