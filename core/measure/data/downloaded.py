"""`mnist`, `fashion-mnist` and `cifar10` through torchvision: used offline when the files are there."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
from torch import Tensor

from core.errors import InputError, MeasurementError
from core.measure.data.prepared import Prepared, Progress, fingerprint
from core.measure.vision import torchvision

_CLASSES = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST", "cifar10": "CIFAR10"}


def prepare(name: str, seed: int, root: Path, progress: Progress) -> Prepared:
    """The data set's own train and test split, downloaded into `root/downloads` on first use."""
    if name not in _CLASSES:
        raise InputError("unknown_dataset", dataset=name, available=", ".join(_CLASSES))
    folder = root / "downloads"
    train, test = (_part(name, folder, train=part, progress=progress) for part in (True, False))
    (train_x, train_y), (test_x, test_y) = _tensors(train), _tensors(test)
    digest = fingerprint(train_x, train_y, test_x, test_y)
    return Prepared(train_x, train_y, test_x, test_y, len(train.classes), digest)


def _part(name: str, folder: Path, *, train: bool, progress: Progress) -> Any:
    kind = getattr(torchvision().datasets, _CLASSES[name])
    try:
        return kind(folder, train=train, download=False)
    except RuntimeError:  # torchvision's way to say that the files aren't there
        progress("download", None)
    try:
        return kind(folder, train=train, download=True)
    except (URLError, RuntimeError, OSError) as problem:
        text = next(iter(str(getattr(problem, "reason", problem)).splitlines()), type(problem).__name__)
        raise MeasurementError("download_failed", dataset=name, problem=text) from problem


def _tensors(part: Any) -> tuple[Tensor, Tensor]:
    """Images as (n, channels, height, width): MNIST holds (n, h, w) tensors, CIFAR (n, h, w, c) arrays."""
    images = torch.as_tensor(part.data)
    images = images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2)
    return images.contiguous(), torch.as_tensor(part.targets)
