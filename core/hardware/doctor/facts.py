"""What the doctor knows of a machine, raw. None: couldn't be told. Nothing here is judged, or read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from core.records import Cpu, Device, Fact, Note, Software

Family = Literal["linux", "windows", "macos", "other"]
Vendor = Literal["nvidia", "amd", "intel", "other"]
Virtualised = Literal["vgpu", "passthrough"]
Backend = Literal["cpu", "cuda", "rocm", "xpu", "mps"]  # what a build of torch can compute on, beside the CPU
Pip = Literal[
    "usable", "absent", "managed"
]  # managed: the system's own Python, which pip leaves alone (PEP 668)
Severity = Literal["error", "warning", "info"]  # can't be used; works, but worse than it could; nothing to mend


@dataclass(frozen=True, slots=True)
class Platform:
    family: Family
    distribution: str | None  # of /etc/os-release: ID, or the first of ID_LIKE that a remedy is known for
    architecture: str  # x86_64, aarch64, arm64, AMD64
    python: str
    within: Literal["container", "wsl", "vm"] | None
    in_virtual_environment: bool
    tegra: bool = False  # a Jetson: its GPU is part of the processor, on no bus, and mostly without NVML
    command: str = "python"  # how this very Python is typed in the project's folder
    pip: Pip = "usable"
    wsl: bool = False  # the kernel is WSL's, be it below a container


@dataclass(frozen=True, slots=True)
class PciDevice:
    """A display or 3D controller on the PCI bus, by Linux's /sys."""

    vendor: Vendor
    driver: str | None  # the kernel driver bound to it: nvidia, nouveau, vfio-pci, amdgpu, i915, xe; None: none
    memory_bytes: int | None = None  # its own, which only amdgpu tells


@dataclass(frozen=True, slots=True)
class Driver:
    """NVIDIA's driver."""

    version: str | None = None
    cuda: tuple[int, int] | None = None  # the newest CUDA it serves
    problem: str | None = None  # why NVML doesn't answer, as core.hardware.nvml says it; None: it answers
    kernel_module: bool | None = None  # loaded; None: couldn't be told
    libraries: tuple[str, ...] | None = None  # which of libcuda.so.1 and libnvidia-ml.so.1 the loader finds


@dataclass(frozen=True, slots=True)
class GpuFacts:
    """A GPU as NVML sees it."""

    index: int
    name: str
    uuid: str
    capability: tuple[int, int] | None = None
    memory_bytes: int | None = None
    memory_used_bytes: int | None = None
    other_processes: int | None = None  # computing on it, none of them ours
    mig: bool | None = None  # divided into instances
    virtual: Virtualised | None = None
    problem: str | None = None  # lost, or wants a reset: a code of core.hardware.nvml


@dataclass(frozen=True, slots=True)
class Torch:
    """What a child process found of the torch that this Python imports."""

    software: Software
    built_for: Backend
    runtime: str | None  # the version of CUDA, ROCm or oneAPI that the wheel was built for, e.g. "13.0"
    architectures: tuple[str, ...]  # that it holds kernels for: "sm_80", "compute_90" (PTX), "gfx90a"
    available: bool  # torch.accelerator.is_available(), and what there is could be described
    problem: str | None  # what torch said when it was asked to begin with its accelerator
    devices: tuple[Device, ...]
    torchvision_problem: str | None = None  # what importing it raised, as Crossover imports it
    import_s: float | None = None
    silent_s: float | None = None  # asked to begin with its accelerator, it gave no answer for so long


@dataclass(frozen=True, slots=True)
class Installed:
    """One distribution found on Python's path."""

    package: str  # torch, torchvision, triton, nvidia-ml-py, pynvml
    version: str
    requires_torch: str | None = None  # the exact version that torchvision's metadata asks for
    place: int = 0  # which entry of the path, 0 first; never the path itself


@dataclass(frozen=True, slots=True)
class DeviceCheck:
    """A matrix product on one device, in a process of its own, beside the CPU's result."""

    device: Device
    seconds: float | None  # of the product alone, warm, median; None: it never came to an end
    largest_difference: float | None  # from the CPU's, relative to the largest element; None: no result
    failure: Note | None = None  # device_check_failed, device_check_wrong, device_check_hangs


@dataclass(frozen=True, slots=True)
class Facts:
    platform: Platform
    cpu: Cpu
    memory_bytes: int | None = None
    driver: Driver = field(default_factory=Driver)
    gpus: tuple[GpuFacts, ...] = ()
    pci: tuple[PciDevice, ...] | None = None  # None: no PCI bus to be seen
    device_nodes: tuple[str, ...] = ()  # below /dev: nvidiactl nvidia0 nvidia-uvm dxg kfd renderD128
    variables: tuple[tuple[str, str], ...] = ()  # *_VISIBLE_DEVICES, NVIDIA_DRIVER_CAPABILITIES, *_NUM_THREADS
    packages: tuple[Installed, ...] = ()
    torch: Torch | None = None
    torch_problem: Note | None = None  # torch_missing, torch_broken, torch_hangs, torch_died
    compiler: bool | None = None  # a C++ compiler, which torch.compile needs
    checks: tuple[DeviceCheck, ...] = ()


@dataclass(frozen=True, slots=True)
class Remedy:
    """What mends a finding on this very platform. The words are core.messages.doctor's."""

    commands: tuple[str, ...]  # to be typed as they stand; (): it isn't a command that helps
    check: str | None = None  # what to run afterwards to see that it worked


@dataclass(frozen=True, slots=True)
class Finding:
    code: str
    severity: Severity
    facts: dict[str, Fact] = field(default_factory=dict)
    remedy: Remedy | None = None  # None: nothing to mend
