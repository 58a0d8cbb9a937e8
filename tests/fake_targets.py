"""Machines that aren't there: Targets whose jobs tell what a script says, without a clock or a network."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from core.codec import to_plain
from core.errors import MeasurementError
from core.records import (
    CpuSample,
    Device,
    Environment,
    JobSpec,
    Machine,
    Note,
    RunResult,
    RunSpec,
    Target,
)
from tests.builders import TEST_GPU, make_cpu, make_gpu_result, make_machine, make_result, make_software
from tests.pages.scripted import begun, whole

Event = dict[str, Any]
# What a job says: an event, an error that ends it, a gate that it waits at (a cancel opens every gate), or BUSY
Step = Event | MeasurementError | threading.Event | str
Script = Callable[[JobSpec, Target], Iterable[Step]]

BUSY = "busy"  # somebody else has the machine: waits for ever, or raises target_busy if a wait was given
RAY = "2.60.0"


def cpu_target(node: str = "node-a", kind: str = "Test CPU", **changes: Any) -> Target:
    plain = Target(node, "cpu", kind, machine=make_machine(gpus=()), packages=(("ray", RAY),))
    return dataclasses.replace(plain, **changes)


def gpu_target(node: str = "node-g", kind: str = f"NVIDIA {TEST_GPU}", **changes: Any) -> Target:
    plain = Target(node, "cuda:0", kind, machine=make_machine(), packages=(("ray", RAY),))
    return dataclasses.replace(plain, **changes)


def other_machine(model: str = "Other CPU", **changes: Any) -> Machine:
    """A machine with another processor and no GPU."""
    return make_machine(cpu=make_cpu(model=model, physical_cores=4, logical_cores=8), gpus=(), **changes)


THREE = (
    cpu_target("node-a"),
    cpu_target("node-b", "Other CPU", machine=other_machine()),
    gpu_target("node-g"),
)


class FakeTargets:
    """`script` says what a job tells, by its spec and target (core.runs.elsewhere.targets has the events).

    `sent` holds (job id, spec, target, wait_s) of every submit, `cancelled` the ids of every cancel. `lose`
    ends what runs or waits on a node, `lose_head` everything, `close` likewise without an error.
    """

    def __init__(self, targets: Sequence[Target] = THREE, script: Script | None = None) -> None:
        self._targets, self.script = tuple(targets), script or measured
        self.sent: list[tuple[str, JobSpec, Target, float | None]] = []
        self.cancelled: list[str] = []
        self.closed = False
        self.problem: MeasurementError | None = None  # why nobody answers
        self._changed = threading.Condition()
        self._open: dict[str, Target] = {}
        self._ends: dict[str, MeasurementError | None] = {}  # of jobs that are ended from outside

    def targets(self) -> tuple[Target, ...]:
        if self.problem is not None:
            raise self.problem
        return self._targets

    def submit(
        self, job_id: str, spec: JobSpec, target: Target, wait_s: float | None = None
    ) -> Iterator[Event]:
        with self._changed:
            if self.problem is not None:
                raise self.problem
            self.sent.append((job_id, spec, target, wait_s))
            self._open[job_id] = target
            self._changed.notify_all()
        return self._events(job_id, spec, target, wait_s)

    def cancel(self, job_id: str) -> None:
        with self._changed:
            self.cancelled.append(job_id)
        self._end([job_id], None)

    def close(self) -> None:
        self.closed = True
        self._end(list(self._open), None)

    def lose(self, node: str) -> None:
        for job_id, target in tuple(self._open.items()):
            if target.node == node:
                self._end([job_id], MeasurementError("node_lost", kind=target.kind))

    def lose_head(self) -> None:
        self.problem = MeasurementError("cluster_lost")
        self._end(list(self._open), self.problem)

    @property
    def open(self) -> tuple[str, ...]:
        """The jobs that run or wait."""
        with self._changed:
            return tuple(self._open)

    def wait_until_sent(self, count: int = 1) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.sent) >= count, 60), f"{len(self.sent)} were sent"

    def _end(self, job_ids: Sequence[str], problem: MeasurementError | None) -> None:
        with self._changed:
            for job_id in job_ids:
                if job_id in self._open:
                    self._ends.setdefault(job_id, problem)
            self._changed.notify_all()

    def _events(self, job_id: str, spec: JobSpec, target: Target, wait_s: float | None) -> Iterator[Event]:
        try:
            for step in self.script(spec, target):
                if step == BUSY and wait_s is not None:
                    raise MeasurementError("target_busy", kind=target.kind, seconds=wait_s)
                if step == BUSY or isinstance(step, threading.Event):
                    self._wait(job_id, step)
                if job_id in self._ends:
                    if (problem := self._ends[job_id]) is not None:
                        raise problem
                    return
                if isinstance(step, MeasurementError):
                    raise step
                if isinstance(step, dict):
                    yield step
        finally:
            with self._changed:
                self._open.pop(job_id, None)
                self._changed.notify_all()

    def _wait(self, job_id: str, gate: object) -> None:
        is_open = gate.is_set if isinstance(gate, threading.Event) else bool
        with self._changed:
            while not (is_open() or job_id in self._ends):
                self._changed.wait(0.01)  # a gate of the test's own tells nobody


def placed(target: Target) -> Event:
    return {"type": "placed", "node": target.node}


def surroundings(target: Target) -> Event:
    machine = target.machine or make_machine(gpus=())
    return {
        "type": "surroundings",
        "machine": to_plain(machine),
        "software": to_plain(make_software()),
        "devices": to_plain(devices(target)),
    }


def devices(target: Target) -> tuple[Device, ...]:
    machine = target.machine or make_machine(gpus=())
    cpu = Device("cpu", machine.cpu.model, None, machine.memory_bytes)
    gpus = (Device(f"cuda:{gpu.index}", gpu.name, gpu.uuid, gpu.memory_bytes, "9.0") for gpu in machine.gpus)
    return (cpu, *gpus)


def telemetry(load_pct: float = 50.0) -> Event:
    sample = CpuSample(1.0, load_pct, 800.0, 3.1e9, 9 * 2**30, 2 * 2**30, None)
    return {"type": "telemetry", "cpu": to_plain(sample), "gpus": {}}


def results(spec: JobSpec, target: Target, why: Note | None = None, **changes: Any) -> Event:
    """The last event, with what `runs_of` says; `changes` are of every run, `why` the failure of the job."""
    runs = [dataclasses.replace(run, **changes) for run in runs_of(spec, target)]
    return {"type": "results", "runs": to_plain(runs), "failure": to_plain(why)}


def runs_of(spec: JobSpec, target: Target) -> tuple[RunResult, ...]:
    """Results as the machine's own engine has them: with ids of its own."""
    return tuple(_run(index, run, target) for index, run in enumerate(spec.runs))


