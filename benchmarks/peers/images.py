"""The same images for every peer: random bytes in memory, made from a seed. It must know numpy only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

CLASSES = 10
LEARNING_RATE = 0.01
# How many, and their channels, height and width.
_SIZES = {"mlp": (60_000, 1, 28, 28), "cnn": (60_000, 1, 28, 28), "resnet18": (4_096, 3, 32, 32)}


def load(model: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (n, channels, height, width) and labels (n,) to train a model on."""
    chance = np.random.default_rng(0)
    size = _SIZES[model]
    return chance.integers(0, 256, size, dtype=np.uint8), chance.integers(0, CLASSES, size[0])


def batches(images: int, batch: int, chunk: int = 1) -> Iterator[NDArray[np.int32]]:
    """Indices (chunk, batch) without end, each epoch in an order of its own; what is left over is dropped."""
    chance = np.random.default_rng(1)
    size = chunk * batch
    while True:
        order = chance.permutation(images).astype(np.int32)
        for start in range(0, images - size + 1, size):
            yield order[start : start + size].reshape(chunk, batch)
