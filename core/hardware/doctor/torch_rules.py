"""Whether torch and what belongs to it are installed as they should be. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from core.hardware.doctor import remedies
from core.hardware.doctor.facts import Facts, Finding, Installed, Torch
from core.hardware.doctor.versions import release


def installed(facts: Facts) -> Iterator[Finding]:
    """Where torch doesn't start, nothing can be said of what belongs to it."""
    yield from _several(facts)
    if facts.torch is None:
        yield from _no_torch(facts)
    else:
        yield from _pair(facts, facts.torch)
        yield from _compiling(facts, facts.torch)
    if any(item.package == "pynvml" and _brings_the_module(item.version) for item in facts.packages):
        yield Finding("pynvml_installed", "warning", {}, remedies.only_nvidia_ml_py())


def _no_torch(facts: Facts) -> Iterator[Finding]:
    problem = facts.torch_problem
    if problem is not None and not (facts.platform.tegra and problem.code == "torch_missing"):
        hangs = problem.code == "torch_hangs"
        remedy = remedies.restart(facts.platform) if hangs else remedies.install_torch(facts)
        said = {name: value if value != "" else "-" for name, value in problem.facts.items()}
        yield Finding(problem.code, "error", said, remedy)


def _several(facts: Facts) -> Iterator[Finding]:
    found = sorted((item for item in facts.packages if item.package == "torch"), key=lambda item: item.place)
    if len({item.place for item in found}) > 1:
        versions = ", ".join(item.version for item in found)
        yield Finding("several_torch", "warning", {"versions": versions}, remedies.same_pair(facts))


def _pair(facts: Facts, torch: Torch) -> Iterator[Finding]:
    vision = _first(facts, "torchvision")
    asked = vision.requires_torch if vision else None
    remedy = remedies.same_pair(facts)
    if vision and asked and release(asked) != release(torch.software.torch):
        yield Finding(
            "torchvision_mismatch",
            "error" if torch.torchvision_problem else "warning",
            {"torchvision": vision.version, "asked": asked, "torch": torch.software.torch},
            remedy,
        )
    elif torch.torchvision_problem is not None:
        yield Finding("torchvision_broken", "error", {"problem": torch.torchvision_problem}, remedy)
    elif vision and (builds := _builds(facts, torch, vision)) and builds[0] != builds[1]:
        yield Finding("torchvision_build_differs", "info", {"torch": builds[0], "torchvision": builds[1]})


def _builds(facts: Facts, torch: Torch, vision: Installed) -> tuple[str, str] | None:
    """What both were built for. A torchvision that doesn't say is PyPI's, which is CUDA's build on Linux."""
    local = vision.version.partition("+")[2]
    kinds = {"cpu": "CPU", "cu": "CUDA", "rocm": "ROCm", "xpu": "XPU"}
    theirs = next((name for prefix, name in kinds.items() if local.startswith(prefix)), None)
    if not local and (facts.platform.family, facts.platform.architecture) == ("linux", "x86_64"):
        theirs = "CUDA"
    ours = {"cpu": "CPU", "cuda": "CUDA", "rocm": "ROCm", "xpu": "XPU"}.get(torch.built_for)
    return (ours, theirs) if ours and theirs else None


def _compiling(facts: Facts, torch: Torch) -> Iterator[Finding]:
    """Windows' wheels never come with Triton: there is nothing to mend there."""
    usual = torch.built_for == "cuda" and facts.platform.family == "linux" and not facts.platform.tegra
    if usual and not any(
        _first(facts, name) for name in ("triton", "pytorch-triton")
    ):  # as nightly builds call it
        yield Finding("triton_missing", "warning", {}, remedies.same_pair(facts))
    if facts.compiler is False:
        yield Finding("compiler_missing", "info", {}, remedies.install_compiler(facts.platform))


def _brings_the_module(version: str) -> bool:
    """Since release 12 pynvml leaves the module of that name to nvidia-ml-py, which it asks for."""
    release = version.partition(".")[0]
    return not release.isdigit() or int(release) < 12


def _first(facts: Facts, package: str) -> Installed | None:
    """The one that Python imports."""
    found = [item for item in facts.packages if item.package == package]
    return min(found, key=lambda item: item.place) if found else None
