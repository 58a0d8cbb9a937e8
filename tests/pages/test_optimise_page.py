"""The Optimise page: what tuning does to the answer, and each device's ladder."""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import replace

import pytest

from core import own_code
from core.analysis import ladder as ladders
from core.analysis.comparison import compare
from core.i18n import english
from core.messages import sentence
from core.records import Note
from core.wording import rung_words, verdict_between
from pages._shared import language
from tests.builders import make_blocks, make_environment, make_gpu_result, make_machine, make_result, make_spec
from tests.ladders import failed, make_climb, make_ladder
from tests.pages.reading import charts, errors, read, texts
from tests.pages.scripted import CPU, GPU

_PAGE = "pages/optimise.py"


def visit(dashboard, locale="en-US", **parameters):
    """A new visitor who opens a link to the page."""
    return dashboard.visit(locale, _PAGE, **parameters)


def _rows(visitor):
    """The tables, line by line, as lists of cells."""
    lines = [line for line in texts(visitor).splitlines() if line.startswith("| :small[")]
    return [re.findall(r":small\[(.*?)\](?= \|)", line) for line in lines]


def _row(visitor, rung):
    [row] = [row for row in _rows(visitor) if row[0] == rung]
    return row


# --- before anything was measured ------------------------------------------------------------------


def test_the_first_visit_invites_to_run_and_shows_what_one_can_change(dashboard):
    visitor = visit(dashboard)
    assert not visitor.exception
    assert visitor.title[0].value == "How fast can each device get at this job?"
    assert "Nothing has been measured with these settings yet" in texts(visitor)
    assert not visitor.button(key="optimise").disabled
    assert len(visitor.get("plotly_chart")) == len(visitor.header) == len(visitor.error) == 0
    assert [code.value.strip() for code in visitor.code] == [
        text.strip() for text in (own_code.START, *(snippet.code for snippet in own_code.SNIPPETS.values()))
    ]


def test_until_the_devices_are_known_nothing_can_be_started(dashboard):
    dashboard.workers.ready.clear()
    visitor = visit(dashboard)
    assert not visitor.exception
    assert visitor.button(key="optimise").disabled
    assert "Looking for GPUs …" in texts(visitor)
    dashboard.workers.ready.set()
    dashboard.runner.wait_for_worker()
    assert not visitor.run().button(key="optimise").disabled


def test_a_machine_without_a_gpu_says_why(dashboard):
    assert [note for note in visit(dashboard).info if sentence("nvml_no_driver") in read(note)]


def test_compare_still_works_and_leads_here_with_its_workload(dashboard):
    visitor = dashboard.visit(model="cnn", batch_size="512")
    assert visitor.title[0].value == "Does a GPU beat the CPU for this job?"
    visitor.switch_page(_PAGE)
    visitor.query_params.clear()
    visitor.run()
    assert not visitor.exception
    assert visitor.selectbox(key="optimise_model").value == "cnn"
    assert visitor.select_slider(key="optimise_batch_size").value == 512
    assert visitor.query_params == {"model": "cnn", "batch_size": "512"}


# --- the address --------------------------------------------------------------------------------------


def test_a_link_sets_the_controls_and_the_controls_the_link(dashboard):
    dashboard.workers.devices = (CPU, GPU)
    visitor = visit(dashboard, dataset="mnist", batch_size="256", device="cuda:0")
    assert visitor.selectbox(key="optimise_dataset").value == "mnist"
    assert visitor.selectbox(key="optimise_device").value == "cuda:0"
    visitor.selectbox(key="optimise_device").set_value("cpu").run()
    visitor.select_slider(key="optimise_batch_size").set_value(64).run()
    assert visitor.query_params == {"dataset": "mnist"}
    assert "mlp on mnist, batch 64" in texts(visitor)


@pytest.mark.parametrize(
    "parameter", [{"batch_size": "many"}, {"batch_size": "0"}, {"device": "cpu/1"}, {"model": "../x"}]
)
def test_what_makes_no_sense_in_a_link_is_named_and_left_out(dashboard, parameter):
    visitor = visit(dashboard, dataset="mnist", **parameter)
    assert not visitor.exception
    assert f"`{next(iter(parameter))}`" in visitor.warning[0].value
    assert visitor.query_params == {"dataset": "mnist"}


def test_a_link_to_a_device_that_is_not_here_keeps_it(dashboard):
    visitor = visit(dashboard, device="cuda:3")
    assert not visitor.exception
    assert visitor.selectbox(key="optimise_device").value == "cuda:3"


