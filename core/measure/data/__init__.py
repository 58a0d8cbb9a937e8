"""Images and labels for a workload, as tensors in memory, prepared once and cached on disk."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from core.errors import InputError
from core.measure.data import digits, downloaded, folder, synthetic
from core.measure.data.prepared import Prepared, Progress

__all__ = ["Prepared", "Progress", "prepare"]

_SOURCES: dict[str, Callable[[str, int, Path, Progress], Prepared]] = {
    "digits": digits.prepare,
    "synthetic": synthetic.prepare,
    "mnist": downloaded.prepare,
    "fashion-mnist": downloaded.prepare,
    "cifar10": downloaded.prepare,
    "folder": folder.prepare,
}


def prepare(name: str, seed: int, root: Path, progress: Progress) -> Prepared:
    """The data set `name` (`digits`, `synthetic:3x32x32`, `folder:PATH`, ...), deterministic by `seed`.

    `root` is where prepared data and downloads are kept. Raises InputError for a name that isn't one or a
    folder that can't be used, MeasurementError where a download fails.
    """
    source = _SOURCES.get(re.split("[:]", name, maxsplit=1)[0])
    if source is None:
        raise InputError("unknown_dataset", dataset=name, available=", ".join(_SOURCES))
    return source(name, seed, root, progress)
