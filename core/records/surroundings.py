"""Where it was measured: the machine, its devices and the software."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Device:
    """A device torch can compute on, as the worker reports it."""

    id: str  # cpu, cuda:0, mps, xpu:0
    name: str
    uuid: str | None = None
    memory_bytes: int | None = None
    capability: str | None = None


@dataclass(frozen=True, slots=True)
class Cpu:
    model: str
    physical_cores: int | None
    logical_cores: int | None
    usable_cores: int | None  # by affinity
    quota_cores: float | None  # by cgroup; None: no quota
    max_clock_hz: float | None
    governor: str | None
    isa: tuple[str, ...]  # the vector extensions that matter here, e.g. avx2, avx512f, amx_bf16
    turbo: bool | None = None  # whether the clock may rise above its nominal; None: not readable
    virtual: bool | None = None  # whether it is a hypervisor's; None: not told


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU as its driver reports it."""

    index: int
    name: str
    uuid: str
    memory_bytes: int | None
    power_limit_w: float | None
    pcie: str | None  # e.g. "gen5 x16"
    max_sm_clock_hz: float | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    cpu: Cpu
    memory_bytes: int | None
    os: str
    kernel: str
    virtual: str | None  # container, vm, wsl; None: none seen
    driver: str | None  # NVIDIA driver version
    gpus: tuple[Gpu, ...]
    gpus_absent: str | None  # why there are none (a message code)
    git_revision: str | None
    variables: tuple[tuple[str, str], ...]  # the environment variables that change speed, by allow-list
    on_battery: bool | None = None  # None: no battery, or its state isn't told


@dataclass(frozen=True, slots=True)
class Software:
    """What the worker computes with."""

    python: str
    torch: str
    torchvision: str | None
    numpy: str
    cuda: str | None  # the CUDA runtime torch was built for
    cudnn: str | None
    cpu_capability: str  # the ISA level torch's own kernels use
    blas: str
    default_threads: int


@dataclass(frozen=True, slots=True)
class Environment:
    machine: Machine
    software: Software
    device: Device
