"""The quiz of the Learn page: the questions, the measurements, and each guess beside what was measured."""

from __future__ import annotations

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from core.analysis import quiz as analysis
from core.analysis.comparison import compare
from core.i18n import english
from core.messages import sentence
from core.records import DataInfo, RunSpec
from core.runs.admission import Limits
from core.wording import verdict_sentence
from pages._shared import language
from tests.builders import make_anatomy, make_blocks, make_gpu_result, make_result
from tests.ladders import failed
from tests.pages.reading import errors, has_chinese, read, texts
from tests.pages.scripted import CPU, END, GPU, whole

_IMAGES = DataInfo(60_000, 0, 10, (1, 28, 28), (1, 28, 28), 407_050)
# Seconds of a step at both batch sizes: with few images the CPU is twice as fast, with many the GPU ten times
_STEPS = {"cpu": (0.002, 0.4), "cuda:0": (0.004, 0.04)}


def _page():
    from core.records import Device
    from pages._learn import quiz
    from pages._shared import language, resources

    quiz.show(resources.runner().devices or (Device("cpu", "CPU"),), language.start())


def visit(dashboard, locale="en-US", **parameters):
    """A new visitor who opens a link to a page with nothing but the quiz on it."""
    if dashboard.workers.ready.is_set():
        dashboard.runner.wait_for_worker()
    visitor = AppTest.from_function(_page, default_timeout=60)
    visitor.context = {"locale": locale}
    visitor.query_params = dict(parameters)
    return visitor.run()


def guess(visitor, small="baseline", small_size=2, large="candidate", large_size=3, share=15):
    """Answer everything; by default right, but for the large batch's and the small batch's lead's ends."""
    visitor.radio(key="quiz_small").set_value(small).run()
    visitor.radio(key="quiz_small_size").set_value(small_size).run()
    visitor.radio(key="quiz_large").set_value(large).run()
    visitor.radio(key="quiz_large_size").set_value(large_size).run()
    return visitor.slider(key="quiz_share").set_value(share).run()


def measured(device="cuda:0"):
    """What the three jobs of a quiz would leave, in their order."""
    found = []
    for spec, place in zip(analysis.plan(device), (0, 1, None), strict=True):
        results = []
        for index, run in enumerate(spec.runs):
            plain = make_result() if run.setup.device == "cpu" else make_gpu_result()
            side = "cpu" if index == 0 and place is not None else "cuda:0"
            step_s = 0.01 if place is None else _STEPS[side][place]
            size = run.workload.batch_size
            blocks = make_blocks(step_s, epochs=1, extra=11, start_s=10 + 5 * index, every_s=10.0)
            results.append(
                replace(
                    plain,
                    id=f"{size}-{index}",
                    job_id=f"job-{size}",
                    spec=RunSpec(run.workload, run.setup),
                    threads=1 if run.setup.threads == 1 else 8,
                    data=_IMAGES,
                    blocks=tuple(replace(block, samples=block.steps * size) for block in blocks),
                    epochs=(),
                    anatomy=make_anatomy((1.0, 0.5, 3.0, 4.0, 1.5)),
                )
            )
        found.append(tuple(results))
    return found


def kept(dashboard, jobs):
    return ",".join(dashboard.keep(*results) for results in jobs)


def progress(visitor):
    return [bar.proto.text for bar in visitor.get("progress")]


# --- the questions -----------------------------------------------------------------------------------


def test_nothing_can_be_run_before_everything_is_answered(dashboard):
    visitor = visit(dashboard)
    assert not visitor.exception
    assert visitor.button(key="quiz_run").disabled
    assert "Questions still to be answered: 1, 2, 3" in texts(visitor)
    assert visitor.radio(key="quiz_small_size").disabled
    visitor.radio(key="quiz_small").set_value("even").run()
    assert visitor.radio(key="quiz_small_size").disabled, "no difference has no size"
    visitor.radio(key="quiz_large").set_value("candidate").run()
    assert "Questions still to be answered: 2, 3" in texts(visitor)
    visitor.radio(key="quiz_large_size").set_value(1).run()
    assert visitor.button(key="quiz_run").disabled
    visitor.slider(key="quiz_share").set_value(30).run()
    assert not visitor.button(key="quiz_run").disabled
    assert "still to be answered" not in texts(visitor)
    assert dashboard.runner.open_jobs() == []


