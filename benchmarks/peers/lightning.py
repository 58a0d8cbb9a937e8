"""PyTorch Lightning: `Trainer(barebones=True)`, which leaves out all that isn't training.

The batches come from a DataLoader, as its guides have it (a worker makes it slower, 9x at batch 64). With the
argument `indexed` each batch is taken by all its indices at once: PyTorch's own advice for its DataLoader.
"""

from __future__ import annotations

import sys
import time

import lightning
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

from benchmarks.peers import images, networks, protocol

LIBRARY = protocol.named("lightning")

_INDEXED = "indexed" in sys.argv


class Classifier(lightning.LightningModule):
    def __init__(self, model: str) -> None:
        super().__init__()
        self.net = networks.build(model)
        self.started = self.ended = 0.0

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        inputs, labels = batch
        return functional.cross_entropy(self.net(inputs), labels)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=images.LEARNING_RATE)

    def on_train_start(self) -> None:
        self.started = time.perf_counter()

    def on_train_end(self) -> None:
        self.ended = time.perf_counter()


def prepare(model: str, batch: int, _: str) -> protocol.Prepared:
    dataset = TensorDataset(*map(torch.from_numpy, images.load(model)))
    if _INDEXED:
        sampler = BatchSampler(RandomSampler(dataset), batch, drop_last=True)
        loader = DataLoader(dataset, batch_size=None, sampler=sampler)
    else:
        loader = DataLoader(dataset, batch, shuffle=True, drop_last=True)
    module = Classifier(model)

    def train(steps: int) -> float:
        trainer = lightning.Trainer(barebones=True, accelerator="cpu", max_epochs=-1, max_steps=steps)
        trainer.fit(module, loader)
        return module.ended - module.started  # without what a trainer does once

    return "barebones, batches by index" if _INDEXED else "barebones", protocol.by_steps(train, batch)
