"""The live panel: what is being measured now, how far it is, and the button that stops it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import units
from core.i18n import Translate
from core.messages import sentence
from core.records import RunResult
from core.runs.queue.assemble import Assembly, RunInProgress
from core.runs.queue.budget import minutes
from core.runs.queue.job import Job, JobState, Latest
from core.wording import labels_of, workload_words
from pages._shared import language, resources, visitor
from pages._shared.markdown import plain

REFRESH_S = 0.5
_LOSS_POINTS = 40


def wait_for_devices() -> None:
    """Until the worker has told its devices, look again and again; the controls then offer them."""
    runner = resources.runner()
    if runner.devices is None and runner.worker_problem is None:
        _wait()


@st.fragment(run_every=REFRESH_S)
def _wait() -> None:
    _ = language.current()
    runner = resources.runner()
    if runner.devices is not None or runner.worker_problem is not None:
        st.rerun()
    st.caption(_("Looking for GPUs …"))


@dataclass(frozen=True)
class Seen:
    """A job at one moment."""

    id: str
    state: JobState
    headline: str  # what is done with it now
    fraction: float
    measuring: bool  # there is something to draw
    results: tuple[RunResult, ...]
    runs: tuple[RunInProgress, ...]
    latest: Latest
    mine: bool  # it may be cancelled


def seen(job_id: str, translate: Translate) -> Seen | None:
    """None: it is over, tidied up and stored."""
    runner = resources.runner()
    with runner.watching(job_id) as job:
        if job is None or job.done:
            return None
        running = job.state == "running"
        return Seen(
            job.id,
            job.state,
            _headline(job, runner.place(job_id), runner.wait_estimate_s(job_id), translate),
            job.assembly.fraction,
            running and not job.waiting_for_machine and job.assembly.preparing is None,
            job.results_now("cancelled") if running else (),
            tuple(job.assembly.runs),
            job.latest(),
            visitor.may_cancel(job),
        )


def panel(job_id: str | None) -> None:
    """Follow a job until it is done; then one rerun of the whole page, which draws its results."""
    job = resources.runner().job(job_id) if job_id else None
    if job is not None and not job.done:
        _follow(job.id)


def done_meanwhile(looked_at: str | None) -> None:
    """The visitor's own jobs have ended while other settings were being looked at: a link to them, once."""
    _ = language.current()
    mine = st.session_state.get("mine")
    jobs = [job for job_id in (mine or "").split(",") if (job := resources.runner().job(job_id)) is not None]
    if not jobs or not all(job.done for job in jobs):
        return
    if mine != looked_at:
        (job, *_others) = jobs
        text = _("Your measurement is done: [{workload}](?job={job})")
        st.info(
            text.format(workload=plain(workload_words(job.spec.workload, _)), job=mine), icon=":material/check:"
        )
    del st.session_state["mine"]


@st.fragment(run_every=REFRESH_S)
def _follow(job_id: str) -> None:
    _ = language.current()
    now = seen(job_id, _)
    if now is None:
        st.rerun()
    assert now is not None
    with st.container(border=True):
        progress(now, now.headline, _)
        if now.measuring:
            draw(now.runs, now.results, now.latest, _)


def progress(now: Seen, text: str, translate: Translate) -> None:
    """How far it is, and the button that stops it. The text is Markdown."""
    head, stop = st.columns([4, 1], vertical_alignment="center")
    head.progress(now.fraction, text)
    if now.mine:
        stop_button(stop, now.id, visitor.cancel, translate, over=now.state == "cancelled")


def stop_button(
    place: DeltaGenerator, of: str, cancel: Callable[[str], None], translate: Translate, *, over: bool
) -> None:
    """What ends a job or a row of jobs, `of` its id; `over`: that was asked for already."""
    place.button(
        translate("Cancel"),
        icon=":material/stop_circle:",
        key=f"cancel-{of}",
        width="stretch",
        on_click=cancel,
        args=(of,),
        disabled=over,
    )


def _headline(job: Job, place: int | None, wait_s: float | None, translate: Translate) -> str:
    _ = translate
    if job.state == "cancelled":
        return _("Stopping")
    if job.state == "queued":
        return _waiting(place or 0, wait_s, _)
    if job.target is not None and not job.placed:
        return _("Waiting for the machine")
    if job.waiting_for_machine:
        return (
            _("Waiting for another program that measures on this machine")
            if job.target is None
            else _("Waiting for another program that measures there")
        )
    if job.assembly.preparing is not None:
        stage, fraction = job.assembly.preparing
        text = _("Downloading the images") if stage == "download" else _("Preparing the images")
        return text + (f" {units.percent(100 * fraction)}" if fraction else "")
    closing = _closing(job.assembly, _)
    if closing is not None:
        return closing
    if job.surroundings is None and job.target is not None:
        return _("Starting on the machine")
    if job.assembly.seconds_left is None:
        return _("Building the models and warming up")
    return _("Measuring, {time} left").format(time=units.duration(job.assembly.seconds_left))


