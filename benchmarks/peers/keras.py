"""Keras 3, `model.fit` on arrays, on the backend that its argument names: torch or jax.

Tried and slower here: more steps per execution on JAX, compiling on torch (3x).
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

os.environ["KERAS_BACKEND"] = sys.argv[2]
os.environ["JAX_PLATFORMS"] = os.environ["KERAS_TORCH_DEVICE"] = "cpu"

import keras
from keras import layers

from benchmarks.peers import images, protocol

LIBRARY = f"{protocol.named('keras')} on {protocol.named(sys.argv[2])}"


class _Clock(keras.callbacks.Callback):
    """The seconds of an epoch, without what a call of `fit` does once."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seconds = time.perf_counter() - self.started


def _mlp() -> list[Any]:
    return [layers.Flatten(), layers.Dense(512, activation="relu"), layers.Dense(images.CLASSES)]


def _cnn() -> list[Any]:
    return [
        layers.Conv2D(6, 5, padding="same", activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(16, 5, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(120, activation="relu"),
        layers.Dense(84, activation="relu"),
        layers.Dense(images.CLASSES),
    ]


def prepare(model: str, batch: int, _: str) -> protocol.Prepared:
    inputs, labels = images.load(model)
    inputs = inputs.transpose(0, 2, 3, 1)  # channels last, its default
    network = keras.Sequential(
        [
            keras.Input(inputs.shape[1:], dtype="uint8"),
            layers.Rescaling(2 / 255, offset=-1),
            *{"mlp": _mlp, "cnn": _cnn}[model](),
        ]
    )
    network.compile(
        optimizer=keras.optimizers.SGD(images.LEARNING_RATE),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    clock = _Clock()

    def train(steps: int) -> float:
        part = slice(0, steps * batch)
        network.fit(inputs[part], labels[part], batch_size=batch, verbose=0, callbacks=[clock])
        return clock.seconds

    return "fit", protocol.by_steps(train, batch, most=len(labels) // batch)
