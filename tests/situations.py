"""Machines as people have them, for the doctor: invented facts by a name that says what the machine is."""

from __future__ import annotations

import dataclasses

from core.hardware.doctor.facts import Facts, Installed, PciDevice
from core.records import Device, Note
from tests.doctored import (
    GIB,
    make_check,
    make_cpu,
    make_cuda_torch,
    make_device,
    make_driver,
    make_facts,
    make_gpu,
    make_gpu_facts,
    make_packages,
    make_software,
    make_torch,
    no_driver,
)

CPU = {"torch": make_torch(), "packages": make_packages(), "checks": (make_check("cpu"),)}
BLIND_TORCH = make_cuda_torch(available=False, devices=(), problem="No CUDA GPUs are available")
BLIND = {"torch": BLIND_TORCH, "checks": (make_check("cpu"),)}
NONE = {"gpus": (), "device_nodes": (), **BLIND}
UBUNTU = {"distribution": "ubuntu"}
CONTAINER = {"distribution": "ubuntu", "within": "container"}
BOUND, UNBOUND = (PciDevice("nvidia", "nvidia"),), (PciDevice("nvidia", None),)
NO_KERNEL = make_check(failure=Note("device_check_failed", {"problem": "no kernel image is available"}))
FULL = make_check(failure=Note("device_check_failed", {"problem": "CUDA error: out of memory"}))
BUSY = make_check(
    failure=Note("device_check_failed", {"problem": "CUDA-capable device(s) is/are busy or unavailable"})
)
WINDOWS = {"family": "windows", "distribution": None, "architecture": "AMD64", "pci": None, "device_nodes": ()}
MAC = {"family": "macos", "distribution": None, "architecture": "arm64", "pci": None}
TEGRA = {"tegra": True, "distribution": "ubuntu", "architecture": "aarch64", "pci": (), "cpu": make_cpu()}
AMD_CARD = (PciDevice("amd", "amdgpu", 20 * GIB),)
AMD_PART = PciDevice("amd", "amdgpu", GIB // 2)
ROCM = {
    "torch": make_torch("2.13.0+rocm7.2", built_for="rocm", runtime="7.2", problem="No HIP GPUs are available"),
    "packages": make_packages("2.13.0+rocm7.2", "0.28.0+rocm7.2"),
}
EIGHT = tuple(make_gpu(index) for index in range(8))
NIGHTLY = "2.14.0.dev20261101+cu130"


def cuda(version: str, runtime: str, *architectures: str, **changes: object) -> dict[str, object]:
    torch = make_cuda_torch(version, runtime=runtime, architectures=architectures, **changes)
    packages = make_packages(version, "0.20.0", version.partition("+")[0], Installed("triton", "3.0"))
    return {"torch": torch, "packages": packages}


def one(name: str, capability: tuple[int, int], gib: int = 8, used_gib: float = 0.5, **changes: object) -> dict:
    used = int(used_gib * GIB)
    gpu = make_gpu(name=name, capability=capability, memory_bytes=gib * GIB, memory_used_bytes=used, **changes)
    return {"gpus": (gpu,)}


def software(threads: int):
    return make_torch(software=make_software(default_threads=threads))


def situations() -> dict[str, Facts]:
    return {
        "Ubuntu desktop, CPU wheel": make_gpu_facts(**UBUNTU, **CPU),
        "fresh Ubuntu, nouveau": make_gpu_facts(
            **UBUNTU, **NONE, driver=no_driver(), pci=(PciDevice("nvidia", "nouveau"),)
        ),
        "kernel updated, DKMS module missing": make_gpu_facts(
            **UBUNTU,
            **NONE,
            driver=no_driver(problem="nvml_driver_not_loaded", libraries=make_driver().libraries),
            pci=UNBOUND,
        ),
        "driver 470 and a K80": make_gpu_facts(
            **UBUNTU,
            **BLIND,
            **one("Tesla K80", (3, 7)),
            driver=make_driver(version="470.256.02", cuda=(11, 4)),
        ),
        "K80, CPU wheel": make_gpu_facts(**UBUNTU, **CPU, **one("Tesla K80", (3, 7))),
        "GTX 1080, cu130 wheel": make_gpu_facts(
            **UBUNTU, **one("GTX 1080", (6, 1)), checks=(make_check("cpu"), NO_KERNEL)
        ),
        "GTX 1080, driver 470, cu130 wheel": make_gpu_facts(
            **UBUNTU,
            **BLIND,
            **one("GTX 1080", (6, 1)),
            driver=make_driver(version="470.256.02", cuda=(11, 4)),
        ),
        "RTX 5090, cu124 wheel, driver 580": make_gpu_facts(
            **UBUNTU,
            **one("RTX 5090", (12, 0), 32),
            **cuda("2.5.1+cu124", "12.4", "sm_80", "sm_90"),
            checks=(make_check("cpu"), NO_KERNEL),
        ),
        "RTX 5090, cu124 wheel, driver 570": make_gpu_facts(
            **UBUNTU,
            **one("RTX 5090", (12, 0), 32),
            **cuda("2.5.1+cu124", "12.4", "sm_80", "sm_90"),
            driver=make_driver(version="570.86.15", cuda=(12, 8)),
            checks=(make_check("cpu"), NO_KERNEL),
        ),
        "Docker without --gpus": make_gpu_facts(
            **CONTAINER, **NONE, driver=no_driver(kernel_module=True, libraries=()), pci=BOUND
        ),
        "Docker, capabilities=graphics": make_gpu_facts(
            **CONTAINER,
            **{**NONE, "device_nodes": ("nvidia0", "nvidiactl")},
            driver=no_driver(kernel_module=True, libraries=()),
            variables=(("NVIDIA_DRIVER_CAPABILITIES", "graphics"),),
        ),
        "pod without a GPU": make_facts(
            **CONTAINER,
            driver=no_driver(kernel_module=True, libraries=()),
            pci=BOUND,
            cpu=make_cpu(quota_cores=2.0),
            torch=software(2),
        ),
        "Docker Desktop on Windows without --gpus": make_facts(**CONTAINER, wsl=True, pci=()),
        "Docker Desktop on Windows, NVIDIA's driver missing": make_facts(
            **CONTAINER, wsl=True, pci=(), device_nodes=("dxg",)
        ),
        "Apptainer without --nv": make_gpu_facts(
            **CONTAINER, **BLIND, gpus=(), driver=no_driver(kernel_module=True, libraries=())
        ),
        "WSL 2, sound": make_gpu_facts(within="wsl", distribution="ubuntu", device_nodes=("dxg",), pci=()),
        "WSL 2, Windows without NVIDIA's driver": make_facts(
            within="wsl", distribution="ubuntu", device_nodes=("dxg",), pci=()
        ),
        "WSL 2, driver silent": make_gpu_facts(
            within="wsl",
            **{**NONE, "device_nodes": ("dxg",)},
            driver=make_driver(problem="nvml_failed", version=None),
        ),
        "WSL 1": make_facts(within="wsl", distribution="ubuntu", pci=None),
        "Colab": make_gpu_facts(
            **CONTAINER,
            **one("Tesla T4", (7, 5), 15, other_processes=None),
            **cuda("2.9.0+cu126", "12.6", "sm_70", "sm_75", "sm_80", "sm_90"),
            driver=make_driver(version="550.54.15", cuda=(12, 4)),
        ),
        "MIG instance in a container": make_gpu_facts(
            **CONTAINER,
            gpus=(make_gpu(mig=True),),
            torch=make_cuda_torch(devices=(Device("cpu", "CPU"), make_device(uuid="MIG-0123"))),
            variables=(("CUDA_VISIBLE_DEVICES", "MIG-01234567-89ab-cdef-0123-456789abcdef"),),
        ),
        "one GPU of two in MIG mode, no instance": make_gpu_facts(
            gpus=(make_gpu(mig=True), make_gpu(1)), **BLIND
        ),
        "vGPU": make_gpu_facts(**UBUNTU, within="vm", gpus=(make_gpu(virtual="vgpu", other_processes=0),)),
        "Jetson, PyPI's torch": make_facts(**TEGRA),
        "Jetson, NVIDIA's torch": make_gpu_facts(
            **TEGRA,
            gpus=(),
            device_nodes=(),
            driver=no_driver(),
            **cuda("2.8.0", "12.6", "sm_87"),
            checks=(make_check("cpu"), make_check()),
        ),
        "Jetson, torch missing": make_facts(
            **TEGRA, torch=None, torch_problem=Note("torch_missing"), checks=(), packages=()
        ),
        "laptop with Optimus": make_gpu_facts(**UBUNTU, pci=(PciDevice("intel", "i915"), *BOUND)),
        "laptop, prime-select intel": make_facts(
            **UBUNTU,
            pci=(PciDevice("intel", "i915"),),
            driver=no_driver(problem="nvml_driver_not_loaded", libraries=make_driver().libraries),
        ),
        "laptop, AMD processor, NVIDIA without driver": make_facts(
            **UBUNTU, pci=(AMD_PART, *UNBOUND), device_nodes=("kfd",)
        ),
        "Windows 11, CPU wheel": make_gpu_facts(**WINDOWS, **CPU, compiler=False),
        "Windows 11, no driver": make_facts(**WINDOWS),
        "M2 Mac": make_facts(
            **MAC,
            torch=make_torch(built_for="mps", available=True, devices=(Device("mps", "Apple M2"),)),
            checks=(make_check("cpu"), make_check("mps")),
        ),
        "Intel Mac": make_facts(**MAC | {"architecture": "x86_64"}),
        "RX 7900, CUDA wheel": make_facts(
            **UBUNTU, **NONE | {"device_nodes": ("kfd",)}, pci=AMD_CARD, packages=make_gpu_facts().packages
        ),
        "Ryzen's own GPU, CPU wheel": make_facts(**UBUNTU, pci=(AMD_PART,), device_nodes=("kfd",)),
        "ROCm container without /dev/kfd": make_facts(**CONTAINER, **ROCM, pci=AMD_CARD),
        "Intel Arc, CPU wheel": make_facts(**UBUNTU, pci=(PciDevice("intel", "xe"),)),
        "torch of conda and of pip": make_facts(
            packages=(*make_packages(), Installed("torch", "2.5.1", place=4))
        ),
        "nightly": make_gpu_facts(
            torch=make_cuda_torch(NIGHTLY),
            packages=make_packages(
                NIGHTLY,
                "0.29.0.dev20261101+cu130",
                "2.14.0.dev20261101",
                Installed("pytorch-triton", "3.7.0+git"),
            ),
        ),
        "Slurm job, GPUs 2 and 3 of 8, 4 CPUs": make_gpu_facts(
            gpus=EIGHT,
            cpu=make_cpu(physical_cores=32, logical_cores=64, usable_cores=4),
            variables=(("CUDA_VISIBLE_DEVICES", "2,3"), ("OMP_NUM_THREADS", "2")),
        ),
        "Slurm job whose NVML shows its own GPUs only": make_gpu_facts(
            gpus=EIGHT[2:4], variables=(("CUDA_VISIBLE_DEVICES", "2,3"),)
        ),
        "one GPU of two is lost": make_gpu_facts(gpus=(make_gpu(), make_gpu(1, problem="nvml_gpu_lost"))),
        "one GPU of two isn't ours": make_gpu_facts(
            gpus=(make_gpu(), make_gpu(1, problem="nvml_no_permission"))
        ),
        "eight GPUs, no Fabric Manager": make_gpu_facts(
            gpus=EIGHT,
            **BLIND
            | {"torch": dataclasses.replace(BLIND_TORCH, problem="Error 802: system not yet initialized")},
        ),
        "screen uses 1.5 of 6 GiB": make_gpu_facts(**one("RTX 3060", (8, 6), 6, 1.5)),
        "a stranger's job uses 70 of 80 GiB": make_gpu_facts(**one("A100", (8, 0), 80, 70, other_processes=1)),
        "a stranger's job uses all of 80 GiB": make_gpu_facts(
            **one("A100", (8, 0), 80, 79.5, other_processes=1), checks=(make_check("cpu"), FULL)
        ),
        "a stranger has the GPU to himself": make_gpu_facts(
            **one("A100", (8, 0), 80, 2, other_processes=1), checks=(make_check("cpu"), BUSY)
        ),
        "a driver that hangs torch, and answers NVML": make_gpu_facts(
            **UBUNTU, **BLIND | {"torch": dataclasses.replace(BLIND_TORCH, problem=None, silent_s=60.0)}
        ),
        "a stranger computes in little memory": make_gpu_facts(**one("A100", (8, 0), 80, 2, other_processes=1)),
        "quota of half a core": make_facts(cpu=make_cpu(quota_cores=0.5), torch=software(8)),
        "CI container with two CPUs": make_facts(
            within="container",
            cpu=make_cpu(quota_cores=2.0),
            variables=(("OMP_NUM_THREADS", "2"),),
            torch=software(2),
            compiler=False,
        ),
        "OMP_NUM_THREADS=1": make_facts(variables=(("OMP_NUM_THREADS", "1"),), torch=software(1)),
        "import of torch hangs": make_gpu_facts(
            torch=None, torch_problem=Note("torch_hangs", {"limit_s": 60.0}), checks=()
        ),
        "NVML hangs": make_gpu_facts(
            **NONE, driver=no_driver(problem="nvml_hangs", kernel_module=True), pci=BOUND
        ),
        "NixOS, libraries in a place of their own": make_gpu_facts(
            distribution="nixos", driver=make_driver(libraries=())
        ),
        "Void Linux without driver": make_gpu_facts(
            distribution="void", **NONE, driver=no_driver(), pci=UNBOUND
        ),
    }
