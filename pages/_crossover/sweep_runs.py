"""A sweep from the button to its last point: what it is to measure, what it needn't, and its panel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import streamlit as st

from core import units
from core.errors import InputError, StoreError
from core.i18n import Translate
from core.messages import sentence
from core.records import Device, RunResult
from core.runs.queue.job import Job
from core.runs.sweeping.spec import SweepSpec
from core.runs.sweeping.sweep import Progress, Untried
from pages._crossover import crossover_controls as controls
from pages._crossover.crossover_controls import Choice, Side, side_words
from pages._crossover.swept_lines import Cells, Found
from pages._shared import language, live, resources, visitor
from pages._shared.markdown import plain

_YOUNG = timedelta(days=1)  # what is measured is kept for so long


def devices() -> tuple[Device, ...]:
    return resources.runner().devices or (Device("cpu", "CPU"),)


def possible(sides: Sequence[Side]) -> bool:
    return any(one.here for one in sides) and sides[0] != sides[1]


def planned_words(choice: Choice, sides: Sequence[Side], translate: Translate) -> str:
    """What Run would measure, or why it can't."""
    _ = translate
    if sides[0] == sides[1]:
        return _("Baseline and candidate are the same: choose two setups.")
    if not possible(sides):
        return _("Both were measured elsewhere: there is nothing to run here.")
    low, high = choice.ends(resources.runner().limits)
    text = _("{models} on {dataset}, batch {low} to {high}: {setups}")
    return plain(
        text.format(
            models=_(", ").join(choice.models),
            dataset=choice.dataset,
            low=low,
            high=high,
            setups=_("; ").join(side_words(one, devices(), _) for one in sides if one.here),
        )
    )


def submit() -> None:
    """Start what the controls show; its id goes into the address, so that a reload goes on following it."""
    choice = controls.read()
    try:
        spec, known = planned(choice)
        run = resources.sweeper().start(spec, visitor.me(), visitor.network(), known)
    except (InputError, StoreError) as problem:
        st.session_state["problem"] = [problem.code, problem.facts]
        return
    controls.follow(run)


def planned(choice: Choice) -> tuple[SweepSpec, tuple[RunResult, ...]]:
    """What to measure here, and the runs that spare a part of it. Raises StoreError."""
    cells = Cells(choice.dataset, None)
    sides = choice.sides(controls.default_tokens(devices(), cells.accelerator(choice.model)))
    here = [one for one in sides if one.here]
    sizes = choice.batch_sizes(resources.runner().limits)
    for one in sides:
        if not one.here:  # where the other side was measured, if that is within what is asked for
            there = cells.batch_sizes(choice.models, one)
            sizes = tuple(size for size in there if sizes[0] <= size <= sizes[-1]) or sizes
    spec = SweepSpec(
        choice.models,
        sizes,
        tuple(one.setup for one in here),
        choice.dataset,
        max_seconds=float(choice.seconds),
    )
    anew = st.session_state.get(controls.ANEW)
    return spec, () if anew else tuple(_young(cells, spec, here))


def _young(cells: Cells, spec: SweepSpec, here: Sequence[Side]) -> Iterator[RunResult]:
    """What was measured lately; whether it was on this machine, by its software, the sweep looks up itself."""
    since = (datetime.now(UTC) - _YOUNG).isoformat()
    for model in spec.models:
        for one in here:
            runs = cells.runs(model, one, since)
            yield from (run for run in runs if run.blocks and run.spec.workload.batch_size in spec.batch_sizes)


# --- the one under way -----------------------------------------------------------------------------


@st.fragment(run_every=live.REFRESH_S)
def follow(run: str, drawn: int) -> None:
    """The panel of a sweep; the whole page runs anew when more than `drawn` points are measured."""
    _ = language.current()
    sweeper = resources.sweeper()
    progress = sweeper.state(run)
    if progress is None or progress.done or progress.measured != drawn:
        st.rerun()
    assert progress is not None
    with resources.runner().watching(progress.job_id or "") as job:
        place = resources.runner().place(job.id) if job is not None else None
        state = _state(job, place, progress, _)
        mine = controls.started_here(run) or visitor.may_change(job.visitor if job is not None else None)
    with st.container(border=True):
        head, stop = st.columns([4, 1], vertical_alignment="center")
        text = _("{n} of {all} points measured: {state}").format(
            n=progress.measured, all=progress.planned, state=state
        )
        head.progress(progress.fraction, text)
        if mine:
            live.stop_button(stop, run, sweeper.cancel, _, over=progress.cancelled)
        for said in (_now(progress, _), *_noted(progress, _)):
            if said:
                st.caption(plain(said))
    live.queue(progress.job_id)


