"""Whether ten thousand stored runs are as quick to look through as a hundred, and what one more costs."""

from __future__ import annotations

import contextlib
import dataclasses
import random
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.pairing import BrokenError, Row, at_most, ratios, take_turns
from benchmarks.servers import DASHBOARD, serving
from benchmarks.visitor import Visitor
from core.hardware.sampler import DEFAULT_INTERVAL_S
from core.records import RunResult, RunSpec, Setup, Workload
from core.runs.queue.keeping import Keeper
from core.runs.store import Store
from tests.builders import make_blocks, make_cpu_samples, make_result, make_telemetry

_FEW, _MANY, _MANY_QUICK = 100, 10_000, 200
_AT_ONCE = 1000
_PER_PAGE = 10
_RESULTS = "results"  # the page's name in its address
_WORKLOADS = tuple(Workload(seed=seed) for seed in range(10))  # the first is the page's default
_SETUPS = (Setup(threads=1), Setup())
_START = datetime(2026, 1, 1, tzinfo=UTC)
_BLOCKS, _RUN_S = 40, 12.0  # of a run that takes turns with another


def run(folder: Path, quick: bool) -> Iterator[Row]:
    many = _MANY_QUICK if quick else _MANY
    files = {count: folder / f"{count}.sqlite3" for count in (_FEW, many)}
    for count, file in files.items():
        _fill(file, count)
    yield from _looked_through(files[many], files[_FEW], f"{many:,} / {_FEW} runs", 5 if quick else 200)
    with contextlib.ExitStack() as servers:
        full = servers.enter_context(serving(DASHBOARD, folder, files[many]))
        light = full if quick else servers.enter_context(serving(DASHBOARD, folder, files[_FEW]))
        yield _page(full.port, light.port, f"{many:,} / {_FEW} runs", 3 if quick else 40)
        yield from _results(full.port, light.port, f"{many:,} / {_FEW} runs", 3 if quick else 40)
    yield _append(files[many], many, 5 if quick else 200)


def _looked_through(many: Path, few: Path, what: str, pairs: int) -> Iterator[Row]:
    full, light = _open(many), _open(few)
    questions: dict[str, Callable[[Store], object]] = {
        "history and count of one workload in ten": lambda store: _first_page(store, _WORKLOADS[0]),
        "history and count of all": lambda store: _first_page(store, None),
        "newest job of the chosen setups": lambda store: store.latest_job(_WORKLOADS[0], _SETUPS),
    }
    for question, ask in questions.items():
        for store in (full, light):
            ask(store)
        measured = take_turns(_timed(ask, full), _timed(ask, light), pairs)
        yield Row(f"{question}, {what}", ratios(measured), at_most(1.5))
    for store in (full, light):
        store.close()


def _first_page(store: Store, workload: Workload | None) -> object:
    return store.history(workload, _PER_PAGE, 0), store.count(workload)


def _timed(ask: Callable[[Store], object], store: Store) -> Callable[[], float]:
    def seconds() -> float:
        started = time.perf_counter()
        ask(store)
        return time.perf_counter() - started

    return seconds


def _page(full: int, light: int, what: str, pairs: int) -> Row:
    query = "devices=cpu/1,cpu"
    with Visitor(full, query) as many, Visitor(light, query) as few:
        for visitor in (many, few):
            for _ in visitor.follow():
                pass
            if not any("?job=" in text.body for _, text in visitor.rerun().elements("markdown")):
                raise BrokenError("the page shows no history")
        measured = take_turns(lambda: many.rerun().seconds, lambda: few.rerun().seconds, pairs)
    return Row(f"rerun of the page with history, {what}", ratios(measured), at_most(1.5))


def _results(full: int, light: int, what: str, pairs: int) -> Iterator[Row]:
    """The Results page, newly opened each time and run again."""

    def opened(port: int) -> Callable[[], float]:
        def seconds() -> float:
            with Visitor(port, page=_RESULTS) as visitor:
                return visitor.first.seconds

        return seconds

    for port in (full, light):
        opened(port)()
    measured = take_turns(opened(full), opened(light), pairs)
    remark = f"{1000 * statistics.median(many for many, _ in measured):.0f} ms with the many"
    yield Row(f"Results page ready, {what}", ratios(measured), at_most(1.5), remark=remark)
    with Visitor(full, page=_RESULTS) as many, Visitor(light, page=_RESULTS) as few:
        for visitor in (many, few):
            if len(list(visitor.first.elements("checkbox"))) < _PER_PAGE:
                raise BrokenError("the page lists no runs")
        measured = take_turns(lambda: many.rerun().seconds, lambda: few.rerun().seconds, pairs)
    yield Row(f"rerun of the Results page, {what}", ratios(measured), at_most(1.5))


def _append(file: Path, stored: int, repeats: int) -> Row:
    """Each time a run that was never seen: nothing about it can be remembered."""
    store = _open(file)
    keeper, chance, milliseconds = Keeper(store), random.Random(0), []
    for number in range(repeats):
        result = _run(stored + number, jitter=tuple(chance.uniform(-0.02, 0.02) for _ in range(_BLOCKS)))
        started = time.perf_counter()
        problem = keeper.results([result])
        milliseconds.append(1000 * (time.perf_counter() - started))
        assert problem is None
    store.close()
    name = f"storing one run of {len(result.blocks)} blocks beside {stored:,}"
    return Row(name, tuple(milliseconds), at_most(1), "ms")


def _fill(file: Path, count: int) -> None:
    store = _open(file)
    keeper = Keeper(store)
    for start in range(0, count, _AT_ONCE):
        assert keeper.results([_run(number) for number in range(start, min(count, start + _AT_ONCE))]) is None
    store.close()


def _run(number: int, jitter: tuple[float, ...] = (0.0, 0.01, -0.01, 0.005, -0.005)) -> RunResult:
    """One of a job's two runs, which take turns; a job each minute, on one workload after the other."""
    job, position = divmod(number, len(_SETUPS))
    spec = RunSpec(_WORKLOADS[job % len(_WORKLOADS)], _SETUPS[position])
    every_s = _RUN_S / _BLOCKS
    start_s = 1.0 + position * every_s / len(_SETUPS)
    blocks = make_blocks(0.02, epochs=_BLOCKS // 5, extra=0, start_s=start_s, every_s=every_s, jitter=jitter)
    samples = make_cpu_samples(0.0, _RUN_S + 2, DEFAULT_INTERVAL_S)
    return dataclasses.replace(
        make_result(spec=spec, blocks=blocks),
        id=f"{job:010x}-{position}",
        job_id=f"{job:010x}",
        created_at=(_START + timedelta(minutes=job)).isoformat(timespec="milliseconds"),
        first_losses=tuple(2.3 * 0.98**step for step in range(100)),
        telemetry=make_telemetry(interval_s=DEFAULT_INTERVAL_S, cpu=samples),
    )


def _open(file: Path) -> Store:
    return Store(f"sqlite:///{file.as_posix()}")
