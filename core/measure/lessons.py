"""The article's lines tried one by one, each beside how it should be written. Apart from the timed blocks."""

from __future__ import annotations

import copy
import itertools
import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.measure import devices, feeds, models
from core.records import LessonTrial

if TYPE_CHECKING:
    from core.measure.trainee import Trainee

_SECONDS, _SHARE = 3.0, 0.3  # for all lessons at most so long, and at most that share of a setup's time
_REPEATS = (3, 25)
_MOST_BYTES = 64 << 20  # of images that are copied at once
_MOST_NUMBERS = 200_000  # of images as nested lists: each number is an object of Python's then
_LOSSES = (3, 60)  # the third loss is the first that shows whether gradients were set to zero
_STEPS = 5  # queued, before the clock is read

Run = Callable[[], float]  # does its work once; the seconds that it took
Lesson = Callable[["Trainee", float], Iterator[LessonTrial]]


def try_all(trainee: Trainee, max_seconds: float) -> tuple[LessonTrial, ...]:
    """Every lesson on the trainee's device; `max_seconds`: the time that its setup was timed for.

    Switches are as its setup wants them. One that needs more steps than there is time for is left out.
    """
    each_s = min(_SECONDS, _SHARE * max_seconds) / len(_LESSONS)
    return tuple(itertools.chain.from_iterable(lesson(trainee, each_s) for lesson in _LESSONS))


# --- data and model to the device ----------------------------------------------------------------