def _waiting(ahead: int, wait_s: float | None, translate: Translate) -> str:
    _ = translate
    if not ahead:
        return _("Waiting for the measuring process to start")
    if not wait_s:
        if ahead == 1:
            return _("Waiting: 1 measurement is ahead of yours")
        return _("Waiting: {n} measurements are ahead of yours").format(n=ahead)
    if ahead == 1:
        text = _("Waiting: 1 measurement is ahead of yours, about {minutes} min")
    else:
        text = _("Waiting: {n} measurements are ahead of yours, about {minutes} min")
    return text.format(n=ahead, minutes=minutes(wait_s))


def _closing(assembly: Assembly, translate: Translate) -> str | None:
    """What goes on when all epochs are done; None before."""
    if assembly.looking_closer:
        return translate("Watching single steps")
    return translate("Narrowing the speed-up's interval") if assembly.narrowing else None


def draw(
    runs: Sequence[RunInProgress],
    results: tuple[RunResult, ...],
    latest: Latest,
    translate: Translate,
) -> None:
    """Each setup as far as it is, and what the sensors say."""
    names = [plain(name) for name in labels_of(results, translate)]
    columns = st.columns(min(4, len(runs)))
    for index, (run, name) in enumerate(zip(runs, names, strict=True)):
        with columns[index % len(columns)]:
            _one_run(run, name, translate)
    _sensors(latest, translate)


def _one_run(run: RunInProgress, name: str, translate: Translate) -> None:
    _ = translate
    if run.failure is not None:
        st.markdown(f"**{name}**")
        st.error(plain(sentence(run.failure.code, run.failure.facts, _)))
        return
    block = run.blocks[-1] if run.blocks else None
    epoch = run.epochs[-1] if run.epochs else None
    speed = units.rate(block.samples / block.duration_s if block else None, _)
    losses = [round(item.loss, 4) for item in run.blocks if item.loss is not None]
    step = -(-len(losses) // _LOSS_POINTS) or 1
    st.metric(name, speed, chart_data=losses[::step] or None, help=_("The line is the training loss."))
    facts = [
        _("epoch {n} of {all}").format(
            n=min(block.epoch if block else 1, run.spec.workload.epochs), all=run.spec.workload.epochs
        ),
        *([_("loss {x}").format(x=units.number(losses[-1]))] if losses else []),
        *(
            [_("accuracy {x}").format(x=units.percent(100 * epoch.test_accuracy))]
            if epoch and epoch.test_accuracy is not None
            else []
        ),
        *([_("done")] if run.phase == "over" else []),
    ]
    st.caption(" · ".join(facts))


def _sensors(latest: Latest, translate: Translate) -> None:
    _ = translate
    cpu, gpus = latest
    parts = []
    if cpu is not None and cpu.load_pct is not None:
        parts.append(_("CPU load {x}").format(x=units.percent(cpu.load_pct)))
    if cpu is not None and cpu.worker_memory_bytes is not None:
        parts.append(_("memory {x}").format(x=units.size(cpu.worker_memory_bytes)))
    for gpu in gpus.values():
        known = [
            units.percent(gpu.utilisation_pct) if gpu.utilisation_pct is not None else None,
            units.size(gpu.memory_used_bytes) if gpu.memory_used_bytes is not None else None,
            units.watts(gpu.power_w) if gpu.power_w is not None else None,
            f"{gpu.temperature_c:.0f} °C" if gpu.temperature_c is not None else None,
        ]
        parts.append(_("GPU {x}").format(x=" · ".join(filter(None, known))))
    if parts:
        st.caption(" — ".join(parts))


def queue(mine: str | None) -> None:
    """What others measure here, so that waiting has a reason. `mine`: jobs, with commas between."""
    _ = language.current()
    own = (mine or "").split(",")
    runner = resources.runner()
    here, away = (
        [job for job in jobs if job.id not in own and not job.done]
        for jobs in (runner.open_jobs(), runner.jobs_away())
    )
    others = [*here, *away]
    if not others:
        return
    text = (
        _("Other measurements here and on other machines: {n}") if away else _("Other measurements here: {n}")
    )
    with st.expander(text.format(n=len(others))):
        for job in others:
            _queued(job, _)


def _queued(job: Job, translate: Translate) -> None:
    _ = translate
    text, stop = st.columns([4, 1], vertical_alignment="center")
    under_way = job.state == "running" and (job.target is None or job.placed)
    said = [_("running") if under_way else _("waiting")]
    if job.target is not None:
        said.append(plain(_("on another machine: {kind}").format(kind=job.target.kind)))
    text.markdown(f"[{plain(workload_words(job.spec.workload, _))}](?job={job.id}) — {_(', ').join(said)}")
    if visitor.may_cancel(job):
        stop.button(
            _("Cancel"),
            key=f"cancel-other-{job.id}",  # it may have a panel elsewhere on the page
            width="stretch",
            on_click=visitor.cancel,
            args=(job.id,),
        )
