"""Why torch doesn't compute on NVIDIA's GPUs although their driver answers, and what holds them back. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from core.hardware.doctor import remedies, versions
from core.hardware.doctor.facts import Facts, Finding, GpuFacts, Torch
from core.hardware.doctor.visible import shown
from core.records import Fact

_VARIABLE = "CUDA_VISIBLE_DEVICES"
# A desktop and its browser stay below this on the smallest GPUs that are trained on (8 GiB); with more taken,
# batches that would fit elsewhere don't fit here.
_USED_BY_OTHERS = 0.2
_DESKTOP_BYTES = 2 * 2**30  # what screen and browser take of any


def unused(facts: Facts) -> list[Finding]:
    """Why torch can't use GPUs that the driver shows, the root causes only."""
    torch = facts.torch
    lost = [finding for gpu in facts.gpus if (finding := _lost(facts, gpu) or _too_old_gpu(facts, gpu))]
    if torch is None or not facts.gpus or (len(lost) == len(facts.gpus) and not torch.available):
        return lost
    if torch.built_for != "cuda":
        return [*lost, *_other_build(facts, torch)]
    if (too_old := _too_old(facts, torch)) is not None:
        return [*lost, too_old]
    found = [*lost, *_hidden(facts, torch), *_without_kernels(facts, torch)]
    if not torch.available and not any(finding.severity == "error" for finding in found):
        found.append(_unavailable(facts, torch))
    return found


def blamed(facts: Facts, uuid: str | None) -> bool:
    """Whether a finding on this very GPU explains already why a computation on it fails."""
    gpu = next((gpu for gpu in facts.gpus if _same(uuid, gpu)), None)
    if gpu is None:
        return False
    return gpu.problem is not None or (facts.torch is not None and not can_run(facts.torch, gpu))


def held_back(facts: Facts) -> Iterator[Finding]:
    """GPUs that can be used, but are shared, divided or virtual."""
    for gpu in facts.gpus:
        if gpu.problem is not None:
            continue
        yield from _shared(facts, gpu)
        if gpu.mig:
            yield Finding("mig_enabled", "info", {"gpu": gpu.index, "name": gpu.name})
        if gpu.virtual == "vgpu":
            yield Finding("gpu_virtual", "info", {"gpu": gpu.index, "name": gpu.name})
    if facts.platform.wsl and facts.gpus:
        yield Finding("wsl_readings", "info")


def _too_old_gpu(facts: Facts, gpu: GpuFacts) -> Finding | None:
    """Nothing mends that, save an old torch that runs on it already."""
    runs = facts.torch is not None and bool(facts.torch.architectures) and can_run(facts.torch, gpu)
    if gpu.capability is None or runs or not versions.too_old(facts.platform, gpu.capability):
        return None
    capability = f"{gpu.capability[0]}.{gpu.capability[1]}"
    return Finding("gpu_too_old", "info", {"name": gpu.name, "capability": capability})


def _lost(facts: Facts, gpu: GpuFacts) -> Finding | None:
    if any(check.failure is None and _same(check.device.uuid, gpu) for check in facts.checks):
        return None  # it computes, whatever NVML couldn't say
    if gpu.problem == "nvml_no_permission":
        return Finding("gpu_not_permitted", "info", {"gpu": gpu.index})
    if gpu.problem == "nvml_reset_required":
        remedy = remedies.reset_gpu(gpu.index)
        return Finding("gpu_needs_reset", "error", {"gpu": gpu.index, "name": gpu.name}, remedy)
    if gpu.problem is not None:
        remedy = remedies.in_words(remedies.DRIVER)
        return Finding("gpu_lost", "error", {"gpu": gpu.index, "name": gpu.name}, remedy)
    return None


def _other_build(facts: Facts, torch: Torch) -> Iterator[Finding]:
    remedy, name = remedies.for_nvidia(facts), facts.gpus[0].name
    if torch.built_for == "cpu":
        yield Finding("torch_cpu_build", "error", {"name": name, "version": torch.software.torch}, remedy)
    elif not torch.available:
        built_for = {"rocm": "ROCm"}.get(torch.built_for, torch.built_for.upper())
        yield Finding("torch_other_build", "error", {"name": name, "built_for": built_for}, remedy)


def _too_old(facts: Facts, torch: Torch) -> Finding | None:
    """Where torch works all the same, NVIDIA's forward compatibility package is at work."""
    needed = versions.major(torch.runtime)
    if torch.available or needed is None or versions.serves(facts.driver, needed) is not False:
        return None
    return Finding(
        "driver_too_old",
        "error",
        {
            "driver": facts.driver.version or "-",
            "cuda": torch.runtime,
            "needed": versions.first_driver(needed) or "-",
        },
        remedies.for_nvidia(facts),
    )


