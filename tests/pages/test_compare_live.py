"""The Compare page while something is measured: progress, the queue, cancelling, failing, and the end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core import units
from core.errors import MeasurementError
from core.messages import sentence
from core.runs.admission import Limits
from tests.builders import make_result, make_spec
from tests.pages.reading import charts, errors, texts
from tests.pages.scripted import CPU, END, GPU, begun, whole


@pytest.fixture(autouse=True)
def _with_gpu(dashboard):
    dashboard.workers.devices = (CPU, GPU)


def started(dashboard, **parameters):
    """A visitor who has pressed Run, and the job once it is running."""
    visitor = dashboard.visit(**parameters)
    visitor.button(key="run").click().run()
    assert not visitor.exception
    job_id = visitor.query_params["job"]
    job = dashboard.runner.job(job_id)
    dashboard.until(job_id, lambda: job.sampler is not None)
    return visitor, job


def cards(visitor):
    return {card.label: card.value for card in visitor.metric}


def rate_of(result, blocks):
    """What the live panel shows: the last block's own rate."""
    last = result.blocks[blocks - 1]
    return units.rate(last.samples / last.duration_s)


def told(dashboard, job, *events):
    """The worker tells this; back when the runner has taken it in."""

    def taken():
        return sum(len(run.blocks) for run in job.assembly.runs)

    wanted = taken() + sum(event["type"] == "block" for event in events)
    dashboard.workers.current.tell(*events)
    dashboard.until(job.id, lambda: taken() >= wanted)


def test_run_shows_the_progress_of_each_setup_and_then_the_answer(dashboard, pair):
    visitor, job = started(dashboard)
    visitor.run()
    assert visitor.button(key="run").disabled
    assert visitor.button(key=f"cancel-{job.id}").label == "Cancel"
    assert visitor.get("progress")[0].proto.text == "Building the models and warming up"

    told(dashboard, job, *begun(0, pair[0], 8), *begun(1, pair[1], 8))
    visitor.run()
    assert not visitor.exception
    assert visitor.get("progress")[0].proto.text.startswith("Measuring, ")
    assert 40 < visitor.get("progress")[0].value < 60
    assert cards(visitor) == {"CPU": rate_of(pair[0], 8), "GPU Test GPU": rate_of(pair[1], 8)}
    assert "epoch 2 of 3 · loss 1.1" in texts(visitor)
    assert len(visitor.header) == 0, "no answer before the end"
    assert "Nothing has been measured" not in texts(visitor)

    rest = [*whole(0, pair[0])[10:], *whole(1, pair[1])[10:], END]
    dashboard.workers.current.tell(*rest)
    dashboard.finished(job.id)
    visitor.run()
    assert not visitor.exception
    assert visitor.header[0].value.startswith("GPU Test GPU trains this 4.0")
    assert not visitor.button(key="run").disabled
    assert f"cancel-{job.id}" not in [button.key for button in visitor.button]
    assert len(charts(visitor)) == 6
    assert visitor.query_params == {"job": job.id}
    assert texts(visitor).count(f"](?job={job.id})") == 2, "in the history, both setups"
    assert dashboard.store.job(job.id).state == "finished"


def test_what_was_run_is_what_the_controls_showed(dashboard):
    _, job = started(
        dashboard, batch_size="256", epochs="1", devices="cpu/1", precisions="bf16", max_seconds="5"
    )
    assert job.spec.workload == make_spec(batch_size=256, epochs=1).workload
    assert job.spec.setups == (make_spec(threads=1, precision="bf16").setup,)
    assert job.spec.max_seconds == 5.0


def test_cancelling_keeps_what_was_measured_and_labels_it(dashboard, pair):
    visitor, job = started(dashboard)
    told(dashboard, job, *begun(0, pair[0], 6), *begun(1, pair[1], 6))
    visitor.run()
    visitor.button(key=f"cancel-{job.id}").click().run()
    dashboard.finished(job.id)
    visitor.run()
    assert not visitor.exception
    assert visitor.header[0].value.startswith("GPU Test GPU trains this ")
    assert len([note for note in visitor.caption if note.value.endswith("cancelled")]) == 2
    assert sentence("partial_run") in texts(visitor)
    assert len(visitor.error) == 0, "what the visitor asked for is no failure"
    assert not visitor.button(key="run").disabled
    assert [run.status for run in dashboard.store.history()] == ["cancelled", "cancelled"]


