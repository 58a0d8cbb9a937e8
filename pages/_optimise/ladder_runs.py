"""Where the Optimise page's ladders come from: the optimisation under way, the store and the recordings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import get_args

import streamlit as st

from core import units
from core.analysis import ladder as ladders
from core.analysis.ladder import Ladder, Rung, rung_of
from core.analysis.speedup import MIN_BLOCKS
from core.i18n import Translate
from core.records import Note, Origin, Precision, RunResult, Setup, Workload
from core.runs.optimise import Progress
from core.runs.queue.job import Job
from core.runs.store import RunRow, Store
from core.wording import device_of, rung_words, workload_words
from pages._shared import language, live, notices, resources
from pages._shared.markdown import plain

_ROWS_LOOKED_AT = 300  # of the workload's newest runs
_NEWEST_JOBS = 4  # of each device: an optimisation takes three


def known(workload: Workload, progress: Progress | None) -> tuple[Ladder, ...]:
    """The ladders of a workload, the CPU's first. Raises StoreError for stored runs that can't be read.

    One for each device: as it is being measured, else the newest measured here, else recorded or imported.
    """
    candidates = [_whole(ladder, results, over=True) for ladder, results in _kept(workload)]
    if progress is not None and progress.ladder is not None:
        climbed = [result for result in _of(progress.ladder) if result.spec.workload == workload]
        candidates.insert(0, _whole(progress.ladder, climbed, progress.done))
    found: dict[str, Ladder] = {}
    for ladder in candidates:
        if any(rung.name == "loader" and rung.result is not None for rung in ladder.rungs):
            found.setdefault(device_of(_of(ladder)[0]), ladder)
    return tuple(sorted(found.values(), key=lambda ladder: ladder.device != "cpu"))


def _kept(workload: Workload) -> Iterator[tuple[Ladder, list[RunResult]]]:
    """Stored and recorded ladders with all runs of their machine, the most welcome first."""
    for results in _by_machine([*_stored(workload), *resources.recordings().matching(workload)]):
        enough = [result for result in results if len(result.blocks) >= MIN_BLOCKS]
        yield from ((ladder, results) for ladder in ladders.from_results(enough))


def _of(ladder: Ladder) -> list[RunResult]:
    return [rung.result for rung in ladder.rungs if rung.result is not None]


def _stored(workload: Workload) -> list[RunResult]:
    """What the newest jobs that climbed a ladder measured."""
    store = resources.storage().store
    if store is None:
        return []
    return [result for job_id in _jobs(store, workload) for result in resources.results_of(job_id)]


def _jobs(store: Store, workload: Workload) -> list[str]:
    """The newest jobs of each device that measured the article's loop and what only a ladder asks for."""
    by_job: dict[str, list[RunRow]] = {}
    for row in store.history(workload, _ROWS_LOOKED_AT):
        by_job.setdefault(row.job_id, []).append(row)
    by_device: dict[str | None, list[str]] = {}
    for job_id, rows in by_job.items():
        setups = [row.setup for row in rows]
        if any(rung_of(setup) == "loader" for setup in setups) and any(map(_of_a_ladder, setups)):
            by_device.setdefault(rows[0].device_name, []).append(job_id)
    return [job_id for jobs in by_device.values() for job_id in jobs[:_NEWEST_JOBS]]


def _of_a_ladder(setup: Setup) -> bool:
    """Whether the Compare page can't ask for it."""
    asked = Setup(setup.device, setup.precision, setup.threads, setup.data_path)
    return ladders.on_ladder(setup) and (setup != asked or setup.data_path in ("transforms", "workers"))


def _by_machine(results: Iterable[RunResult]) -> list[list[RunResult]]:
    """What belongs on one ladder: of one device in one machine; measured here first, then the newest."""
    groups: dict[tuple[Origin, str, str], list[RunResult]] = {}
    for result in results:
        if (around := result.environment) is not None:
            key = (result.origin, around.machine.cpu.model, around.device.name)
            groups.setdefault(key, []).append(result)
    newest = sorted(groups.items(), key=lambda item: max(run.created_at for run in item[1]), reverse=True)
    return [group for _, group in sorted(newest, key=lambda item: get_args(Origin).index(item[0][0]))]


def _whole(ladder: Ladder, results: Sequence[RunResult], over: bool) -> Ladder:
    """Each rung once, its newest measurement, with the rungs that couldn't be measured and why."""
    jobs = {result.job_id for result in _of(ladder)}
    mates = [run for run in results if run.job_id in jobs and run.spec.setup.device == ladder.device]
    rungs: dict[object, Rung] = {}
    measured = sorted(
        ladder.rungs, key=lambda rung: rung.result.created_at if rung.result else "", reverse=True
    )
    missed = [_missed(run) for run in mates if len(run.blocks) < MIN_BLOCKS]
    for rung in (*map(_judged, measured), *missed, *_planned(ladder.device, mates, over)):
        if rung.result is not None or rung.reason is not None:
            rungs.setdefault(_kind(rung), rung)
    below = Ladder(ladder.device, tuple(rungs.values()))
    for rung in ladders.third_plan(below, {run.spec.setup.precision for run in mates}):
        if rung.reason is not None or over:
            rungs.setdefault(_kind(rung), replace(rung, reason=rung.reason or Note("not_reached")))
    return Ladder(ladder.device, tuple(sorted(rungs.values(), key=_place)))


