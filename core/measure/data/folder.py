"""`folder:PATH`: a person's own images, one sub-folder for each class, through torchvision's ImageFolder."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from core.errors import InputError
from core.measure.data.prepared import Prepared, Progress, check_size, fingerprint, load, save
from core.measure.vision import torchvision
from core.records import Note

_SIDE = 64  # pixels; `folder:PATH@224` asks for another
_SIDES = range(8, 1025)
_TEST_SHARE = 0.2
_BROKEN_SHARE = 0.01  # more unreadable files than this, and something else is wrong

# all that Pillow raises, for files that are broken or absurdly large
_UNREADABLE = (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError)


def prepare(name: str, seed: int, root: Path, progress: Progress) -> Prepared:
    """RGB images, centre-cropped to a square. `train` and `test` (or `val`) sub-folders are used as they
    are; otherwise one image in five of each class is kept for the test, chosen by `seed`."""
    text, _, side_text = name.removeprefix("folder:").rpartition("@")
    if not side_text.isdecimal():
        text, side_text = name.removeprefix("folder:"), str(_SIDE)
    side, path = int(side_text), Path(text).expanduser()
    if side not in _SIDES:
        raise InputError("bad_side", side=side, low=_SIDES[0], high=_SIDES[-1])
    if not text or not path.is_dir():
        raise InputError("folder_missing", path=text)
    test_folder = next((path / part for part in ("test", "val") if (path / part).is_dir()), None)
    if (path / "train").is_dir() and test_folder:
        parts = [_listing(path / "train"), _listing(test_folder)]
        if parts[0].classes != parts[1].classes:
            raise InputError("folder_classes_differ", path=text)
    else:
        parts = [_listing(path)]
    files = sum(len(part.samples) for part in parts)
    check_size(files, (3, side, side))
    cache = root / f"folder-{_key(parts, side, seed)}"
    return load(cache) or save(_make(parts, side, seed, progress), cache)


def _listing(path: Path) -> Any:
    try:
        listing = torchvision().datasets.ImageFolder(path, allow_empty=True)
    except FileNotFoundError as problem:  # no class sub-folder
        raise InputError("folder_empty", path=str(path)) from problem
    if not listing.samples:
        raise InputError("folder_empty", path=str(path))
    if len(listing.classes) < 2:
        raise InputError("folder_one_class", path=str(path), found=listing.classes[0])
    return listing


def _key(parts: list[Any], side: int, seed: int) -> str:
    """Changes when a file is added, removed or rewritten."""
    digest = hashlib.blake2b(f"{side} {seed}".encode(), digest_size=8)
    for file, label in (sample for part in parts for sample in part.samples):
        facts = Path(file).stat()
        digest.update(f"{file} {label} {facts.st_size} {facts.st_mtime_ns}".encode())
    return digest.hexdigest()


def _make(parts: list[Any], side: int, seed: int, progress: Progress) -> Prepared:
    total = sum(len(part.samples) for part in parts)
    done, broken, decoded = 0, [], []
    for part in parts:
        images, labels = [], []
        for file, label in part.samples:
            try:
                images.append(_decode(file, side))
                labels.append(label)
            except _UNREADABLE:
                broken.append(Path(file).name)
            done += 1
            if done % 50 == 0:
                progress("prepare", done / total)
        decoded.append((images, labels))
    if len(broken) > max(1, total * _BROKEN_SHARE):
        raise InputError("folder_broken", broken=len(broken), total=total, example=broken[0])
    notes = (Note("images_skipped", {"count": len(broken), "example": broken[0]}),) if broken else ()
    if any(not images for images, _ in decoded):
        raise InputError("folder_empty", path=str(parts[0].root))
    stacked = [(torch.from_numpy(np.stack(images)), torch.tensor(labels)) for images, labels in decoded]
    (train_x, train_y), (test_x, test_y) = stacked if len(stacked) == 2 else _split(*stacked[0], seed)
    digest = fingerprint(train_x, train_y, test_x, test_y)
    return Prepared(train_x, train_y, test_x, test_y, len(parts[0].classes), digest, notes)


def _decode(file: str, side: int) -> np.ndarray[Any, Any]:
    with Image.open(file) as image:
        square = ImageOps.fit(image.convert("RGB"), (side, side), Image.Resampling.BILINEAR)
    return np.asarray(square).transpose(2, 0, 1)


def _split(x: Tensor, y: Tensor, seed: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    is_test = torch.zeros(len(y), dtype=torch.bool)
    for label in y.unique():
        members = (y == label).nonzero().flatten()
        members = members[torch.randperm(len(members), generator=generator)]
        is_test[members[: max(1, int(len(members) * _TEST_SHARE)) if len(members) > 1 else 0]] = True
    return (x[~is_test].contiguous(), y[~is_test]), (x[is_test].contiguous(), y[is_test])
