"""Measuring with several workers, from the button to the last number: what is planned, its panel, its end."""

from __future__ import annotations

from collections.abc import Iterator

import streamlit as st

from core import units
from core.errors import InputError
from core.i18n import Translate
from core.messages import sentence
from core.records import Device
from core.runs.queue.job import Job
from core.runs.scale_spec import refuse_unknown_device
from core.runs.scaling import ScaleProgress
from core.scaling_words import workers_words
from pages._crossover import scaling_controls as controls
from pages._crossover.scaled_runs import Scaled, place_of
from pages._crossover.scaling_controls import Choice
from pages._shared import language, live, resources, visitor
from pages._shared.markdown import plain

_OFFERED_SIZES = 4  # buttons to what was measured before
_WHOLE = 7
BESIDE = "one_or_several_job"  # in the session: the job that measures one process against the workers


def devices() -> tuple[Device, ...]:
    return resources.runner().devices or (Device("cpu", "CPU"),)


def possible(choice: Choice) -> bool:
    """Whether there is anything to run here."""
    return resources.runner().limits.free and bool(choice.counts(devices()))


def planned_words(choice: Choice, translate: Translate) -> str:
    """What Run would measure, or why it can't."""
    _, place = translate, choice.place(devices())
    if not resources.runner().limits.free:
        return plain(sentence("no_scaling_here", {}, _))
    if not place.here:
        return _("That was measured elsewhere: there is nothing to run here.")
    counts = choice.counts(devices())
    if not counts:
        if resources.runner().devices is None:
            return ""  # it may be found yet
        try:
            refuse_unknown_device(choice.spec(devices()), devices())
        except InputError as problem:
            return plain(sentence(problem.code, problem.facts, _))
        text = _("There is only one {device} here: two workers need two. Choose the CPU, or another device.")
        if place.setup.device == "cpu":
            text = _("Two workers need more cores than there are here.")
        return plain(text.format(device=controls.place_words(place, devices(), _)))
    text = _("{model} on {dataset}, batch {batch}: {counts} workers on {device}")
    return plain(
        text.format(
            model=choice.model,
            dataset=choice.dataset,
            batch=choice.batch_size,
            counts=", ".join(map(str, counts)),
            device=controls.place_words(place, devices(), _),
        )
    )


def submit() -> None:
    """Start what the controls show; its id goes into the address, so that a reload goes on following it."""
    spec = controls.read().spec(devices())
    try:
        run = resources.scaler().start(spec, visitor.me(), visitor.network())
    except InputError as problem:
        st.session_state["problem"] = [problem.code, problem.facts]
        return
    controls.follow(run)


@st.fragment(run_every=live.REFRESH_S)
def follow(run: str, drawn: int) -> None:
    """The panel of a measurement; the whole page runs anew when more than `drawn` runs are there."""
    _ = language.current()
    scaler = resources.scaler()
    progress = scaler.state(run)
    if progress is None or progress.done or len(progress.results) != drawn:
        st.rerun()
    assert progress is not None
    with resources.runner().watching(progress.job_id or "") as job:
        place = resources.runner().place(job.id) if job is not None else None
        state = _state(job, place, progress.cancelled, _)
        part = job.assembly.fraction if job is not None else 0.0
        mine = controls.started_here(run) or visitor.may_change(job.visitor if job is not None else None)
    with st.container(border=True):
        head, stop = st.columns([4, 1], vertical_alignment="center")
        text = _("{n} of {all} measurements done: {state}").format(
            n=progress.jobs, all=progress.planned, state=state
        )
        head.progress(min(1.0, (progress.jobs + part) / max(1, progress.planned)), text)
        if mine:
            live.stop_button(stop, run, scaler.cancel, _, over=progress.cancelled)
        if progress.workers:
            st.caption(plain(_now(progress, _)))
    own = (progress.job_id, st.session_state.get(BESIDE))  # what has a panel of its own on this page
    live.queue(",".join(filter(None, own)))


def _state(job: Job | None, place: int | None, cancelled: bool, translate: Translate) -> str:
    _ = translate
    if cancelled:
        return _("stopping")
    if place == 1:
        return _("waiting for another measurement")
    if place:
        return _("waiting for {n} other measurements").format(n=place)
    if job is not None and job.waiting_for_machine:
        return _("waiting for another program that measures on this machine")
    left = job.assembly.seconds_left if job is not None else None
    if left is None:
        return _("starting the workers and warming up")
    return _("measuring, {time} left").format(time=units.duration(left))


def _now(progress: ScaleProgress, translate: Translate) -> str:
    spec = progress.spec
    text = translate("Now: a batch of {batch} shared out among {counts} workers, in turns")
    batch = spec.batch_size
    if progress.kind == "weak":
        text = translate("Now: {counts} workers with a batch of {batch} each")
    counts = ", ".join(map(str, progress.workers))
    return text.format(batch=units.number(batch, _WHOLE), counts=counts)


def told(progress: ScaleProgress, translate: Translate) -> None:
    """What was left unmeasured, and why: nothing in silence."""
    if progress.cancelled:
        text = translate("The measurement was cancelled. What it had measured is kept.")
        st.info(text, icon=":material/stop_circle:")
    for said in dict.fromkeys(_unmeasured(progress, translate)):
        st.warning(plain(said), icon=":material/warning:")


def _unmeasured(progress: ScaleProgress, translate: Translate) -> Iterator[str]:
    shared = translate("{workers}, one batch shared out: not measured. {reason}")
    each = translate("{workers}, a batch each: not measured. {reason}")
    for one in progress.unmeasured:
        yield (shared if one.kind == "strong" else each).format(
            workers=workers_words(one.workers, translate),
            reason=sentence(one.reason.code, one.reason.facts, translate),
        )


def nothing_yet(choice: Choice, known: Scaled, translate: Translate) -> None:
    """Before the first measurement of these settings: what will be seen, and what was measured of others."""
    _ = translate
    with st.container(border=True):
        st.markdown("#### " + _("Nothing has been measured with these settings yet"))
        st.markdown(
            _(
                "Two devices that train one model share the work and average their gradients after each step. "
                "That makes them less than twice as fast; how much less depends on how long a step computes "
                "and how many parameters there are to average."
            )
        )
        st.markdown(_("Press **Run** to see:") if possible(choice) else _("Once measured, it shows:"))
        lines = (
            _("how many times as fast several workers are, with one batch shared out and with a batch each;"),
            _("how much of each step waits for gradients, and what would help;"),
            _("whether they train the same as one worker does;"),
            _("whether one bigger device would be faster than several smaller ones."),
        )
        st.markdown("\n".join(f"- {line}" for line in lines))
        _others(choice, known, _)


def _others(choice: Choice, known: Scaled, translate: Translate) -> None:
    """Buttons to what was measured of this model on these images: with this device first."""
    wanted = choice.place(devices())
    found = {
        (line.batch_size, place_of(line.example)): None
        for line in sorted(known.lines, key=lambda line: line.example.created_at, reverse=True)
    }
    first = sorted(found, key=lambda item: item[1] != wanted)[:_OFFERED_SIZES]
    text = translate("Show batch {batch}: {device}")
    for index, (batch_size, place) in enumerate(first):
        words = controls.place_words(place, devices(), translate)
        st.button(
            plain(text.format(batch=units.number(batch_size, _WHOLE), device=words)),
            key=f"scaling-shown-{index}",
            on_click=controls.look_at,
            args=(batch_size, place.token),
        )
