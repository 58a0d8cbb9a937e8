"""What timing costs: the project's timed loop against the same training written by hand."""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import SGD, Optimizer
from torch.utils.data import DataLoader, TensorDataset

from benchmarks import trainees
from benchmarks.pairing import Row, at_least, ratios, take_turns
from core.measure import models
from core.measure.data import Prepared
from core.measure.trainee import LEAD_IN_S, Trainee
from core.records import DataPath

_GOAL = at_least(0.99)
# One thread is the steadier; with the best thread count steps are shortest and any overhead weighs most.
_CASES: tuple[tuple[DataPath, int, int | None], ...] = (
    ("resident", 64, 1),
    ("resident", 256, 1),
    ("loader", 64, 1),
    ("loader", 256, 1),
    ("resident", 64, None),
    ("resident", 256, None),
)

Steps = Callable[[int], None]


def run(folder: Path, quick: bool) -> Iterator[Row]:
    data = trainees.images(folder, quick)
    block_s, pairs = (0.03, 2) if quick else (trainees.BLOCK_S, 20)
    for path, batch_size, threads in _CASES[:3:2] if quick else _CASES:
        trainee = trainees.warmed_up(data, batch_size, threads, path)
        measured = _against_bare(trainee, data, block_s, pairs)
        counted = "1 thread" if threads else f"threads as found best: {trainee.threads}"
        yield Row(f"timed / bare loop, {path}, batch {batch_size}, {counted}", ratios(measured), _GOAL)


def _against_bare(trainee: Trainee, data: Prepared, block_s: float, pairs: int) -> list[tuple[float, float]]:
    work = trainee.spec.workload
    model, _ = models.build(work.model, data.shape, data.classes, work.seed)
    optimiser = SGD(model.parameters(), lr=work.learning_rate)
    by_hand = _loader if trainee.spec.setup.data_path == "loader" else _resident
    take = by_hand(model, optimiser, data, work.batch_size)

    def ours() -> float:
        return trainees.block_rate(trainee, block_s, lead_in=LEAD_IN_S)

    def bare() -> float:
        with trainee.executing():  # the same thread count
            return _rate(take, trainee.step_s, block_s, work.batch_size)

    bare()
    ours()
    return take_turns(ours, bare, pairs)


def _rate(take: Steps, step_s: float, block_s: float, batch_size: int) -> float:
    """Images per second of about `block_s`, after untimed steps as the project's own blocks have them."""
    steps = max(1, round(block_s / step_s))
    take(max(1, round(LEAD_IN_S / step_s)))
    gc.disable()  # as in a block
    try:
        started = time.perf_counter()
        take(steps)
        return steps * batch_size / (time.perf_counter() - started)
    finally:
        gc.enable()


def _resident(model: nn.Module, optimiser: Optimizer, data: Prepared, batch_size: int) -> Steps:
    images, labels = data.train_x, data.train_y

    def epochs() -> Iterator[Tensor]:
        while True:
            order = torch.randperm(len(labels))
            yield from torch.split(order[: len(labels) // batch_size * batch_size], batch_size)

    batches = epochs()

    def take(steps: int) -> None:
        for indices in itertools.islice(batches, steps):
            outputs = model(images.index_select(0, indices))
            loss = functional.cross_entropy(outputs, labels.index_select(0, indices))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()

    return take


def _loader(model: nn.Module, optimiser: Optimizer, data: Prepared, batch_size: int) -> Steps:
    loader = DataLoader(TensorDataset(data.train_x, data.train_y), batch_size, shuffle=True, drop_last=True)
    batches: Iterable[tuple[Tensor, Tensor]] = itertools.chain.from_iterable(itertools.repeat(loader))
    endless = iter(batches)

    def take(steps: int) -> None:
        for images, labels in itertools.islice(endless, steps):
            loss = functional.cross_entropy(model(images), labels)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()

    return take