def test_without_an_accelerator_threads_of_the_cpu_are_asked_about(dashboard):
    options = visit(dashboard).radio(key="quiz_small").options
    assert options == [
        "One thread of the CPU",
        "The CPU's best number of threads",
        "No real difference (less than 1.05×)",
    ]


def test_with_one_the_first_is_asked_about_by_its_name(dashboard):
    dashboard.workers.devices = (CPU, GPU)
    options = visit(dashboard).radio(key="quiz_large").options
    assert options == ["The CPU", "NVIDIA Test GPU", "No real difference (less than 1.05×)"]


def test_until_the_devices_are_known_nothing_can_be_run(dashboard):
    dashboard.workers.ready.clear()
    visitor = guess(visit(dashboard))
    assert not visitor.exception
    assert visitor.button(key="quiz_run").disabled


# --- the measurements --------------------------------------------------------------------------------


@pytest.mark.parametrize(("devices", "device"), [((CPU,), "cpu"), ((CPU, GPU), "cuda:0")])
def test_the_button_queues_the_three_jobs_and_a_reload_goes_on_following(dashboard, devices, device):
    dashboard.workers.devices = devices
    visitor = guess(visit(dashboard))
    visitor.button(key="quiz_run").click().run()
    assert not visitor.exception
    jobs = dashboard.runner.open_jobs()
    assert [job.spec for job in jobs] == list(analysis.plan(device))
    assert visitor.query_params["quiz"] == ",".join(job.id for job in jobs)
    assert visitor.session_state["quiz_last"] == {
        "jobs": visitor.query_params["quiz"],
        "small": "baseline",
        "small_size": 2,
        "large": "candidate",
        "large_size": 3,
        "share": 15,
    }
    for looking in (visitor, visit(dashboard, quiz=visitor.query_params["quiz"])):
        [said] = progress(looking)
        assert said.startswith("Measurement 1 of 3, 16 images in a batch: ")
        assert [button.key for button in looking.button] == ["quiz_cancel"]


def test_the_jobs_are_followed_one_after_the_other_until_the_answer(dashboard):
    dashboard.workers.devices = (CPU, GPU)
    visitor = guess(visit(dashboard), small="candidate", large_size=1)
    visitor.button(key="quiz_run").click().run()
    jobs = dashboard.runner.open_jobs()
    for number, (job, results) in enumerate(zip(jobs, measured(), strict=True), 1):
        visitor.run()
        assert progress(visitor)[0].startswith(f"Measurement {number} of 3")
        told = [event for index, result in enumerate(results) for event in whole(index, result)]
        dashboard.workers.current.tell(*told, END)
        dashboard.finished(job.id)
    visitor.run()
    assert not visitor.exception
    assert [len(errors(visitor)), progress(visitor)] == [0, []]
    said = texts(visitor)
    assert "You were right in 1 of 3" in said
    assert "Your guess: NVIDIA Test GPU, 2× to 5×" in said
    assert "You expected another winner." in said
    assert "You named the winner, but its lead is larger than you thought." in said
    assert "You were right." in said


def test_cancel_stops_all_and_scores_nothing(dashboard):
    visitor = guess(visit(dashboard))
    visitor.button(key="quiz_run").click().run()
    jobs = dashboard.runner.open_jobs()
    dashboard.until(jobs[0].id, lambda: jobs[0].sampler is not None)
    visitor.run()
    visitor.button(key="quiz_cancel").click().run()
    for job in jobs:
        dashboard.finished(job.id)
    visitor.run()
    assert not visitor.exception
    assert [job.state for job in jobs] == ["cancelled"] * 3
    said = texts(visitor)
    assert "None of your guesses could be scored" in said
    assert said.count("Not scored: This measurement was stopped before its end.") == 3
    assert len(visitor.error) == 0, "what the visitor asked for is no failure"


