"""What the Sequence page costs with a step of two thousand operations: its picture, a rerun, its size."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.pairing import BrokenError, Row, at_most, ratios, take_turns
from benchmarks.servers import DASHBOARD, serving
from benchmarks.visitor import Visitor
from core.analysis.flow import flow
from core.figures.sequence import Lit, sequence_data, sequence_figure
from core.i18n import english
from core.records import JobSpec, RunResult
from core.runs.queue.keeping import Keeper
from core.runs.store import Store
from tests.builders import make_spec
from tests.traces import make_many, make_watched

_SPANS = 2000
_LOADER, _RESIDENT = "images=loader", "images=resident"


def run(folder: Path, quick: bool) -> Iterator[Row]:
    result = make_watched(spec=make_spec(data_path="loader"), trace=make_many(_SPANS))
    if flow(result) is None:
        raise BrokenError("there is nothing to draw")
    yield from _picture(result, 3 if quick else 30)
    yield from _page(folder, result, quick)


def _picture(result: RunResult, repeats: int) -> Iterator[Row]:
    """From the record to the figure, and the figure alone, as each step of the player draws it."""

    def built() -> float:
        started = time.perf_counter()
        sequence_figure(sequence_data((result,), "warm", english), english)
        return time.perf_counter() - started

    data = sequence_data((result,), "warm", english)

    def drawn() -> float:
        started = time.perf_counter()
        sequence_figure(data, english, Lit(0, 1))
        return time.perf_counter() - started

    built()
    whole, alone = (tuple(measure() for _ in range(repeats)) for measure in (built, drawn))
    yield Row(f"a step of {_SPANS:,} spans: from the record to the figure", whole, at_most(0.1), "s")
    yield Row("the same: the figure alone, as for each message", alone, at_most(0.1), "s")


def _page(folder: Path, result: RunResult, quick: bool) -> Iterator[Row]:
    """The page with that step against the page before anything was measured."""
    database = folder / "sequence.sqlite3"
    _fill(database, result)
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(serving(DASHBOARD, folder, database))
        light = full if quick else stack.enter_context(serving(DASHBOARD, folder))
        ours = stack.enter_context(_visit(full.port, _LOADER))
        # where a single server will do: what nothing was measured of
        theirs = stack.enter_context(_visit(light.port, _RESIDENT if quick else _LOADER))
        shown = ours.rerun()
        if not list(shown.elements("plotly_chart")) or list(theirs.rerun().elements("plotly_chart")):
            raise BrokenError("the step is to be drawn on the one page and not on the other")
        turns = 3 if quick else 40
        measured = take_turns(lambda: ours.rerun().seconds, lambda: theirs.rerun().seconds, turns)
    took, empty = (1000 * statistics.median(side) for side in zip(*measured, strict=True))
    remark = f"{took:.1f} ms against {empty:.1f} ms"
    yield Row("rerun / the page with nothing measured", ratios(measured), at_most(2), remark=remark)
    yield Row("sent for a rerun, without a browser's cache", (shown.size_bytes / 1e6,), at_most(1), "MB")


def _visit(port: int, query: str) -> Visitor:
    visitor = Visitor(port, query, page="sequence")
    for _ in visitor.follow():
        pass
    return visitor


def _fill(database: Path, result: RunResult) -> None:
    store = Store(f"sqlite:///{database}")
    spec = JobSpec(result.spec.workload, (result.spec.setup,), 30.0, trace=True)
    store.add_job(result.job_id, spec, result.created_at, "elsewhere:1:1")
    Keeper(store).results((result,))
    store.set_job_state(result.job_id, "finished")
    store.close()
