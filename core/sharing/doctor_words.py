"""An examination in words, for page, command line and report. It judges nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator

from core import units
from core.hardware.doctor.checklist import nvidia_seen, passed
from core.hardware.doctor.driver_rules import driver_alone
from core.hardware.doctor.facts import DeviceCheck, Facts, GpuFacts, Severity
from core.i18n import Translate
from core.messages import sentence
from core.runs.checkup import Examination

_WORTH_A_DIGIT = 0.1


def verdict(examination: Examination, translate: Translate) -> str:
    """What can be trained on here, and how much there is to mend."""
    _ = translate
    count = sum(finding.severity != "info" for finding in examination.findings)
    if count == 0:
        rest = _("Nothing to mend.")
    elif count == 1:
        rest = _("One thing to mend.")
    else:
        rest = _("{n} things to mend.").format(n=count)
    return _("{first} {second}").format(first=_usable(examination.facts, _), second=rest)


def _usable(facts: Facts, translate: Translate) -> str:
    _ = translate
    if facts.torch is None:
        return _("Torch can't be used here, so nothing can be trained.")
    names = [check.device.name for check in facts.checks if check.device.id != "cpu" and passed(check)]
    if names:
        return _("Training can use the GPU here: {names}.").format(names=_(", ").join(dict.fromkeys(names)))
    if facts.checks and not any(passed(check) for check in facts.checks):
        return _("No device computes here as it should.")
    if nvidia_seen(facts) or any(check.device.id != "cpu" for check in facts.checks):
        return _("There is a GPU here, but training can't use it.")
    if (
        facts.pci is None or facts.platform.wsl or driver_alone(facts)
    ):  # there may be one that can't be seen from here
        return _("No NVIDIA GPU is to be seen here; training runs on the CPU.")
    return _("This machine has no NVIDIA GPU; training runs on the CPU.")


def examined_at(examination: Examination) -> str:
    return examination.created_at[:16].replace("T", " ")


def severity_word(severity: Severity, translate: Translate) -> str:
    _ = translate
    words: dict[Severity, str] = {
        "error": _("Error"),
        "warning": _("Warning"),
        "info": _("For your information"),
    }
    return words[severity]


def agreement(check: DeviceCheck, translate: Translate) -> str:
    """How near a device's product is to the CPU's, or why there is none."""
    _ = translate
    if check.failure is not None:
        return sentence(check.failure.code, check.failure.facts, _)
    difference = check.largest_difference
    if check.device.id == "cpu":
        return _("computes; other devices are compared with it")
    if difference is None:
        return units.ABSENT
    if difference == 0:
        return _("the same as the CPU's to the last digit")
    if difference >= _WORTH_A_DIGIT:
        return _("differs from the CPU's")
    digits = math.floor(-math.log10(difference))
    if digits == 1:
        return _("agrees with the CPU's to 1 digit")
    return _("agrees with the CPU's to {n} digits").format(n=digits)


def fact_lines(facts: Facts, translate: Translate) -> Iterator[tuple[str, str]]:
    """What was found, a name and a value each; what couldn't be told is left out."""
    _ = translate
    here = facts.platform
    where = [here.family, here.distribution, here.architecture, _within(facts, _)]
    yield _("System"), _(", ").join(filter(None, where))
    environment = _("virtual environment")
    yield "Python", f"{here.python} ({environment})" if here.in_virtual_environment else here.python
    yield from _cpu(facts, _)
    driver = facts.driver
    if driver.version is not None:
        cuda = f" (CUDA {_version(driver.cuda)})" if driver.cuda else ""
        yield _("NVIDIA driver"), driver.version + cuda
    elif driver.problem is not None:
        yield _("NVIDIA driver"), sentence(driver.problem, {}, _)
    for gpu in facts.gpus:
        yield _("GPU {n}").format(n=gpu.index), _gpu(gpu, _)
    for on_bus in facts.pci or ():
        bound = on_bus.driver or _("no driver bound")
        yield _("On the PCI bus"), f"{on_bus.vendor} ({bound})"
    yield from _torch(facts, _)
    for item in facts.packages:
        yield _("Package"), f"{item.package} {item.version}"
    for name, value in facts.variables:
        yield _("Variable"), f"{name}={value}"
    if facts.compiler is not None:
        yield _("C++ compiler"), _("found") if facts.compiler else _("none found")


def _within(facts: Facts, translate: Translate) -> str | None:
    _ = translate
    if facts.platform.within is None:
        return None
    return {"container": _("in a container"), "wsl": "WSL", "vm": _("in a virtual machine")}[
        facts.platform.within
    ]


def _cpu(facts: Facts, translate: Translate) -> Iterator[tuple[str, str]]:
    _ = translate
    cpu = facts.cpu
    known = [cpu.model]
    if cpu.usable_cores is not None and cpu.logical_cores is not None:
        known.append(
            _("{usable} of {all} logical cores").format(usable=cpu.usable_cores, all=cpu.logical_cores)
        )
    if cpu.quota_cores is not None:
        known.append(_("a quota of {n} cores").format(n=units.number(cpu.quota_cores)))
    yield "CPU", _(", ").join(known)
    if facts.memory_bytes is not None:
        yield _("Memory"), units.size(facts.memory_bytes)


def _gpu(gpu: GpuFacts, translate: Translate) -> str:
    _ = translate
    known = [gpu.name, gpu.uuid]
    if gpu.capability is not None:
        known.append(_("compute capability {x}").format(x=_version(gpu.capability)))
    if gpu.memory_used_bytes is not None and gpu.memory_bytes is not None:
        used, whole = units.size(gpu.memory_used_bytes), units.size(gpu.memory_bytes)
        known.append(_("{used} of {all} in use").format(used=used, all=whole))
    if gpu.mig:
        known.append("MIG")
    if gpu.virtual is not None:
        known.append({"vgpu": "vGPU", "passthrough": _("passed through to a virtual machine")}[gpu.virtual])
    if gpu.problem is not None:
        known.append(sentence(gpu.problem, {}, _))
    return _(", ").join(known)


def _torch(facts: Facts, translate: Translate) -> Iterator[tuple[str, str]]:
    _ = translate
    torch = facts.torch
    if torch is None:
        if facts.torch_problem is not None:
            yield "torch", sentence(facts.torch_problem.code, facts.torch_problem.facts, _)
        return
    names = {"cpu": "CPU", "cuda": "CUDA", "rocm": "ROCm", "xpu": "XPU", "mps": "MPS"}
    built = " ".join(filter(None, (names[torch.built_for], torch.runtime)))
    yield "torch", _("{version}, built for {what}").format(version=torch.software.torch, what=built)
    if torch.architectures:
        yield _("Kernels for"), " ".join(torch.architectures)
    yield "torchvision", torch.software.torchvision or units.ABSENT
    if torch.problem is not None:
        yield _("torch says"), torch.problem
    if torch.torchvision_problem is not None:
        yield _("torchvision says"), torch.torchvision_problem
    for device in torch.devices:
        yield _("Device"), f"{device.id}: {device.name}"


def _version(parts: tuple[int, int]) -> str:
    return f"{parts[0]}.{parts[1]}"
