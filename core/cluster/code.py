"""The code that a node runs: this checkout's `core`, uploaded, and known again by its fingerprint."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def parcel(root: Path = ROOT) -> Iterator[Path]:
    """A folder with `core` as it is now, and nothing else; what only the asking side needs is left out.

    A copy, so that what is uploaded and its fingerprint are of one moment.
    """
    with tempfile.TemporaryDirectory(prefix="crossover-") as folder:
        left_out = shutil.ignore_patterns("__pycache__", "locale")
        shutil.copytree(root / "core", Path(folder) / "core", ignore=left_out)
        yield Path(folder)


def fingerprint(root: Path = ROOT) -> str:
    """Of every source file in `core`, by name and content: equal ones measure alike."""
    seen = hashlib.sha256()
    for path in sorted((root / "core").rglob("*.py"), key=lambda path: path.relative_to(root).as_posix()):
        name, content = path.relative_to(root).as_posix(), path.read_bytes()
        seen.update(f"{name}\0{len(content)}\0".encode() + content)
    return seen.hexdigest()[:16]