class TestAFullQueue:
    @pytest.fixture
    def limits(self):
        return Limits(waiting=2)

    def test_none_is_measured_where_not_all_can_be(self, dashboard):
        visitor = guess(visit(dashboard))
        first = dashboard.runner.submit(analysis.plan("cpu")[0])
        dashboard.until(first, lambda: dashboard.runner.job(first).sampler is not None)
        visitor.button(key="quiz_run").click().run()
        assert [text.endswith("press Run again then.") for text in errors(visitor)] == [True]
        assert [job.id for job in dashboard.runner.open_jobs()] == [first]
        assert "quiz" not in visitor.query_params
        assert visitor.radio(key="quiz_small").value == "baseline", "the guesses are still there"


# --- what came out -----------------------------------------------------------------------------------


def test_a_link_shows_what_was_measured_without_anyones_guesses(dashboard):
    jobs = measured()
    visitor = visit(dashboard, quiz=kept(dashboard, jobs))
    assert not visitor.exception
    said = texts(visitor)
    assert "The guesses are known only to the one who made them." in said
    assert "Your guess" not in said
    for pair in jobs[:2]:
        assert f"**{verdict_sentence(compare(*pair), pair, english)}**" in said
    assert "A step with 16 images takes 2" in said
    assert "a step on GPU Test GPU takes only 10" in said
    assert "So few images don't fill this device." in said
    assert "a step takes 200" in said
    assert "That tips the balance towards GPU Test GPU" in said
    assert "**Loading and copying take 15 % of a step (95 % interval 15 % to 15 %).**" in said
    assert "To load the next 64 images takes 10 % of a step, to copy them to the device 5 %." in said
    assert "the forward pass 30 %, the backward pass 40 % and the weights' update 15 %" in said
    assert "this loop could become at most 6.6" in said
    assert said.count("[All numbers of this measurement](./?job=job-") == 3
    assert len(visitor.expander) == 3, "the doubts of each"


def test_threads_of_the_cpu_are_explained_as_such(dashboard):
    said = texts(visit(dashboard, quiz=kept(dashboard, measured("cpu"))))
    assert "CPU · 1 thread trains this 2.0" in said
    assert "a step on the best number of threads takes only 10" in said
    assert "as long on one thread and only 10" in said
    assert "to copy them takes next to nothing (5 %)" in said


def test_a_search_that_chose_one_thread_is_said(dashboard):
    jobs = measured("cpu")
    jobs[0] = (jobs[0][0], replace(jobs[0][1], threads=1))
    said = texts(visit(dashboard, quiz=kept(dashboard, jobs)))
    assert said.count("The search for the best number of threads chose 1: more were no faster.") == 1


def test_what_is_withheld_or_failed_says_why_and_the_rest_is_shown(dashboard):
    jobs = measured()
    jobs[0] = (jobs[0][0], replace(jobs[0][1], first_losses=(9.0,) * 66))
    jobs[1] = (jobs[1][0], failed(jobs[1][1], "out_of_memory", device="cuda:0", batch_size="4096"))
    visitor = visit(dashboard, quiz=kept(dashboard, jobs))
    assert not visitor.exception
    said = texts(visitor)
    assert "These two can't be compared." in said
    assert sentence("parity_lost_non_determinism") in said
    assert "This measurement failed." in said
    assert errors(visitor) == [sentence("out_of_memory", {"device": "cuda:0", "batch_size": 4096})]
    assert "Loading and copying take 15 %" in said
    assert "times as many images" not in said, "nothing is explained by what can't be compared"


def test_a_tie_that_is_only_noise_is_not_called_one(dashboard):
    jobs = measured()
    noisy = make_blocks(0.002, epochs=1, extra=11, start_s=15, every_s=10.0, jitter=(0.9, -0.5, 0.4, -0.6, 1.5))
    blocks = tuple(replace(block, samples=16 * block.steps) for block in noisy)
    jobs[0] = (jobs[0][0], replace(jobs[0][1], blocks=blocks))
    said = texts(visit(dashboard, quiz=kept(dashboard, jobs)))
    assert "The interval is too wide to tell a winner from a tie." in said
    assert "No reliable difference between" in said
    assert "A step with 16 images" not in said