def _kind(rung: Rung) -> object:
    return rung.name, rung.setup.precision, rung.setup.step


def _judged(rung: Rung) -> Rung:
    """Without its result where that is too little for a rate with an interval."""
    if rung.result is None or len(rung.result.blocks) >= MIN_BLOCKS:
        return rung
    return replace(rung, result=None, baseline=None, reason=Note("too_few_blocks"))


def _missed(run: RunResult) -> Rung:
    """What a run that came to nothing would have been on the ladder."""
    return Rung(rung_of(run.spec.setup), run.spec.setup, reason=run.failure or Note("too_few_blocks"))


def _planned(device: str, mates: Sequence[RunResult], over: bool) -> Iterator[Rung]:
    """Why each rung of a full climb wasn't measured, if it wasn't: the store holds only what was."""
    loader = next((run for run in mates if rung_of(run.spec.setup) == "loader"), None)
    if loader is None or loader.environment is None:
        return
    machine = loader.environment.machine
    work, precisions = loader.spec.workload, {run.spec.setup.precision for run in mates}
    planned = (
        *ladders.first_plan(work, device, 1, convolutions=work.has_convolutions, machine=machine),
        *ladders.second_plan(work, replace(loader.spec.setup, data_path="resident"), precisions),
    )
    # Limits are measured in the last round: by then all precisions that there are have been tried.
    to_the_end = any(run.limits is not None for run in mates)
    for rung in planned:
        certain = to_the_end or (device == "cpu" and rung.name == "tf32")
        if rung.reason is not None and (certain or rung.reason.code != "precision_unavailable"):
            yield rung
        elif over:
            yield replace(rung, reason=Note("not_reached"))


def _place(rung: Rung) -> tuple[int, int]:
    return ladders.NAMES.index(rung.name), get_args(Precision).index(rung.setup.precision)


# --- the one under way ---------------------------------------------------------------------------


@st.fragment(run_every=live.REFRESH_S)
def follow(run: str, drawn: int) -> None:
    """The panel of an optimisation; the whole page runs anew when more than `drawn` rungs are measured."""
    _ = language.current()
    optimiser = resources.optimiser()
    progress = optimiser.state(run)
    if progress is None or progress.done or measured(progress.ladder) != drawn:
        st.rerun()
    assert progress is not None
    with resources.runner().watching(progress.job_id or "") as job:
        fraction = job.assembly.fraction if job is not None else 0.0
        place = resources.runner().place(job.id) if job is not None else None
        state = _state(job, place, progress.cancelled, _)
        setups = job.spec.setups if job is not None else ()
        work = job.spec.workload if job is not None else None
    with st.container(border=True):
        head, stop = st.columns([4, 1], vertical_alignment="center")
        step = max(progress.step, 1)
        text = _("Round {n} of {all}: {state}").format(n=step, all=progress.steps, state=state)
        head.progress(min(1.0, (step - 1 + fraction) / progress.steps), text)
        live.stop_button(stop, run, optimiser.cancel, _, over=progress.cancelled)
        if work is not None:
            names = dict.fromkeys(rung_words(rung_of(setup), _) for setup in setups)
            st.caption(plain(f"{workload_words(work, _)} — {_(', ').join(names)}"))
    live.queue(progress.job_id)


def measured(ladder: Ladder | None) -> int:
    """How many rungs have a result."""
    return len(_of(ladder)) if ladder is not None else 0


def _state(job: Job | None, place: int | None, cancelled: bool, translate: Translate) -> str:
    _ = translate
    if cancelled:
        return _("stopping")
    if job is None:
        return _("planning what to measure")
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


def nothing_yet(workload: Workload, progress: Progress | None) -> None:
    """Before the first optimisation of this workload, or after one that measured too little."""
    _ = language.current()
    ladder = progress.ladder if progress else None
    if ladder is not None and any(result.spec.workload == workload for result in _of(ladder)):
        notices.problem(Note("too_few_blocks"))
    with st.container(border=True):
        st.markdown("#### " + _("Nothing has been measured with these settings yet"))
        st.markdown(
            _(
                "Choose a model, a batch size and a device at the side, then press **Run**. Every rung is "
                "trained and timed in turns with the article's loop; it takes a minute or two."
            )
        )
