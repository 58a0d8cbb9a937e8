"""Which of the packages that matter lie on Python's path, by their metadata alone: nothing is imported."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from importlib.metadata import Distribution
from pathlib import Path

from core.hardware.doctor.facts import Installed

_PACKAGES = ("torch", "torchvision", "triton", "pytorch-triton", "nvidia-ml-py", "pynvml")
_SUFFIXES = (".dist-info", ".egg-info")
_EXACTLY = re.compile(r"torch\s*\(?\s*==\s*([^\s;,)]+)")


def installed(path: Iterable[str]) -> tuple[Installed, ...]:
    """Every install on the path, in its order. A folder that two entries lead to is one place."""
    return tuple(
        one
        for place, folder in enumerate(_folders(path))
        for one in (_read(item, place) for item in _found(folder))
        if one
    )


def _folders(path: Iterable[str]) -> list[Path]:
    folders: dict[Path, None] = {}
    for entry in path:
        with contextlib.suppress(
            OSError, ValueError, RuntimeError
        ):  # not to be looked into, or a loop of links
            folder = Path(entry).resolve()
            if folder.is_dir():
                folders.setdefault(folder)
    return list(folders)


def _found(folder: Path) -> list[Path]:
    """Where metadata of the packages lies; not pip's leftovers, which are called "~orch-2.1.0.dist-info"."""
    items = [item for suffix in _SUFFIXES for item in folder.glob(f"*{suffix}")]
    return sorted(item for item in items if _normal(item.stem.partition("-")[0]) in _PACKAGES)


def _read(metadata: Path, place: int) -> Installed | None:
    try:
        distribution = Distribution.at(metadata)
        version, requires = distribution.metadata["Version"], distribution.requires or []
    except (OSError, UnicodeDecodeError, KeyError):  # half removed
        return None
    if not version:
        return None
    exact = next((found[1] for line in requires if (found := _EXACTLY.match(line))), None)
    return Installed(_normal(metadata.stem.partition("-")[0]), str(version), exact, place)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