def _rebuild(trainee: Trainee, seconds: float) -> Iterator[LessonTrial]:
    """torch.tensor on images that are a tensor already, and on nested lists: on the host, where data begins."""
    images = _bounded(trainee.data.train_x)
    few = images[: max(1, _MOST_NUMBERS // images[0].numel())]
    lists = few.tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch's own advice not to: it is what is tried here
        found = _in_turns(
            {
                "tensor": _clocked(lambda: torch.tensor(images)),
                "as_tensor": _clocked(lambda: torch.as_tensor(images)),
                "list": _clocked(lambda: torch.tensor(lists)),
            },
            seconds,
        )
    copied = {"tensor": images.nbytes, "as_tensor": 0}
    for variant, times in found.items():
        samples = len(few if variant == "list" else images)
        yield LessonTrial("rebuild", variant, times, moved_bytes=copied.get(variant), samples=samples)


def _to_device(trainee: Trainee, seconds: float) -> Iterator[LessonTrial]:
    """An epoch's images and labels batch by batch, and all at once."""
    device, size = trainee.device, trainee.spec.workload.batch_size
    images = _bounded(trainee.data.train_x)
    images = images[: max(size, len(images) // size * size)]
    labels = trainee.data.train_y[: len(images)]
    batches = list(zip(images.split(size), labels.split(size), strict=True))

    def each_batch() -> None:
        for x, y in batches:
            x.to(device)
            y.to(device)

    def once() -> None:
        images.to(device)
        labels.to(device)

    runs = {"each_batch": _clocked(each_batch, device), "once": _clocked(once, device)}
    moved = 0 if device.type == "cpu" else images.nbytes + labels.nbytes
    for variant, times in _in_turns(runs, seconds).items():
        yield LessonTrial("to_device", variant, times, moved_bytes=moved, samples=len(images))


def _model_to_device(trainee: Trainee, seconds: float) -> Iterator[LessonTrial]:
    device = trainee.device
    on_host = copy.deepcopy(trainee.model).to("cpu")

    def run() -> float:
        fresh = copy.deepcopy(on_host)  # a model moves in place: there is none left to move again
        return _clocked(lambda: fresh.to(device), device)()

    kept = itertools.chain(on_host.parameters(), on_host.buffers())
    moved = 0 if device.type == "cpu" else sum(tensor.nbytes for tensor in kept)
    [times] = _in_turns({"model": run}, seconds).values()
    yield LessonTrial("model_to_device", "model", times, moved_bytes=moved)


def _bounded(images: Tensor) -> Tensor:
    return images[: max(1, _MOST_BYTES // images[0].nbytes)]


# --- the loop ------------------------------------------------------------------------------------


def _zero_grad(trainee: Trainee, seconds: float) -> Iterator[LessonTrial]:
    """The first losses with and without setting gradients to zero: same weights, same batches."""
    fewest, most = _LOSSES
    steps = min(most, int(seconds / 2 / trainee.step_s))
    if trainee.spec.workload.task != "train" or steps < fewest:
        return
    for variant in ("with", "without"):
        losses = tuple(itertools.takewhile(math.isfinite, _losses(trainee, steps, zero=variant == "with")))
        yield LessonTrial("zero_grad", variant, losses=losses, samples=trainee.spec.workload.batch_size)


def _losses(trainee: Trainee, steps: int, *, zero: bool) -> list[float]:
    work, data, device = trainee.spec.workload, trainee.data, trainee.device
    model = models.build(work.model, data.shape, data.classes, work.seed)[0].to(device)
    optimiser = torch.optim.SGD(model.parameters(), lr=work.learning_rate)
    feed = feeds.LoaderFeed(data, work.batch_size, work.seed, device, 1)
    kept = []
    for _ in range(steps):
        if zero:
            optimiser.zero_grad()
        loss = _forward_backward(trainee, model, feed.to_device(feed.fetch()))
        optimiser.step()
        kept.append(loss)
    feed.close()
    values: list[float] = torch.stack(kept).float().tolist()
    return values


def _synchronise(trainee: Trainee, seconds: float) -> Iterator[LessonTrial]:
    """A clock that is stopped when the last line returns, and one that waits until the device is done."""
    device, work = trainee.device, trainee.spec.workload
    if seconds < 2 * _REPEATS[0] * trainee.step_s:
        return
    steps = max(1, min(_STEPS, int(seconds / (2 * _REPEATS[0] * trainee.step_s))))
    model = copy.deepcopy(trainee.model)
    x, y = (
        trainee.data.train_x[: work.batch_size].to(device),
        trainee.data.train_y[: work.batch_size].to(device),
    )

    def several() -> None:
        for _ in range(steps):
            if work.task == "train":
                _forward_backward(trainee, model, (x, y))
            else:
                with torch.inference_mode(), trainee.autocast:
                    model(x)

    runs = {"unsynchronised": _clocked(several, device, wait=False), "synchronised": _clocked(several, device)}
    for variant, times in _in_turns(runs, seconds).items():
        yield LessonTrial("synchronise", variant, times, samples=steps * work.batch_size)


def _forward_backward(trainee: Trainee, model: nn.Module, batch: feeds.Batch) -> Tensor:
    with trainee.autocast:
        loss = functional.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    return loss.detach()


# --- how -----------------------------------------------------------------------------------------


def _clocked(work: Callable[[], object], device: torch.device | None = None, *, wait: bool = True) -> Run:
    """`work` between two readings of the clock; the device is idle at the first and, if it `wait`s, at both."""
    device = device or torch.device("cpu")

    def run() -> float:
        devices.synchronise(device)
        start = time.perf_counter()
        made = work()
        if wait:
            devices.synchronise(device)
        seconds = time.perf_counter() - start
        devices.synchronise(device)
        del made  # giving memory back isn't part of it
        return seconds

    return run


def _in_turns(runs: Mapping[str, Run], seconds: float) -> dict[str, tuple[float, ...]]:
    """The seconds of each repeat of each run, after one that isn't counted."""
    for run in runs.values():
        run()
    fewest, most = _REPEATS
    found: dict[str, list[float]] = {name: [] for name in runs}
    end = time.perf_counter() + seconds
    for repeat in range(most):
        if repeat >= fewest and time.perf_counter() > end:
            break
        for name, run in runs.items():
            found[name].append(run())
    return {name: tuple(times) for name, times in found.items()}


_LESSONS: tuple[Lesson, ...] = (_rebuild, _to_device, _model_to_device, _zero_grad, _synchronise)
