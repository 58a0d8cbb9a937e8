"""What is the matter with a machine, from facts alone: the roots of a trouble, without what follows from them.

Severities: error - a device, or torch, can't be used; warning - it works, but worse than it could; info -
nothing has to be mended (a remedy beside one is an offer).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from core.hardware.doctor import cpu_rules, driver_rules, nvidia_rules, remedies, torch_rules, vendor_rules
from core.hardware.doctor.facts import Facts, Finding, Platform

_ORDER = {"error": 0, "warning": 1, "info": 2}
_ANOTHER_BUILD = ("torch_cpu_build", "torch_other_build", "amd_gpu_unused")
_THE_SAME_BUILD = ("several_torch", "torchvision_mismatch", "torchvision_broken", "triton_missing")


def diagnose(facts: Facts) -> tuple[Finding, ...]:
    """All findings, the most severe first."""
    cause = driver_rules.cause(facts)
    found = [cause] if cause else []
    if cause is None or driver_rules.cuda_works(facts):
        found += nvidia_rules.unused(facts)
    found += [
        *torch_rules.installed(facts),
        *vendor_rules.amd(facts),
        *vendor_rules.intel(facts),
        *vendor_rules.apple(facts),
        *nvidia_rules.held_back(facts),
        *cpu_rules.restricted(facts),
        *_failed(facts),
        *_working(facts),
    ]
    if not any(finding.severity == "error" for finding in found):
        found += _cpu_alone(facts, {finding.code for finding in found})
    found = _of_one_mind(found)
    found.sort(key=lambda finding: _ORDER[finding.severity])
    return tuple(_typed(finding, facts.platform) for finding in found)


def _of_one_mind(found: list[Finding]) -> list[Finding]:
    """Whatever has torch installed installs one build: the last command would undo what the others did."""
    wanted = next((finding.remedy for finding in found if finding.code in _ANOTHER_BUILD), None)
    if wanted is None:
        return found
    return [replace(item, remedy=wanted) if item.code in _THE_SAME_BUILD else item for item in found]


def _typed(finding: Finding, platform: Platform) -> Finding:
    """With commands for the Python that was examined."""
    if finding.remedy is None:
        return finding
    return replace(finding, remedy=remedies.with_python(finding.remedy, platform))


def healthy(findings: Iterable[Finding]) -> bool:
    """Nothing has to be mended."""
    return all(finding.severity == "info" for finding in findings)


def _failed(facts: Facts) -> Iterator[Finding]:
    """Computations that failed, unless something about that GPU explains it already."""
    for check in facts.checks:
        failure, device = check.failure, check.device
        if failure is None or nvidia_rules.blamed(facts, device.uuid):
            continue
        quoted = {**failure.facts, "device": device.id, "name": device.name}
        remedy = remedies.restart(facts.platform) if device.id != "cpu" else remedies.in_words()
        if device.id != "cpu" and _taken(str(failure.facts.get("problem"))):
            remedy = remedies.list_processes() if facts.gpus else remedies.in_words()
            yield Finding("device_taken", "error", quoted, remedy)
        elif failure.code == "device_check_hangs":
            yield Finding("device_hangs", "error", quoted, remedy)
        elif failure.code == "device_check_wrong":
            yield Finding("device_wrong", "error", quoted, remedies.in_words())
        else:
            yield Finding("device_fails", "error", quoted, remedy)


def _taken(problem: str) -> bool:
    """Whether others have the GPU, in CUDA's and HIP's words: all of its memory, or it to themselves."""
    return any(words in problem.lower() for words in ("out of memory", "busy or unavailable"))


def _working(facts: Facts) -> Iterator[Finding]:
    for check in facts.checks:
        if check.failure is None and check.seconds is not None and check.device.id != "cpu":
            yield Finding("gpu_ready", "info", {"device": check.device.id, "name": check.device.name})


def _cpu_alone(facts: Facts, said: set[str]) -> Iterator[Finding]:
    """A machine that has no GPU to train on, where nothing is wrong."""
    torch = facts.torch
    if torch is None or torch.available:
        return
    if torch.built_for == "cpu" and not said & {"amd_gpu_unused", "intel_gpu_unused", "driver_without_gpu"}:
        yield Finding("torch_for_cpu", "info", {"version": torch.software.torch})
    elif torch.built_for == "cuda" and "no_nvidia_gpu" in said:
        yield Finding("cuda_without_gpu", "info")
    checked = {check.device.id for check in facts.checks if check.failure is None and check.seconds is not None}
    if checked == {"cpu"}:
        yield Finding("no_gpu_cpu_ready", "info", {"name": facts.cpu.model})