def test_cancelling_before_anything_was_measured_leaves_an_empty_page_and_no_error(dashboard):
    visitor, job = started(dashboard)
    visitor.run()
    visitor.button(key=f"cancel-{job.id}").click().run()
    dashboard.finished(job.id)
    visitor.run()
    assert not visitor.exception
    assert [len(visitor.header), len(visitor.error)] == [0, 0]
    assert "Nothing has been measured with these settings yet" in texts(visitor)


def test_a_second_visitor_sees_the_place_in_the_queue_and_moves_up(dashboard, pair):
    first, running = started(dashboard)
    second = dashboard.visit(epochs="1")
    second.button(key="run").click().run()
    assert not second.exception
    assert second.get("progress")[0].proto.text.startswith("Waiting: 1 measurement is ahead of yours, about ")
    third = dashboard.visit(epochs="2")
    assert third.expander[0].label == "Other measurements here: 2"
    assert "running" in texts(third)
    assert "waiting" in texts(third)
    third.button(key="run").click().run()
    assert third.get("progress")[0].proto.text.startswith("Waiting: 2 measurements are ahead of yours, about ")

    first.run()
    first.button(key=f"cancel-{running.id}").click().run()
    dashboard.finished(running.id)
    mine = dashboard.runner.job(second.query_params["job"])
    dashboard.until(mine.id, lambda: mine.sampler is not None)
    second.run()
    assert second.get("progress")[0].proto.text == "Building the models and warming up"
    third.run()
    assert third.get("progress")[0].proto.text.startswith("Waiting: 1 measurement is ahead of yours")


def test_before_there_is_a_worker_it_waits_for_that_and_not_for_nobody(dashboard):
    dashboard.workers.ready.clear()
    visitor = dashboard.visit(devices="cpu")
    visitor.button(key="run").click().run()
    assert not visitor.exception
    assert visitor.get("progress")[0].proto.text == "Waiting for the measuring process to start"


def test_leaving_the_queue(dashboard):
    started(dashboard)
    second = dashboard.visit(epochs="1")
    second.button(key="run").click().run()
    job_id = second.query_params["job"]
    second.button(key=f"cancel-{job_id}").click().run()
    assert not second.exception
    assert len(dashboard.runner.open_jobs()) == 1
    assert dashboard.store.job(job_id).state == "cancelled"
    assert not second.button(key="run").disabled


def test_whoever_opens_the_link_of_a_running_job_follows_it(dashboard, pair):
    _, job = started(dashboard, epochs="2")
    told(dashboard, job, *begun(0, pair[0], 4))
    other = dashboard.visit(job=job.id)
    assert not other.exception
    assert other.slider(key="epochs").value == 2
    assert cards(other) == {"CPU": rate_of(pair[0], 4), "GPU Test GPU": "–"}


def test_other_settings_can_be_looked_at_while_ones_own_job_runs(dashboard, pair):
    dashboard.keep(make_result(id="earlier", spec=make_spec(epochs=5)))
    visitor, job = started(dashboard)
    visitor.slider(key="epochs").set_value(5).run()
    visitor.pills(key="devices").set_value(["cpu"]).run()
    assert not visitor.exception
    assert visitor.header[0].value == "CPU processes 160 images/s"
    assert len(visitor.get("progress")) == 1, "one's own job is followed all the same"
    dashboard.workers.current.tell(*whole(0, pair[0]), *whole(1, pair[1]), END)
    dashboard.finished(job.id)
    visitor.run()
    assert [note.value for note in visitor.info] == [
        f"Your measurement is done: [mlp on digits, batch 64, 3 epochs](?job={job.id})"
    ]
    visitor.run()
    assert len(visitor.info) == 0, "told once"


class TestAFullQueue:
    @pytest.fixture
    def limits(self):
        return Limits(waiting=1)

    def test_is_told_and_nothing_is_lost(self, dashboard):
        started(dashboard)
        second = dashboard.visit(epochs="1")
        second.button(key="run").click().run()
        third = dashboard.visit(epochs="2")
        third.button(key="run").click().run()
        assert not third.exception
        assert errors(third)[0].startswith("The queue is full, with 1 waiting. A place will be free in about ")
        assert len(dashboard.runner.open_jobs()) == 2
        assert third.slider(key="epochs").value == 2
        assert not third.button(key="run").disabled
        third.run()
        assert len(third.error) == 0, "told once"