def test_the_choice_is_kept_while_another_page_is_looked_at(dashboard):
    visitor = visit(dashboard, batch_size="256")
    visitor.switch_page("pages/compare.py")
    visitor.query_params.clear()
    visitor.run()
    visitor.switch_page(_PAGE)
    visitor.query_params.clear()
    visitor.run()
    assert visitor.select_slider(key="optimise_batch_size").value == 256


# --- one device -----------------------------------------------------------------------------------------


def test_the_best_is_set_against_the_articles_loop_first(dashboard):
    dashboard.keep(*make_climb())
    visitor = visit(dashboard)
    assert not visitor.exception
    best = ladders.best(make_ladder())
    said = verdict_between(best.against_loader, "the article's loop", "CPU at its best", english)
    assert [read(head) for head in visitor.header] == [said]
    assert said.startswith("CPU at its best trains this 4.0")
    assert [(card.label, card.value) for card in visitor.metric] == [
        ("As the article writes it", "160 images/s"),
        ("At its best", "640 images/s"),
    ]
    assert visitor.metric[1].delta.startswith("4.0")
    assert "Best: bfloat16 · 32 % of its measured arithmetic peak" in texts(visitor)
    assert "Nothing has been measured" not in texts(visitor)


def test_ladder_and_roofline_are_drawn_with_alternative_texts(dashboard):
    dashboard.keep(*make_climb())
    drawn = charts(visit(dashboard))
    assert [alt.split()[0] for _, alt in drawn] == ["Bars", "Roofline"]
    assert "Products by oneDNN" in json.dumps(drawn[0][0])
    assert "arithmetic peak, fp32" in json.dumps(drawn[0][0])


def test_the_table_gives_gain_parity_and_cost_of_every_rung(dashboard):
    climb = list(make_climb())
    slow_start = replace(climb[4].cold_start, build_s=1.5, first_step_s=40.0)
    losses = tuple(loss * (1 + 5e-4) for loss in climb[4].first_losses)
    climb[4] = replace(climb[4], cold_start=slow_start, first_losses=losses)
    dashboard.keep(*climb)
    visitor = visit(dashboard)
    _, rate, gain, agreement, start_up = _row(visitor, "Products by oneDNN")
    assert (rate, start_up) == ("400", "41.5 s")
    assert "2.5" in gain
    assert "(" in gain
    assert agreement == ":green[:material/check:] 50 %"
    assert _row(visitor, "The article's loop")[2] == "1×"
    assert len(_rows(visitor)) == 1 + 7


def test_a_rung_that_did_other_work_gets_no_gain_and_is_never_the_best(dashboard):
    climb = list(make_climb())
    climb[5] = replace(climb[5], first_losses=(9.0,) * 66)
    dashboard.keep(*climb)
    visitor = visit(dashboard)
    assert "withheld" in _row(visitor, "bfloat16")[2]
    assert ":red[:material/block:]" in _row(visitor, "bfloat16")[3]
    assert "Best: Products by oneDNN" in texts(visitor)
    assert ":red-badge[:material/report: Quality: doubtful]" in [item.label for item in visitor.expander]


def test_what_could_not_be_measured_is_listed_with_its_reason(dashboard):
    climb = list(make_climb())
    climb[-1] = failed(climb[-1], "no_compiler", problem="g++: not found")
    dashboard.keep(*climb)
    said = texts(visit(dashboard))
    no_compiler = sentence("no_compiler", {"problem": "g++: not found"})
    assert f"**Compiled step, Several compiled steps**: {no_compiler}" in said
    assert f"**Channels last**: {sentence('no_convolutions')}" in said
    assert "**CUDA graph, CUDA graph of several steps**: Needs an NVIDIA GPU." in said
    [line] = [text for text in said.splitlines() if text.endswith(sentence("not_reached"))]
    assert line.startswith("- **Loader with workers, Best thread count, Memory kept, MKL's fast path, ")
    assert "Compiled step" in line  # in bf16
    for name in ladders.NAMES:
        assert said.count(own_code.SAYS[name]) == 1, "what to change is told of every rung"


def test_the_limit_of_steps_is_said_with_what_would_help_and_what_it_gained(dashboard):
    dashboard.keep(*make_climb())
    [line] = [
        text for text in texts(visit(dashboard)).splitlines() if text.startswith("**CPU, the article's loop**")
    ]
    assert "The device waits for its memory" in line
    assert "What should help is the rung “Compiled step”: tried here, it was 1.4" in line
    assert "95 % interval" in line


def test_intervals_that_stayed_wide_are_told_of_in_one_line(dashboard):
    dashboard.keep(*make_climb(notes=(Note("stopped_by_time", {"target_pct": 0.1}),)))
    said = texts(visit(dashboard))
    [line] = [text for text in said.splitlines() if "these speed-ups were known to between ±" in text]
    assert "Image by image" in line
    assert "not to the ±0.1 % that was asked for" in line
    assert said.count("when the speed-up was known to") == 1  # the headline's own


