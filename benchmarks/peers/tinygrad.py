"""tinygrad: the whole step in a TinyJit, as in its own MNIST example. Its CPU device compiles with clang."""

from __future__ import annotations

import os
import shutil
import sys

if shutil.which(os.environ.get("CC", "clang")) is None:
    sys.exit("it compiles with clang, and there is none here")
os.environ["DEV"] = "CPU"

from tinygrad import Tensor, TinyJit, dtypes, nn
from tinygrad.helpers import Context

from benchmarks.peers import images, protocol

LIBRARY = protocol.named("tinygrad")


class Mlp:
    def __init__(self) -> None:
        self.fc1, self.fc2 = nn.Linear(784, 512), nn.Linear(512, images.CLASSES)

    def __call__(self, x: Tensor) -> Tensor:
        x = x.cast(dtypes.float32) * (2 / 255) - 1
        return self.fc2(self.fc1(x).relu())


def prepare(model: str, batch: int, _: str) -> protocol.Prepared:
    inputs, labels = images.load(model)
    x, y = Tensor(inputs.reshape(len(inputs), -1)).realize(), Tensor(labels.astype("int32")).realize()
    network = Mlp()
    optimiser = nn.optim.SGD(nn.state.get_parameters(network), lr=images.LEARNING_RATE)

    @TinyJit
    def step() -> Tensor:
        optimiser.zero_grad()
        rows = Tensor.randint(batch, high=len(labels))
        loss = network(x[rows]).sparse_categorical_crossentropy(y[rows]).backward()
        return loss.realize(*optimiser.schedule_step())

    def train(steps: int) -> None:
        with Context(TRAINING=1):
            for _ in range(steps):
                loss = step()
        loss.item()  # waits for it

    train(2)  # it is captured at its second call and replayed from the third
    return "TinyJit", protocol.by_steps(protocol.timed(train), batch)
