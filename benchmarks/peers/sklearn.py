"""scikit-learn's MLPClassifier, on images that are floats already: it would make float64 of bytes."""

from __future__ import annotations

import itertools

import numpy as np
from sklearn.neural_network import MLPClassifier

from benchmarks.peers import images, protocol

LIBRARY = protocol.named("scikit-learn")


def prepare(model: str, batch: int, _: str) -> protocol.Prepared:
    pixels, labels = images.load(model)
    inputs = pixels.reshape(len(pixels), -1) * np.float32(2 / 255) - np.float32(1)
    network = MLPClassifier(
        hidden_layer_sizes=(512,),
        activation="relu",
        solver="sgd",
        learning_rate_init=images.LEARNING_RATE,
        batch_size=batch,
        alpha=0.0,
        momentum=0.0,
        nesterovs_momentum=False,
    )
    classes = np.arange(images.CLASSES)
    most = len(labels) // batch
    starts = itertools.cycle(range(most))

    def train(steps: int) -> None:
        """One pass over so many batches' images, which it shuffles."""
        start = min(next(starts), most - steps) * batch
        part = slice(start, start + steps * batch)
        network.partial_fit(inputs[part], labels[part], classes=classes)

    return "partial_fit, float32", protocol.by_steps(protocol.timed(train), batch, most=most)
