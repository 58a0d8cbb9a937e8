"""Which CUDA a driver serves, which GPU a build holds kernels for, and which build suits both. No commands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from core.hardware.doctor.facts import Driver, Facts, Platform

TORCH, TORCHVISION = "2.13.0", "0.28.0"  # the pair that requirements.txt asks for

# A driver serves every CUDA of a major version from this one on: docs.nvidia.com/deploy/cuda-compatibility,
# "Minor Version Compatibility", table 1 and its note on 450.80.02; the releases' own notes for 525.60.13.
_FIRST_DRIVER = {11: (450, 80, 2), 12: (525, 60, 13), 13: (580,)}

Capability = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Build:
    """A CUDA build of TORCH at download.pytorch.org/whl."""

    index: str
    major: int
    architectures: tuple[str, ...]
    on_arm: tuple[str, ...]


# pytorch/pytorch, RELEASE.md: the CUDA support matrix of 2.13. CUDA 13.2 is left out: it is experimental there.
BUILDS = (
    Build(
        "cu130",
        13,
        ("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"),
        ("sm_80", "sm_90", "sm_100", "sm_110", "sm_120"),
    ),
    Build("cu126", 12, ("sm_50", "sm_60", "sm_70", "sm_75", "sm_80", "sm_86", "sm_90"), ("sm_80", "sm_90")),
)


def version(text: str | None) -> tuple[int, ...] | None:
    """ "580.65.06" as numbers; None for whatever isn't a plain version."""
    if text is None or not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9}){0,4}", text):
        return None
    return tuple(int(part) for part in text.split("."))


def release(text: str) -> str:
    """2.13.0+cpu and 2.13.0 are builds of one release."""
    return text.partition("+")[0]


def major(runtime: str | None) -> int | None:
    """Of CUDA's version, e.g. "13.0"."""
    numbers = version(runtime)
    return numbers[0] if numbers else None


def serves(driver: Driver, cuda_major: int) -> bool | None:
    """Whether the driver can run what was built for that CUDA; None: can't be told."""
    numbers, first = version(driver.version), _FIRST_DRIVER.get(cuda_major)
    if numbers and first:
        return numbers >= first
    return driver.cuda[0] >= cuda_major if driver.cuda else None


def first_driver(cuda_major: int) -> str | None:
    """The oldest that serves it, as NVIDIA writes it."""
    numbers = _FIRST_DRIVER.get(cuda_major)
    return ".".join(f"{part:02d}" for part in numbers) if numbers else None


def covers(architectures: Iterable[str], capability: Capability) -> bool:
    """Whether a GPU can run what a build holds.

    Machine code (sm_86) runs on the same major version from its minor on; PTX (compute_80) is translated for
    whatever is newer; "a" binds to that very GPU, "f" to its family. CUDA programming guide, "Compute
    capability".
    """
    return any(_runs(architecture, capability) for architecture in architectures)


def suitable(facts: Facts, whatever_driver: bool = False) -> Build | None:
    """The newest build that this driver serves and these GPUs can run; None: there is none.

    Those that no build runs on are left aside.
    """
    known = {gpu.capability for gpu in facts.gpus if gpu.capability}
    capabilities = {found for found in known if not too_old(facts.platform, found)}
    if known and not capabilities:
        return None
    for build in BUILDS:
        served = whatever_driver or serves(facts.driver, build.major) is not False
        if served and all(covers(_held(build, facts.platform), found) for found in capabilities):
            return build
    return None


def too_old(platform: Platform, capability: Capability | None) -> bool:
    """Whether no build reaches back to such a GPU."""
    if capability is None:
        return False
    names = [name.removeprefix("sm_") for build in BUILDS for name in _held(build, platform)]
    return capability < min((int(name[:-1]), int(name[-1])) for name in names)


def _held(build: Build, platform: Platform) -> tuple[str, ...]:
    return build.on_arm if platform.architecture in ("aarch64", "arm64") else build.architectures


def _runs(architecture: str, capability: Capability) -> bool:
    found = re.fullmatch(r"(sm|compute)_([0-9]{1,3})([0-9])([af]?)", architecture)
    if not found:
        return False
    built_for = int(found[2]), int(found[3])
    if found[4] == "a":
        return capability == built_for
    if found[1] == "compute" and not found[4]:
        return capability >= built_for
    return capability[0] == built_for[0] and capability[1] >= built_for[1]
