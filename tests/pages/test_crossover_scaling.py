"""The Crossover page's view of several devices in one job: what it says of runs, and how it gets them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from core.analysis.crossover.scaling import scalings
from core.errors import InputError, MeasurementError
from core.i18n import english
from core.messages import sentence
from core.records import JobSpec, Note, Setup
from core.runs.admission import Limits
from core.runs.scaling import ScaleProgress, ScaleSpec, Unmeasured
from core.scaling_words import scaling_sentence
from pages._shared import resources
from tests.pages.reading import charts, errors, has_chinese, read, texts
from tests.pages.scripted import CPU, GPU
from tests.workers import make_strong, make_weak, make_workers_result

_PAGE = "pages/crossover.py"
STRONG = {1: 0.1, 2: 0.058, 4: 0.035}


def visit(dashboard, locale="en-US", **parameters):
    """A new visitor who opens a link to the view."""
    return dashboard.visit(locale, _PAGE, view="scaling", **parameters)


def keep(dashboard, runs):
    """Store them job by job, as an earlier server would have."""
    for job in dict.fromkeys(run.job_id for run in runs):
        dashboard.keep(*(run for run in runs if run.job_id == job))


def _rows(visitor):
    """All tables' rows, as they are read."""
    lines = (line for line in texts(visitor).splitlines() if line.startswith("| :small["))
    plain = (line.replace("\N{WORD JOINER}", "").replace("\N{NO-BREAK SPACE}", " ") for line in lines)
    return [re.findall(r":small\[(.*?)\](?= \|)", line) for line in plain]


def _strong(**changes):
    return make_strong(STRONG, waiting=0.12, **changes)


class Scaler:
    """Stands in for core.runs.scaling.Scaler: tells what it is given and never measures."""

    def __init__(self, runner):
        self.progress: ScaleProgress | None = None
        self.started, self.cancelled = [], []
        self.problem: InputError | None = None

    def start(self, spec, visitor=None, network=None):
        if self.problem is not None:
            raise self.problem
        self.started.append((spec, visitor))
        self.progress = ScaleProgress(spec)
        return "scale-1"

    def state(self, scale_id):
        return self.progress if scale_id == "scale-1" else None

    def cancel(self, scale_id):
        self.cancelled.append(scale_id)


@pytest.fixture
def scaler(dashboard, monkeypatch):
    monkeypatch.setattr(resources, "Scaler", Scaler)
    return resources.scaler()


# --- the two views ------------------------------------------------------------------------------------


def test_the_views_are_a_click_apart_and_each_keeps_its_settings(dashboard):
    visitor = dashboard.visit(page=_PAGE, model="cnn")
    views = visitor.radio(key="crossover_view")
    assert views.value == "batch"
    views.set_value("scaling").run()
    assert not visitor.exception
    assert visitor.title[0].value == "Would several devices be faster?"
    assert visitor.query_params == {"view": "scaling"}
    visitor.select_slider(key="scaling_batch_size").set_value(512).run()
    assert visitor.query_params == {"view": "scaling", "batch_size": "512"}
    visitor.radio(key="crossover_view").set_value("batch").run()
    assert visitor.title[0].value == "From which batch size on is it faster?"
    assert visitor.query_params == {"model": "cnn"}
    visitor.radio(key="crossover_view").set_value("scaling").run()
    assert visitor.query_params == {"view": "scaling", "batch_size": "512"}


def test_an_unknown_view_is_the_first(dashboard):
    visitor = dashboard.visit(page=_PAGE, view="sideways")
    assert not visitor.exception
    assert visitor.title[0].value == "From which batch size on is it faster?"
    assert visitor.query_params == {}
    assert "`view`" in visitor.warning[0].value


# --- before anything was measured ---------------------------------------------------------------------


def test_the_first_visit_tells_what_will_be_seen_and_invites_to_run(dashboard):
    visitor = visit(dashboard)
    assert not visitor.exception
    assert "Nothing has been measured with these settings yet" in texts(visitor)
    assert "average their gradients after each step" in texts(visitor)
    assert "mlp on synthetic, batch 1024: 1, 2, 4, 8 workers on CPU, 1 thread each" in texts(visitor)
    assert not visitor.button(key="scale").disabled
    assert len(charts(visitor)) == len(visitor.error) == 0


def test_of_a_single_gpu_it_is_said_why_nothing_can_be_run(dashboard):
    dashboard.workers.devices = (CPU, GPU)
    visitor = visit(dashboard, device="cuda:0")
    assert not visitor.exception
    assert visitor.button(key="scale").disabled
    assert "There is only one NVIDIA Test GPU (cuda:0) here: two workers need two." in texts(visitor)


