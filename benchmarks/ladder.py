"""The ladder's promises: near the hardware's limit, the same training on every rung, found within a minute."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import jobs
from benchmarks.pairing import BrokenError, Row, at_least, at_most
from core.analysis import limits
from core.analysis.comparison import compare
from core.analysis.ladder import STEPS_PER_CALL, Ladder, best, rate
from core.hardware.cpu import describe
from core.records import JobSpec, RunResult, Setup, Workload
from core.runs import optimise
from core.runs.queue.worker import Worker
from core.setups import setup_text

_LOADER = "loader"
# share of the products alone, and speed-up over the article's loop, that the best fp32 setup is to reach
_GOALS = {16: (0.50, None), 64: (0.60, 1.5), 256: (0.75, 2.0), 1024: (0.75, 2.0)}
_CLOSE = 1e-4  # relative, of an fp32 rung's losses
_FP32_LIBRARY = 0.95


def run(folder: Path, quick: bool) -> Iterator[Row]:
    """One climb from nothing, then the setup that it found beside the article's loop at other batch sizes."""
    worker = Worker()
    spent: list[float] = []

    def measure(spec: JobSpec) -> Sequence[RunResult]:
        begun = time.perf_counter()
        results = jobs.results(worker, spec, folder)
        spent.append(time.perf_counter() - begun)
        return results

    try:
        device = worker.devices[0]
        work = Workload(batch_size=256, epochs=1)
        found = optimise.climb(work, device, worker.software.default_threads, measure, 14.0 if quick else 40.0)
        yield from _of_climb(found, spent)
        top = best(found, "fp32")
        if top is None:
            raise BrokenError("no rung was found best")
        print(f"  best in fp32 at 256: {setup_text(top.setup)}")
        for batch, (floor, gain) in {256: _GOALS[256]}.items() if quick else _GOALS.items():
            yield from _at(batch, top.setup, worker.software.default_threads, measure, floor, gain)
    finally:
        worker.kill()


def _of_climb(found: Ladder, spent: Sequence[float]) -> Iterator[Row]:
    late = [
        rung.result.cold_start.first_step_s
        for rung in found.rungs
        if rung.result and rung.result.cold_start and rung.setup.cpp_calls
    ]
    search_s = sum(spent[:2]) + sum(late)
    yield Row("mlp, batch 256: the search for the best setup, all compiling", (search_s,), at_most(30), "s")
    yield Row("mlp, batch 256: and the measurement of what it found", (sum(spent),), unit="s")
    compared = [(rung, rung.against_loader) for rung in found.rungs if rung.against_loader is not None]
    worst = [
        (against.parity.worst, rung.name)
        for rung, against in compared
        if against and against.parity.worst is not None and rung.setup.precision == "fp32"
    ]
    values = tuple(value for value, _ in worst)
    remark = f"farthest: {max(worst)[1]}"
    yield Row("fp32 rungs: losses against the article's, relative", (max(values),), at_most(_CLOSE), "", remark)
    for rung, against in compared:
        if against is not None and against.speedup is not None:
            interval = (against.speedup.low, against.speedup.value, against.speedup.high)
            yield Row(f"{rung.name}, {rung.setup.precision} / the article's loop", interval)
    yield from _honest(found)


def _honest(found: Ladder) -> Iterator[Row]:
    """The headline is the fastest route's, whatever the default library does."""
    top, measured = best(found, "fp32"), [rung for rung in found.rungs if rung.result and rung.result.limits]
    shares = [limits.route_share(rung.result.limits) for rung in measured if rung.result and rung.result.limits]
    known = [share for share in shares if share is not None]
    if known:
        yield Row("the default library's large product / the fastest route's", tuple(known))
    routes = [rate(rung) for rung in found.rungs if rung.setup.precision == "fp32" and rung.result]
    headline = rate(top) if top else None
    if headline is not None:
        fastest = max(value for value in routes if value is not None)
        yield Row("headline / the fastest fp32 route", (headline / fastest,), at_least(_FP32_LIBRARY))


def _at(
    batch: int, top: Setup, threads: int, measure: optimise.Measure, floor: float, gain: float | None
) -> Iterator[Row]:
    work = Workload(batch_size=batch, epochs=1)
    article = Setup(threads=min(threads, describe().usable_cores or threads), data_path="loader")
    setups = [article, top]
    if top.step == "compiled":
        setups.append(replace(top, steps_per_call=STEPS_PER_CALL, cpp_calls=True))
    loader, *found = measure(JobSpec(work, tuple(setups), 4.0, 2.0, limits=True))
    ours = min(found, key=lambda result: limits.step_s(result) or math.inf)
    share, gained = limits.floor_share(ours), compare(loader, ours)
    if share is None or gained.speedup is None:
        raise BrokenError(f"batch {batch}: {ours.failure or gained.verdict.reason}")
    interval = (share.low, share.value, share.high)
    yield Row(f"mlp, batch {batch}: speed / that of its products alone", interval, at_least(floor))
    over = (gained.speedup.low, gained.speedup.value, gained.speedup.high)
    yield Row(f"mlp, batch {batch}: best / the article's loop", over, at_least(gain) if gain else None)
    utilisation = limits.mfu(ours)
    if utilisation is not None:
        yield Row(
            f"mlp, batch {batch}: arithmetic / the measured peak",
            (utilisation.low, utilisation.value, utilisation.high),
        )