def test_too_many_setups_are_refused(dashboard, limits):
    visitor = dashboard.visit()
    dashboard.runner.limits = replace(limits, setups=8)
    visitor.pills(key="devices").set_value(["cpu/1", "cpu", "cuda:0"]).run()
    visitor.pills(key="precisions").set_value(["fp32", "tf32", "bf16"]).run()
    visitor.pills(key="data_paths").set_value(["resident", "loader"]).run()
    visitor.button(key="run").click().run()
    assert not visitor.exception
    assert errors(visitor) == [sentence("setups_count", {"count": 14, "most": 8})]


def test_a_worker_that_dies_is_told_once_with_what_to_do_and_the_next_run_works(dashboard, pair):
    visitor, job = started(dashboard)
    told(dashboard, job, *begun(0, pair[0], 5), *begun(1, pair[1], 5))
    first = dashboard.workers.current
    first.die(MeasurementError("worker_killed"))
    dashboard.finished(job.id)
    visitor.run()
    assert not visitor.exception
    assert len([text for text in errors(visitor) if sentence("worker_killed") in text]) == 1
    assert len(visitor.metric) == 2, "what was measured until then is kept"

    visitor.button(key="run").click().run()
    again = dashboard.runner.job(visitor.query_params["job"])
    assert again.id != job.id
    dashboard.until(again.id, lambda: again.sampler is not None)
    assert dashboard.workers.current is not first
    dashboard.workers.current.tell(*whole(0, pair[0]), *whole(1, pair[1]), END)
    dashboard.finished(again.id)
    visitor.run()
    assert visitor.header[0].value.startswith("GPU Test GPU trains this 4.0")
    assert len(visitor.error) == 0


def test_a_job_that_the_worker_refuses_says_why(dashboard):
    visitor, job = started(dashboard)
    facts = {"batch_size": 64, "train_samples": 10}
    error = {"type": "error", "kind": "input", "code": "batch_too_large", "facts": facts}
    dashboard.workers.current.tell(error, END)
    dashboard.finished(job.id)
    visitor.run()
    assert not visitor.exception
    told_of = [text for text in errors(visitor) if sentence("batch_too_large", facts) in text]
    assert len(told_of) == 1
    assert len(visitor.header) == 0


def test_one_setup_that_fails_is_named_while_the_other_goes_on(dashboard, pair):
    visitor, job = started(dashboard)
    facts = {"device": "cuda:0", "batch_size": 64}
    failure = {"code": "out_of_memory", "facts": facts}
    events = [
        {"type": "setup", "run": 1},
        {"type": "run_end", "run": 1, "status": "failed", "failure": failure},
    ]
    told(dashboard, job, *events, *begun(0, pair[0], 6))
    visitor.run()
    assert not visitor.exception
    assert errors(visitor) == [sentence("out_of_memory", facts)]
    assert cards(visitor) == {"CPU": rate_of(pair[0], 6)}
    dashboard.workers.current.tell(*whole(0, pair[0])[8:], END)
    dashboard.finished(job.id)
    visitor.run()
    assert visitor.header[0].value == "CPU processes 160 images/s"
    assert errors(visitor) == [f"**GPU Test GPU**: {sentence('out_of_memory', facts)}"]


def test_while_images_are_prepared_that_is_said(dashboard):
    visitor, job = started(dashboard)
    dashboard.workers.current.tell({"type": "data", "stage": "download", "fraction": 0.25})
    dashboard.until(job.id, lambda: job.assembly.preparing is not None)
    visitor.run()
    assert visitor.get("progress")[0].proto.text == "Downloading the images 25 %"


def test_a_loss_that_is_not_a_number_anymore_is_no_reason_to_stop(dashboard, pair):
    """A block without a loss, as where the training diverged."""
    visitor, job = started(dashboard)
    events = begun(0, pair[0], 3)
    events[-1]["block"]["loss"] = None
    told(dashboard, job, *events)
    visitor.run()
    assert not visitor.exception
    assert cards(visitor)["CPU"] == rate_of(pair[0], 3)
