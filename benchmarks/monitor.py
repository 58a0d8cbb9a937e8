"""What the Monitor page costs: the measurement it watches, the server's memory, and what it sends."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from benchmarks import trainees
from benchmarks.pairing import BrokenError, Row, at_least, at_most
from benchmarks.phases import one_job, shares
from benchmarks.sampler import on_over_off
from benchmarks.servers import DASHBOARD, Server, serving
from benchmarks.visitor import Visitor

_VISITORS = 2
_PAGE, _PAUSE = "monitor", "monitor_pause"  # in the address; the key of the button
_CYCLES, _PHASE_S = 8, 12.0  # a page looks every 5 and 10 s while something is measured
_PAIRS, _BLOCK_S = 20, 2.0  # two readings in a block
_WARM_UP = 2  # minutes, left out: what is loaded but once is loaded by then
_SIZES = 12  # looks at the memory in a minute
_STILL_S = 10.0
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Sent:
    """What one visitor was sent in a stretch of time."""

    seconds: float
    frames: int
    size_bytes: int


def run(folder: Path, quick: bool) -> Iterator[Row]:
    with serving(DASHBOARD, folder) as dashboard:
        yield from _memory(dashboard, quick)
        yield from _still(dashboard, quick)
    cores = psutil.cpu_count() or 1
    for threads in (1,) if quick else dict.fromkeys((1, cores)):
        yield from _speed(folder, threads, cores, quick)


def _memory(dashboard: Server, quick: bool) -> Iterator[Row]:
    """Two visitors for ten minutes, and what they are sent."""
    minute_s, minutes = (2.0, 4) if quick else (60.0, 10)
    held: list[list[float]] = []  # MiB, minute by minute
    sent: list[Sent] = []
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(_VISITORS) as pool:
        visitors = [stack.enter_context(_looking(dashboard.port)) for _ in range(_VISITORS)]
        for minute in range(minutes):
            until = time.perf_counter() + minute_s
            looking = [pool.submit(_refreshed, visitor, until) for visitor in visitors]
            held.append(_sizes(dashboard, until))
            sent += [done.result() for done in looking if minute >= _WARM_UP]
    first, middle, last = (statistics.median(held[minute]) for minute in (_WARM_UP, minutes // 2, -1))
    told = (
        f"{first:.1f} MiB in minute {_WARM_UP + 1}, {middle:.1f} in {minutes // 2 + 1}, {last:.1f} in {minutes}"
    )
    name = f"server's memory grows, {_VISITORS} visitors on the Monitor page"
    yield Row(name, (last - first,), at_most(1), "MiB", told)
    yield Row("sent to each of them, live", _each(sent, "frames"), unit="frames/s")
    yield Row("the same", tuple(size / 1000 for size in _each(sent, "size_bytes")), unit="kB/s")


def _still(dashboard: Server, quick: bool) -> Iterator[Row]:
    """Nothing is sent where nothing moves."""
    seconds = 1.0 if quick else _STILL_S
    with _looking(dashboard.port) as visitor:
        visitor.press(_PAUSE)
        frames = _frames(visitor, seconds)
    yield Row("sent to a visitor who has paused", (frames,), at_most(0), "frames/s")
    with Visitor(dashboard.port, page="doctor") as visitor:
        for _ in visitor.follow():
            pass
        frames = _frames(visitor, seconds)
    yield Row("sent to a visitor of the Doctor page, once it has looked", (frames,), at_most(0), "frames/s")


def _speed(folder: Path, threads: int, cores: int, quick: bool) -> Iterator[Row]:
    """The page on a job that is measured, and the readings, which go on for as long as the job does."""
    pairs, block_s = (2, 0.3) if quick else (_PAIRS, _BLOCK_S)
    cycles, phase_s = (1, 3.0) if quick else (_CYCLES, _PHASE_S)
    used = f"{threads} of {cores} cores measuring"
    readings = _readings(folder, threads, pairs, block_s, quick)
    yield Row(f"speed with the Monitor's readings / without, {used}", readings)
    with contextlib.ExitStack() as stack:
        dashboard = stack.enter_context(serving(DASHBOARD, folder))
        with Visitor(dashboard.port) as first:
            for _ in first.follow():  # until the worker has told its devices
                pass
        visitors = [stack.enter_context(_looking(dashboard.port)) for _ in range(_VISITORS)]
        calm, watched = one_job(dashboard, (None, partial(_look, visitors)), threads, cycles, phase_s)
    pages = shares(watched, calm)
    yield Row(f"speed with the page open in {_VISITORS} browsers / closed, {used}", pages)
    share = statistics.median(readings)
    both = tuple(page * share for page in pages)
    yield Row(f"speed with page and readings / neither, {used}", both, at_least(0.98), remark="the two above")


def _readings(folder: Path, threads: int, pairs: int, block_s: float, quick: bool) -> tuple[float, ...]:
    """Blocks with another process reading this machine, and without, in turns."""
    trainee = trainees.warmed_up(trainees.images(folder, quick), 64, threads, "resident")
    return on_over_off("monitor", trainee, block_s, pairs)


@contextlib.contextmanager
def _looking(port: int) -> Iterator[Visitor]:
    """A visitor of the page who sees readings."""
    with Visitor(port, page=_PAGE) as visitor:
        until = time.perf_counter() + 30
        while not (_sees_cores(visitor) and visitor.refreshing):
            if time.perf_counter() > until:
                raise BrokenError("the Monitor page shows no reading")
            time.sleep(0.2)
        yield visitor


def _sees_cores(visitor: Visitor) -> bool:
    return any(True for _ in visitor.rerun().elements("metric"))


def _sizes(dashboard: Server, until: float) -> list[float]:
    """The server's memory in MiB, again and again."""
    found, pause_s = [], (until - time.perf_counter()) / _SIZES
    for _ in range(_SIZES):
        time.sleep(pause_s)
        found.append(dashboard.memory_bytes() / _MIB)
    return found


def _look(visitors: Sequence[Visitor], until: float) -> None:
    """Everybody's page refreshes itself until this time of perf_counter."""
    with ThreadPoolExecutor(len(visitors)) as pool:
        for done in [pool.submit(_refreshed, visitor, until) for visitor in visitors]:
            done.result()


def _refreshed(visitor: Visitor, until: float) -> Sent:
    """As a browser asks for it: each fragment at a pace of its own."""
    started, frames, size = time.perf_counter(), 0, 0
    due = {fragment: started + every / 2 for fragment, every in visitor.refreshing.items()}
    while due and (at := min(due.values())) < until:
        time.sleep(max(0.0, at - time.perf_counter()))
        fragment = min(due, key=due.__getitem__)
        reply = visitor.refresh(fragment)
        frames, size = frames + len(reply.messages), size + reply.size_bytes
        now, known = time.perf_counter(), due
        due = {
            name: known.get(name, now) + (every if name == fragment or name not in known else 0.0)
            for name, every in visitor.refreshing.items()
        }
    if not due:
        raise BrokenError("the Monitor page no longer refreshes itself")
    time.sleep(max(0.0, until - time.perf_counter()))
    return Sent(time.perf_counter() - started, frames, size)


def _each(sent: Sequence[Sent], what: str) -> tuple[float, ...]:
    return tuple(getattr(item, what) / item.seconds for item in sent)


def _frames(visitor: Visitor, seconds: float) -> float:
    """A second, if the browser asks for what it would ask for."""
    visitor.overheard(1.0)  # what still belongs to the run before
    asked = _refreshed(visitor, time.perf_counter() + seconds).frames if visitor.refreshing else 0
    return (asked + visitor.overheard(seconds)) / seconds