def _run(index: int, spec: RunSpec, target: Target) -> RunResult:
    found = devices(target)
    device = next((item for item in found if item.id == spec.setup.device), found[0])
    machine = target.machine or make_machine(gpus=())
    example = make_result() if spec.setup.device == "cpu" else make_gpu_result()
    return dataclasses.replace(
        example,
        id=f"there-{index}",
        job_id="there",
        spec=spec,
        environment=Environment(machine, make_software(), device),
        notes=(Note("through_ray", {"kind": target.kind, "ray": RAY}),),
    )


def started(spec: JobSpec, target: Target, blocks: int = 2) -> list[Event]:
    """What is told up to some blocks of the first setup."""
    (first, *_) = runs_of(spec, target)
    return [placed(target), surroundings(target), telemetry(), *begun(0, first, blocks)]


def measured(spec: JobSpec, target: Target) -> Iterator[Event]:
    """A whole job: where it runs, all that is measured, and the results."""
    yield placed(target)
    yield surroundings(target)
    yield telemetry()
    for index, run in enumerate(runs_of(spec, target)):
        yield from whole(index, run)
    yield results(spec, target)


def endless(spec: JobSpec, target: Target) -> Iterator[Step]:
    """Two blocks, and no more until it is ended."""
    yield from started(spec, target)
    yield threading.Event()


def busy(spec: JobSpec, target: Target) -> Iterator[Step]:
    yield BUSY
    yield from measured(spec, target)
