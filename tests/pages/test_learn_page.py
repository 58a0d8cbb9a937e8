"""The Learn page: the article chapter by chapter, its run, and the numbers wherever they come from."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from core import article, layers
from core.hardware import toolkit
from core.messages import sentence
from core.records import JobSpec, Note, Setup
from pages._shared import language
from tests.builders import make_blocks, make_result, make_workload
from tests.learning import make_article
from tests.pages.reading import errors, has_chinese, read, texts
from tests.pages.scripted import CPU, END, GPU

_PAGE = "pages/learn.py"
_WORK = make_workload(epochs=1)


def visit(dashboard, locale="en-US", **parameters):
    """A new visitor who opens a link to the page."""
    return dashboard.visit(locale, _PAGE, **parameters)


def keep(dashboard, *results, state="finished"):
    """As `dashboard.keep`, of a job that was asked to try the lines."""
    spec = JobSpec(results[0].spec.workload, tuple(run.spec.setup for run in results), 6.0, lessons=True)
    job_id = results[0].job_id
    dashboard.store.add_job(job_id, spec, results[0].created_at, "elsewhere:1:1")
    for run in results:
        dashboard.store.add_run(run)
    dashboard.store.set_job_state(job_id, state)
    return job_id


def _table_row(visitor, label):
    """The cells of the first table line that starts so."""
    lines = [line for line in texts(visitor).splitlines() if line.startswith(f"| {label} |")]
    return [cell.strip() for cell in lines[0].strip("|").split("|")][1:]


# --- before anything was measured ------------------------------------------------------------------


def test_the_first_visit_shows_every_chapter_with_its_code_and_invites_to_run(dashboard):
    visitor = visit(dashboard)
    assert not visitor.exception
    assert visitor.title[0].value == "The article, corrected"
    titles = [f"{n} · {title}" for n, title in enumerate(article.TITLES.values(), 1)]
    assert [item.value for item in visitor.subheader][:9] == titles
    snippets = [
        snippet
        for lines in article.LINES.values()
        for snippet in (*([lines.article] if lines.article else []), *lines.here)
    ]
    snippets += layers.SNIPPETS.values()
    shown = [code.value.strip() for code in visitor.code]
    assert shown[: len(snippets)] == [snippet.code.strip() for snippet in snippets]
    assert texts(visitor).count("Not measured yet") == 6
    assert not visitor.button(key="learn").disabled
    assert len(visitor.header) == len(visitor.error) == 0
    assert visitor.query_params == {}


def test_this_machine_is_told_without_a_run(dashboard, monkeypatch):
    monkeypatch.setattr(toolkit, "has_compiler", lambda: True)
    visitor = visit(dashboard)
    assert _table_row(visitor, "`torch.cuda.is_available()`") == ["False"]
    assert _table_row(visitor, "NVIDIA driver") == [sentence("nvml_no_driver")]
    assert "`nvcc` answers here, yet there is no GPU that PyTorch could use" in texts(visitor)


def test_with_a_gpu_nvcc_is_no_surprise(dashboard, monkeypatch):
    monkeypatch.setattr(toolkit, "has_compiler", lambda: True)
    dashboard.workers.devices = (CPU, GPU)
    visitor = visit(dashboard)
    assert _table_row(visitor, "`torch.cuda.is_available()`") == ["True"]
    assert "`nvcc` answers here" not in texts(visitor)


def test_until_the_devices_are_known_nothing_can_be_started(dashboard):
    dashboard.workers.ready.clear()
    visitor = visit(dashboard)
    assert not visitor.exception
    assert visitor.button(key="learn").disabled
    dashboard.workers.ready.set()
    dashboard.runner.wait_for_worker()
    assert not visitor.run().button(key="learn").disabled


# --- the run ---------------------------------------------------------------------------------------


def test_the_button_submits_one_job_that_tries_the_lines(dashboard):
    dashboard.workers.devices = (CPU, GPU)
    visitor = visit(dashboard, model="cnn", batch_size="128")
    visitor.button(key="learn").click().run()
    assert not visitor.exception
    job = dashboard.runner.job(visitor.query_params["job"])
    setups = tuple(
        Setup(device, data_path=path) for device in ("cpu", "cuda:0") for path in ("loader", "resident")
    )
    work = replace(_WORK, model="cnn", batch_size=128)
    assert job.spec == JobSpec(work, setups, 6.0, limits=True, trace=True, lessons=True)
    assert visitor.button(key="learn").disabled
    assert "Being measured" in texts(visitor)
    assert [button for button in visitor.button if button.label == "Cancel"]


def test_without_an_accelerator_the_cpu_is_run_alone(dashboard):
    visitor = visit(dashboard)
    visitor.button(key="learn").click().run()
    job = dashboard.runner.job(visitor.query_params["job"])
    assert [(setup.device, setup.data_path) for setup in job.spec.setups] == [
        ("cpu", "loader"),
        ("cpu", "resident"),
    ]


def test_a_reload_goes_on_following_the_job_and_a_cancel_loses_nothing(dashboard):
    keep(dashboard, *make_article())
    visitor = visit(dashboard)
    visitor.button(key="learn").click().run()
    job_id = visitor.query_params["job"]
    again = visit(dashboard, job=job_id)
    assert again.button(key="learn").disabled
    dashboard.runner.cancel(job_id)
    dashboard.workers.current.tell(END)
    dashboard.finished(job_id)
    again.run()
    assert not again.exception
    assert [note for note in again.info if "stopped before the article's lines" in read(note)]
    assert len(visit(dashboard).header) == 1, "the earlier results are still there"


def test_a_job_beyond_the_limits_is_refused_in_words(dashboard, limits):
    visitor = visit(dashboard)
    dashboard.runner.limits = replace(limits, setups=1)
    visitor.button(key="learn").click().run()
    assert not visitor.exception
    assert errors(visitor) == [sentence("setups_count", {"count": 2, "most": 1})]


def test_a_run_that_fails_says_why(dashboard):
    visitor = visit(dashboard, batch_size="8192")
    visitor.button(key="learn").click().run()
    job = dashboard.runner.job(visitor.query_params["job"])
    dashboard.until(job.id, lambda: job.sampler is not None)
    facts = {"batch_size": 8192, "train_samples": 1437}
    dashboard.workers.current.tell(
        {"type": "error", "kind": "input", "code": "batch_too_large", "facts": facts}, END
    )
    dashboard.finished(job.id)
    visitor.run()
    assert not visitor.exception
    assert errors(visitor) == [sentence("batch_too_large", facts)]


# --- the numbers -----------------------------------------------------------------------------------


def test_a_stored_run_fills_every_chapter(dashboard):
    keep(dashboard, *make_article())
    visitor = visit(dashboard)
    assert not visitor.exception
    shown = texts(visitor)
    assert "Not measured yet" not in shown
    assert visitor.header[0].value.startswith(
        "GPU Test GPU with images moved once and taken by index trains this 2.0"
    )
    assert _table_row(visitor, "torch") == ["2.13.0", "2.13.0"]
    assert _table_row(visitor, "`torch.tensor` on a tensor") == ["1,600", "4 ms"]
    assert "The copy of 12.2 MiB takes 4,000× as long as taking the tensor as it is" in shown
    assert "From nested lists, an image takes 40× as long as from a tensor" in shown
    assert _table_row(visitor, "`model.to(device)`") == ["3 ms", "3 ms"]
    assert _table_row(visitor, "`optimizer.step()`") == ["29 ms · 6.6 %", "6 ms · 5.7 %"]
    assert _table_row(visitor, "Each batch of an epoch") == ["10 ms", "10 ms"]
    assert "GPU Test GPU: batch by batch it takes 5.0× as long (95 % interval 4.9–5.2)" in shown
    assert "CPU: batch by batch" not in shown, "nothing is copied there"
    assert [item.label for item in visitor.metric] == [
        f"{device}, {how}" for device in ("CPU", "GPU Test GPU") for how in ("with", "without")
    ]
    assert "CPU: the losses part at step 3. After 60 steps the one without is higher." in shown
    assert _table_row(visitor, "Clock stopped at once") == ["10 ms", "1 ms"]
    assert "CPU: no reliable difference" in shown
    assert "GPU Test GPU: the work took 10.0× as long as the hasty clock says" in shown
    assert "Quality" in str([item.label for item in visitor.expander])


def test_every_sample_can_be_read_and_taken_away(dashboard):
    keep(dashboard, *make_article(gpu=False))
    visitor = visit(dashboard)
    [line] = [
        line for line in texts(visitor).splitlines() if line.startswith("| Images to the device | `once`")
    ]
    assert "2 ms, 2.04 ms, 1.96 ms" in line
    assert visitor.get("download_button")


@pytest.mark.parametrize(
    ("piled", "said"),
    [
        ((2.3, 2.2, 1.0), "CPU: the losses part at step 3. After 3 steps the one without is lower"),
        ((2.3, 2.2, 2.1), "CPU: after 3 steps both losses are still the same."),
        ((2.3,), "CPU: without it the loss is no longer a number from step 2 on."),
        ((), "CPU: not measured, as one step takes too long"),
    ],
)
def test_what_gradients_that_add_up_do_is_said_as_it_came_out(dashboard, piled, said):
    run, once = make_article(gpu=False)
    losses = {"with": (2.3, 2.2, 2.1), "without": piled}
    tried = tuple(
        replace(item, losses=losses[item.variant]) if item.lesson == "zero_grad" else item
        for item in run.lessons
    )
    keep(dashboard, replace(run, lessons=tried), once)
    visitor = visit(dashboard)
    assert not visitor.exception
    assert said in texts(visitor)


def test_lessons_that_were_left_out_leave_a_dash(dashboard):
    run, once = make_article(gpu=False)
    keep(dashboard, replace(run, lessons=run.lessons[:1], anatomy=None, data=None), replace(once, lessons=()))
    visitor = visit(dashboard)
    assert not visitor.exception
    assert _table_row(visitor, "Clock stopped at once") == ["–"]


def test_the_newest_job_is_shown_and_a_link_shows_another(dashboard):
    keep(dashboard, *make_article("old"))
    keep(dashboard, *make_article("new", gpu=False, created_at="2026-11-21T10:00:00+00:00"))
    assert visit(dashboard).header[0].value.startswith("CPU with")
    linked = visit(dashboard, job="old")
    assert linked.header[0].value.startswith("GPU Test GPU with")
    assert linked.query_params == {"job": "old"}


def test_other_settings_leave_the_job_of_the_link(dashboard):
    keep(dashboard, *make_article())
    visitor = visit(dashboard, job="article-1")
    visitor.select_slider(key="learn_batch_size").set_value(128).run()
    assert not visitor.exception
    assert visitor.query_params == {"batch_size": "128"}
    assert len(visitor.header) == 0


def test_runs_of_the_compare_page_are_no_run_of_the_article(dashboard):
    plain = replace(make_result().spec, workload=_WORK)
    dashboard.keep(make_result(spec=plain, job_id="compared"))
    visitor = visit(dashboard)
    assert not visitor.exception
    assert "Not measured yet" in texts(visitor)
    linked = visit(dashboard, job="compared")
    assert [note for note in linked.info if "wasn't asked to try them" in read(note)]


def test_a_recorded_gpu_stands_beside_the_cpu_and_says_so(dashboard):
    keep(dashboard, *make_article(gpu=False))
    dashboard.record(*make_article("shipped")[2:])
    visitor = visit(dashboard)
    assert not visitor.exception
    assert visitor.header[0].value.startswith("GPU Test GPU · recorded with images moved once")
    assert "GPU Test GPU · recorded: the work took 10.0× as long" in texts(visitor)
    assert "| CPU | GPU Test GPU · recorded |" in texts(visitor)


def test_an_impossible_recording_is_told_and_the_rest_shown(dashboard):
    run, once = make_article("shipped", gpu=False)
    keep(dashboard, replace(run, blocks=make_blocks(-1.0)), once)
    visitor = visit(dashboard)
    assert not visitor.exception
    assert any("blocks" in text for text in errors(visitor))


# --- the address and the store ---------------------------------------------------------------------


@pytest.mark.parametrize("parameter", [{"batch_size": "many"}, {"batch_size": "0"}, {"model": "../x"}])
def test_what_makes_no_sense_in_a_link_is_named_and_left_out(dashboard, parameter):
    visitor = visit(dashboard, dataset="mnist", **parameter)
    assert not visitor.exception
    [name] = parameter
    assert [note for note in visitor.warning if f"`{name}`" in read(note)]
    assert visitor.query_params == {"dataset": "mnist"}


def test_an_unknown_job_is_told(dashboard):
    visitor = visit(dashboard, job="nobody")
    assert not visitor.exception
    assert errors(visitor) == [sentence("unknown_job", {"job": "nobody"})]


def test_compare_leads_here_with_its_workload(dashboard):
    visitor = dashboard.visit(model="cnn", batch_size="512")
    visitor.switch_page(_PAGE)
    visitor.query_params.clear()
    visitor.run()
    assert not visitor.exception
    assert visitor.query_params == {"model": "cnn", "batch_size": "512"}


def test_without_a_store_this_sessions_run_is_still_shown(dashboard, monkeypatch):
    from pages._shared import resources

    nothing = resources.Storage(None, Note("database_unreadable", {"problem": "gone"}))
    monkeypatch.setattr(resources, "storage", lambda: nothing)
    visitor = visit(dashboard)
    assert not visitor.exception
    visitor.button(key="learn").click().run()
    job = dashboard.runner.job(visitor.query_params["job"])
    dashboard.until(job.id, lambda: job.sampler is not None)
    dashboard.workers.current.tell(END)
    dashboard.finished(job.id)
    job.results = make_article(job.id, gpu=False)
    visitor.query_params.clear()
    visitor.run()
    assert not visitor.exception
    assert visitor.header[0].value.startswith("CPU with images moved once")


def test_a_stored_run_that_cannot_be_read_is_told_and_the_article_stays(dashboard, tmp_path):
    keep(dashboard, *make_article())
    with sqlite3.connect(tmp_path / "results.sqlite3") as database:
        database.execute("UPDATE runs SET document = ?", (b"spoilt",))
    visitor = visit(dashboard)
    assert not visitor.exception
    assert len(visitor.error) == 1
    assert visitor.subheader[0].value == "1 · Check"


def test_a_run_of_an_older_format_has_no_lessons_and_harms_nothing(dashboard):
    keep(dashboard, *(replace(run, lessons=(), schema_version=2) for run in make_article()))
    visitor = visit(dashboard)
    assert not visitor.exception
    assert "Not measured yet" in texts(visitor)


# --- language --------------------------------------------------------------------------------------


def test_a_chinese_reader_gets_chinese(dashboard):
    keep(dashboard, *make_article(gpu=False))
    visitor = visit(dashboard, locale="zh-CN")
    assert not visitor.exception
    assert visitor.select_slider(key="learn_batch_size").label == "批大小"
    assert has_chinese(visitor.header[0].value)


def test_every_text_is_translated(dashboard, monkeypatch):
    monkeypatch.setattr(language, "current", lambda: lambda text: f"¤{text}")
    keep(dashboard, *make_article(gpu=False))
    dashboard.record(*make_article("shipped")[2:])
    visitor = visit(dashboard)
    assert not visitor.exception
    shown = [visitor.title[0].value, visitor.header[0].value, visitor.button(key="learn").label]
    shown += [item.value for item in (*visitor.subheader, *visitor.caption, *visitor.markdown)]
    shown += [item.label for item in (*visitor.metric, *visitor.expander)]
    assert [text for text in shown if "¤" not in text] == []
