"""What a measurement loses to visitors of the dashboard."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs

import psutil

from benchmarks import work
from benchmarks.live import first_rate
from benchmarks.pairing import BrokenError, Row, at_least, ratios
from benchmarks.server import measured
from benchmarks.servers import DASHBOARD, Server, serving
from benchmarks.visitor import Visitor
from core.records import Block
from core.runs.store import Store

_VISITORS = 10
_EACH_S = 1.0
_PHASE_S, _GUARD_S = 2.8, 0.6  # a block lasts half a second
_CLOCKS_AGREE_S = 1.5

Load = Callable[[Sequence[Visitor], float], None]


def run(folder: Path, quick: bool) -> Iterator[Row]:
    """Phases of no, one and ten visitors, forth and back, within one long job that the dashboard runs."""
    cores = psutil.cpu_count() or 1
    with contextlib.ExitStack() as stack:
        dashboard = stack.enter_context(serving(DASHBOARD, folder))
        first = stack.enter_context(measured(dashboard, work.address(quick)))
        result = f"job={_job_id(first)}"  # everybody looks at a finished result: the page's most costly state
        crowd = [stack.enter_context(Visitor(dashboard.port, result)) for _ in range(_VISITORS)]
        for threads, cycles in ((1, 1),) if quick else ((1, 5), (2, 2)):
            if threads > cores:
                continue
            calm, busy, crowded = _one_job(dashboard, crowd, threads, cycles)
            used = f"{threads} of {cores} cores measuring"
            # where every core measures visitors must cost something: told, but no promise
            goal = at_least(0.97) if threads < cores else None
            yield Row(f"speed beside 1 visitor without pause / none, {used}", _shares(busy, calm), goal)
            yield Row(f"speed beside {_VISITORS} visitors at 1 Hz / none, {used}", _shares(crowded, calm), goal)


def _one_job(dashboard: Server, crowd: Sequence[Visitor], threads: int, cycles: int) -> tuple[list[float], ...]:
    """Images per second without visitors, with one and with ten: one number of each for every cycle."""
    query = work.address(False, devices=f"cpu/{threads}", epochs=1000, max_seconds=600)
    with Visitor(dashboard.port, query) as owner:
        pressed = owner.press("run")
        job_id = _job_id(owner)
        if not any(map(first_rate, owner.follow())):  # with it data, model and warm-up are done
            raise BrokenError("the job shows no speed")
        phases = [_phase(load, crowd, pressed.asked_at) for load in _CYCLE * cycles]
        time.sleep(_PHASE_S)  # the block that runs now is cut short and lost: none of a phase's
        cancelled_s = time.perf_counter() - pressed.asked_at
        owner.press(f"cancel-{job_id}")
        for _ in owner.follow():
            pass
    blocks = _blocks(dashboard, job_id)
    _check_clock(blocks, cancelled_s)
    rates = [_rate(blocks, start_s, end_s) for start_s, end_s in phases]
    rounds = [rates[start : start + len(_CYCLE)] for start in range(0, len(rates), len(_CYCLE))]
    # a cycle goes forth and back: each load's mean has the same middle in time
    return tuple([(item[i] + item[-1 - i]) / 2 for item in rounds] for i in range(len(_CYCLE) // 2))


def _phase(load: Load, crowd: Sequence[Visitor], zero: float) -> tuple[float, float]:
    """Its start and end, in seconds after `zero`."""
    start = time.perf_counter()
    load(crowd, start + _PHASE_S)
    return start - zero, time.perf_counter() - zero


def _none(_crowd: Sequence[Visitor], until: float) -> None:
    time.sleep(until - time.perf_counter())


def _one(crowd: Sequence[Visitor], until: float) -> None:
    while time.perf_counter() < until:
        crowd[0].rerun()


def _ten(crowd: Sequence[Visitor], until: float) -> None:
    start = time.perf_counter()

    def come_back(number: int, visitor: Visitor) -> None:
        due = start + number * _EACH_S / len(crowd)  # spread over the second
        while due < until:
            time.sleep(max(0.0, due - time.perf_counter()))
            visitor.rerun()
            due += _EACH_S

    with ThreadPoolExecutor(len(crowd)) as pool:
        for done in [pool.submit(come_back, number, visitor) for number, visitor in enumerate(crowd)]:
            done.result()


_CYCLE: tuple[Load, ...] = (_none, _one, _ten, _ten, _one, _none)


def _job_id(visitor: Visitor) -> str:
    return parse_qs(visitor.query)["job"][0]


def _blocks(dashboard: Server, job_id: str) -> tuple[Block, ...]:
    store = Store(f"sqlite:///{dashboard.database.as_posix()}")
    try:
        (result,) = store.runs_of_job(job_id)
    finally:
        store.close()
    return result.blocks


def _check_clock(blocks: Sequence[Block], cancelled_s: float) -> None:
    """The job's clock starts when its turn comes: here at the click, and its last block tells if so."""
    ended_s = blocks[-1].start_s + blocks[-1].duration_s
    unfinished_s = max(block.duration_s for block in blocks)  # the block that the cancel has cut short
    if not -_GUARD_S < cancelled_s - ended_s < unfinished_s + _CLOCKS_AGREE_S:
        raise BrokenError(
            f"the last block ended {ended_s:.2f} s after the click, the cancel came at {cancelled_s:.2f} s"
        )


def _rate(blocks: Sequence[Block], start_s: float, end_s: float) -> float:
    """Images per second within a phase, its edges left out: blocks there reach into the phases beside it."""
    first_s, last_s = start_s + _GUARD_S, end_s - _GUARD_S
    samples = seconds = 0.0
    for block in blocks:
        inside_s = min(last_s, block.start_s + block.duration_s) - max(first_s, block.start_s)
        if inside_s > 0:
            seconds += inside_s
            samples += block.samples * inside_s / block.duration_s
    if seconds == 0:
        raise BrokenError(f"nothing was timed between {start_s:.1f} and {end_s:.1f} s")
    return samples / seconds


def _shares(loaded: Sequence[float], calm: Sequence[float]) -> tuple[float, ...]:
    return ratios(list(zip(loaded, calm, strict=True)))