def test_equal_gpus_are_what_is_scaled_over_where_there_are_some(dashboard, monkeypatch):
    dashboard.workers.devices = (CPU, *(replace(GPU, id=f"cuda:{n}") for n in range(4)))
    monkeypatch.setattr(resources, "Scaler", Scaler)
    visitor = visit(dashboard)
    assert "1, 2, 4 workers on NVIDIA Test GPU (cuda:0)" in texts(visitor)
    visitor.button(key="scale").click().run()
    [(spec, _who)] = resources.scaler().started
    assert (spec.device, spec.threads, spec.workers) == ("cuda:0", None, (1, 2, 4))


def test_a_link_to_a_device_that_is_not_here_says_so(dashboard):
    visitor = visit(dashboard, device="cuda:3")
    assert not visitor.exception
    assert visitor.button(key="scale").disabled
    assert sentence("unknown_device", {"device": "cuda:3", "available": "cpu"}) in texts(visitor)
    assert "press Run" not in texts(visitor).replace("*", "")


@pytest.mark.parametrize(
    "parameter",
    [{"batch_size": "0"}, {"workers": "3"}, {"kinds": "sideways"}, {"seconds": "1"}, {"device": "cpu/x"}],
)
def test_what_makes_no_sense_in_a_link_is_named_and_left_out(dashboard, parameter):
    visitor = visit(dashboard, model="cnn", **parameter)
    assert not visitor.exception
    assert f"`{next(iter(parameter))}`" in visitor.warning[0].value
    assert visitor.query_params == {"view": "scaling", "model": "cnn"}


# --- a measurement under way ---------------------------------------------------------------------------


def test_run_starts_what_the_controls_show_and_a_reload_goes_on_following_it(dashboard, scaler):
    asked = visit(dashboard, batch_size="512", workers="4", kinds="strong", device="cpu/2", seconds="20")
    asked.button(key="scale").click().run()
    assert not asked.exception
    [(spec, who)] = scaler.started
    assert spec == ScaleSpec("mlp", "synthetic", 512, "cpu", 2, (1, 2, 4), ("strong",), max_seconds=20.0)
    assert who
    assert asked.query_params["scaling"] == "scale-1"
    assert asked.button(key="scale").disabled
    other = visit(dashboard, batch_size="512", scaling="scale-1")
    assert [bar.proto.text for bar in other.get("progress")] == [
        "0 of 1 measurements done: starting the workers and warming up"
    ]
    asked.button(key="cancel-scale-1").click().run()
    assert scaler.cancelled == ["scale-1"]


def test_the_panel_tells_what_is_measured_and_what_is_known_is_drawn(dashboard, scaler):
    spec = ScaleSpec(workers=(1, 2, 4))
    job_id = dashboard.runner.submit(JobSpec(spec.job("strong", (1,)).workload, (Setup(threads=1),)))
    scaler.progress = ScaleProgress(
        spec, job_id=job_id, jobs=1, kind="weak", workers=(2,), results=tuple(_strong())
    )
    visitor = visit(dashboard, scaling="scale-1")
    assert not visitor.exception
    assert "Now: 2 workers with a batch of 1,024 each" in texts(visitor)
    assert visitor.get("progress")[0].proto.text.startswith("1 of 3 measurements done")
    assert "4 workers: 2.85× as fast as one" in read(visitor.header[0])
    assert visitor.query_params["scaling"] == "scale-1"


def test_what_could_not_be_measured_is_told_with_its_reason(dashboard, scaler):
    spec = ScaleSpec(workers=(1, 2, 4, 8))
    reason = Note("scaling_fewer_failed", {"workers": 4})
    scaler.progress = ScaleProgress(
        spec, results=tuple(_strong()), unmeasured=(Unmeasured("weak", 8, reason),), done=True
    )
    visitor = visit(dashboard, scaling="scale-1")
    assert not visitor.exception
    assert [read(element) for element in visitor.warning] == [
        f"8 workers, a batch each: not measured. {sentence(reason.code, reason.facts)}"
    ]
    assert visitor.query_params == {"view": "scaling"}


def test_a_failure_and_what_cannot_be_started_say_what_to_do(dashboard, scaler):
    note = Note("out_of_memory", {"device": "cpu", "batch_size": 1024})
    scaler.progress = ScaleProgress(ScaleSpec(), failure=note, done=True)
    visitor = visit(dashboard, scaling="scale-1")
    assert errors(visitor) == [sentence(note.code, note.facts)]
    scaler.problem = InputError("too_many_under_way", most=4)
    visitor.button(key="scale").click().run()
    assert errors(visitor) == [sentence("too_many_under_way", {"most": 4})]