def test_without_limits_nothing_is_claimed_about_them(dashboard):
    dashboard.keep(*(replace(run, limits=None) for run in make_climb()))
    visitor = visit(dashboard)
    assert not visitor.exception
    assert len(charts(visitor)) == 1
    assert "arithmetic peak" not in texts(visitor)


def test_nothing_faster_than_the_articles_loop_is_said_so(dashboard):
    dashboard.keep(*make_climb()[:2])
    visitor = visit(dashboard)
    assert visitor.header[0].value == "On CPU no rung is surely faster than the article's loop."
    assert [card.label for card in visitor.metric] == ["As the article writes it", "At its best"]


def test_a_newer_climb_replaces_the_older_rung_by_rung(dashboard):
    dashboard.keep(*make_climb())
    newer = make_climb(job_id="climb-2", created_at="2026-11-21T10:00:00+00:00", speed=2.0)[:3]
    dashboard.keep(*(replace(run, id=f"{run.id}-again") for run in newer))
    visitor = visit(dashboard)
    assert len(_rows(visitor)) == 1 + 7
    assert _row(visitor, "Data resident")[1] == "427"
    assert _row(visitor, "Products by oneDNN")[1] == "400", "which the newer climb didn't reach"


def test_a_climb_that_was_cut_short_takes_nothing_away(dashboard):
    dashboard.keep(*make_climb())
    newer = make_climb(job_id="climb-2", created_at="2026-11-21T10:00:00+00:00", status="cancelled")
    dashboard.keep(*(replace(run, id=f"{run.id}-again", blocks=run.blocks[:1]) for run in newer))
    visitor = visit(dashboard)
    assert not visitor.exception
    assert visitor.header[0].value.startswith("CPU at its best trains this 4.0")
    assert len(_rows(visitor)) == 1 + 7


def test_a_rung_with_too_few_blocks_is_listed_and_not_judged(dashboard):
    climb = list(make_climb())
    climb[2] = replace(climb[2], blocks=climb[2].blocks[:2])
    dashboard.keep(*climb)
    visitor = visit(dashboard)
    assert "Data resident" not in [row[0] for row in _rows(visitor)]
    assert f"**Data resident**: {sentence('too_few_blocks')}" in texts(visitor)


def test_a_comparison_of_setups_is_no_ladder(dashboard):
    loader = make_result(id="a", spec=make_spec(data_path="loader"))
    dashboard.keep(loader, make_result(id="b", blocks=make_blocks(0.2, start_s=12.2)))
    assert "Nothing has been measured with these settings yet" in texts(visit(dashboard))


def test_a_ladder_of_other_work_is_not_shown(dashboard):
    dashboard.keep(*make_climb())
    assert "Nothing has been measured with these settings yet" in texts(visit(dashboard, batch_size="128"))


def test_a_stored_run_that_cannot_be_read_is_told_and_the_page_still_measures(dashboard, tmp_path):
    dashboard.keep(*make_climb())
    with sqlite3.connect(tmp_path / "results.sqlite3") as connection:
        connection.execute("UPDATE runs SET document = ? WHERE id = 'cpu-fused'", (b"\x00rubbish",))
    connection.close()
    visitor = visit(dashboard)
    assert not visitor.exception
    assert errors(visitor)[0].startswith("The stored run cpu-fused can't be read: ")
    assert not visitor.button(key="optimise").disabled


def test_it_can_be_taken_away_as_a_file_and_as_a_command(dashboard):
    dashboard.keep(*make_climb())
    visitor = visit(dashboard)
    assert [button.label for button in visitor.get("download_button")] == ["Download the records (JSON)"]
    command = "python -m core optimise --model mlp --dataset digits --batch-size 64 --device cpu"
    assert command in [code.value for code in visitor.code]


# --- two devices ------------------------------------------------------------------------------------------


