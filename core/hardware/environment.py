"""Where a measurement was taken, as one record. Never a host name, a user's name or a path."""

from __future__ import annotations

import functools
import os
import platform
import re
from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import psutil

from core.hardware import cpu, nvml
from core.hardware.system import answer, cpuinfo, text
from core.records import Machine

_PROJECT = Path(__file__).parents[2]

_VARIABLES = (
    "OMP_*", "GOMP_*", "KMP_*", "MKL_*", "OPENBLAS_NUM_THREADS", "ONEDNN_*", "DNNL_*", "MALLOC_*", "LD_PRELOAD",
    "CUDA_VISIBLE_DEVICES", "CUDA_LAUNCH_BLOCKING", "CUBLAS_WORKSPACE_CONFIG", "NVIDIA_TF32_OVERRIDE",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "PYTORCH_*ALLOC_CONF", "TORCHINDUCTOR_*",
)  # fmt: skip


def machine() -> Machine:
    """This machine. Read once in a process, save for the environment variables and the power supply."""
    return replace(_machine(), variables=variables(os.environ), on_battery=on_battery())


def on_battery() -> bool | None:
    """Whether the machine runs on its battery; None without one, or where its state isn't told."""
    read = getattr(psutil, "sensors_battery", None)  # not on every system
    try:
        state = read() if read else None
    except (NotImplementedError, OSError):  # a battery is there but can't be read
        return None
    return None if state is None or state.power_plugged is None else not state.power_plugged


def variables(environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The variables that change speed, by name. One that holds a path is left out, because a path may
    name a person; of LD_PRELOAD (malloc, OpenMP) the libraries' file names are kept."""
    kept = {name: value for name, value in environ.items() if any(fnmatchcase(name, p) for p in _VARIABLES)}
    if "LD_PRELOAD" in kept:
        libraries = re.split(r"[:\s]+", kept["LD_PRELOAD"].strip())
        kept["LD_PRELOAD"] = ":".join(library.rpartition("/")[2] for library in libraries)
    return tuple(sorted((name, value) for name, value in kept.items() if not re.search(r"[/\\]", value)))


def virtual(root: Path, environ: Mapping[str, str]) -> str | None:
    """What stands between this process and the hardware: "container", "wsl", "vm" or None (none seen).

    The nearest one is named: a container inside a VM is a container.
    """
    markers = (root / ".dockerenv", root / "run/.containerenv", root / ".singularity.d")  # of Apptainer, too
    groups = text(root / "proc/self/cgroup") or ""
    told = text(root / "run/systemd/container")  # of LXC and the like; systemd takes WSL for one, too
    if (
        any(marker.exists() for marker in markers)
        or told not in (None, "", "wsl")
        or re.search(r"docker|containerd|kubepods|libpod|lxc", groups)
        or "KUBERNETES_SERVICE_HOST" in environ
    ):
        return "container"
    if "microsoft" in (text(root / "proc/sys/kernel/osrelease") or "").lower():
        return "wsl"
    return "vm" if "hypervisor" in cpuinfo(root).get("flags", "").split() else None


def git_revision(project: Path) -> str | None:
    """The commit that `project` is a checkout of, 12 digits, with "+" when files differ from it.

    None when it isn't itself a checkout (one further up is another project's) or git doesn't answer.
    """
    if not (project / ".git").exists():
        return None
    # Without the option, `status` writes to the index and may stand in the way of the user's own git
    git = ("git", "--no-optional-locks", "-C", str(project))
    revision = answer(*git, "rev-parse", "--short=12", "HEAD")
    changes = answer(*git, "status", "--porcelain", "--untracked-files=no")
    if revision is None or changes is None:
        return None
    return revision + "+" if changes else revision


@functools.cache
def _machine() -> Machine:
    gpus, gpus_absent = nvml.gpus()
    root = Path("/")
    return Machine(
        cpu=cpu.describe(root),
        memory_bytes=cpu.memory_bytes(),
        os=_os(),
        kernel=platform.release(),
        virtual=virtual(root, os.environ),
        driver=nvml.driver_version(),
        gpus=gpus,
        gpus_absent=gpus_absent,
        git_revision=git_revision(_PROJECT),
        variables=(),
    )


def _os() -> str:
    if platform.system() == "Linux":
        try:
            return platform.freedesktop_os_release()["PRETTY_NAME"]
        except OSError:
            return "Linux"
    if platform.system() == "Darwin":
        return f"macOS {platform.mac_ver()[0]}"
    return f"{platform.system()} {platform.release()}"
