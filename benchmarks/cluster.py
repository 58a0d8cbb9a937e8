"""What a job loses by going through Ray: its speed and its start, against the same job in a worker of our own.

Both on this machine, in turns: on a cluster of one node that listens on loopback, and without one.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.pairing import BrokenError, Row, at_least, at_most, ratios, take_turns
from core.analysis import stats
from core.analysis.summary import summarise
from core.codec import from_plain
from core.hardware import cpu, environment
from core.records import JobSpec, RunResult, Setup, Target, Workload
from core.runs import cluster
from core.runs.assemble import Assembly
from core.runs.worker import Worker

_KEPT, _START_S = 0.98, 3.0
_BEGINS = "setup"  # the measuring process's first word of a setup: data and models are still to come

Event = dict[str, Any]


@dataclass
class Side:
    """One way to have a job measured, and what its jobs have shown."""

    starts_s: list[float] = field(default_factory=list)
    rates: list[tuple[float, ...]] = field(default_factory=list)  # images per second of each setup

    def job(self) -> float:
        """Measure once; seconds from asking to the first setup."""
        raise NotImplementedError

    def took(self, results: Sequence[RunResult], start_s: float) -> float:
        speeds = [summarise(result).samples_per_s for result in results]
        if None in speeds or not speeds:
            raise BrokenError(f"nothing was measured: {[result.failure for result in results]}")
        self.rates.append(tuple(speed.value for speed in speeds if speed is not None))
        self.starts_s.append(start_s)
        return start_s


class Direct(Side):
    """In a fresh worker, as on a node."""

    def __init__(self, spec: JobSpec, folder: Path) -> None:
        super().__init__()
        self._spec, self._folder = spec, folder

    def job(self) -> float:
        begun = time.perf_counter()
        worker = Worker()
        try:
            assembly = Assembly("benchmark", self._spec, "2026-01-01T00:00:00+00:00")
            start_s = 0.0
            for event in worker.run(self._spec, self._folder, time.perf_counter()):
                start_s = start_s or _since(begun, event)
                if event["type"] == "error":
                    raise BrokenError(f"{event['code']}: {event['facts']}")
                assembly.add(event)
            devices = {device.id: device for device in worker.devices}
            results = assembly.results(devices, {}, environment.machine(), worker.software, "failed", None)
        finally:
            worker.kill()
        return self.took(results, start_s)


class ThroughRay(Side):
    def __init__(self, spec: JobSpec, connected: cluster.Cluster, target: Target) -> None:
        super().__init__()
        self._spec, self._cluster, self._target = spec, connected, target

    def job(self) -> float:
        begun = time.perf_counter()
        events = self._cluster.submit(f"benchmark-{time.monotonic_ns()}", self._spec, self._target)
        start_s, results = followed(events, begun)
        return self.took(results, start_s)


def followed(events: Iterable[Event], begun: float) -> tuple[float, Sequence[RunResult]]:
    """A cluster's job to its end: when it began to measure, and its results. Raises BrokenError."""
    start_s, results = 0.0, None
    for event in events:
        start_s = start_s or _since(begun, event)
        if event["type"] == "results":
            if event["failure"] is not None:
                raise BrokenError(f"through Ray: {event['failure']}")
            results = [from_plain(RunResult, run) for run in event["runs"]]
    if not (results and start_s):
        raise BrokenError("through Ray: the job ended without results")
    return start_s, results


def run(folder: Path, quick: bool) -> Iterator[Row]:
    if not cluster.available():
        print("skipped: Ray isn't installed here (pip install -r requirements-cluster.txt)")
        return
    from tests import ray_cluster

    spec, pairs = _spec(quick), 1 if quick else 8
    started = ray_cluster.start()
    try:
        connected = cluster.connected(started.address)
        try:
            (target,) = (item for item in connected.targets() if item.device == "cpu")
            sides = ThroughRay(spec, connected, target), Direct(spec, folder)
            for side in sides:  # the first one uploads the code, and the data come into the page cache
                side.job()
                side.rates.clear()
                side.starts_s.clear()
            take_turns(sides[0].job, sides[1].job, pairs)
        finally:
            connected.close()
    finally:
        started.close()
    yield from rows(*sides)


def rows(ray: Side, direct: Side) -> Iterator[Row]:
    """In the order of the turns, so that neighbours in time are neighbours here."""
    names = [f"{setup.threads} threads" if setup.threads != 1 else "1 thread" for setup in _setups()]
    for place, name in enumerate(names[: len(ray.rates[0])]):
        speeds = [(a[place], b[place]) for a, b in zip(ray.rates, direct.rates, strict=True)]
        kept = ratios(speeds)
        sure = stats.paired_ratio(*zip(*speeds, strict=True))
        remark = f"95 %: {sure.low:.4f} to {sure.high:.4f}" if sure is not None else ""
        yield Row(f"speed through Ray / directly, {name}", kept, at_least(_KEPT), remark=remark)
    more = tuple(a - b for a, b in zip(ray.starts_s, direct.starts_s, strict=True))
    yield Row("start through Ray on a warm cluster, minus a fresh worker's", more, at_most(_START_S), "s")
    yield Row("a fresh worker's start", tuple(direct.starts_s), None, "s")


def _spec(quick: bool) -> JobSpec:
    setups = _setups()[:1] if quick else _setups()
    return JobSpec(Workload("mlp", "digits", epochs=1000), setups, 0.3 if quick else 4.0, 0.5, rough=quick)


def _setups() -> tuple[Setup, ...]:
    """One thread, and all: what Ray would allow a process shows in the second."""
    described = cpu.describe()
    cores = described.physical_cores or described.usable_cores or 1
    return (Setup(threads=1), Setup(threads=cores)) if cores > 1 else (Setup(threads=1),)


def _since(begun: float, event: Event) -> float:
    """Seconds until a job's first setup; 0 for another event."""
    return time.perf_counter() - begun if event["type"] == _BEGINS else 0.0