@pytest.mark.parametrize("state", ["cancelled", "failed"])
def test_a_job_that_left_nothing_is_not_scored(dashboard, state):
    jobs = measured()
    ids = kept(dashboard, jobs[:2])
    spec = analysis.plan("cuda:0")[2]
    dashboard.store.add_job("gone", spec, "2026-11-20T10:00:00+00:00", "elsewhere:1:1")
    dashboard.store.set_job_state("gone", state)
    visitor = visit(dashboard, quiz=f"{ids},gone")
    assert not visitor.exception
    assert "Too little was measured for an answer." in texts(visitor)


# --- links that say nothing, and starting anew -----------------------------------------------------------


@pytest.mark.parametrize("link", ["a,b,c", "x", ",,"])
def test_unknown_measurements_are_told_and_one_can_start(dashboard, link):
    visitor = visit(dashboard, quiz=link)
    assert not visitor.exception
    [warning] = visitor.warning
    if link == "a,b,c":
        assert read(warning).count("There is no measurement") == 3
    assert visitor.button(key="quiz_run").disabled


def test_one_lost_measurement_leaves_the_others(dashboard):
    ids = kept(dashboard, measured()[:2])
    visitor = visit(dashboard, quiz=f"{ids},lost")
    assert not visitor.exception
    assert errors(visitor) == [sentence("unknown_job", {"job": "lost"})]
    assert "That tips the balance" in texts(visitor)


def test_other_jobs_are_no_quiz(dashboard):
    ids = dashboard.keep(make_result(), make_gpu_result())
    visitor = visit(dashboard, quiz=f"{ids},{ids},{ids}")
    assert not visitor.exception
    assert [read(item) for item in visitor.warning] == [
        "The link doesn't name the three measurements of a quiz."
    ]


def test_a_visitor_who_comes_back_from_another_page_finds_the_quiz(dashboard):
    ids = kept(dashboard, measured())
    visitor = visit(dashboard, quiz=ids)
    guesses = {"small": "even", "small_size": None, "large": "candidate", "large_size": 3, "share": 40}
    visitor.session_state["quiz_last"] = {"jobs": ids, **guesses}
    visitor.query_params.clear()
    visitor.run()
    assert visitor.query_params["quiz"] == ids
    said = texts(visitor)
    assert "You were right in 1 of 3" in said
    assert "Your guess: No real difference (less than 1.05×)" in said
    assert "You expected no real difference, and there is one." in said
    assert "It is less than you thought." in said


def test_try_again_asks_anew(dashboard):
    visitor = visit(dashboard, quiz=kept(dashboard, measured()))
    visitor.button(key="quiz_again").click().run()
    assert not visitor.exception
    assert "quiz" not in visitor.query_params
    assert visitor.radio(key="quiz_small").value is None
    assert visitor.button(key="quiz_run").disabled


# --- languages -----------------------------------------------------------------------------------------


def test_every_text_is_translated(dashboard, monkeypatch):
    monkeypatch.setattr(language, "current", lambda: lambda text: f"¤{text}")
    asking = visit(dashboard)
    told = visit(dashboard, quiz=kept(dashboard, measured()))
    running = guess(visit(dashboard))
    running.button(key="quiz_run").click().run()
    shown = [item.value for page in (asking, told, running) for item in (*page.caption, *page.markdown)]
    shown += [
        item.label for page in (asking, told, running) for item in (*page.button, *page.radio, *page.slider)
    ]
    shown += [option for item in asking.radio for option in item.options] + progress(running)
    assert [text for text in shown if "¤" not in text] == []


def test_a_chinese_visitor_gets_it_without_an_error(dashboard):
    visitor = visit(dashboard, "zh-CN", quiz=kept(dashboard, measured()))
    assert not visitor.exception
    assert has_chinese(texts(visitor))