def _state(job: Job | None, place: int | None, progress: Progress, translate: Translate) -> str:
    _ = translate
    if progress.cancelled:
        return _("stopping")
    if place == 1:
        return _("waiting for another measurement")
    if place:
        return _("waiting for {n} other measurements").format(n=place)
    if job is not None and job.waiting_for_machine:
        return _("waiting for another program that measures on this machine")
    if progress.seconds_left is None:
        return _("the first points are being measured")
    text = (
        _("looking closer at the crossing, {time} left") if progress.refining else _("measuring, {time} left")
    )
    return text.format(time=units.duration(round(progress.seconds_left)))


def _now(progress: Progress, translate: Translate) -> str | None:
    if progress.model is None or progress.batch_size is None:
        return None
    sides = [side_words(Side(setup), devices(), translate) for setup in progress.spec.setups]
    text = translate("Now: {model}, batch {batch} — {setups}")
    return text.format(model=progress.model, batch=progress.batch_size, setups=translate("; ").join(sides))


def _noted(progress: Progress, translate: Translate) -> Iterator[str]:
    return (sentence(note.code, note.facts, translate) for note in progress.notes)


# --- one that is over ------------------------------------------------------------------------------


def is_of(progress: Progress, choice: Choice) -> bool:
    return choice.dataset == progress.spec.dataset and choice.model in progress.spec.models


def told(progress: Progress, translate: Translate) -> None:
    """What was left unmeasured, each reason once, with the cells that it holds for: none in silence."""
    if progress.cancelled:
        st.info(
            translate("The sweep was cancelled. What it had measured is kept."), icon=":material/stop_circle:"
        )
    for said in _noted(progress, translate):
        st.caption(plain(said))
    reasons: dict[str, list[Untried]] = {}
    for cell in progress.untried:
        said = sentence(cell.reason.code, cell.reason.facts, translate)
        reasons.setdefault(said, []).append(cell)
    if not reasons:
        return
    count = len(progress.untried)
    with st.expander(translate("Not measured in this sweep: {n}").format(n=count)):
        lines = (f"- {plain(_cells(cells, translate))} — {plain(said)}" for said, cells in reasons.items())
        st.markdown("\n".join(lines))


def _cells(cells: Sequence[Untried], translate: Translate) -> str:
    by_line: dict[str, list[int]] = {}
    for cell in cells:
        words = f"{cell.model} · {side_words(Side(cell.setup), devices(), translate)}"
        by_line.setdefault(words, []).append(cell.batch_size)
    text = translate("{line}, batch {batches}")
    said = (
        text.format(line=line, batches=translate(", ").join(map(str, sorted(sizes))))
        for line, sizes in by_line.items()
    )
    return translate("; ").join(said)


def nothing_yet(cells: Cells, choice: Choice, found: Sequence[Found], translate: Translate) -> None:
    """Before the first sweep of these settings: what Run does, and what was recorded elsewhere."""
    _ = translate
    tried = [cell.reason for one in found if one.line for cell in one.line.cells if cell.reason is not None]
    notes = [*(note for one in found for note in one.problems), *tried]
    for said in dict.fromkeys(sentence(note.code, note.facts, _) for note in notes):
        st.error(plain(said), icon=":material/error:")
    with st.container(border=True):
        st.markdown("#### " + _("Nothing has been measured with these settings yet"))
        st.markdown(
            _(
                "Small batches often run faster on the CPU, as each step of a GPU costs the same however "
                "little is in it; large ones on the GPU. Choose a model and two setups at the side, then press "
                "**Run**: both are timed at batch sizes all along the range, first at its ends, then ever "
                "closer around the point where the other one becomes faster. The first estimate appears within "
                "a minute."
            )
        )
        pair = _recorded_pair(cells, choice.model)
        if pair is not None:
            st.button(
                _("Show what was measured elsewhere: {baseline} and {candidate}").format(
                    baseline=side_words(pair[0], devices(), _), candidate=side_words(pair[1], devices(), _)
                ),
                key="elsewhere",
                on_click=controls.compare,
                args=pair,
            )


def _recorded_pair(cells: Cells, model: str) -> tuple[Side, Side] | None:
    """The processor and the accelerator with the most points."""
    sides = sorted(
        cells.elsewhere().get(model, ()), key=lambda one: len(cells.batch_sizes([model], one)), reverse=True
    )
    processor = next((one for one in sides if one.setup.device == "cpu"), None)
    accelerator = next((one for one in sides if one.setup.device != "cpu"), None)
    return (processor, accelerator) if processor and accelerator else None
