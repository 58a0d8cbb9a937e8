"""GPUs of AMD, Intel and Apple, and the builds of torch that are for them. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from core.hardware.doctor import driver_rules, remedies
from core.hardware.doctor.facts import Facts, Finding, Torch
from core.hardware.doctor.visible import hides_all
from core.records import Fact

_AMD_VARIABLES = ("HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES")
_INTEL_VARIABLES = ("ZE_AFFINITY_MASK",)
_LEAST_BYTES = 4 * 2**30  # with less of its own, an AMD GPU is a part of the processor


def amd(facts: Facts) -> Iterator[Finding]:
    torch, present = facts.torch, _present(facts, "amd")
    if torch is None:
        return
    if torch.built_for == "rocm":
        if not torch.available and not facts.gpus:
            yield from _rocm(facts, torch, present)
        yield from _without_gfx(torch)
    elif present and facts.platform.family == "linux":
        remedy = remedies.for_other("rocm", facts.platform)
        if _best(facts, torch) and amd_card(facts):
            yield Finding("amd_gpu_unused", "warning", {}, remedy)
        else:  # beside a better one, or built into the processor without a way for ROCm
            yield Finding("amd_gpu_beside", "info")


def intel(facts: Facts) -> Iterator[Finding]:
    torch, present = facts.torch, _present(facts, "intel")
    if torch is None:
        return
    if torch.built_for == "xpu":
        if not torch.available and not facts.gpus:
            yield from _xpu(facts, torch, present)
    elif present and _best(facts, torch):
        yield Finding("intel_gpu_unused", "info", {}, remedies.for_other("xpu", facts.platform))


def apple(facts: Facts) -> Iterator[Finding]:
    platform, torch = facts.platform, facts.torch
    if platform.family != "macos":
        return
    if platform.architecture != "arm64":
        if "Apple" in facts.cpu.model:
            yield Finding("python_under_rosetta", "error", {}, remedies.in_words())
        elif torch is None or not torch.available:
            yield Finding("mac_with_intel", "info")
    elif torch is not None and not torch.available:
        if torch.built_for != "mps":
            yield Finding("torch_without_mps", "error", {}, remedies.pair(None))
        else:
            told: dict[str, Fact] = {"problem": torch.problem or "-"}
            yield _hangs(facts, torch) or Finding("mps_unavailable", "error", told, remedies.in_words())


def _rocm(facts: Facts, torch: Torch, present: bool | None) -> Iterator[Finding]:
    lacking = "kfd" not in facts.device_nodes
    by_kfd = facts.platform.family == "linux" and not facts.platform.wsl
    if lacking and present is False:
        yield Finding("rocm_without_gpu", "info")
    elif lacking and by_kfd and facts.platform.within == "container":
        yield Finding("container_without_kfd", "error", {}, remedies.kfd_into_container())
    elif lacking and by_kfd:
        yield Finding("kfd_missing", "error", {}, remedies.load_module(facts.platform, "amdgpu"))
    elif hidden := _all_hidden(facts, _AMD_VARIABLES):
        yield hidden
    else:
        remedy = remedies.join_groups("render,video", facts.platform)
        told: dict[str, Fact] = {"problem": torch.problem or "-"}
        yield _hangs(facts, torch) or Finding("rocm_unavailable", "error", told, remedy)


def _without_gfx(torch: Torch) -> Iterator[Finding]:
    """Only where torch tells the GPU's gfx name; "gfx90a:sramecc+" is a gfx90a."""
    held = {name.partition(":")[0] for name in torch.architectures}
    for device in torch.devices:
        name = (device.capability or "").partition(":")[0]
        if name.startswith("gfx") and held and name not in held:
            yield Finding(
                "no_kernels",
                "error",
                {"name": device.name, "capability": name, "architectures": ", ".join(sorted(held))},
                remedies.in_words(),
            )


def _xpu(facts: Facts, torch: Torch, present: bool | None) -> Iterator[Finding]:
    if present is False and not facts.platform.wsl:
        yield Finding("xpu_without_gpu", "info")
    elif hidden := _all_hidden(facts, _INTEL_VARIABLES):
        yield hidden
    else:
        remedy = remedies.join_groups("render", facts.platform)
        told: dict[str, Fact] = {"problem": torch.problem or "-"}
        yield _hangs(facts, torch) or Finding("xpu_unavailable", "error", told, remedy)


def _hangs(facts: Facts, torch: Torch) -> Finding | None:
    if torch.silent_s is None:
        return None
    return Finding("gpu_hangs", "error", {"limit_s": torch.silent_s}, remedies.restart(facts.platform))


def _all_hidden(facts: Facts, variables: tuple[str, ...]) -> Finding | None:
    """By the first of these that does."""
    values = dict(facts.variables)
    for name in variables:  # ours, as it gets into a command
        if name in values and hides_all(values[name]):
            told: dict[str, Fact] = {"variable": name, "value": values[name]}
            return Finding("gpus_all_hidden", "error", told, remedies.unset(name, facts.platform))
    return None


def _best(facts: Facts, torch: Torch) -> bool:
    """Whether there is no better GPU here, be it one whose driver has to be mended first."""
    nvidia = bool(facts.gpus) or driver_rules.on_bus(facts) or driver_rules.driver_alone(facts)
    return not torch.available and not nvidia


def amd_card(facts: Facts) -> bool:
    """Whether ROCm's driver has one that isn't known to be a processor's small one."""
    own = [device.memory_bytes for device in facts.pci or () if device.vendor == "amd"]
    return "kfd" in facts.device_nodes and any(memory is None or memory >= _LEAST_BYTES for memory in own)


def _present(facts: Facts, vendor: str) -> bool | None:
    return None if facts.pci is None else any(device.vendor == vendor for device in facts.pci)
