"""What a prepared data set is, and its cache on disk."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import psutil
import torch
from torch import Tensor

from core.codec import from_plain, to_plain
from core.errors import InputError
from core.records import Note

# stage code and the fraction done (None: unknown)
Progress = Callable[[str, float | None], None]

# A data set stays in memory beside the model, its activations and, for a loader, its batches.
_MEMORY_SHARE = 0.5


@dataclass(frozen=True)
class Prepared:
    """Images as uint8 (n, channels, height, width) and labels as int64 (n,), on the CPU."""

    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor
    classes: int
    fingerprint: str
    notes: tuple[Note, ...] = field(default=())

    @property
    def shape(self) -> tuple[int, int, int]:
        channels, height, width = self.train_x.shape[1:]
        return channels, height, width


def fingerprint(*tensors: Tensor) -> str:
    """A short digest of the tensors' bytes."""
    digest = hashlib.blake2b(digest_size=8)
    for tensor in tensors:
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def check_size(images: int, shape: tuple[int, int, int]) -> None:
    """Raise InputError if so many uint8 images would not leave room in memory for the work."""
    needed = images * shape[0] * shape[1] * shape[2]
    free = psutil.virtual_memory().available
    if needed > free * _MEMORY_SHARE:
        raise InputError("data_too_large", needed_gib=round(needed / 2**30, 1), free_gib=round(free / 2**30, 1))


def load(folder: Path) -> Prepared | None:
    """The cached data set, or None if there is none."""
    try:
        arrays = [np.load(folder / f"{name}.npy") for name in ("train_x", "train_y", "test_x", "test_y")]
        facts = json.loads((folder / "facts.json").read_text())
    except (FileNotFoundError, ValueError, EOFError):  # none, or cut short by a crash or a full disk
        shutil.rmtree(folder, ignore_errors=True)
        return None
    train_x, train_y, test_x, test_y = (torch.from_numpy(array) for array in arrays)
    notes = tuple(from_plain(Note, note) for note in facts["notes"])
    return Prepared(train_x, train_y, test_x, test_y, facts["classes"], facts["fingerprint"], notes)


def save(data: Prepared, folder: Path) -> Prepared:
    """Keep the data set for the next time; where the disk has no room it is used uncached, with a note."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # a folder of its own, renamed when complete: a half-written cache is never seen
        scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".preparing-"))
    except OSError as problem:
        return _uncached(data, problem)
    try:
        for name in ("train_x", "train_y", "test_x", "test_y"):
            np.save(scratch / f"{name}.npy", getattr(data, name).numpy())
        facts = {"classes": data.classes, "fingerprint": data.fingerprint, "notes": to_plain(data.notes)}
        (scratch / "facts.json").write_text(json.dumps(facts))
        scratch.replace(folder)
    except OSError as problem:
        shutil.rmtree(scratch, ignore_errors=True)
        if problem.errno in (errno.EEXIST, errno.ENOTEMPTY):  # another process was first, with the same data
            return data
        return _uncached(data, problem)
    return data


def _uncached(data: Prepared, problem: OSError) -> Prepared:
    note = Note("data_not_cached", {"problem": problem.strerror or str(problem)})
    return replace(data, notes=(*data.notes, note))
