"""Invented machines for the doctor, to override where a test cares. No such machine was ever looked at."""

from __future__ import annotations

import dataclasses
from typing import Any

from core.hardware.doctor.facts import (
    DeviceCheck,
    Driver,
    Facts,
    GpuFacts,
    Installed,
    PciDevice,
    Platform,
    Torch,
)
from core.records import Cpu, Device, Note, Software

H200 = "NVIDIA H200"
UUID = "GPU-01234567-89ab-cdef-0123-456789abcdef"
GIB = 2**30


def make_platform(**changes: Any) -> Platform:
    changes.setdefault("wsl", changes.get("within") == "wsl")
    debian = Platform("linux", "debian", "x86_64", "3.12.3", None, True)
    return dataclasses.replace(debian, **changes)


def make_cpu(**changes: Any) -> Cpu:
    cpu = Cpu("Test CPU", 8, 16, 16, None, 3.5e9, "performance", ("avx2",), True, False)
    return dataclasses.replace(cpu, **changes)


def make_software(**changes: Any) -> Software:
    software = Software("3.12.3", "2.13.0+cpu", "0.28.0+cpu", "2.3.0", None, None, "AVX2", "MKL", 8)
    return dataclasses.replace(software, **changes)


def make_torch(version: str = "2.13.0+cpu", **changes: Any) -> Torch:
    """torch's CPU build. Its version is torch's; torchvision's is in make_packages."""
    torch = Torch(make_software(torch=version), "cpu", None, (), False, None, (Device("cpu", "Test CPU"),))
    return dataclasses.replace(torch, **changes)


def make_cuda_torch(version: str = "2.13.0+cu130", **changes: Any) -> Torch:
    """torch's CUDA build that sees one H200."""
    torch = Torch(
        software=make_software(torch=version, torchvision="0.28.0+cu130", cuda="13.0"),
        built_for="cuda",
        runtime="13.0",
        architectures=("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120", "compute_120"),
        available=True,
        problem=None,
        devices=(Device("cpu", "Test CPU"), make_device()),
    )
    return dataclasses.replace(torch, **changes)


def make_device(device: str = "cuda:0", **changes: Any) -> Device:
    return dataclasses.replace(Device(device, H200, UUID, 140 * GIB, "9.0"), **changes)


def make_check(device: str = "cuda:0", failure: Note | None = None) -> DeviceCheck:
    seconds, difference = (0.002, 1e-6) if failure is None else (None, None)
    return DeviceCheck(make_device(device), seconds, difference, failure)


def make_gpu(index: int = 0, **changes: Any) -> GpuFacts:
    uuid = UUID[:-1] + f"{index:x}" if index else UUID
    gpu = GpuFacts(index, H200, uuid, (9, 0), 140 * GIB, 1 * GIB, 0, False, None, None)
    return dataclasses.replace(gpu, **changes)


def make_driver(**changes: Any) -> Driver:
    driver = Driver("580.65.06", (13, 0), None, True, ("libcuda.so.1", "libnvidia-ml.so.1"))
    return dataclasses.replace(driver, **changes)


def no_driver(**changes: Any) -> Driver:
    driver = Driver(None, None, "nvml_no_driver", False, ())
    return dataclasses.replace(driver, **changes)


def make_packages(
    torch: str = "2.13.0+cpu",
    torchvision: str = "0.28.0+cpu",
    requires_torch: str | None = "2.13.0",
    *more: Installed,
) -> tuple[Installed, ...]:
    return (Installed("torch", torch), Installed("torchvision", torchvision, requires_torch), *more)


def make_facts(**changes: Any) -> Facts:
    """A sound machine without a GPU, torch's CPU build; family="windows" and the like go to its platform."""
    platform = {name: changes.pop(name) for name in list(changes) if name in Platform.__dataclass_fields__}
    facts = Facts(
        platform=make_platform(**platform),
        cpu=make_cpu(),
        memory_bytes=64 * GIB,
        driver=no_driver(),
        pci=(),
        packages=make_packages(),
        torch=make_torch(),
        compiler=True,
        checks=(make_check("cpu"),),
    )
    return dataclasses.replace(facts, **changes)


def make_gpu_facts(**changes: Any) -> Facts:
    """A sound machine with an H200, driver 580, and torch's build for CUDA 13.0."""
    gpu: dict[str, Any] = {
        "driver": make_driver(),
        "gpus": (make_gpu(),),
        "pci": (PciDevice("nvidia", "nvidia"),),
        "device_nodes": ("nvidiactl", "nvidia0", "nvidia-uvm"),
        "packages": make_packages(
            "2.13.0+cu130",
            "0.28.0+cu130",
            "2.13.0",
            Installed("triton", "3.7.0"),
            Installed("nvidia-ml-py", "13.580.65"),
        ),
        "torch": make_cuda_torch(),
        "checks": (make_check("cpu"), make_check()),
    }
    return make_facts(**gpu | changes)
