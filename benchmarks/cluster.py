"""What a job loses by going through Ray: its speed and its start, against the same job in a queue of our own.

Both on this machine, in turns, with a cluster of one node up: what Ray takes while it does nothing is in both.
The asking side, which elsewhere is another machine, runs here, too, and its share is told apart.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.bystanders import Bystanders
from benchmarks.pairing import BrokenError, Row, at_least, at_most, ratios, take_turns
from core.analysis import stats
from core.analysis.summary import summarise
from core.hardware import cpu
from core.records import JobSpec, Setup, Target, Workload
from core.runs.elsewhere import cluster
from core.runs.queue.job import Job
from core.runs.queue.jobs import Runner
from core.runs.queue.keeping import Keeper

_KEPT, _START_S = 0.98, 3.0
_SETUP_S, _PAIRS = 2.0, 14  # processes differ more among themselves than blocks do: many short jobs
_BEGINS = "setup"  # the measuring process's first word of a setup: data and models are still to come


@dataclass
class Side:
    """One way to have a job measured, and what its jobs have shown."""

    starts_s: list[float] = field(default_factory=list)
    rates: list[tuple[float, ...]] = field(default_factory=list)  # images per second of each setup
    beside: list[dict[str, float]] = field(default_factory=list)  # CPU seconds a second, by who used them
    _begun: float = 0.0
    _start_s: float | None = None
    _bystanders: Bystanders | None = None

    def job(self) -> float:
        """Measure once; seconds from asking to the first setup."""
        raise NotImplementedError

    def begin(self) -> None:
        self._begun, self._start_s, self._bystanders = time.perf_counter(), None, None

    def heard(self, _job: Job, event: dict[str, Any]) -> None:
        if event["type"] == _BEGINS and self._start_s is None:
            self._start_s = time.perf_counter() - self._begun
        elif event["type"] == "block" and self._bystanders is None:
            self._bystanders = Bystanders()
        elif event["type"] == "run_end" and self._bystanders is not None:
            self._bystanders.read()

    def took(self, job: Job) -> float:
        """Take in a job that is over. Raises BrokenError for one that has shown nothing."""
        speeds = [summarise(result).samples_per_s for result in job.results]
        if job.failure is not None or None in speeds or not speeds:
            raise BrokenError(f"nothing was measured: {job.failure or [run.failure for run in job.results]}")
        if self._start_s is None:
            raise BrokenError("the job ended without a setup")
        self.rates.append(tuple(speed.value for speed in speeds if speed is not None))
        self.starts_s.append(self._start_s)
        if self._bystanders is not None:
            self.beside.append(self._bystanders.shares())
        return self._start_s

    def forget(self) -> None:
        for kept in (self.starts_s, self.rates, self.beside):
            kept.clear()


class Direct(Side):
    """In a queue with a fresh worker, as on a node."""

    def __init__(self, spec: JobSpec, folder: Path) -> None:
        super().__init__()
        self._spec, self._folder = spec, folder

    def job(self) -> float:
        self.begin()
        runner = Runner(Keeper(None), self._folder, heir=False, heard=self.heard)
        try:
            return self.took(_finished(runner, runner.submit(self._spec)))
        finally:
            runner.close()


class ThroughRay(Side):
    def __init__(self, spec: JobSpec, connected: cluster.Cluster, target: Target, folder: Path) -> None:
        super().__init__()
        self._spec, self._cluster, self._target = spec, connected, target
        self._runner = Runner(Keeper(None), folder, heir=False, measures=False, heard=self.heard)

    def job(self) -> float:
        self.begin()
        return self.took(
            _finished(self._runner, self._runner.submit_away(self._spec, self._target, self._cluster))
        )


def _finished(runner: Runner, job_id: str) -> Job:
    while (job := runner.wait(job_id, 60.0)) is not None:
        if job.done:
            return job
    raise BrokenError("the job was lost")


def run(folder: Path, quick: bool) -> Iterator[Row]:
    if not cluster.available():
        print("skipped: Ray isn't installed here (pip install -r requirements-cluster.txt)")
        return
    from tests import ray_cluster

    spec, pairs = _spec(quick), 1 if quick else _PAIRS
    started = ray_cluster.start()
    try:
        connected = cluster.connected(started.address)
        try:
            (target,) = (item for item in connected.targets() if item.device == "cpu")
            sides = ThroughRay(spec, connected, target, folder), Direct(spec, folder)
            for side in sides:  # the first one uploads the code, and the data come into the page cache
                side.job()
                side.forget()
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
        remark = f"95 %: {sure.low:.4f} to {sure.high:.4f}, " if sure is not None else ""
        own = statistics.median(b for _, b in speeds)
        yield Row(
            f"speed through Ray / directly, {name}",
            kept,
            at_least(_KEPT),
            remark=f"{remark}directly {own:,.0f} images/s",
        )
    more = tuple(a - b for a, b in zip(ray.starts_s, direct.starts_s, strict=True))
    yield Row("start through Ray on a warm cluster, minus a fresh worker's", more, at_most(_START_S), "s")
    yield Row("a fresh worker's start", tuple(direct.starts_s), None, "s")
    for way, side in (("through Ray", ray), ("directly", direct)):
        yield from _beside(way, side.beside)


def _beside(way: str, shares: Sequence[dict[str, float]]) -> Iterator[Row]:
    """What ran beside the measuring process while it measured."""
    for who in shares[0] if shares else ():
        yield Row(f"CPU beside, {way}: {who}", tuple(100 * share[who] for share in shares), unit="% of a core")


def _spec(quick: bool) -> JobSpec:
    setups = _setups()[:1] if quick else _setups()
    return JobSpec(Workload("mlp", "digits", epochs=1000), setups, 0.3 if quick else _SETUP_S, 0.5, rough=quick)


def _setups() -> tuple[Setup, ...]:
    """One thread, and all: what Ray would allow a process shows in the second."""
    described = cpu.describe()
    cores = described.physical_cores or described.usable_cores or 1
    return (Setup(threads=1), Setup(threads=cores)) if cores > 1 else (Setup(threads=1),)
