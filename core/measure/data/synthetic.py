"""`synthetic`: random images of any shape, for pure speed. There is nothing to learn, so no accuracy."""

from __future__ import annotations

import re
from pathlib import Path

import torch

from core.errors import InputError
from core.measure.data.prepared import Prepared, Progress, check_size, fingerprint

_PATTERN = re.compile(
    r"synthetic(?::(\d{1,4})x(\d{1,5})x(\d{1,5})(?:,classes=(\d{1,5}))?(?:,images=(\d{1,8}))?)?"
)
_SMALL = (1, 28, 28)
_IMAGES = 60_000
_BYTES = 512 * 2**20  # large images: as many as fit in this much memory


def prepare(name: str, seed: int, root: Path, progress: Progress) -> Prepared:
    """`synthetic` is 1x28x28 in 10 classes; `synthetic:3x224x224,classes=1000,images=2048` says all of it."""
    match = _PATTERN.fullmatch(name)
    if match is None:
        raise InputError("bad_synthetic", dataset=name)
    channels, height, width = (int(text) for text in match.groups()[:3]) if match[1] else _SMALL
    classes = int(match[4] or 10)
    size = channels * height * width
    if size == 0 or classes < 2:
        raise InputError("bad_synthetic", dataset=name)
    images = int(match[5] or min(_IMAGES, max(256, _BYTES // size)))
    if images < 1:
        raise InputError("bad_synthetic", dataset=name)
    check_size(images, (channels, height, width))
    progress("prepare", None)
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(0, 256, (images, channels, height, width), generator=generator, dtype=torch.uint8)
    y = torch.randint(0, classes, (images,), generator=generator)
    return Prepared(x, y, x[:0], y[:0], classes, fingerprint(x[:1024], y))
