"""Time to accuracy on the Crossover page: asked for, measured batch by batch, answered from what is stored."""

from __future__ import annotations

import dataclasses

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import InputError
from core.messages import sentence
from core.records import EpochRecord, Note, Setup
from core.runs.admission import Limits, check
from pages._crossover import accuracy_view
from pages._crossover.accuracy_runs import workload
from tests.builders import make_spec
from tests.pages.reading import charts, errors, has_chinese, texts
from tests.pages.scripted import END, whole
from tests.sweeps import make_sweep_result

TWO = Setup(threads=2)


def _script():
    from core.records import Setup
    from pages._crossover import accuracy_view
    from pages._shared import language, notices

    translate = language.start()
    notices.told(())
    accuracy_view.section("mlp", "digits", (Setup(threads=2),), translate)


@pytest.fixture
def visit(dashboard):
    dashboard.runner.wait_for_worker()

    def opened(locale="en-US", opened=True, **state):
        visitor = AppTest.from_function(_script, default_timeout=60)
        visitor.context = {"locale": locale}
        visitor.session_state[accuracy_view.SECTION] = opened
        for name, value in state.items():
            visitor.session_state[name] = value
        return visitor.run()

    return opened


def learning(batch, per_image_s, accuracies, setup=TWO, samples=None, **changes):
    """A run that was tested after each epoch of 60,000 images."""
    images = samples or 60_000 // batch * batch
    spec = make_spec(batch_size=batch, epochs=20, threads=setup.threads, device=setup.device)
    epochs = tuple(
        EpochRecord(epoch, images // batch, images, 1.0, accuracy, 360, 0.1)
        for epoch, accuracy in enumerate(accuracies, 1)
    )
    named = f"run-{batch}-{setup.device}"
    fields = {"spec": spec, "epochs": epochs, "id": named, "job_id": f"job-{named}", "status": "finished"}
    return make_sweep_result(batch, batch * per_image_s, setup, noise=0.001, **(fields | changes))


SMALL = learning(64, 30e-6, (0.85, 0.95))
LARGE = learning(4096, 10e-6, [0.5] * 17 + [0.95])


def test_one_job_a_batch_size_that_ends_with_the_accuracy():
    found = accuracy_view.jobs(workload("mlp", "digits"), (64, 4096), (TWO, Setup("cuda:0")), 0.9, 20, 30.0)
    assert [job.workload.batch_size for job in found] == [64, 4096]
    for job in found:
        check(job)
        assert (job.until_accuracy, job.workload.epochs, job.workload.learning_rate) == (0.9, 20, 0.01)
        assert job.setups == (TWO, Setup("cuda:0"))


def test_closed_it_is_a_headline_only(dashboard, visit):
    dashboard.keep(SMALL)
    visitor = visit(opened=False)
    assert not visitor.exception
    assert (charts(visitor), len(visitor.button), len(visitor.slider)) == ([], 0, 0)


def test_before_anything_was_trained_it_says_what_to_do(visit):
    visitor = visit()
    assert not visitor.exception
    assert "Press **Measure**" in texts(visitor)
    assert "learning rate of 0.01 as in the article, the same for every batch size" in texts(visitor)
    assert charts(visitor) == []


def test_the_answer_names_the_first_and_why_the_fastest_per_image_isnt(dashboard, visit):
    for run in (SMALL, LARGE):
        dashboard.keep(run)
    visitor = visit()
    assert not visitor.exception
    said = texts(visitor)
    assert "To reach 90 % test accuracy, CPU · batch 64 took 3.6 s of training (2 epochs)." in said
    assert "CPU · batch 4,096 is 3" in said
    assert "as fast per image" in said
    assert "but took 10.3 s, because it needs 18 epochs instead of 2 epochs." in said
    plain = said.replace(":small[", "").replace("] |", " |")
    assert "| CPU · batch 64 | 30 ms | 2 | 3.6 s (3.6 s–3.6 s) |" in plain
    assert "| CPU · batch 64 | 0.001 | – | " in plain
    assert len(charts(visitor)) == 2
    assert all(alt for _, alt in charts(visitor))


def test_the_target_and_the_batch_sizes_are_asked_for(dashboard, visit):
    for run in (SMALL, LARGE):
        dashboard.keep(run)
    visitor = visit()
    visitor.slider(key="accuracy_target_pct").set_value(82).run()
    assert "To reach 82 % test accuracy, CPU · batch 64 took 1.8 s of training (1 epoch)." in texts(visitor)
    assert "it is known to be from" in texts(visitor), "85 % of 360 images might be more or less"
    visitor.pills(key="accuracy_batch_sizes").set_value([4096]).run()
    assert not visitor.exception
    assert "To reach 82 % test accuracy, CPU · batch 4,096 took" in texts(visitor)
    assert "batch 64" not in texts(visitor)
    visitor.pills(key="accuracy_batch_sizes").set_value([]).run()
    assert not visitor.exception
    assert visitor.button(key=accuracy_view.MEASURE).disabled


def test_what_nobody_reached_is_said_with_the_best(dashboard, visit):
    dashboard.keep(LARGE)
    visitor = visit(accuracy_target_pct=99)
    assert "None of these reached 99 % test accuracy; the best was 95 %" in texts(visitor)
    assert "not reached, at best 95 %" in texts(visitor)


def test_a_run_that_ran_out_of_time_in_its_first_epoch_is_told_of(dashboard, visit):
    note = Note("accuracy_not_reached", {"target_pct": 90.0, "best_pct": 41.0})
    dashboard.keep(learning(64, 30e-6, (0.41,), samples=6400, notes=(note,), status="out_of_time"))
    visitor = visit()
    assert not visitor.exception
    assert "None of these reached 90 % test accuracy; the best was 41 %" in texts(visitor)


def test_sweeps_cells_other_rates_and_other_setups_are_left_out(dashboard, visit):
    cell = learning(64, 30e-6, (0.85,), samples=640, id="cell", job_id="a")
    rate = learning(64, 30e-6, (0.95,), id="rate", job_id="b")
    rate = dataclasses.replace(
        rate,
        spec=dataclasses.replace(
            rate.spec, workload=dataclasses.replace(rate.spec.workload, learning_rate=0.5)
        ),
    )
    other = learning(64, 30e-6, (0.95,), Setup(threads=1), id="other", job_id="c")
    for run in (cell, rate, other):
        dashboard.keep(run)
    visitor = visit()
    assert not visitor.exception
    assert "Press **Measure**" in texts(visitor)


def test_recorded_gpus_are_shown_and_called_recorded(dashboard, visit):
    dashboard.keep(SMALL)
    dashboard.record(learning(4096, 5e-6, (0.5, 0.93), Setup("cuda:0"), blocks=6))
    visitor = visit()
    assert not visitor.exception
    assert "GPU Test GPU · recorded · batch 4,096 took 57" in texts(visitor)
    assert "It is also the fastest per image." in texts(visitor)


def test_measure_queues_a_job_a_batch_size_and_follows_them_one_by_one(dashboard, visit):
    visitor = visit(accuracy_batch_sizes=[64, 4096])
    visitor.button(key=accuracy_view.MEASURE).click().run()
    assert not visitor.exception
    small, large = (dashboard.runner.job(job_id) for job_id in visitor.session_state["accuracy_jobs"])
    assert (small.spec.until_accuracy, small.spec.workload.epochs) == (0.9, 20)
    assert visitor.button(key=accuracy_view.MEASURE).disabled
    assert "mlp on digits, batch 64, 20 epochs" in texts(visitor)
    assert len(visitor.get("progress")) == 1
    anew = visit(accuracy_batch_sizes=[64, 4096])  # as after a reload
    assert len(anew.get("progress")) == 1
    assert anew.button(key=accuracy_view.MEASURE).disabled
    dashboard.workers.current.tell(*whole(0, dataclasses.replace(SMALL, anatomy=None))[:-2])
    dashboard.workers.current.tell({"type": "run_end", "run": 0, "status": "finished"}, END)
    dashboard.finished(small.id)
    visitor.run()
    assert not visitor.exception
    assert "To reach 90 % test accuracy, CPU · batch 64 took" in texts(visitor)
    assert "mlp on digits, batch 4,096" in texts(visitor) or "batch 4096" in texts(visitor)
    dashboard.runner.cancel(large.id)
    dashboard.workers.current.tell(END)


def test_a_failed_job_says_what_to_do(dashboard, visit):
    visitor = visit(accuracy_batch_sizes=[64])
    visitor.button(key=accuracy_view.MEASURE).click().run()
    [job_id] = visitor.session_state["accuracy_jobs"]
    facts = {"device": "cpu", "batch_size": 64}
    failure = {"code": "out_of_memory", "facts": facts}
    dashboard.workers.current.tell(
        {"type": "setup", "run": 0}, {"type": "run_end", "run": 0, "status": "failed", "failure": failure}, END
    )
    dashboard.finished(job_id)
    visitor.run()
    assert sentence("out_of_memory", facts) in errors(visitor)


def test_what_may_not_be_measured_is_told(dashboard, visit, monkeypatch):
    def refuse(*_):
        raise InputError("queue_full", waiting=50, minutes=3)

    monkeypatch.setattr(dashboard.runner, "submit_all", refuse)
    visitor = visit()
    visitor.button(key=accuracy_view.MEASURE).click().run()
    assert errors(visitor) == [sentence("queue_full", {"waiting": 50, "minutes": 3})]


def test_a_public_server_gets_less(dashboard):
    for job in accuracy_view.jobs(workload("mlp", "digits"), (64, 4096), (Setup(threads=1),), 0.9, 10, 30.0):
        check(job, Limits.public())


def test_in_chinese_nothing_breaks(dashboard, visit):
    for run in (SMALL, LARGE):
        dashboard.keep(run)
    visitor = visit("zh-CN")
    assert not visitor.exception
    assert len(charts(visitor)) == 2
    assert has_chinese(texts(visitor))
