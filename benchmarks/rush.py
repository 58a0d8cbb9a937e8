"""Visitors of a public server who press Run together, until one is refused: who gets what, in which order?"""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks import work
from benchmarks.pairing import Row, at_least, at_most
from benchmarks.phases import job_id_of
from benchmarks.servers import DASHBOARD, Server, serving
from benchmarks.visitor import Reply, Visitor
from core.runs.store import JobRow, Store

_VISITORS, _VISITORS_QUICK = 20, 3
_MORE = 30  # who come one after another until one is refused
_PATIENCE_S = 400.0
_LOOK_EVERY_S = 0.1
# Who press within this time have no order: each press is a run of the page, and one process runs them all.
_TOGETHER = timedelta(seconds=0.1)
_AHEAD = re.compile(r"(\d+) measurements? (?:is|are) ahead")
_WHEN = re.compile(r"in about \d+ min")


@dataclass
class _Patron:
    """What one visitor got."""

    job_id: str = ""
    places: list[int] = field(default_factory=list)  # as they were shown, one after the other; 0: at work
    result: bool = False


def run(folder: Path, quick: bool) -> Iterator[Row]:
    count = _VISITORS_QUICK if quick else _VISITORS
    variables = {"CROSSOVER_PUBLIC": "1", "CROSSOVER_TRUST_PROXY": "1"}
    with serving(DASHBOARD, folder, variables=variables) as dashboard, _Log(dashboard) as log:
        with Visitor(dashboard.port) as first:  # until the worker has told its devices
            for _ in first.follow():
                pass
        pressed = threading.Barrier(count + 1, timeout=_PATIENCE_S)
        with ThreadPoolExecutor(count) as pool:
            came = [pool.submit(_patron, dashboard.port, number, pressed) for number in range(count)]
            pressed.wait()  # all are there
            pressed.wait()  # all have pressed
            refused, told = _until_refused(dashboard.port, count + 1)
            patrons = [patron.result() for patron in came]
    yield from _rows(patrons, log)
    name = f"told when to return, with {count} and more in the queue"
    remark = f"visitor {refused}: {told!r}" if told else f"{refused} visitors, and nobody was refused"
    yield Row(name, (float(bool(_WHEN.search(told))),), at_least(1), "visitors", remark)


class _Log:
    """Looks into the server's database again and again: in which order are jobs begun?"""

    def __init__(self, dashboard: Server) -> None:
        self._url = f"sqlite:///{dashboard.database.as_posix()}"
        self.begun: list[str] = []  # ids of jobs
        self.rows: dict[str, JobRow] = {}  # as they were seen last
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        store = Store(self._url)
        while not self._over.wait(_LOOK_EVERY_S):
            for row in store.open_jobs():
                self.rows[row.id] = row
                if row.state == "running" and row.id not in self.begun:
                    self.begun.append(row.id)
        self.rows = {job_id: row for job_id in self.rows if (row := store.job(job_id)) is not None}
        store.close()


def _patron(port: int, number: int, pressed: threading.Barrier) -> _Patron:
    patron = _Patron()
    with _visitor(port, number) as visitor:
        pressed.wait()
        reply = visitor.press("run")
        pressed.wait()
        patron.job_id = job_id_of(visitor)
        for shown in itertools.chain([reply], visitor.follow(_PATIENCE_S)):
            patron.places += _places(shown)
        patron.result = bool(list(visitor.rerun().elements("plotly_chart")))
    return patron


def _visitor(port: int, number: int) -> Visitor:
    """From a network of its own, as the proxy before a public server tells."""
    query = work.address(quick=True, devices="cpu", max_seconds=3)
    return Visitor(port, query, headers={"X-Forwarded-For": f"198.51.100.{number + 1}"})


def _places(reply: Reply) -> list[int]:
    """How many jobs are before this visitor's, as the page says."""
    texts = [bar.text for _, bar in reply.elements("progress")]
    return [int(found[1]) if (found := _AHEAD.search(text)) else 0 for text in texts]


def _until_refused(port: int, first: int) -> tuple[int, str]:
    """Further visitors press Run: the number of the first that is refused, and what it is told."""
    for number in range(first, first + _MORE):
        with _visitor(port, number) as visitor:
            reply = visitor.press("run")
            if "job=" not in visitor.query:
                return number, next((alert.body for _, alert in reply.elements("alert")), "")
    return first + _MORE - 1, ""


def _rows(patrons: Sequence[_Patron], log: _Log) -> Iterator[Row]:
    count = len(patrons)
    ids = [patron.job_id for patron in patrons]
    finished = sum(log.rows[job_id].state == "finished" for job_id in ids if job_id in log.rows)
    yield Row(
        f"jobs finished, of {count} who pressed Run together", (float(finished),), at_least(count), "jobs"
    )
    shown = sum(patron.result for patron in patrons)
    yield Row("visitors who see their result", (float(shown),), at_least(count), "visitors")
    told = sum(bool(patron.places) for patron in patrons)
    places = sorted(patron.places[0] for patron in patrons if patron.places)
    remark = "at first " + " ".join(map(str, places))
    yield Row("visitors who were told their place", (float(told),), at_least(count), "visitors", remark)
    back = sum(later > sooner for patron in patrons for sooner, later in itertools.pairwise(patron.places))
    yield Row("places that became worse", (float(back),), at_most(0), "places")
    yield Row("jobs begun before one that was there first", (float(_overtaken(log)),), at_most(0), "pairs")


def _overtaken(log: _Log) -> int:
    """Pairs of jobs of which the later one was begun first."""
    came = [datetime.fromisoformat(log.rows[job_id].created_at) for job_id in log.begun]
    return sum(sooner - later > _TOGETHER for sooner, later in itertools.combinations(came, 2))
