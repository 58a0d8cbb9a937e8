"""What is measured with ever more workers, checked, and how far it is. It measures nothing."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.analysis.crossover.scaling import Kind, Scaling, scalings
from core.analysis.machines import whole_cores
from core.errors import InputError
from core.hardware import environment
from core.records import Device, JobSpec, Note, RunResult, Setup, Workload
from core.runs import campaigns
from core.runs.admission import Limits, check

KINDS: tuple[Kind, ...] = ("strong", "weak")
MOST_WORKERS = 64
USUAL = (1, 2, 4, 8)
SECONDS = (1.0, 3600.0)
_SHORTEST_S = 0.5  # timed, for each number of workers
_TARGET_PCT = 3.0


@dataclass(frozen=True)
class ScaleSpec:
    """What is measured with ever more workers."""

    model: str = "mlp"
    dataset: str = "synthetic"  # images enough for a large batch times workers
    batch_size: int = 1024  # strong: of all workers together; weak: of each
    device: str = "cpu"  # on GPUs the first
    threads: int | None = 1  # CPU: of each worker, so that twice the workers have twice the cores
    workers: tuple[int, ...] = USUAL  # ascending from 1
    kinds: tuple[Kind, ...] = KINDS
    learning_rate: float = 0.01
    seed: int = 0
    max_seconds: float = 60.0  # timed, in all; starting the workers comes on top

    def setup(self, workers: int) -> Setup:
        return Setup(self.device, threads=self.threads if self.device == "cpu" else None, workers=workers)

    def job(self, kind: Kind, counts: tuple[int, ...]) -> JobSpec:
        """Strong: all counts in turns on one batch. Weak: one count, its batch as large as it has workers."""
        batch_size = self.batch_size if kind == "strong" else self.batch_size * counts[0]
        work = Workload(self.model, self.dataset, batch_size, 1, self.learning_rate, self.seed)
        seconds = max(_SHORTEST_S, self.max_seconds / self.measurements)
        return JobSpec(work, tuple(map(self.setup, counts)), seconds, _TARGET_PCT)

    @property
    def plan(self) -> tuple[tuple[Kind, tuple[int, ...]], ...]:
        """The jobs: kind and numbers of workers. One worker serves both kinds."""
        jobs: list[tuple[Kind, tuple[int, ...]]] = [("strong", self.workers)] if "strong" in self.kinds else []
        alone = [n for n in self.workers if n > 1 or not jobs] if "weak" in self.kinds else []
        return (*jobs, *(("weak", (n,)) for n in alone))

    @property
    def measurements(self) -> int:
        return sum(len(counts) for _, counts in self.plan)


@dataclass(frozen=True)
class Unmeasured:
    """A number of workers that nothing was measured with, and why."""

    kind: Kind
    workers: int
    reason: Note


@dataclass(frozen=True)
class ScaleProgress(campaigns.Progress):
    """How far it is, and everything that is measured by now."""

    spec: ScaleSpec
    jobs: int = 0  # that are over
    kind: Kind | None = None  # of the job that is being measured or waits
    workers: tuple[int, ...] = ()  # of that job
    results: tuple[RunResult, ...] = ()
    unmeasured: tuple[Unmeasured, ...] = ()

    @property
    def planned(self) -> int:
        """Jobs in all."""
        return len(self.spec.plan)

    @property
    def fraction(self) -> float:
        """How much is done, 0 to 1."""
        return 1.0 if self.done else min(0.99, self.jobs / self.planned)

    @property
    def scalings(self) -> tuple[Scaling, ...]:
        """The lines that were asked for."""
        return tuple(line for line in scalings(self.results) if line.kind in self.spec.kinds)


def usual_workers(device: str, devices: Sequence[Device], threads: int | None = 1) -> tuple[int, ...]:
    """1, 2, 4, 8, as far as there are GPUs of this kind, or on a CPU cores for the `threads` of each."""
    most = cores() // max(1, threads or 1) if device == "cpu" else _equal_devices(device, devices)
    return tuple(count for count in USUAL if count <= most)


def check_scale(spec: ScaleSpec, limits: Limits | None = None) -> None:
    """Raise InputError for what can't be asked here, as a whole or in any of its jobs."""
    limits = limits or Limits()
    if not limits.free:
        raise InputError("no_scaling_here")
    if not spec.kinds or not set(spec.kinds) <= set(KINDS):
        raise InputError("bad_choice", name="kind", value=str(spec.kinds)[:80], choices=", ".join(KINDS))
    for count in spec.workers:
        if type(count) is not int or not 1 <= count <= MOST_WORKERS:
            raise InputError("out_of_range", name="workers", value=str(count)[:80], low=1, high=MOST_WORKERS)
    if len(spec.workers) < 2 or spec.workers[0] != 1 or list(spec.workers) != sorted(set(spec.workers)):
        raise InputError("scaling_workers", workers=", ".join(map(str, spec.workers))[:80])
    low, high = SECONDS
    if type(spec.max_seconds) not in (int, float) or not low <= spec.max_seconds <= high:
        raise InputError(
            "out_of_range", name="max_seconds", value=str(spec.max_seconds)[:80], low=low, high=high
        )
    for kind, counts in spec.plan:
        check(spec.job(kind, counts), limits)


def parse_workers(text: str) -> tuple[int, ...]:
    """ "1,2,4": these. Raises InputError("workers_not_read")."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) <= 9 for part in parts):
        raise InputError("workers_not_read", text=text[:80])
    return tuple(int(part) for part in parts)


def refuse_unknown_device(spec: ScaleSpec, devices: Sequence[Device]) -> None:
    """Raise InputError for a device that isn't here."""
    known = [device.id for device in devices]
    if spec.device not in known and f"{spec.device}:0" not in known:
        raise InputError("unknown_device", device=spec.device[:80], available=", ".join(known))


def cores() -> int:
    """That may be used here, each by one thread."""
    return max(1, math.floor(whole_cores(environment.machine().cpu) or 1))


def _equal_devices(device: str, devices: Sequence[Device]) -> int:
    """The devices of this name from this one on, up to another: the workers take those that follow it."""
    ids = [item.id for item in devices]
    first = next((item for item in devices if item.id in (device, f"{device}:0")), None)
    if first is None:
        return 1
    following = devices[ids.index(first.id) :]
    return sum(1 for _ in itertools.takewhile(lambda item: item.name == first.name, following))
