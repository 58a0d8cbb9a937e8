"""Where the Crossover page's lines come from: the store, recordings, a visitor's imports, a sweep under way.

Thousands of cells may be stored. Which there are is read again only when something changed; the runs themselves
only for what is shown, without what no line needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import streamlit as st

from core.analysis.crossover import sweep as sweeps
from core.analysis.crossover.sweep import Cell, Line, State
from core.errors import InputError, StoreError
from core.records import Note, RunResult, Setup
from core.runs.store import SweptRow
from core.runs.sweeping.sweep import Progress, Untried
from pages._crossover.crossover_controls import Side
from pages._shared import resources, visitor

MOST_MODELS = 12  # rows of the map
_LEAST_POINTS = 3  # of a line that is shown unasked


@dataclass(frozen=True)
class _Known:
    """A run that a line could be made of, not read yet if it is stored."""

    key: tuple[object, ...]  # changes when the run grows
    model: str
    batch_size: int
    measured: bool
    created_at: str
    run: RunResult | None = None  # None: in the store, under key[0]

    def read(self) -> RunResult | None:
        return self.run or document(str(self.key[0]), self.key)


Row = tuple[str, Line, Line]  # a model, its baseline and its candidate
Place = tuple[str, Side]  # a model on a side; of a side that was measured here, on whichever machine


@dataclass(frozen=True)
class Found:
    """A side's line of one model, and what isn't in it."""

    line: Line | None
    others: tuple[Line, ...] = ()  # of other machines or other software
    problems: tuple[Note, ...] = ()  # of samples that can't have been measured


class Cells:
    """All that was swept of one data set, by model and side. `problem`: why the store couldn't be read."""

    def __init__(self, dataset: str, progress: Progress | None) -> None:
        self.problem: Note | None = None
        self._stored: Mapping[Place, list[_Known]] = {}
        try:
            self._stored = _stored(dataset)
        except StoreError as problem:
            self.problem = problem.note
        self._beside = _by_place(_beside(dataset, progress))
        self._untried = progress.untried if progress is not None and progress.spec.dataset == dataset else ()

    @property
    def models(self) -> tuple[str, ...]:
        """The most recently measured first."""
        newest: dict[str, str] = {}
        for places in (self._stored, self._beside):
            for (model, _side), cells in places.items():
                newest[model] = max(newest.get(model, ""), cells[0].created_at)
        return tuple(sorted(newest, key=lambda model: newest[model], reverse=True))

    def elsewhere(self) -> dict[str, list[Side]]:
        """By model, the sides that were measured on other devices: accelerators first, then by name."""
        found: dict[str, dict[Side, None]] = {}
        for model, one in (*self._beside, *self._stored):
            if not one.here:
                found.setdefault(model, {})[one] = None
        return {model: sorted(sides, key=_accelerators_first) for model, sides in found.items()}

    def accelerator(self, model: str) -> Side | None:
        """The recorded one that was swept most; None where none has the points of a line."""
        recorded = [
            one
            for one in self.elsewhere().get(model, ())
            if one.origin == "recorded" and one.setup == Setup(one.setup.device) and one.setup.device != "cpu"
        ]
        most = max(recorded, key=lambda one: len(self.batch_sizes([model], one)), default=None)
        return most if most and len(self.batch_sizes([model], most)) >= _LEAST_POINTS else None

    def batch_sizes(self, models: Sequence[str], one: Side) -> tuple[int, ...]:
        """At which any of the models was measured."""
        cells = (cell for model in models for cell in self._at(model, one))
        return tuple(sorted({cell.batch_size for cell in cells if cell.measured}))

    def any_of(self, model: str, one: Side) -> bool:
        return any(cell.measured for cell in self._at(model, one))

    def found(self, model: str, one: Side) -> Found:
        """The newest line. Raises StoreError for a stored run that can't be read."""
        cells = self._at(model, one)
        found = _found(repr([cell.key for cell in cells]), cells) if cells else Found(None)
        untried = [cell for cell in self._untried if cell.model == model and cell.setup == one.setup]
        return replace(found, line=_with(found.line, untried)) if found.line and untried and one.here else found

    def rows(self, model: str, sides: tuple[Side, Side]) -> tuple[list[Row], int]:
        """The map's rows: this model, and those that were measured last on both sides; how many more there are.
        Raises StoreError as `found` does."""
        others = [
            name for name in self.models if name != model and all(self.any_of(name, one) for one in sides)
        ]
        rows = []
        for name in (model, *others[: MOST_MODELS - 1]):
            baseline, candidate = (self.found(name, one).line for one in sides)
            if baseline is not None and candidate is not None:
                rows.append((name, baseline, candidate))
        return rows, max(0, len(others) - (MOST_MODELS - 1))

    def runs(self, model: str, one: Side, since: str) -> Iterator[RunResult]:
        """Those that were begun at this time (UTC, ISO 8601) or later."""
        young = (cell for cell in self._at(model, one) if cell.created_at >= since)
        return (run for cell in young if (run := cell.read()) is not None)

    def _at(self, model: str, one: Side) -> list[_Known]:
        stored, beside = self._stored.get((model, one), []), self._beside.get((model, one), [])
        again = {cell.key[0] for cell in beside}  # of a sweep under way, which are stored one by one
        return [*beside, *(cell for cell in stored if cell.key[0] not in again)]