def test_two_devices_are_compared_at_their_best_and_as_the_article_writes_it(dashboard):
    dashboard.keep(*make_climb())
    dashboard.keep(*make_climb("cuda:0"))
    visitor = visit(dashboard)
    assert not visitor.exception
    cpu, gpu = make_ladder(), make_ladder("cuda:0")
    best = compare(ladders.best(cpu).result, ladders.best(gpu).result)
    naive = compare(cpu.rungs[1].result, gpu.rungs[0].result)
    assert read(visitor.header[0]) == (
        f"Each at its best: {verdict_between(best, 'CPU', 'GPU Test GPU', english)}"
    )
    assert f"As the article writes it: {verdict_between(naive, 'CPU', 'GPU Test GPU', english)}" in texts(
        visitor
    )
    assert best.speedup.value == pytest.approx(12.5, rel=0.03)
    assert naive.speedup.value == pytest.approx(2, rel=0.03)
    assert "the first says as much about the loop as about the devices" in texts(visitor)
    assert [head.value for head in visitor.subheader[:2]] == ["CPU", "GPU Test GPU"]
    assert len(charts(visitor)) == 4
    assert "Limits too far off to be drawn: arithmetic peak, fp32: 10,000,000 images/s" in texts(visitor)
    [label] = [item.label for item in visitor.expander if item.label.startswith("**Data resident**")]
    assert re.fullmatch(r"\*\*Data resident\*\* · CPU 1.3.× \(.*\) · GPU Test GPU (1.9|2.0).× \(.*\)", label)


def test_a_recorded_gpu_is_labelled_wherever_it_appears(dashboard):
    dashboard.keep(*make_climb())
    dashboard.record(*make_climb("cuda:0"))
    visitor = visit(dashboard)
    assert not visitor.exception
    assert "GPU Test GPU · recorded trains this" in visitor.header[0].value
    assert [head.value for head in visitor.subheader[:2]] == ["CPU", "GPU Test GPU · recorded"]
    assert sentence("recorded", {"date": "2026-11-20", "name": "NVIDIA Test GPU"}) in texts(visitor)
    assert sentence("separate_jobs") in texts(visitor)
    for _, alt in charts(visitor)[2:]:
        assert "recorded" in alt
    assert not [
        item.label for item in visitor.expander if "Test GPU" in item.label and "recorded" not in item.label
    ]


def test_before_anything_was_measured_here_a_recording_is_shown_as_one(dashboard):
    dashboard.record(*make_climb("cuda:0"))
    visitor = visit(dashboard)
    assert visitor.header[0].value.startswith("GPU Test GPU · recorded at its best trains this 25")
    assert "nothing of it was measured on this machine" in texts(visitor)


def test_what_was_measured_here_stands_for_its_device_and_machines_are_never_mixed(dashboard):
    dashboard.keep(*make_climb())
    elsewhere = make_environment(make_machine(cpu=replace(make_machine().cpu, model="Far CPU")))
    far = (replace(run, id=f"far-{run.id}", environment=elsewhere) for run in make_climb(job_id="far")[:5])
    dashboard.record(*far, *make_climb("cuda:0"))
    visitor = visit(dashboard)
    assert [head.value for head in visitor.subheader[:2]] == ["CPU", "GPU Test GPU · recorded"]
    assert len([row for row in _rows(visitor) if row[0] == "Products by oneDNN"]) == 1
    assert "Far CPU" not in texts(visitor)


def test_rungs_of_the_cpu_are_said_to_be_its_own_on_a_gpu(dashboard):
    dashboard.keep(*make_climb("cuda:0"))
    own = [rung_words(name, english) for name in ("threads", "onednn", "keep_pages", "mkl_fast", "bound")]
    assert f"**{', '.join(own)}**: For the CPU only." in texts(visit(dashboard))


def test_a_gpu_measured_alone_needs_no_second_device(dashboard):
    dashboard.keep(*make_climb("cuda:0"), make_gpu_result(id="other", job_id="climb-cuda:0", blocks=()))
    visitor = visit(dashboard)
    assert not visitor.exception
    assert visitor.header[0].value.startswith("GPU Test GPU at its best trains this 25")


def test_a_ladder_with_impossible_samples_is_told_of_and_the_other_is_shown(dashboard):
    dashboard.keep(*make_climb())
    climb = list(make_climb("cuda:0"))
    climb[1] = replace(climb[1], blocks=climb[0].blocks)  # at the same time as another setup's
    dashboard.record(*climb)
    visitor = visit(dashboard)
    assert not visitor.exception
    assert "overlap in time" in errors(visitor)[0]
    assert visitor.header[0].value.startswith("CPU at its best trains this")


def test_every_text_is_translated(dashboard, monkeypatch):
    monkeypatch.setattr(language, "current", lambda: lambda text: f"¤{text}")
    dashboard.keep(*make_climb())
    dashboard.record(*make_climb("cuda:0"))
    visitor = visit(dashboard)
    assert not visitor.exception
    shown = [visitor.title[0].value, visitor.header[0].value, visitor.button(key="optimise").label]
    shown += [item.value for item in (*visitor.caption, *visitor.markdown)] + [
        alt for _, alt in charts(visitor)
    ]
    shown += [item.label for item in (*visitor.metric, *visitor.expander)]
    assert [text for text in shown if "¤" not in text and text not in ("**CPU**",)] == []