# --- the answer -----------------------------------------------------------------------------------------


def test_the_finding_its_charts_and_what_holds_it_up(dashboard):
    runs = [*_strong(), *make_weak({2: 0.11, 4: 0.12}, waiting=0.1)]
    keep(dashboard, runs)
    visitor = visit(dashboard)
    assert not visitor.exception
    strong, weak = (line for line in scalings(runs) if line.batch_size == 1024)
    assert read(visitor.header[0]) == scaling_sentence(strong, english)
    assert "2.85× as fast as one (2.82–2.88), 71.3 % efficient; 12 % of each step" in read(visitor.header[0])
    said = texts(visitor)
    assert scaling_sentence(weak, english) in said
    assert "Each step averages 1.55 MiB of gradients by Gloo" in said
    assert "What would help: a larger batch for each worker" in said
    assert "With one batch shared out, waiting explains only a part of what is lost." in said
    assert [alt.split(" ")[0] for _spec, alt in charts(visitor)] == ["Lines", "Lines"]
    rows = _rows(visitor)
    assert ["4", "29,200", "2.85× (2.82–2.88)", "71.3 % (70.5–72.1 %)"] in rows
    assert ["4", "1,024", "12 % (10–13 %)", "4 ms"] in rows


def test_a_chart_says_where_its_runs_are_from_though_they_were_seen_before_as_our_own(dashboard):
    keep(dashboard, _strong())
    assert "recorded" not in charts(visit(dashboard))[0][1]
    dashboard.record(*_strong())  # as whoever measured them ships them, too
    visitor = visit(dashboard, device="recorded,cpu/1,Test CPU")
    assert not visitor.exception
    assert "recorded" in charts(visitor)[0][1]
    assert "recorded" not in charts(visit(dashboard))[0][1], "and ours are still ours"


def test_parity_is_a_table_and_where_it_parts_there_is_no_speed_up(dashboard):
    one, two, four = _strong()
    keep(dashboard, [one, two, replace(four, first_losses=tuple(x * 1.5 for x in one.first_losses))])
    visitor = visit(dashboard)
    assert not visitor.exception
    said = texts(visitor)
    assert "Do several workers train the same as one?" in said
    agreed = [row[-2:] for row in _rows(visitor) if len(row) == 5]
    assert agreed == [["Allowed", "Same"], ["0.1 %", ":material/check: yes"], ["0.1 %", ":material/close: no"]]
    assert "2 workers: 1.7" in read(visitor.header[0])
    assert sentence("parity_lost_non_determinism") in said


def test_one_bigger_or_several_of_these_are_chosen_and_compared(dashboard):
    keep(dashboard, _strong())
    keep(dashboard, [make_workers_result(1, 0.06, job="job-four", threads=4)])
    dashboard.record(make_workers_result(1, 0.01, job="job-gpu", device="cuda:0"))
    visitor = visit(dashboard)
    assert not visitor.exception
    assert set(visitor.selectbox(key="scaling_several_shown").options) == {
        "CPU · 1 thread each · 4 workers",
        "CPU · 1 thread each · 2 workers",
    }
    assert visitor.selectbox(key="scaling_one_shown").value == "CPU · 4 threads"
    assert "Batch 1,024: CPU · 1 thread each · 4 workers is 1.7" in texts(visitor)
    gpu = next(name for name in visitor.selectbox(key="scaling_one_shown").options if "recorded" in name)
    visitor.selectbox(key="scaling_one_shown").set_value(gpu).run()
    assert not visitor.exception
    assert "CPU · 1 thread each · 4 workers is only 0.28" in texts(visitor)
    assert visitor.query_params["one"] == gpu
    again = visit(dashboard, one=gpu)
    assert again.selectbox(key="scaling_one_shown").value == gpu


