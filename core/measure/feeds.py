"""The data paths: how a step gets its batch. All of them give the same batches in the same order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from core.errors import MeasurementError
from core.measure.data import Prepared
from core.measure.devices import free_bytes
from core.records import DataPath

Batch = tuple[Tensor, Tensor]  # uint8 images (batch, channels, height, width), int64 labels (batch,)

# Of the device's free memory: the rest is for the model and its activations.
_RESIDENT_SHARE = 0.8


class Feed(Protocol):
    """Batches without end, epoch after epoch; the last short batch of an epoch is dropped."""

    copies: bool  # whether `to_device` moves data from host to device

    def fetch(self) -> Batch:
        """The next batch, wherever the data path keeps it."""

    def to_device(self, batch: Batch) -> Batch:
        """The batch on the device."""


def order(samples: int, seed: int, epoch: int) -> Tensor:
    """The order of an epoch's images, int64 (samples,): drawn on the CPU, so that it is the same everywhere."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    return torch.randperm(samples, generator=generator)


class LoaderFeed:
    """A DataLoader over tensors and one `.to(device)` for each batch, as the article writes it."""

    copies = True

    def __init__(self, data: Prepared, batch_size: int, seed: int, device: torch.device, epoch: int) -> None:
        self._dataset = TensorDataset(data.train_x, data.train_y)
        self._batch_size, self._seed, self._device = batch_size, seed, device
        self._batches = self._endless(epoch)

    def _endless(self, epoch: int) -> Iterator[Batch]:
        while True:
            indices = order(len(self._dataset), self._seed, epoch).tolist()
            yield from DataLoader(self._dataset, self._batch_size, sampler=indices, drop_last=True)
            epoch += 1

    def fetch(self) -> Batch:
        images, labels = next(self._batches)
        return images, labels

    def to_device(self, batch: Batch) -> Batch:
        return batch[0].to(self._device), batch[1].to(self._device)


class ResidentFeed:
    """The whole data set on the device as bytes; a batch is taken by index, nothing is copied in the loop."""

    copies = False

    def __init__(self, data: Prepared, batch_size: int, seed: int, device: torch.device, epoch: int) -> None:
        self._x, self._y = data.train_x.to(device), data.train_y.to(device)  # no copy once it is `placed`
        self._batch_size, self._seed, self._device = batch_size, seed, device
        self._indices = self._endless(epoch)

    def _endless(self, epoch: int) -> Iterator[Tensor]:
        while True:
            indices = order(len(self._y), self._seed, epoch).to(self._device)
            whole = len(self._y) // self._batch_size * self._batch_size
            yield from indices[:whole].split(self._batch_size)
            epoch += 1

    def fetch(self) -> Batch:
        indices = next(self._indices)
        return self._x.index_select(0, indices), self._y.index_select(0, indices)

    def to_device(self, batch: Batch) -> Batch:
        return batch


def placed(path: DataPath, data: Prepared, device: torch.device) -> Prepared:
    """The data where the path keeps it, so that all of a setup's feeds share one copy.

    Raises MeasurementError where it doesn't fit on the device.
    """
    if path == "loader":
        return data
    needed, free = data.train_x.nbytes, free_bytes(device)
    if free is not None and needed > free * _RESIDENT_SHARE:
        gib = {"needed_gib": round(needed / 2**30, 1), "free_gib": round(free / 2**30, 1)}
        raise MeasurementError("resident_too_large", **gib)
    return replace(data, train_x=data.train_x.to(device), train_y=data.train_y.to(device))


def make(path: DataPath, data: Prepared, batch_size: int, seed: int, device: torch.device, epoch: int) -> Feed:
    """The feed of a data path, from the start of an epoch (1-based; 0 is for warming up)."""
    kind = LoaderFeed if path == "loader" else ResidentFeed
    return kind(data, batch_size, seed, device, epoch)
