"""What fifty visitors get from the dashboard while it measures, and what they cost the measurement.

The visitors are a process on the same machine (`benchmarks.strangers`): its work takes time from the server's
and is told.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks import work
from benchmarks.pairing import BrokenError, Row, at_least, at_most
from benchmarks.phases import job_id_of, one_job, shares
from benchmarks.server import measured
from benchmarks.servers import DASHBOARD, ROOT, Server, serving
from benchmarks.strangers import PAUSE_S
from benchmarks.visitor import Visitor

_VISITORS, _VISITORS_QUICK = 50, 5
_PHASE_S, _PHASE_QUICK_S = 10.0, 3.0
_FOLLOWING_S, _SLICES = 10.0, 5
# Streamlit keeps the session of a lost connection for two minutes, so that a reload finds it again. Here it is
# kept for seconds: what is measured is whether it goes at all.
_KEPT_S = 3
_CROWDS = 3
_MIB = 2**20


def run(folder: Path, quick: bool) -> Iterator[Row]:
    count = _VISITORS_QUICK if quick else _VISITORS
    options = [f"--server.disconnectedSessionTTL={_KEPT_S}"]
    with (
        serving(DASHBOARD, folder, options=options) as dashboard,
        measured(dashboard, work.address(quick)) as first,
    ):
        result = f"job={job_id_of(first)}"
        yield from _memory(dashboard, count, result, quick)
        yield from _measuring(dashboard, count, result, quick)


class Crowd:
    """Visitors in a process of their own."""

    def __init__(self, port: int, count: int) -> None:
        self.count, self.told = count, list[dict[str, Any]]()
        command = [sys.executable, "-m", "benchmarks.strangers", str(port), str(count)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def do(self, what: str, query: str, **how: float) -> dict[str, Any]:
        """What came of a command, once it is over."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": what, "query": query, **how}) + "\n")
        self._process.stdin.flush()
        if not (line := self._process.stdout.readline()):
            raise BrokenError("the visitors' process has died")
        self.told.append(json.loads(line))
        return self.told[-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._process.communicate(json.dumps({"do": "leave"}) + "\n", timeout=60)
        else:
            self._process.kill()
        self._process.wait()


@dataclass(frozen=True)
class _Held:
    """The server's resident memory around one crowd, in MiB."""

    before: float
    with_crowd: float
    after: float
    tidied: float


def _memory(dashboard: Server, count: int, result: str, quick: bool) -> Iterator[Row]:
    """Three crowds, one after the other: what the first leaves behind may be kept for the next, but once."""
    with Crowd(dashboard.port, 1) as scout:  # whatever is loaded at the first sight of a page is loaded
        for _ in range(2):
            _without_errors(scout.do("look", result))
    seconds = _PHASE_QUICK_S if quick else _PHASE_S
    held = [_one_crowd(dashboard, count, result, seconds) for _ in range(_CROWDS)]
    growth = tuple((item.with_crowd - item.before) / count for item in held)
    yield Row("memory growth a visitor", growth, at_most(1), "MiB", "every page seen; one crowd after another")
    kept = tuple((item.after - item.before) / count for item in held)
    yield Row("the same, kept after they left", kept, unit="MiB", remark="as the allocator leaves it")
    kept = tuple((item.tidied - item.before) / count for item in held)
    remark = "after a collection and malloc_trim"
    yield Row("the same, kept after they left", kept, at_most(0.1), "MiB", remark)
    whole = [item.tidied for item in held]
    yield Row(
        "resident memory after each crowd",
        tuple(whole),
        unit="MiB",
        remark=" -> ".join(f"{x:.0f}" for x in whole),
    )


def _one_crowd(dashboard: Server, count: int, result: str, seconds: float) -> _Held:
    dashboard.tidy()
    before = dashboard.memory_bytes()
    with Crowd(dashboard.port, count) as crowd:
        _without_errors(crowd.do("look", result))
        _without_errors(crowd.do("browse", result, seconds=seconds))
        with_crowd = dashboard.memory_bytes()
    time.sleep(_KEPT_S + 1)
    with Visitor(dashboard.port):  # old sessions are looked for when one ends
        pass
    time.sleep(1)
    after = dashboard.memory_bytes()
    dashboard.tidy()
    return _Held(*(value / _MIB for value in (before, with_crowd, after, dashboard.memory_bytes())))


def _measuring(dashboard: Server, count: int, result: str, quick: bool) -> Iterator[Row]:
    """One long job: phases without and with the crowd, then the crowd follows the job at full speed."""
    followed = list[dict[str, Any]]()
    seconds = _PHASE_QUICK_S if quick else _PHASE_S
    with Crowd(dashboard.port, count) as crowd:
        crowd.do("look", result)

        def browse(until: float) -> None:
            crowd.do("browse", result, seconds=until - time.perf_counter())

        def follow(job_id: str) -> None:
            crowd.do("enter", f"job={job_id}")
            slices = 1 if quick else _SLICES
            followed.extend(
                crowd.do("follow", f"job={job_id}", seconds=_FOLLOWING_S / _SLICES) for _ in range(slices)
            )

        calm, crowded = one_job(dashboard, (None, browse), 1, 1 if quick else 3, seconds, follow)
    browsed = crowd.told[1 : -1 - len(followed)]
    yield from _served(count, browsed, seconds)
    rates = tuple(len(item["refreshes_s"]) / (_FOLLOWING_S / _SLICES) for item in followed)
    remark = _cost(followed, _FOLLOWING_S / _SLICES) + f"; all {count} follow one job without pause"
    yield Row("live fragments refreshed", rates, at_least(150), "/s", remark)
    each = tuple(itertools.chain.from_iterable(item["refreshes_s"] for item in followed))
    yield Row("the same, one refresh", each, unit="s")
    errors = tuple(itertools.chain.from_iterable(item["errors"] for item in crowd.told))
    yield Row("errors", (float(len(errors)),), at_most(0), "errors", "; ".join(sorted(set(errors))[:5]))
    name = f"speed beside {count} browsing visitors / none, 1 of {os.cpu_count()} cores measuring"
    yield Row(name, shares(crowded, calm), at_least(0.97))


def _served(count: int, browsed: list[dict[str, Any]], seconds: float) -> Iterator[Row]:
    reruns = tuple(itertools.chain.from_iterable(item["reruns_s"] for item in browsed))
    remark = f"of {len(reruns)}, pauses of {PAUSE_S:g} s on average; {_cost(browsed, seconds)}"
    late = statistics.quantiles(reruns, n=20)[-1]
    yield Row(
        f"95th percentile of a rerun, {count} visitors while measuring", (late,), at_most(0.5), "s", remark
    )
    yield Row("a rerun", reruns, unit="s")


def _cost(told: list[dict[str, Any]], seconds: float) -> str:
    used = sum(item["processor_s"] for item in told) / (len(told) * seconds)
    return f"the visitors' process takes {used:.2f} of a core of the same machine"


def _without_errors(told: dict[str, Any]) -> None:
    if told["errors"]:
        raise BrokenError("; ".join(told["errors"][:5]))
