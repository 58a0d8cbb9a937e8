"""Whether the Crossover page is as quick beside five thousand stored cells as beside fifty."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.pairing import BrokenError, Row, at_most, ratios, take_turns
from benchmarks.servers import DASHBOARD, serving
from benchmarks.visitor import Visitor
from core.records import RunResult, Setup
from core.runs.queue.keeping import Keeper
from core.runs.store import Store
from tests.sweeps import BATCHES, make_sweep_result

_FEW, _MANY, _MANY_QUICK = 50, 5_000, 400
_AT_ONCE = 1_000
_PAGE = "crossover"  # its name in the address
_SETUPS = (Setup(threads=1), Setup())  # the page's default
_START = datetime(2026, 1, 1, tzinfo=UTC)


def run(folder: Path, quick: bool) -> Iterator[Row]:
    many = _MANY_QUICK if quick else _MANY
    files = {count: folder / f"cells-{count}.sqlite3" for count in (_FEW, many)}
    for count, file in files.items():
        fill(file, count)
    what, pairs = f"{many:,} / {_FEW} stored cells", 2 if quick else 40
    with serving(DASHBOARD, folder, files[many]) as full, serving(DASHBOARD, folder, files[_FEW]) as light:
        for port in (full.port, light.port):
            _opened(port)  # what is cached for all visitors
        opened = take_turns(lambda: _opened(full.port), lambda: _opened(light.port), max(2, pairs // 4))
        yield Row(f"Crossover page opened, {what}", ratios(opened))
        with Visitor(full.port, page=_PAGE) as one, Visitor(light.port, page=_PAGE) as other:
            for visitor in (one, other):
                if not list(visitor.rerun().elements("plotly_chart")):
                    raise BrokenError("the page draws no chart")
            measured = take_turns(lambda: one.rerun().seconds, lambda: other.rerun().seconds, pairs)
    remark = f"{1000 * statistics.median(seconds for seconds, _ in measured):.0f} ms with the many"
    yield Row(f"rerun of the Crossover page, {what}", ratios(measured), at_most(2), remark=remark)


def _opened(port: int) -> float:
    with Visitor(port, page=_PAGE) as visitor:
        return visitor.first.seconds


def fill(file: Path, count: int) -> None:
    """Cells that a sweep of one model after the other would have left."""
    store = Store(f"sqlite:///{file.as_posix()}")
    keeper = Keeper(store)
    for start in range(0, count, _AT_ONCE):
        problem = keeper.results(
            [_cell(number, count) for number in range(start, min(count, start + _AT_ONCE))]
        )
        assert problem is None
    store.close()


def _cell(number: int, count: int) -> RunResult:
    """Both setups at every batch size, then the next model; the first, which the page shows, is the newest."""
    job, position = divmod(number, len(_SETUPS))
    model, size = divmod(job, len(BATCHES))
    setup, batch = _SETUPS[position], BATCHES[size]
    overhead_s, per_sample_s = ((2e-4, 10e-6), (12e-4, 5e-6))[position]
    name = "mlp" if model == 0 else f"mlp_{model}"
    return make_sweep_result(
        batch,
        overhead_s + per_sample_s * batch,
        setup,
        model=name,
        id=f"{job:06x}-{position}",
        job_id=f"{job:06x}",
        created_at=(_START + timedelta(minutes=count - number)).isoformat(timespec="milliseconds"),
    )
