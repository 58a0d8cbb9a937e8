"""`digits`: the real handwritten digits that ship with scikit-learn, grown to the size of MNIST.

1,797 images of 8x8 (E. Alpaydin, C. Kaynak, UCI "Optical Recognition of Handwritten Digits"). They are
split by original image *before* anything else, so that no augmented copy of a test image is trained on.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from core.errors import InputError
from core.measure.data.prepared import Prepared, Progress, fingerprint, load, save

TRAIN_IMAGES = 60_000
TEST_SHARE = 0.2
_VERSION = 1  # of the preparation below: a change makes old caches stale
_SIDE = 28
_DRAWN = 20  # the digit is drawn in 20x20 and centred, as in MNIST
_CHUNK = 4_000


def prepare(name: str, seed: int, root: Path, progress: Progress) -> Prepared:
    """60,000 augmented training images and 360 untouched test images, 1x28x28; from the cache if there."""
    if name != "digits":
        raise InputError("unknown_dataset", dataset=name, available="digits")
    cache = root / f"digits-v{_VERSION}-seed{seed}"
    return load(cache) or save(_make(seed, progress), cache)


def _make(seed: int, progress: Progress) -> Prepared:
    progress("prepare", 0.0)
    from sklearn.datasets import load_digits  # over a second: only when there is no cache

    source = load_digits()
    images = torch.from_numpy(source.images).div(16.0)[:, None]  # float64: rounding can't differ by machine
    labels = torch.from_numpy(source.target).long()
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(images), generator=generator)
    tests = int(len(images) * TEST_SHARE) + 1
    test, train = order[:tests], order[tests:]
    canvas = _enlarge(images)

    copies = math.ceil(TRAIN_IMAGES / len(train))
    chosen = train.repeat(copies)[:TRAIN_IMAGES]
    grown = torch.empty(TRAIN_IMAGES, 1, _SIDE, _SIDE, dtype=torch.uint8)
    for start in range(0, TRAIN_IMAGES, _CHUNK):
        part = chosen[start : start + _CHUNK]
        grown[start : start + _CHUNK] = _to_bytes(_deform(canvas[part], generator))
        progress("prepare", (start + len(part)) / TRAIN_IMAGES)
    test_x, train_y, test_y = _to_bytes(canvas[test]), labels[chosen], labels[test]
    return Prepared(grown, train_y, test_x, test_y, 10, fingerprint(grown, train_y, test_x, test_y))


def _enlarge(images: Tensor) -> Tensor:
    drawn = functional.interpolate(images, size=(_DRAWN, _DRAWN), mode="bicubic", align_corners=False)
    return functional.pad(drawn, [(_SIDE - _DRAWN) // 2] * 4)


def _deform(images: Tensor, generator: torch.Generator) -> Tensor:
    """A random rotation (15 degrees), scale (10 %), shear (0.1) and shift (2 pixels) for each image."""
    count = len(images)

    def uniform(reach: float) -> Tensor:
        return (torch.rand(count, generator=generator, dtype=torch.float64) * 2 - 1) * reach

    angle, scale, shear = uniform(math.radians(15)), 1 + uniform(0.1), uniform(0.1)
    shift_x, shift_y = uniform(2 / (_SIDE / 2)), uniform(2 / (_SIDE / 2))
    cos, sin = angle.cos() / scale, angle.sin() / scale
    rows = [cos, -sin + shear, shift_x, sin, cos, shift_y]
    matrix = torch.stack(rows, dim=1).view(count, 2, 3)
    grid = functional.affine_grid(matrix, [count, 1, _SIDE, _SIDE], align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear", align_corners=False)


def _to_bytes(images: Tensor) -> Tensor:
    return images.clamp(0, 1).mul(255).round().to(torch.uint8)
