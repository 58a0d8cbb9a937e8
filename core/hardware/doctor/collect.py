"""Collects what the doctor judges: NVML, the kernel's files, package metadata, torch by way of a child process.

Never raises, and keeps no path, host name or user name.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from importlib.machinery import PathFinder
from pathlib import Path

import psutil

from core.hardware import cpu, environment, nvml
from core.hardware.doctor import child
from core.hardware.doctor.facts import Driver, Facts, Family, GpuFacts, PciDevice, Pip, Platform, Torch, Vendor
from core.hardware.doctor.limited import within
from core.hardware.doctor.packages import installed
from core.hardware.system import answer, text
from core.records import Note

DRIVER_LIMIT_S = 20.0  # eight GPUs whose driver has to be loaded first take half of it

_ROOT = Path(__file__).resolve().parents[3]
_FAMILIES: dict[str, Family] = {"Linux": "linux", "Windows": "windows", "Darwin": "macos"}
# Those whose package manager is known; others are mostly like one of them
_DISTRIBUTIONS = ("debian", "ubuntu", "fedora", "rhel", "arch", "suse", "opensuse", "alpine", "nixos")
_APART = ("amzn", "steamos", "manjaro")  # call themselves like another, and take their drivers from elsewhere
_VENDORS: dict[str, Vendor] = {"0x10de": "nvidia", "0x1002": "amd", "0x8086": "intel"}
_DISPLAYS = ("0x03", "0x12")  # PCI base classes: display controller, processing accelerator
_NODES = ("nvidiactl", "nvidia-uvm", "nvidia[0-9]*", "dxg", "kfd", "dri/renderD*")
_LIBRARIES = ("libcuda.so.1", "libnvidia-ml.so.1")
_LIBRARY_FOLDERS = ("usr/lib/wsl/lib", "usr/lib64", "usr/lib", "lib64", "lib", "usr/local/lib")
_VARIABLES = (
    "*_VISIBLE_DEVICES", "ZE_AFFINITY_MASK", "ONEAPI_DEVICE_SELECTOR", "NVIDIA_DRIVER_CAPABILITIES",
    "*_NUM_THREADS",
)  # fmt: skip
_COMPILERS = ("c++", "g++", "clang++")


def collect(
    root: Path = Path("/"),
    environ: Mapping[str, str] = os.environ,
    ask_torch: Callable[[], Torch | Note] = child.ask_torch,
) -> Facts:
    """All that can be known without computing; `checks` are child.check_device's. Waits for torch."""
    about = _platform(root, environ)
    driver, gpus = _nvidia(root, environ, about)
    told = ask_torch()
    return Facts(
        platform=about,
        cpu=cpu.describe(root),
        memory_bytes=cpu.memory_bytes(),
        driver=driver,
        gpus=gpus,
        pci=_pci(root),
        device_nodes=_device_nodes(root),
        variables=_variables(environ),
        packages=installed(sys.path),
        torch=told if isinstance(told, Torch) else None,
        torch_problem=told if isinstance(told, Note) else None,
        compiler=_compiler(environ),
    )


def _platform(root: Path, environ: Mapping[str, str]) -> Platform:
    return Platform(
        family=_FAMILIES.get(platform.system(), "other"),
        distribution=_distribution(root),
        architecture=platform.machine(),
        python=platform.python_version(),
        within=environment.virtual(root, environ),  # type: ignore[arg-type]
        in_virtual_environment=sys.prefix != sys.base_prefix or "CONDA_PREFIX" in environ,
        tegra="nvidia,tegra" in (text(root / "proc/device-tree/compatible") or ""),
        command=python_command(Path(sys.executable)),
        pip=_pip(),
        wsl="microsoft" in (text(root / "proc/sys/kernel/osrelease") or "").lower(),
    )


def python_command(executable: Path, project: Path = _ROOT) -> str:
    """By its place in the project, or by its usual name: a path that begins elsewhere may name a person."""
    parts = executable.relative_to(project).parts if executable.is_relative_to(project) else ()
    if parts and all(re.fullmatch(r"[\w.-]+", part, re.ASCII) for part in parts):
        return str(Path(*parts))
    found = {name: path for name in ("python", "python3") if (path := shutil.which(name))}
    own = (name for name, path in found.items() if Path(path).parent == executable.parent)
    return next(own, next(iter(found), "python"))


def _pip() -> Pip:
    """As pip itself tells: an environment is nobody else's, whatever lies beside the standard library."""
    managed = Path(os.__file__).parent / "EXTERNALLY-MANAGED"
    if sys.prefix == sys.base_prefix and _exists(managed):
        return "managed"
    # Not importlib.util's find_spec: setuptools' hook takes being asked for pip for a start of pip
    return "absent" if PathFinder.find_spec("pip") is None else "usable"


