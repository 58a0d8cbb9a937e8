"""One long job, and loads beside it in phases, forth and back. It must not know what the loads are."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from urllib.parse import parse_qs

from benchmarks import work
from benchmarks.live import first_rate
from benchmarks.pairing import BrokenError, ratios
from benchmarks.servers import Server
from benchmarks.visitor import Visitor
from core.records import Block
from core.runs.store import Store

_GUARD_S = 0.6  # a block lasts half a second
_CLOCKS_AGREE_S = 1.5

Load = Callable[[float], None]  # goes on until this time of perf_counter


def one_job(
    dashboard: Server,
    loads: Sequence[Load | None],
    threads: int,
    cycles: int,
    phase_s: float,
    at_last: Callable[[str], None] | None = None,
) -> tuple[list[float], ...]:
    """Images per second beside each load (None: nothing): one number of each for every cycle.

    `at_last` is called with the job's id, while it still runs and after all phases.
    """
    query = work.address(False, devices=f"cpu/{threads}", epochs=1000, max_seconds=600)
    cycle = (*loads, *reversed(loads))
    with Visitor(dashboard.port, query) as owner:
        pressed = owner.press("run")
        job_id = job_id_of(owner)
        if not any(map(first_rate, owner.follow())):  # with it data, model and warm-up are done
            raise BrokenError("the job shows no speed")
        phases = [_phase(load, phase_s, pressed.asked_at) for load in cycle * cycles]
        if at_last is not None:
            at_last(job_id)
        time.sleep(phase_s)  # the block that runs now is cut short and lost: none of a phase's
        cancelled_s = time.perf_counter() - pressed.asked_at
        owner.press(f"cancel-{job_id}")
        for _ in owner.follow():
            pass
    blocks = _blocks(dashboard, job_id)
    _check_clock(blocks, cancelled_s)
    rates = [_rate(blocks, start_s, end_s) for start_s, end_s in phases]
    rounds = [rates[start : start + len(cycle)] for start in range(0, len(rates), len(cycle))]
    # a cycle goes forth and back: each load's mean has the same middle in time
    return tuple([(item[i] + item[-1 - i]) / 2 for item in rounds] for i in range(len(loads)))


def shares(loaded: Sequence[float], calm: Sequence[float]) -> tuple[float, ...]:
    return ratios(list(zip(loaded, calm, strict=True)))


def job_id_of(visitor: Visitor) -> str:
    """The job that the visitor's page looks at."""
    return parse_qs(visitor.query)["job"][0]


def _phase(load: Load | None, phase_s: float, zero: float) -> tuple[float, float]:
    """Its start and end, in seconds after `zero`."""
    start = time.perf_counter()
    if load is None:
        time.sleep(phase_s)
    else:
        load(start + phase_s)
    return start - zero, time.perf_counter() - zero


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
