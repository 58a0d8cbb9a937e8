"""What a node says of itself: its packages, its code, its machine. Runs on the node; must not know Ray."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from core.cluster import code
from core.codec import to_plain

# Asked of the installed distributions: Ray's workers also find a psutil that Ray carries along, which the
# measuring process wouldn't
NEEDED = ("torch", "torchvision", "numpy", "scikit-learn", "psutil", "nvidia-ml-py", "filelock")
_TOLD = ("torch", "torchvision", "numpy")


def missing() -> tuple[str, ...]:
    """The packages without which nothing can be measured here."""
    return tuple(name for name in NEEDED if _version(name) is None)


def look() -> dict[str, Any]:
    """All that the asking side wants to know, as plain values."""
    lacking = missing()
    answer: dict[str, Any] = {
        "code": code.fingerprint(),
        "missing": list(lacking),
        "packages": [[name, found] for name in _TOLD if (found := _version(name))],
        "machine": None,
    }
    if not {"psutil", "nvidia-ml-py"} & set(lacking):
        from core.hardware import environment

        answer["machine"] = to_plain(environment.machine())
    return answer


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
