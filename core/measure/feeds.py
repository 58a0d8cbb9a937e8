"""The data paths: how a step gets its batch. All of them give the same batches in the same order."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, TensorDataset

from core.errors import MeasurementError
from core.measure.data import Prepared
from core.measure.devices import free_bytes
from core.measure.vision import torchvision
from core.records import DataPath, Setup

Batch = tuple[Tensor, Tensor]  # uint8 images (batch, channels, height, width), int64 labels (batch,)

# Of the device's free memory: the rest is for the model and its activations.
_RESIDENT_SHARE = 0.8
_MOST_WORKERS = 4  # more only help where a single image is expensive to load


class Feed(Protocol):
    """Batches without end, epoch after epoch; the last short batch of an epoch is dropped."""

    copies: bool  # whether `to_device` moves data from host to device

    def fetch(self) -> Batch:
        """The next batch, wherever the data path keeps it."""

    def to_device(self, batch: Batch) -> Batch:
        """The batch on the device."""

    def close(self) -> None:
        """End the processes it may have; nothing is fetched any more."""


def order(samples: int, seed: int, epoch: int) -> Tensor:
    """The order of an epoch's images, int64 (samples,): drawn on the CPU, so that it is the same everywhere."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    return torch.randperm(samples, generator=generator)


class LoaderFeed:
    """A DataLoader over tensors and one `.to(device)` for each batch, as the article writes it."""

    copies = True

    def __init__(
        self,
        data: Prepared,
        batch_size: int,
        seed: int,
        device: torch.device,
        epoch: int,
        pinned: bool = False,
        non_blocking: bool = False,
    ) -> None:
        self._pinned, self._non_blocking = pinned, non_blocking
        self._dataset: Any = self._images(data)
        self._batch_size, self._seed, self._device = batch_size, seed, device
        self._batches = self._endless(epoch)

    def _images(self, data: Prepared) -> Dataset[Any]:
        return TensorDataset(data.train_x, data.train_y)

    def _endless(self, epoch: int) -> Generator[Batch]:
        while True:
            indices = order(len(self._dataset), self._seed, epoch).tolist()
            yield from DataLoader(
                self._dataset, self._batch_size, sampler=indices, drop_last=True, pin_memory=self._pinned
            )
            epoch += 1

    def fetch(self) -> Batch:
        images, labels = next(self._batches)
        return images, labels

    def to_device(self, batch: Batch) -> Batch:
        images, labels = batch
        if self._non_blocking:
            return images.to(self._device, non_blocking=True), labels.to(self._device, non_blocking=True)
        return images.to(self._device), labels.to(self._device)

    def close(self) -> None:
        # Left to the garbage collector, which finalises a DataLoader's queues first, each of its processes
        # would wait five seconds for a message that can't come any more.
        self._batches.close()


class _Transformed(Dataset[tuple[Tensor, int]]):
    """An image at a time through PIL and torchvision's transforms, as torchvision's own data sets do it."""

    def __init__(self, data: Prepared) -> None:
        from torchvision import transforms  # after core.measure.vision has made it importable

        self._images, self._labels = data.train_x, data.train_y.tolist()
        half = (0.5,) * data.shape[0]  # to -1..1, as core.measure.models.FromBytes does
        self._to_picture = transforms.ToPILImage()
        self._transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(half, half)])

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self._transform(self._to_picture(self._images[index])), self._labels[index]


class TransformsFeed(LoaderFeed):
    """A DataLoader that transforms image by image in Python, as most tutorials write it; floats come out."""

    def _images(self, data: Prepared) -> Dataset[Any]:
        torchvision()
        return _Transformed(data)


