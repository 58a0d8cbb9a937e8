"""One job in a server's memory: where it stands, what it has measured, and its results at any moment."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import metadata
from typing import Literal

from core.hardware import nvml
from core.hardware.sampler import Sampler
from core.records import (
    CpuSample,
    Device,
    GpuSample,
    Idle,
    JobSpec,
    Machine,
    Note,
    RunResult,
    Software,
    Status,
    Target,
    Telemetry,
)
from core.runs.queue.assemble import Assembly
from core.runs.queue.budget import Charge

JobState = Literal["queued", "running", "finished", "failed", "cancelled", "interrupted"]
Latest = tuple[CpuSample | None, dict[str, GpuSample]]  # GPUs by uuid


@dataclass(frozen=True)
class Surroundings:
    """Where a job is measured."""

    machine: Machine
    software: Software
    devices: tuple[Device, ...]

    def device(self, name: str) -> Device | None:
        full = f"{name}:0" if name in ("cuda", "xpu") else name
        return next((device for device in self.devices if device.id == full), None)

    def gpu_uuid(self, name: str) -> str | None:
        """NVML's id of the GPU that torch calls `name`, matched by uuid: indices may be hidden or reordered."""
        device = self.device(name)
        if device is None or device.uuid is None:
            return None
        return next((gpu.uuid for gpu in self.machine.gpus if nvml.same_gpu(device.uuid, gpu.uuid)), None)


@dataclass
class Job:
    """Guarded by the runner's lock."""

    id: str
    spec: JobSpec
    created_at: str
    visitor: str | None = None  # who may cancel it, where not everybody may
    charge: Charge | None = None  # to that visitor's hour, where hours are counted
    state: JobState = "queued"
    target: Target | None = None  # the other machine that measures it; None: this one
    waiting_for_machine: bool = (
        False  # another program is measuring there; or, not placed yet, its machine is busy
    )
    placed: bool = False  # another machine is reserved for it
    failure: Note | None = None
    storage_problem: Note | None = None
    surroundings: Surroundings | None = None
    sampler: Sampler | None = None
    idle: Mapping[str | None, Idle] = field(default_factory=dict)  # by GPU uuid; the CPU's under None
    foreign: Mapping[str, int | None] = field(default_factory=dict)  # other programs on a GPU, by its uuid
    told_latest: Latest = (None, {})  # another machine's
    told: tuple[RunResult, ...] | None = None  # another machine's results, which count instead of its events
    results: tuple[RunResult, ...] = ()  # when it is done
    results_are_final: bool = False  # they are being stored
    done: bool = False  # over, tidied up and stored
    started_s: float | None = None  # of the monotonic clock
    saved_s: float = field(default_factory=time.monotonic)  # when a part of it was stored last
    is_listed: bool = True  # among the stored jobs
    assembly: Assembly = field(init=False)

    def __post_init__(self) -> None:
        self.assembly = Assembly(self.id, self.spec, self.created_at)

    @property
    def over(self) -> bool:
        return self.state not in ("queued", "running")

    def latest(self) -> Latest:
        """The newest samples of the machine that measures it; (None, {}) before the first."""
        return self.sampler.latest() if self.sampler else self.told_latest

    def results_now(self, unfinished: Status) -> tuple[RunResult, ...]:
        """What has been measured so far, runs that aren't over as `unfinished`."""
        if self.told is not None:
            return self.told
        results = self._folded(unfinished)
        if self.target is None or self.target.node is None:
            return results
        through = Note("through_ray", {"kind": self.target.kind, "ray": _ray_version()})
        return tuple(
            result
            if any(note.code == through.code for note in result.notes)
            else replace(result, notes=(*result.notes, through))
            for result in results
        )

    def _folded(self, unfinished: Status) -> tuple[RunResult, ...]:
        around = self.surroundings
        if around is None:
            return self.assembly.results({}, {}, None, None, unfinished, self.failure)
        names = {setup.device for setup in self.spec.setups}
        found = {name: device for name in names if (device := around.device(name))}
        uuids = {name: around.gpu_uuid(name) for name in names}
        telemetry: dict[str, Telemetry] = {}
        if self.sampler is not None:
            for name, uuid in uuids.items():
                foreign = self.foreign.get(uuid) if uuid else None
                telemetry[name] = replace(self.sampler.telemetry(uuid), foreign_gpu_processes=foreign)
        results = self.assembly.results(
            found, telemetry, around.machine, around.software, unfinished, self.failure
        )
        idle = {name: self.idle.get(uuid) for name, uuid in uuids.items()}
        return tuple(replace(result, idle=idle[result.spec.setup.device]) for result in results)


@functools.cache
def _ray_version() -> str:
    """A cluster's is the same, or it lets nobody in."""
    try:
        return metadata.version("ray")
    except metadata.PackageNotFoundError:
        return "?"
