"""What torch can compute on here, and the few operations that differ between devices."""

from __future__ import annotations

import contextlib
import platform
import re
from importlib.metadata import PackageNotFoundError, version

import torch

from core.errors import InputError
from core.hardware import cpu
from core.records import Device, Precision, Setup, Software


def available() -> tuple[Device, ...]:
    """The CPU and every accelerator that torch can use."""
    found = [Device("cpu", cpu.describe().model)]
    if torch.accelerator.is_available():
        kind = torch.accelerator.current_accelerator().type  # type: ignore[union-attr]
        found += [_accelerator(kind, index) for index in range(torch.accelerator.device_count())]
    return tuple(found)


def _accelerator(kind: str, index: int) -> Device:
    if kind == "mps":
        return Device("mps", "Apple GPU")
    facts = getattr(torch, kind).get_device_properties(index)
    capability = f"{facts.major}.{facts.minor}" if hasattr(facts, "major") else None
    uuid = str(facts.uuid) if getattr(facts, "uuid", None) else None
    return Device(f"{kind}:{index}", facts.name, uuid, facts.total_memory, capability)


def check(setup: Setup, devices: tuple[Device, ...]) -> Device:
    """The device a setup names. Raises InputError if it isn't here or can't do the precision."""
    wanted = f"{setup.device}:0" if setup.device in ("cuda", "xpu") else setup.device
    device = next((item for item in devices if item.id == wanted), None)
    if device is None:
        raise InputError("unknown_device", device=setup.device, available=", ".join(d.id for d in devices))
    if setup.precision == "tf32" and not (wanted.startswith("cuda") and _major(device) >= 8):
        raise InputError("tf32_unavailable", device=setup.device)
    if setup.device != "cpu" and setup.workers > 1:
        _check_gpus(setup, devices)
    return device


def _check_gpus(setup: Setup, devices: tuple[Device, ...]) -> None:
    """Each worker has a GPU of its own: the one that the setup names, and those that follow it."""
    kind, _, index = setup.device.partition(":")
    first = int(index or 0)
    numbers = (int(item.id.partition(":")[2]) for item in devices if item.id.startswith(f"{kind}:"))
    found = sum(first <= number < first + setup.workers for number in numbers)
    if found < setup.workers:
        raise InputError("too_few_gpus", wanted=setup.workers, found=found, device=setup.device)


def _major(device: Device) -> int:
    return int((device.capability or "0").split(".")[0])


def synchronise(device: torch.device) -> None:
    """Wait for everything queued on the device; nothing to wait for on the CPU."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


class Execution:
    """Thread count and arithmetic of a setup: process-wide switches, set around each of its blocks."""

    def __init__(self, setup: Setup, threads: int) -> None:
        # cuDNN's own default is TF32: left alone, the devices would not do the same arithmetic
        self._fp32 = "tf32" if setup.precision == "tf32" else "ieee"
        self._threads, self._flush = threads, setup.flush_denormals

    def __enter__(self) -> None:
        if torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)
        torch.set_flush_denormal(self._flush)
        torch.backends.cuda.matmul.fp32_precision = self._fp32
        torch.backends.cudnn.conv.fp32_precision = self._fp32  # type: ignore[attr-defined]

    def __exit__(self, *_: object) -> None:
        """Nothing to undo: whoever runs next sets its own."""


def autocast(device: torch.device, precision: Precision) -> contextlib.AbstractContextManager[object]:
    """Mixed precision around forward and loss, where the setup asks for it."""
    if precision == "bf16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()


def free_bytes(device: torch.device) -> int | None:
    """Memory free on an accelerator; None where it can't be asked."""
    if device.type in ("cuda", "xpu"):
        free, _ = getattr(torch, device.type).mem_get_info(device)
        return int(free)
    return None


def load_the_rest() -> None:
    """Let torch import what it leaves to the first optimiser: a second that the first setup would pay."""
    weight = torch.zeros(1, requires_grad=True)
    weight.sum().backward()
    torch.optim.SGD([weight], lr=0.0).step()


def software() -> Software:
    """The versions and library paths that decide the speed."""
    blas = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())
    cudnn = torch.backends.cudnn.version() if torch.backends.cudnn.is_available() else None
    return Software(
        python=platform.python_version(),
        torch=str(torch.__version__),
        torchvision=_version("torchvision"),
        numpy=_version("numpy") or "unknown",
        cuda=torch.version.cuda,
        cudnn=str(cudnn) if cudnn else None,
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
        blas=blas[1] if blas else "unknown",
        default_threads=torch.get_num_threads(),
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