def _accelerators_first(one: Side) -> tuple[bool, str]:
    return one.setup.device == "cpu", one.token


def _stored(dataset: str) -> Mapping[Place, list[_Known]]:
    store = resources.storage().store
    return _index(dataset, store.mark()) if store is not None else {}


@st.cache_resource(show_spinner=False, max_entries=4)
def _index(dataset: str, mark: tuple[object, ...]) -> Mapping[Place, list[_Known]]:
    """The stored cells. `mark`: as long as it is the same, nothing has changed."""
    store = resources.storage().store
    assert store is not None
    here = (row for row in store.swept("train", dataset) if row.elsewhere is None)  # not through a cluster
    return _by_place((_place(row), _of_row(row)) for row in here)


def _place(row: SweptRow) -> Place:
    here = row.origin == "measured"
    return row.model, Side(row.setup, row.origin, None if here else row.device_name)


def _of_row(row: SweptRow) -> _Known:
    key = (row.id, row.origin, row.status, row.samples_per_s)
    return _Known(key, row.model, row.batch_size, row.samples_per_s is not None, row.created_at)


def _beside(dataset: str, progress: Progress | None) -> Iterator[tuple[Place, _Known]]:
    """What isn't in the store, or not yet."""
    swept = progress.results if progress is not None else ()
    runs = (*swept, *resources.recordings().runs, *resources.guests().runs(visitor.me()))
    for run in runs:
        work = run.spec.workload
        if (work.task, work.dataset) == ("train", dataset):
            name = run.environment.device.name if run.environment and run.origin != "measured" else None
            key = (run.id, run.origin, run.status, len(run.blocks))
            known = _Known(key, work.model, work.batch_size, bool(run.blocks), run.created_at, run)
            yield (work.model, Side(run.spec.setup, run.origin, name)), known


def _by_place(found: Iterable[tuple[Place, _Known]]) -> dict[Place, list[_Known]]:
    """Only what the controls can ask for: the plain loop, on a device with a name if it isn't here."""
    places: dict[Place, list[_Known]] = {}
    for place, known in found:
        one = place[1]
        asked = Setup(one.setup.device, one.setup.precision, one.setup.threads)
        if one.setup == asked and (one.here or one.device_name):
            places.setdefault(place, []).append(known)
    return places


@st.cache_resource(show_spinner=False, max_entries=1_024)
def document(run_id: str, key: tuple[object, ...]) -> RunResult | None:
    """A stored run without what no line needs: hundreds of them are held in memory."""
    store = resources.storage().store
    run = store.run(run_id) if store is not None else None
    return replace(run, telemetry=None, trace=None, lessons=(), anatomy=None) if run is not None else None


@st.cache_resource(show_spinner=False, max_entries=128)
def _found(keys: str, _cells: Sequence[_Known]) -> Found:
    runs, problems = [], []
    for cell in _cells:
        run = cell.read()
        if run is None:  # deleted meanwhile
            continue
        try:
            sweeps.cell_of(run)
        except InputError as problem:
            problems.append(problem.note)
        else:
            runs.append(run)
    newest = sorted(sweeps.lines(runs), key=_age, reverse=True)
    return Found(newest[0] if newest else None, tuple(newest[1:]), tuple(problems))


def _with(line: Line, untried: Sequence[Untried]) -> Line:
    """The line with the cells that a sweep has left out for a reason of their own."""
    known = {cell.batch_size for cell in line.cells}
    gaps = [
        Cell(cell.batch_size, _GAPS[cell.reason.code], reason=cell.reason)
        for cell in untried
        if cell.batch_size not in known and cell.reason.code in _GAPS
    ]
    return replace(line, cells=tuple(sorted((*line.cells, *gaps), key=lambda cell: cell.batch_size)))


_GAPS: dict[str, State] = {"memory_full_before": "out_of_memory", "too_slow": "too_slow"}


def _age(line: Line) -> tuple[bool, str]:
    """A line with a measurement before one without, then the newer one."""
    return bool(line.measured), line.example.created_at if line.example else ""
