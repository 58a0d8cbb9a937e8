"""Predict, then run: three guesses, three short measurements, and what they say about the guesses."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core import units
from core.analysis import quiz
from core.errors import InputError
from core.i18n import Translate
from core.messages import sentence
from core.records import Device, Note
from core.runs.queue.job import Job
from core.wording import labels_of
from pages._learn import quiz_questions
from pages._learn.quiz_questions import Answers
from pages._shared import focus, language, live, notices, resources, visitor
from pages._shared.focus import Focus
from pages._shared.markdown import plain

JOBS = "quiz"  # the parameter that names the three jobs
_LAST = "quiz_last"  # this session's last quiz: its jobs, and what was guessed
_PROBLEM = "quiz_problem"  # of the click that led to this run of the page


def show(devices: Sequence[Device], translate: Translate) -> None:
    """The questions; once they are answered, the measurements; then what came out."""
    last = st.session_state.get(_LAST, {})
    jobs = st.query_params.get(JOBS) or last.get("jobs")
    if not jobs:
        _ask(devices, translate)
        return
    if JOBS not in st.query_params:  # back from another page
        st.query_params[JOBS] = jobs
    found = [focus.named(job_id) for job_id in jobs.split(",")]
    device = quiz.device_of([item.spec for item in found])
    if device is None:
        _tell_unknown(found, translate)
        _ask(devices, translate)
        return
    if any(item.open for item in found):
        _follow([item.job_id or "" for item in found])
        return
    from pages._learn import quiz_view  # what judges and explains: not before there is something to judge

    quiz_view.show(found, device, last if last.get("jobs") == jobs else {}, translate)
    st.button(translate("Try again"), icon=":material/replay:", on_click=_forget, key="quiz_again")


def _ask(devices: Sequence[Device], translate: Translate) -> None:
    _ = translate
    device = next((item for item in devices if item.id != "cpu"), Device("cpu", "CPU"))
    st.markdown(
        _(
            "Guess first. Then this machine trains the article's network on random images of 28×28 pixels, in "
            "three short measurements that take about half a minute together, and you see how far off you were."
        )
    )
    answers = quiz_questions.show(device, _)
    unanswered = quiz_questions.unanswered(answers)
    st.button(
        _("Run it and see"),
        type="primary",
        icon=":material/play_arrow:",
        disabled=bool(unanswered) or resources.runner().devices is None,  # what to measure depends on them
        on_click=_submit,
        args=(device.id, answers),
        key="quiz_run",
    )
    if unanswered:
        numbers = _(", ").join(map(str, unanswered))
        st.caption(_("Questions still to be answered: {numbers}").format(numbers=numbers))
    if _PROBLEM in st.session_state:
        code, facts = st.session_state.pop(_PROBLEM)
        notices.problem(Note(code, facts))


def _submit(device: str, answers: Answers) -> None:
    """Queue the three jobs, or none; their ids go into the address, so that a reload goes on following them."""
    try:
        ids = visitor.submit_all(quiz.plan(device))
    except InputError as problem:
        st.session_state[_PROBLEM] = [problem.code, problem.facts]
        return
    st.query_params[JOBS] = ",".join(ids)
    st.session_state[_LAST] = {"jobs": ",".join(ids), **answers}


@st.fragment(run_every=live.REFRESH_S)
def _follow(jobs: Sequence[str]) -> None:
    """How far the measurements are; when all are over, the page runs anew and tells what came out."""
    _ = language.current()
    runner = resources.runner()
    known = [job for job_id in jobs if (job := runner.job(job_id)) is not None]
    current = next((job for job in known if not job.done), None)
    if current is None:
        st.rerun()
    assert current is not None
    with runner.watching(current.id):
        state = _state(current, runner.place(current.id), _)
        fraction = current.assembly.fraction
        results = current.results_now("cancelled") if current.state == "running" else ()
        blocks = [run.blocks[-1] if run.blocks else None for run in current.assembly.runs]
    with st.container(border=True):
        done = jobs.index(current.id)
        text = _("Measurement {n} of {all}, {images:,} images in a batch: {state}")
        images = current.spec.workload.batch_size
        st.progress(
            min(1.0, (done + fraction) / len(jobs)),
            text.format(n=done + 1, all=len(jobs), images=images, state=state),
        )
        rates = [
            _("{label}: {rate}").format(label=label, rate=units.rate(block.samples / block.duration_s, _))
            for label, block in zip(labels_of(results, _), blocks, strict=False)
            if block is not None
        ]
        if rates:
            st.caption(plain(_("; ").join(rates)))
        st.button(
            _("Cancel"),
            icon=":material/stop_circle:",
            key="quiz_cancel",
            on_click=_cancel,
            args=(jobs,),
            disabled=current.over or not visitor.may_cancel(current),
        )


def _state(job: Job, place: int | None, translate: Translate) -> str:
    _ = translate
    if job.over:
        return _("stopping")
    if place == 1:
        return _("waiting for another measurement")
    if place:
        return _("waiting for {n} other measurements").format(n=place)
    if job.waiting_for_machine:
        return _("waiting for another program that measures on this machine")
    left = job.assembly.seconds_left
    if left is None:
        return _("building the models and warming up")
    return _("measuring, {time} left").format(time=units.duration(left))


def _cancel(jobs: Sequence[str]) -> None:
    for job_id in reversed(jobs):  # the running one last, so that none starts meanwhile
        visitor.cancel(job_id)


def _forget() -> None:
    st.session_state.pop(_LAST, None)
    st.query_params.pop(JOBS, None)


def _tell_unknown(found: Sequence[Focus], translate: Translate) -> None:
    """A link may be old, made up, or of something else."""
    problems = [item.problem for item in found if item.spec is None and item.problem is not None]
    texts = [plain(sentence(note.code, note.facts, translate)) for note in problems]
    other = translate("The link doesn't name the three measurements of a quiz.")
    st.warning("  \n".join(dict.fromkeys(texts)) or other, icon=":material/link_off:")
