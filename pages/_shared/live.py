"""The live panel: what is being measured now, how far it is, and the button that stops it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core import units
from core.i18n import Translate
from core.messages import sentence
from core.records import CpuSample, GpuSample, RunResult
from core.runs.assemble import Assembly, RunInProgress
from core.runs.budget import minutes
from core.runs.job import Job
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


def panel(job_id: str | None) -> None:
    """Follow a job until it is done; then one rerun of the whole page, which draws its results."""
    job = resources.runner().job(job_id) if job_id else None
    if job is not None and not job.done:
        _follow(job.id)


def done_meanwhile(looked_at: str | None) -> None:
    """The visitor's own job has ended while other settings were being looked at: a link to it, once."""
    _ = language.current()
    mine = st.session_state.get("mine")
    job = resources.runner().job(mine) if mine else None
    if job is None or not job.done:
        return
    if mine != looked_at:
        text = _("Your measurement is done: [{workload}](?job={job})")
        st.info(
            text.format(workload=plain(workload_words(job.spec.workload, _)), job=mine), icon=":material/check:"
        )
    del st.session_state["mine"]


@st.fragment(run_every=REFRESH_S)
def _follow(job_id: str) -> None:
    _ = language.current()
    runner = resources.runner()
    with runner.watching(job_id) as job:
        if job is None or job.done:
            st.rerun()
        assert job is not None
        state, waiting = job.state, job.waiting_for_machine
        place, wait_s = runner.place(job_id), runner.wait_estimate_s(job_id)
        mine = visitor.may_cancel(job)
        preparing, fraction, left = job.assembly.preparing, job.assembly.fraction, job.assembly.seconds_left
        closing = _closing(job.assembly, _)
        results = job.results_now("cancelled") if state == "running" else ()
        latest = job.sampler.latest() if job.sampler else (None, {})
        runs = list(job.assembly.runs)
    with st.container(border=True):
        head, stop = st.columns([4, 1], vertical_alignment="center")
        head.progress(fraction, _headline(state, waiting, place, wait_s, preparing, closing, left, _))
        if mine:
            stop.button(
                _("Cancel"),
                icon=":material/stop_circle:",
                key=f"cancel-{job_id}",
                width="stretch",
                on_click=visitor.cancel,
                args=(job_id,),
                disabled=state == "cancelled",
            )
        if state == "running" and not waiting and preparing is None:
            draw(runs, results, latest, _)


def _headline(
    state: str,
    waiting: bool,
    place: int | None,
    wait_s: float | None,
    preparing: tuple[str, float | None] | None,
    closing: str | None,
    left: float | None,
    translate: Translate,
) -> str:
    _ = translate
    if state == "cancelled":
        return _("Stopping")
    if state == "queued":
        return _waiting(place or 0, wait_s, _)
    if waiting:
        return _("Waiting for another program that measures on this machine")
    if preparing is not None:
        stage, fraction = preparing
        text = _("Downloading the images") if stage == "download" else _("Preparing the images")
        return text + (f" {units.percent(100 * fraction)}" if fraction else "")
    if closing is not None:
        return closing
    if left is None:
        return _("Building the models and warming up")
    return _("Measuring, {time} left").format(time=units.duration(left))


def _waiting(ahead: int, wait_s: float | None, translate: Translate) -> str:
    _ = translate
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
    latest: tuple[CpuSample | None, dict[str, GpuSample]],
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


def _sensors(latest: tuple[CpuSample | None, dict[str, GpuSample]], translate: Translate) -> None:
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
    """What others measure here, so that waiting has a reason."""
    _ = language.current()
    others = [job for job in resources.runner().open_jobs() if job.id != mine and not job.done]
    if not others:
        return
    with st.expander(_("Other measurements here: {n}").format(n=len(others))):
        for job in others:
            _queued(job, _)


def _queued(job: Job, translate: Translate) -> None:
    _ = translate
    text, stop = st.columns([4, 1], vertical_alignment="center")
    state = _("running") if job.state == "running" else _("waiting")
    text.markdown(f"[{plain(workload_words(job.spec.workload, _))}](?job={job.id}) — {state}")
    if visitor.may_cancel(job):
        stop.button(
            _("Cancel"), key=f"cancel-{job.id}", width="stretch", on_click=visitor.cancel, args=(job.id,)
        )
