"""Which runs the Decide page rests on: of each device the best few, from the store and the recordings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from core.analysis.crossover.time_to_accuracy import curve
from core.analysis.decide.candidates import Candidate, Source, candidates, key
from core.analysis.leaderboard import hardware
from core.errors import InputError, StoreError
from core.records import Note, Origin, Precision, RunResult, Setup
from core.runs.store import RunRow, SweptRow
from core.runs.wanted import Wanted
from pages._decide.decide_controls import Choice
from pages._shared import resources, visitor

_BEST_SETUPS = 2  # of each device: doubts may take the fastest away
_CELLS = 6  # of a setup: its fastest batch sizes
_FULL = 2  # and those that came to nothing: they tell where memory ends
_LEARNERS = 24  # runs with the highest test accuracies
_WELCOME: tuple[Source, ...] = ("measured", "recorded", "imported", "predicted")

# what tells a run from an earlier part of itself
_IDENTITY: dict[str | type[Any], Callable[[Any], Any]] = {
    RunResult: lambda run: (run.id, run.origin, run.status, len(run.blocks))
}


@dataclass(frozen=True)
class Found:
    """What is known of one model on one data set."""

    candidates: tuple[Candidate, ...]  # one for each device, the fastest first
    left_out: int  # of other software or origin, of devices that are among them
    problems: tuple[tuple[str, Note], ...] = ()  # what is missing, and why: the device ("": a run), the reason


def measured() -> dict[str, list[str]]:
    """The data sets of each model that there are timed runs of; the most often measured first.
    Raises StoreError."""
    counts: dict[tuple[str, str], int] = {}
    for work, count in _timed():
        if work.task == "train":
            of = (work.model, work.dataset)
            counts[of] = counts.get(of, 0) + count
    found: dict[str, list[str]] = {}
    for model, dataset in sorted(counts, key=lambda of: (-counts[of], of)):
        found.setdefault(model, []).append(dataset)
    return found


def known(choice: Choice) -> Found:
    """The devices that trained this. Raises StoreError where nothing can be read."""
    model, dataset = choice.model, choice.dataset
    precision: Precision | None = "fp32" if choice.precision == "fp32" else None
    stored, problems = _stored(model, dataset, precision)
    found = _of_each_device((*stored, *_others(model, dataset)), precision)
    return replace(found, problems=(*(("", note) for note in problems), *found.problems))


def learners(choice: Choice) -> tuple[RunResult, ...]:
    """Runs that were tested, those that knew most first. Raises StoreError."""
    model, dataset = choice.model, choice.dataset
    store = resources.storage().store
    tested = [run for run in _others(model, dataset) if any(record.test_accuracy for record in run.epochs)]
    if store is not None:
        wanted = Wanted(models=(model,), datasets=(dataset,))
        rows = store.find(wanted, "most_accurate", _LEARNERS, 0)
        tested += _readable(row for row in rows if row.test_accuracy is not None)[0]
    learnt = {run.id: run for run in tested if run.spec.workload.task == "train" and _is_sound(run)}
    return tuple(learnt.values())


def _is_sound(run: RunResult) -> bool:
    """Whether its times and tests can be; what can't is told where it is measured from."""
    try:
        curve(run)
    except InputError:
        return False
    return True


def _timed() -> Iterable[tuple[Any, int]]:
    store = resources.storage().store
    for work, _device, count in store.timed_workloads() if store else ():
        yield work, count
    for run in _in_memory():
        if run.blocks:
            yield run.spec.workload, 1


def _in_memory() -> tuple[RunResult, ...]:
    mine = resources.guests().runs(visitor.me()) if resources.hosting().public else ()
    return (*mine, *resources.recordings().runs)


def _others(model: str, dataset: str) -> list[RunResult]:
    """What isn't in the store: shipped with Crossover, or imported by a visitor of a public server."""
    return [
        run
        for run in _in_memory()
        if (run.spec.workload.task, run.spec.workload.model, run.spec.workload.dataset)
        == ("train", model, dataset)
    ]


def _stored(model: str, dataset: str, precision: Precision | None) -> tuple[list[RunResult], list[Note]]:
    store = resources.storage().store
    if store is None:
        return [], []
    rows = [
        row
        for row in store.swept("train", dataset)
        if row.model == model and precision in (None, row.setup.precision)
    ]
    return _readable(_best(rows))


def _readable(rows: Iterable[SweptRow | RunRow]) -> tuple[list[RunResult], list[Note]]:
    """The runs, and of those that can't be read why."""
    runs: list[RunResult] = []
    problems: list[Note] = []
    for row in rows:
        try:
            runs.append(_run(row.id, row.status))
        except StoreError as problem:
            problems.append(problem.note)
    return runs, problems


def _best(rows: Sequence[SweptRow]) -> list[SweptRow]:
    devices: dict[tuple[str | None, Origin], dict[Setup, list[SweptRow]]] = {}
    for row in rows:
        devices.setdefault((row.device_name, row.origin), {}).setdefault(row.setup, []).append(row)
    found: list[SweptRow] = []
    for setups in devices.values():
        ranked = sorted(setups.values(), key=lambda same: -max(row.samples_per_s or 0.0 for row in same))
        for same in ranked[:_BEST_SETUPS]:
            timed = [row for row in same if row.samples_per_s]
            found += sorted(timed, key=lambda row: -(row.samples_per_s or 0.0))[:_CELLS]
            found += sorted((row for row in same if not row.samples_per_s), key=lambda row: row.batch_size)[
                :_FULL
            ]
    return found


@st.cache_resource(show_spinner=False, max_entries=512)
def _run(run_id: str, status: str) -> RunResult:
    """`status`: a run that is still growing is read again when it is over."""
    store = resources.storage().store
    assert store is not None
    found = store.run(run_id)
    assert found is not None, run_id
    return found


@st.cache_resource(show_spinner=False, max_entries=32, hash_funcs=_IDENTITY)
def _of_each_device(runs: tuple[RunResult, ...], precision: Precision | None) -> Found:
    every, problems = _candidates(runs, precision)
    best: dict[str, Candidate] = {}
    # measured here before anything else, of the same kind the newest
    by_age = sorted(every, key=lambda one: one.result.created_at, reverse=True)
    for one in sorted(by_age, key=lambda one: _WELCOME.index(one.source)):
        best.setdefault(key(one.device), one)
    ordered = tuple(one for one in every if best[key(one.device)] is one)
    return Found(ordered, len(every) - len(ordered), problems)


def _candidates(
    runs: Sequence[RunResult], precision: Precision | None
) -> tuple[list[Candidate], tuple[tuple[str, Note], ...]]:
    """Device by device, so that impossible times of one leave the others; the fastest first."""
    devices: dict[object, list[RunResult]] = {}
    for run in runs:
        devices.setdefault((hardware(run), run.origin), []).append(run)
    found: list[Candidate] = []
    problems: list[tuple[str, Note]] = []
    for those in devices.values():
        try:
            found += candidates(those, precision)
        except InputError as problem:
            environment = those[0].environment
            problems.append((environment.device.name if environment else "", problem.note))
    return sorted(found, key=lambda one: one.seconds_per_image.value), tuple(problems)
