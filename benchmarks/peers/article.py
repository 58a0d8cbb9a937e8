"""The article's loop: a DataLoader over tensors, each batch to the device, forward, backward, update."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.peers import images, networks, protocol

LIBRARY = protocol.named("torch")


def prepare(model_name: str, batch: int, _: str) -> protocol.Prepared:
    device = torch.device("cpu")
    dataset = TensorDataset(*map(torch.from_numpy, images.load(model_name)))
    loader = DataLoader(dataset, batch_size=batch, shuffle=True, drop_last=True)
    model = networks.build(model_name).to(device)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=images.LEARNING_RATE)
    epochs: Iterable[tuple[Tensor, Tensor]] = itertools.chain.from_iterable(itertools.repeat(loader))
    endless = iter(epochs)

    def train(steps: int) -> None:
        for inputs, labels in itertools.islice(endless, steps):
            inputs, labels = inputs.to(device), labels.to(device)
            optimizer.zero_grad()
            outputs = model(inputs)
            loss = criterion(outputs, labels)
            loss.backward()
            optimizer.step()

    return "DataLoader over tensors", protocol.by_steps(protocol.timed(train), batch)
