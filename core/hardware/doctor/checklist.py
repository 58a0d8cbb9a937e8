"""The article's steps towards training on a GPU, put right, each ticked by facts. Pure, and speaks in codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.hardware.doctor.facts import DeviceCheck, Facts, Installed
from core.hardware.doctor.nvidia_rules import can_run
from core.hardware.doctor.vendor_rules import amd_card
from core.records import Fact, Note

State = Literal["done", "open", "not_needed", "unknown"]


@dataclass(frozen=True, slots=True)
class Step:
    code: str  # core.messages.doctor.STEPS says what is to be done
    state: State
    why: Note  # what shows it, or what stands in the way


def checklist(facts: Facts) -> tuple[Step, ...]:
    """In the order in which they are to be taken."""
    return (_driver(facts), _torch(facts), _pair(facts), _build(facts), _sees(facts), _moves(facts))


def nvidia_seen(facts: Facts) -> bool:
    """Whether anything shows a GPU of NVIDIA: its driver, the PCI bus or its device files."""
    on_bus = any(device.vendor == "nvidia" for device in facts.pci or ())
    return (
        facts.platform.tegra
        or bool(facts.gpus)
        or on_bus
        or any(node.startswith("nvidia") for node in facts.device_nodes)
    )


def gpu_seen(facts: Facts) -> bool:
    """A GPU of NVIDIA, a card of AMD, or a GPU that this torch is built for."""
    torch = facts.torch
    return (
        nvidia_seen(facts)
        or amd_card(facts)
        or (torch is not None and (torch.available or torch.built_for in ("rocm", "xpu")))
    )


def _driver(facts: Facts) -> Step:
    driver = facts.driver
    if not nvidia_seen(facts):
        return Step("step_driver", "not_needed", Note("step_no_nvidia"))
    if facts.platform.tegra and not facts.gpus:
        return Step("step_driver", "done", Note("step_driver_of_jetson"))
    if driver.version is None or driver.problem is not None:
        return Step("step_driver", "open", Note(driver.problem or "step_driver_silent"))
    if driver.cuda is None:
        return Step("step_driver", "done", Note("step_driver_answers", {"version": driver.version}))
    cuda = f"{driver.cuda[0]}.{driver.cuda[1]}"
    return Step("step_driver", "done", Note("step_driver_serves", {"version": driver.version, "cuda": cuda}))


def _torch(facts: Facts) -> Step:
    if facts.torch is None:
        return Step("step_torch", "open", facts.torch_problem or Note("step_no_torch"))
    return Step("step_torch", "done", Note("step_torch_here", {"version": facts.torch.software.torch}))


def _pair(facts: Facts) -> Step:
    torch = facts.torch
    if torch is None:
        return Step("step_pair", "unknown", Note("step_no_torch"))
    if torch.torchvision_problem is not None:
        return Step("step_pair", "open", Note("step_pair_broken", {"problem": torch.torchvision_problem}))
    if torch.software.torchvision is None:
        return Step("step_pair", "open", Note("step_no_torchvision"))
    pair: dict[str, Fact] = {"torch": torch.software.torch, "torchvision": torch.software.torchvision}
    imported = min((item for item in facts.packages if item.package == "torchvision"), key=_place, default=None)
    asked = imported.requires_torch if imported else None
    if asked is not None and not _same_release(torch.software.torch, asked):
        return Step("step_pair", "open", Note("step_pair_differs", pair))
    return Step("step_pair", "done", Note("step_pair_fits", pair))


def _build(facts: Facts) -> Step:
    torch = facts.torch
    if not gpu_seen(facts):
        return Step("step_build", "not_needed", Note("step_no_gpu"))
    if torch is None:
        return Step("step_build", "unknown", Note("step_no_torch"))
    if torch.built_for == "cpu":
        return Step("step_build", "open", Note("step_cpu_build", {"version": torch.software.torch}))
    of_amd = torch.built_for == "cuda" and amd_card(facts) and not nvidia_seen(facts)
    if of_amd or (facts.gpus and not any(can_run(torch, gpu) for gpu in facts.gpus)):
        return Step("step_build", "open", Note("step_other_build", {"version": torch.software.torch}))
    names = {"cuda": "CUDA", "rocm": "ROCm", "xpu": "XPU", "mps": "MPS"}
    built = " ".join(filter(None, (names[torch.built_for], torch.runtime)))
    return Step("step_build", "done", Note("step_gpu_build", {"built": built}))


def _sees(facts: Facts) -> Step:
    torch = facts.torch
    if not gpu_seen(facts):
        return Step("step_sees", "not_needed", Note("step_no_gpu"))
    if torch is None:
        return Step("step_sees", "unknown", Note("step_no_torch"))
    names = ", ".join(device.name for device in torch.devices if device.id != "cpu")
    if torch.available and names:
        return Step("step_sees", "done", Note("step_sees_gpu", {"names": names}))
    return Step("step_sees", "open", Note("step_sees_none"))


def _moves(facts: Facts) -> Step:
    """Each GPU that torch sees, by a product that was computed on it."""
    if not gpu_seen(facts):
        return Step("step_moves", "not_needed", Note("step_no_gpu"))
    checks = [check for check in facts.checks if check.device.id != "cpu"]
    if not checks:
        return Step("step_moves", "unknown", Note("step_nothing_moved"))
    failed = next((check for check in checks if not passed(check)), None)
    if failed is not None:
        return Step("step_moves", "open", failed.failure or Note("step_nothing_moved"))
    names = ", ".join(check.device.id for check in checks)
    return Step("step_moves", "done", Note("step_moved", {"devices": names}))


def passed(check: DeviceCheck) -> bool:
    """Whether the device computed, and as the CPU does."""
    return check.failure is None and check.seconds is not None


def _place(item: Installed) -> int:
    return item.place


def _same_release(one: str, other: str) -> bool:
    """2.13.0+cpu and 2.13.0 are the same release."""
    return one.partition("+")[0] == other.partition("+")[0]
