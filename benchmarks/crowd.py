"""What a measurement loses to visitors of the dashboard."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import psutil

from benchmarks import work
from benchmarks.pairing import Row, at_least
from benchmarks.phases import job_id_of, one_job, shares
from benchmarks.server import measured
from benchmarks.servers import DASHBOARD, serving
from benchmarks.visitor import Visitor

_VISITORS = 10
_EACH_S = 1.0
_PHASE_S = 2.8


def run(folder: Path, quick: bool) -> Iterator[Row]:
    """Phases of no, one and ten visitors, forth and back, within one long job that the dashboard runs."""
    cores = psutil.cpu_count() or 1
    with contextlib.ExitStack() as stack:
        dashboard = stack.enter_context(serving(DASHBOARD, folder))
        first = stack.enter_context(measured(dashboard, work.address(quick)))
        result = f"job={job_id_of(first)}"  # everybody looks at a finished result: the page's most costly state
        crowd = [stack.enter_context(Visitor(dashboard.port, result)) for _ in range(_VISITORS)]
        for threads, cycles in ((1, 1),) if quick else ((1, 5), (2, 2)):
            if threads > cores:
                continue
            loads = (None, partial(_one, crowd), partial(_ten, crowd))
            calm, busy, crowded = one_job(dashboard, loads, threads, cycles, _PHASE_S)
            used = f"{threads} of {cores} cores measuring"
            # where every core measures visitors must cost something: told, but no promise
            goal = at_least(0.97) if threads < cores else None
            yield Row(f"speed beside 1 visitor without pause / none, {used}", shares(busy, calm), goal)
            yield Row(f"speed beside {_VISITORS} visitors at 1 Hz / none, {used}", shares(crowded, calm), goal)


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
