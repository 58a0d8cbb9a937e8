"""Where the runs come from that tell how a training scales: the store, recordings, imports, what goes on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import streamlit as st

from core.analysis.crossover.scaling import OneOrSeveral, Scaling, one_or_several, scalings
from core.i18n import english
from core.records import RunResult, Setup
from core.runs.scaling import ScaleProgress
from core.runs.store import SweptRow
from core.scaling_words import run_words
from pages._crossover import swept_lines
from pages._crossover.crossover_controls import Side
from pages._crossover.scaling_controls import Choice
from pages._shared import resources, visitor

_MOST_JOBS = 40  # stored ones of several workers that are looked at, the newest


@dataclass(frozen=True)
class Scaled:
    """All that is known of one model on one data set."""

    runs: tuple[RunResult, ...]
    lines: tuple[Scaling, ...]
    pairs: tuple[OneOrSeveral, ...]

    def places(self) -> tuple[Side, ...]:
        """Where several workers were measured, elsewhere than here."""
        return tuple(dict.fromkeys(side for line in self.lines if not (side := place_of(line.example)).here))

    def of(self, place: Side, batch_size: int) -> tuple[Scaling, ...]:
        """The newest strong and the newest weak line."""
        found: dict[str, Scaling] = {}
        for line in sorted(self.at(place), key=lambda line: line.example.created_at, reverse=True):
            if line.batch_size == batch_size:
                found.setdefault(line.kind, line)
        return tuple(found[kind] for kind in ("strong", "weak") if kind in found)

    def at(self, place: Side) -> list[Scaling]:
        return [line for line in self.lines if place_of(line.example) == place]

    def against(self) -> dict[tuple[str, str], tuple[OneOrSeveral, ...]]:
        """By the names of the one and of the several: at each batch size the newest pair."""
        found: dict[tuple[str, str], dict[int, OneOrSeveral]] = {}
        for pair in sorted(self.pairs, key=_age, reverse=True):
            names = run_words(pair.one, english), run_words(pair.several, english)
            found.setdefault(names, {}).setdefault(pair.batch_size, pair)
        return {names: tuple(pairs[size] for size in sorted(pairs)) for names, pairs in found.items()}


def _age(pair: OneOrSeveral) -> tuple[str, str]:
    return min(pair.one.created_at, pair.several.created_at), pair.several.created_at


def place_of(run: RunResult) -> Side:
    """Where and by what each worker of a run was executed."""
    setup = run.spec.setup
    name = run.environment.device.name if run.environment and run.origin != "measured" else None
    return Side(Setup(setup.device, setup.precision, setup.threads), run.origin, name)


def known(choice: Choice, progress: ScaleProgress | None) -> Scaled:
    """Raises StoreError for stored runs that can't be read."""
    beside = [
        run
        for run in (
            *(progress.results if progress is not None else ()),
            *resources.recordings().runs,
            *resources.guests().runs(visitor.me()),
        )
        if _wanted(run, choice)
    ]
    # a run that was measured here may also come back in a file: each tells where it is from
    found = {(run.id, run.origin): run for run in (*_stored(choice, beside), *beside)}
    key = repr(sorted((run.id, run.origin, run.status, len(run.blocks)) for run in found.values()))
    return _concluded(key, tuple(found.values()))


@st.cache_resource(show_spinner=False, max_entries=32)
def _concluded(key: str, _runs: tuple[RunResult, ...]) -> Scaled:
    """`key`: as long as it is the same, the runs are."""
    return Scaled(_runs, scalings(_runs), one_or_several(_runs, _runs))


def _wanted(run: RunResult, choice: Choice) -> bool:
    work = run.spec.workload
    return (work.task, work.model, work.dataset) == ("train", choice.model, choice.dataset)


@dataclass(frozen=True)
class _Row:
    """What of a run tells whether it is needed."""

    workers: int
    batch_size: int

    @property
    def sizes(self) -> tuple[int, int]:
        """The batches of one worker that it is set against."""
        return self.batch_size, self.batch_size // self.workers


def _stored(choice: Choice, beside: Sequence[RunResult]) -> Iterator[RunResult]:
    store = resources.storage().store
    rows = _index(choice.model, choice.dataset, store.mark()) if store is not None else ()
    several = [row for row in rows if row.setup.workers > 1]
    known = [_Row(row.setup.workers, row.batch_size) for row in several]
    known += [_Row(run.spec.setup.workers, run.spec.workload.batch_size) for run in beside]
    sizes = {size for row in known if row.workers > 1 for size in row.sizes}
    # of their jobs all, as what took turns belongs together
    for job_id in list(dict.fromkeys(row.job_id for row in several))[:_MOST_JOBS]:
        yield from (run for run in resources.results_of(job_id) if _wanted(run, choice))
    for row in (row for row in rows if row.setup.workers == 1 and row.batch_size in sizes):
        run = swept_lines.document(row.id, (row.id, row.origin, row.status, row.samples_per_s))
        if run is not None:
            yield run


@st.cache_resource(show_spinner=False, max_entries=4)
def _index(model: str, dataset: str, mark: tuple[object, ...]) -> tuple[SweptRow, ...]:
    """Of each cell the newest stored run. `mark`: as long as it is the same, nothing has changed."""
    store = resources.storage().store
    assert store is not None
    return tuple(
        row for row in store.swept("train", dataset) if row.model == model and _plain(row.setup) == row.setup
    )


def _plain(setup: Setup) -> Setup:
    return replace(Setup(setup.device, setup.precision, setup.threads), workers=setup.workers)