def _distribution(root: Path) -> str | None:
    """ID of /etc/os-release, or the first of ID_LIKE that a remedy is known for, unless it stands apart."""
    lines = (text(root / "etc/os-release") or "").splitlines()
    release = {key: value.strip("\"'") for key, _, value in (line.partition("=") for line in lines)}
    ids = [release.get("ID", ""), *release.get("ID_LIKE", "").split()]
    if _exists(root / "run/ostree-booted"):  # an image, to which dnf adds nothing
        return f"{ids[0]}-ostree"
    if ids[0] in _APART:
        return ids[0]
    return next((name for name in ids if name in _DISTRIBUTIONS), ids[0]) or None


def _nvidia(root: Path, environ: Mapping[str, str], about: Platform) -> tuple[Driver, tuple[GpuFacts, ...]]:
    own = _own_processes()

    def strangers(pids: frozenset[int]) -> int | None:
        """In a container the driver numbers processes as the host does, unless one of them is known as ours."""
        if about.within == "container" and pids and not pids & own:
            return None
        return len(pids - own)

    silent: tuple[Driver, tuple[GpuFacts, ...]] = Driver(problem="nvml_hangs"), ()
    driver, gpus = within(DRIVER_LIMIT_S, lambda: nvml.condition(strangers), silent)
    module, libraries = _kernel_module(root), _libraries(root, environ)
    version = driver.version or _module_version(root)
    return replace(driver, version=version, kernel_module=module, libraries=libraries), gpus


def _own_processes() -> frozenset[int]:
    """This process and those that it has started: a worker that waits for its next job is nobody else's."""
    me = psutil.Process()
    try:
        return frozenset((me.pid, *(item.pid for item in me.children(recursive=True))))
    except psutil.Error:
        return frozenset((me.pid,))


def _kernel_module(root: Path) -> bool | None:
    if _exists(root / "proc/driver/nvidia/version") or _exists(root / "sys/module/nvidia"):
        return True
    return False if _exists(root / "sys/module") else None


def _module_version(root: Path) -> str | None:
    """That of the module in the kernel, where NVML doesn't answer: after an update it may be another."""
    words = (text(root / "proc/driver/nvidia/version") or "").partition("\n")[0].split()
    return next((word for word in words if word[0].isdigit() and "." in word), None)


def _libraries(root: Path, environ: Mapping[str, str]) -> tuple[str, ...] | None:
    """By the loader's own table and folders: opening a broken driver's library may hang."""
    if platform.system() != "Linux":
        return None
    cache = str(root / "etc/ld.so.cache")
    table = next(filter(None, (answer(tool, "-C", cache, "-p") for tool in ("ldconfig", "/sbin/ldconfig"))), "")
    named = {line.split()[0] for line in table.splitlines() if line.strip()}
    multiarch = f"{platform.machine()}-linux-gnu"
    folders = [root / folder for folder in _LIBRARY_FOLDERS]
    folders += [root / "usr/lib" / multiarch, root / "lib" / multiarch]
    folders += [Path(folder) for folder in environ.get("LD_LIBRARY_PATH", "").split(":") if folder]
    return tuple(name for name in _LIBRARIES if name in named or any(_exists(item / name) for item in folders))


def _pci(root: Path) -> tuple[PciDevice, ...] | None:
    """None also where the bus is empty: no machine's is, so a sandbox hides it."""
    slots = sorted((root / "sys/bus/pci/devices").glob("*"))
    if not slots:
        return None
    displays = [slot for slot in slots if (text(slot / "class") or "").startswith(_DISPLAYS)]
    return tuple(
        PciDevice(_VENDORS.get(text(slot / "vendor") or "", "other"), _bound(slot), _memory_bytes(slot))
        for slot in displays
    )


def _memory_bytes(slot: Path) -> int | None:
    told = text(slot / "mem_info_vram_total") or ""
    return int(told) if told.isascii() and told.isdigit() else None


def _bound(slot: Path) -> str | None:
    try:
        return (slot / "driver").readlink().name
    except OSError:
        return None


def _device_nodes(root: Path) -> tuple[str, ...]:
    return tuple(sorted({path.name for pattern in _NODES for path in (root / "dev").glob(pattern)}))


def _variables(environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Without those that hold a path, which may name a person."""
    kept = ((name, environ[name]) for name in sorted(environ) if any(fnmatchcase(name, p) for p in _VARIABLES))
    return tuple((name, value) for name, value in kept if not {"/", "\\"} & set(value))


def _compiler(environ: Mapping[str, str]) -> bool:
    """Looked for where torch.compile looks. macOS has commands in /usr/bin that only offer to install one."""
    named = ("cl",) if platform.system() == "Windows" else _COMPILERS
    with contextlib.suppress(ValueError):  # a quote without its other half
        named = (*shlex.split(environ.get("CXX", ""))[:1], *named)
    found = [path for name in named if (path := shutil.which(name, path=environ.get("PATH", "")))]
    if platform.system() == "Darwin" and all(path.startswith("/usr/bin/") for path in found):
        return bool(found) and answer("xcode-select", "-p") is not None
    return bool(found)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a folder that may not be looked into
        return False