def test_what_nobody_chose_is_in_no_link_and_follows_what_is_shown(dashboard):
    steps = {**STRONG, 8: 0.021}
    keep(dashboard, [*_strong(), *make_strong(steps, batch_size=2048, job="job-2048")])
    keep(
        dashboard,
        [make_workers_result(1, 0.06, size, job=f"job-one-{size}", threads=4) for size in (1024, 2048)],
    )
    visitor = visit(dashboard)
    visitor.run()
    assert visitor.query_params == {"view": "scaling"}
    assert visitor.selectbox(key="scaling_several_shown").value == "CPU · 1 thread each · 4 workers"
    visitor.select_slider(key="scaling_batch_size").set_value(2048).run()
    assert not visitor.exception
    assert visitor.selectbox(key="scaling_several_shown").value == "CPU · 1 thread each · 8 workers"
    visitor.selectbox(key="scaling_several_shown").set_value("CPU · 1 thread each · 2 workers").run()
    assert visitor.query_params["several"] == "CPU · 1 thread each · 2 workers"
    visitor.select_slider(key="scaling_batch_size").set_value(1024).run()
    assert visitor.selectbox(key="scaling_several_shown").value == "CPU · 1 thread each · 2 workers"


def test_measured_beside_it_can_fail_and_says_why(dashboard):
    keep(dashboard, _strong())
    visitor = visit(dashboard, workers="2")
    visitor.button(key="one_or_several").click().run()
    [job] = dashboard.runner.open_jobs()
    dashboard.until(job.id, lambda: job.sampler is not None)
    dashboard.workers.current.die(MeasurementError("look_stopped"))
    dashboard.finished(job.id)
    visitor.run()
    assert not visitor.exception
    assert errors(visitor) == [sentence("look_stopped")]
    visitor.select_slider(key="scaling_batch_size").set_value(2048).run()
    assert errors(visitor) == [], "of other settings nothing failed"


def test_both_measurements_can_be_under_way(dashboard, scaler):
    keep(dashboard, _strong())
    visitor = visit(dashboard, workers="2")
    visitor.button(key="one_or_several").click().run()
    visitor.button(key="scale").click().run()
    assert not visitor.exception
    [beside] = dashboard.runner.open_jobs()
    assert [button.key for button in visitor.button if button.label == "Cancel"] == [
        "cancel-scale-1",
        f"cancel-{beside.id}",
    ]


def test_on_the_cpu_one_process_with_as_many_threads_is_measured_against_the_workers(dashboard):
    keep(dashboard, _strong())
    visitor = visit(dashboard, workers="2")
    visitor.button(key="one_or_several").click().run()
    assert not visitor.exception
    [job] = dashboard.runner.open_jobs()
    assert job.spec.setups == (Setup(threads=2), Setup(threads=1), Setup(threads=1, workers=2))
    assert job.spec.workload == _strong()[0].spec.workload


def test_what_was_measured_elsewhere_is_a_click_away_and_says_so(dashboard):
    runs = [replace(run, origin="recorded") for run in _strong(device="cuda:0", batch_size=2048)]
    dashboard.record(*runs)
    visitor = visit(dashboard)
    assert "Nothing has been measured with these settings yet" in texts(visitor)
    visitor.button(key="scaling-shown-0").click().run()
    assert not visitor.exception
    assert visitor.query_params["device"] == "recorded,cuda:0,NVIDIA Test GPU"
    assert "4 workers: 2.8" in read(visitor.header[0])
    assert "recorded" in charts(visitor)[0][1]
    assert visitor.button(key="scale").disabled


def test_it_can_be_taken_away(dashboard):
    keep(dashboard, _strong())
    visitor = visit(dashboard)
    assert "python -m core scale --model mlp --dataset synthetic --batch-size 1024" in visitor.code[0].value
    assert "--workers 1,2,4" in visitor.code[0].value
    assert "--kind" not in visitor.code[0].value
    other = visit(dashboard, kinds="strong", seconds="20")
    assert other.code[0].value.endswith("--workers 1,2,4 --kind strong --max-seconds 20")


def test_in_chinese(dashboard):
    keep(dashboard, _strong())
    visitor = visit(dashboard, "zh-CN")
    assert not visitor.exception
    spoken = [visitor.title[0].value, visitor.header[0].value, *(alt for _spec, alt in charts(visitor))]
    assert len(spoken) == 4
    assert all(map(has_chinese, spoken))


class TestPublic:
    @pytest.fixture
    def limits(self):
        return Limits.public()

    def test_a_public_demo_says_that_it_is_not_offered_and_shows_recordings(self, dashboard):
        dashboard.record(*(replace(run, origin="recorded") for run in _strong(device="cuda:0")))
        visitor = visit(dashboard)
        assert not visitor.exception
        assert visitor.button(key="scale").disabled
        assert sentence("no_scaling_here") in texts(visitor)
        visitor.button(key="scaling-shown-0").click().run()
        assert "4 workers: 2.8" in read(visitor.header[0])