class WorkersFeed(LoaderFeed):
    """A DataLoader in processes of its own; page-locked memory and a copy that the host doesn't wait for."""

    def _endless(self, epoch: int) -> Generator[Batch]:
        count = max(
            1, min(_MOST_WORKERS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2)
        )
        batches = DataLoader(
            self._dataset,
            batch_sampler=_Batches(len(self._dataset), self._batch_size, self._seed, epoch),
            num_workers=count,
            pin_memory=self._device.type == "cuda",
        )
        yield from batches

    def to_device(self, batch: Batch) -> Batch:
        return batch[0].to(self._device, non_blocking=True), batch[1].to(self._device, non_blocking=True)


class _Batches(Sampler[list[int]]):
    """Indices of batches without end: new processes for each epoch would cost more than the loading."""

    def __init__(self, samples: int, batch_size: int, seed: int, epoch: int) -> None:
        self._samples, self._batch_size, self._seed, self._epoch = samples, batch_size, seed, epoch

    def __iter__(self) -> Iterator[list[int]]:
        for epoch in itertools.count(self._epoch):
            whole = self._samples // self._batch_size * self._batch_size
            indices = order(self._samples, self._seed, epoch)[:whole]
            yield from (batch.tolist() for batch in indices.split(self._batch_size))


class ResidentFeed:
    """The whole data set on the device as bytes; a batch is taken by index, nothing is copied in the loop."""

    copies = False

    def __init__(self, data: Prepared, batch_size: int, seed: int, device: torch.device, epoch: int) -> None:
        self._x, self._y = data.train_x.to(device), data.train_y.to(device)  # no copy once it is `placed`
        self._batch_size, self._seed, self._device = batch_size, seed, device
        self._whole = len(self._y) // batch_size * batch_size
        self._epoch, self._at = epoch, 0
        self._order = self._ordered()

    def _ordered(self) -> Tensor:
        return order(len(self._y), self._seed, self._epoch)[: self._whole].to(self._device)

    def indices(self, steps: int) -> Tensor:
        """The next `steps` batches' images, int64 (steps * batch,); never across the end of an epoch."""
        if self._at == self._whole:
            self._epoch, self._at = self._epoch + 1, 0
            self._order = self._ordered()
        start, self._at = self._at, self._at + steps * self._batch_size
        if self._at > self._whole:
            raise ValueError("these steps would cross the end of the epoch")
        return self._order[start : self._at]

    def left_in_epoch(self) -> int:
        """Steps until the order is drawn anew."""
        return (self._whole - self._at) // self._batch_size or self._whole // self._batch_size

    def fetch(self) -> Batch:
        chosen = self.indices(1)
        return self._x.index_select(0, chosen), self._y.index_select(0, chosen)

    def to_device(self, batch: Batch) -> Batch:
        return batch

    def close(self) -> None:
        """Nothing to end."""


def placed(path: DataPath, data: Prepared, device: torch.device) -> Prepared:
    """The data where the path keeps it, so that all of a setup's feeds share one copy.

    Raises MeasurementError where it doesn't fit on the device.
    """
    if path != "resident":
        return data
    needed, free = data.train_x.nbytes, free_bytes(device)
    if free is not None and needed > free * _RESIDENT_SHARE:
        gib = {"needed_gib": round(needed / 2**30, 1), "free_gib": round(free / 2**30, 1)}
        raise MeasurementError("resident_too_large", **gib)
    return replace(data, train_x=data.train_x.to(device), train_y=data.train_y.to(device))


def make(setup: Setup, data: Prepared, batch_size: int, seed: int, device: torch.device, epoch: int) -> Feed:
    """The feed of a setup, from the start of an epoch (1-based; 0 is for warming up)."""
    kind = _KINDS[setup.data_path]
    if setup.pinned:
        not_waited_for = not setup.synchronous
        return kind(data, batch_size, seed, device, epoch, pinned=True, non_blocking=not_waited_for)
    return kind(data, batch_size, seed, device, epoch)


_KINDS: dict[DataPath, Callable[..., Feed]] = {
    "transforms": TransformsFeed,
    "loader": LoaderFeed,
    "workers": WorkersFeed,
    "resident": ResidentFeed,
}