def _hidden(facts: Facts, torch: Torch) -> Iterator[Finding]:
    """A batch system may show NVML fewer GPUs than the variable counts: what torch sees isn't hidden."""
    torch_sees = sum(device.id != "cpu" for device in torch.devices)
    value = dict(facts.variables).get(_VARIABLE)
    seen = shown(value, [gpu.uuid for gpu in facts.gpus]) if value is not None else None
    if value is None or seen is None or seen.count < torch_sees:
        return
    total, remedy = len(facts.gpus), remedies.unset(_VARIABLE, facts.platform)
    if seen.count == 0:
        yield Finding("gpus_hidden", "error", {"variable": _VARIABLE, "value": value}, remedy)
    elif seen.stopped_at is not None and not seen.stopped_at.startswith("-"):
        yield Finding(
            "gpus_hidden_by_mistake",
            "warning",
            {
                "variable": _VARIABLE,
                "value": value,
                "entry": seen.stopped_at,
                "shown": seen.count,
                "total": total,
            },
            remedy,
        )
    elif seen.count < total:
        yield Finding(
            "gpus_partly_hidden",
            "info",
            {"variable": _VARIABLE, "value": value, "shown": seen.count, "total": total},
        )


def _without_kernels(facts: Facts, torch: Torch) -> Iterator[Finding]:
    """A GPU that torch doesn't see, while it sees others, is hidden on purpose."""
    seen = {_bare(device.uuid) for device in torch.devices if device.uuid}
    for gpu in facts.gpus:
        if gpu.problem is not None or gpu.capability is None or (seen and _bare(gpu.uuid) not in seen):
            continue
        if versions.too_old(facts.platform, gpu.capability):
            continue
        if not can_run(torch, gpu):
            capability = f"{gpu.capability[0]}.{gpu.capability[1]}"
            held = ", ".join(torch.architectures)
            yield Finding(
                "no_kernels",
                "error",
                {"name": gpu.name, "capability": capability, "architectures": held},
                remedies.for_nvidia(facts),
            )


def can_run(torch: Torch, gpu: GpuFacts) -> bool:
    if torch.built_for != "cuda" or not torch.architectures or gpu.capability is None:
        return True  # not known otherwise
    return versions.covers(torch.architectures, gpu.capability)


def _unavailable(facts: Facts, torch: Torch) -> Finding:
    remedy, problem = remedies.begin_anew(facts.platform), torch.problem
    if torch.silent_s is not None:
        return Finding("gpu_hangs", "error", {"limit_s": torch.silent_s}, remedies.restart(facts.platform))
    if all(gpu.mig for gpu in facts.gpus):
        return Finding("mig_without_instance", "error", {}, remedies.make_mig_instance())
    if problem and "system not yet initialized" in problem.lower():  # CUDA's error 802
        return Finding("fabric_manager_missing", "error", {}, remedies.start_fabric_manager(facts.platform))
    plain = facts.platform.family == "linux" and not facts.platform.wsl
    if plain and facts.device_nodes and "nvidia-uvm" not in facts.device_nodes:
        return Finding("uvm_missing", "error", {}, remedies.load_module(facts.platform, "nvidia-uvm"))
    if problem:
        return Finding("cuda_unavailable", "error", {"problem": problem}, remedy)
    return Finding("cuda_unavailable_unexplained", "error", {}, remedy)


def _shared(facts: Facts, gpu: GpuFacts) -> Iterator[Finding]:
    """Windows counts every program with a window as one that computes: there, only the memory tells."""
    counted = facts.platform.family == "linux" and not facts.platform.wsl
    who: dict[str, Fact] = {"gpu": gpu.index, "name": gpu.name}
    if share := _taken(gpu):
        told = who | {"pct": round(100 * share)}
        yield Finding("gpu_memory_taken", "warning", told, remedies.list_processes())
    elif counted and gpu.other_processes:
        told = who | {"count": gpu.other_processes}
        yield Finding("gpu_shared", "warning", told, remedies.list_processes())


def _taken(gpu: GpuFacts) -> float | None:
    """The share of its memory that is in use, where that is more than a desktop takes."""
    if not gpu.memory_bytes or gpu.memory_used_bytes is None or gpu.mig:
        return None
    share = gpu.memory_used_bytes / gpu.memory_bytes
    return share if share > _USED_BY_OTHERS and gpu.memory_used_bytes > _DESKTOP_BYTES else None


def _same(uuid: str | None, gpu: GpuFacts) -> bool:
    return bool(uuid) and _bare(gpu.uuid) == _bare(uuid or "")


def _bare(uuid: str) -> str:
    return uuid.removeprefix("GPU-").lower()
