"""Gradients that several processes average, and what that costs them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from core.measure.loops import Loop
from core.records import Backend, Communication

_MIB = 2**20
_FIRST_BUCKET, _BUCKET = 1 * _MIB, 25 * _MIB  # DistributedDataParallel's own

_SECONDS, _SHARE = 2.0, 0.1  # at most so long, and at most that share of the time for a setup
_TURNS = (5, 15)
_TURN_S, _ALONE_S = (0.02, 0.05), 0.02


def averaged(model: nn.Module, device: torch.device) -> DistributedDataParallel:
    """The model with its gradients averaged over all workers, bucket by bucket, during the backward pass."""
    with warnings.catch_warnings():
        # torch 2.13 has a new name for broadcast_buffers, which those before it don't know
        warnings.simplefilter("ignore", FutureWarning)
        return DistributedDataParallel(
            model,
            device_ids=[device] if device.type != "cpu" else None,
            # Buffers are batch normalisation's running means, which no training step reads: the first worker,
            # which is the one that tests, would only send its own around at each step.
            broadcast_buffers=False,
            # Gradients are views of what is sent: a copy less. static_graph, which saves a search for unused
            # weights, saves nothing here: none is looked for.
            gradient_as_bucket_view=True,
        )


def meet() -> None:
    """Return when every worker has come here: by the host, whatever its device still does."""
    dist.all_reduce(torch.zeros(1))


@dataclass(frozen=True)
class Timed:
    """The bracket of `core.measure.trainee` for a pass of its own."""

    seconds: Callable[[Loop, int], float]  # of so many steps, on all workers
    step_s: float
    max_seconds: float  # that the setup was timed for


def measure(model: DistributedDataParallel, loop: Loop, device: torch.device, timed: Timed) -> Communication:
    """Short blocks in turns with gradients averaged and with each worker for itself; then averaging alone.

    `loop` trains `model`, whose weights are worth nothing afterwards: they part from worker to worker.
    """

    def apart(steps: int, kept: list[Tensor]) -> None:
        with model.no_sync():
            loop(steps, kept)

    buckets = [torch.zeros(size // 4, device=device) for size in bucket_bytes(model.module)]

    def alone(times: int, kept: list[Tensor]) -> None:
        for _ in range(times):
            under_way = [dist.all_reduce(bucket, async_op=True) for bucket in buckets]
            for work in under_way:
                work.wait()

    each_s = min(_SECONDS, _SHARE * timed.max_seconds) / 2
    (fewest, most), (shortest, longest) = _TURNS, _TURN_S
    turns = max(fewest, min(most, round(each_s / max(shortest, timed.step_s))))
    steps = max(1, round(min(longest, each_s / turns) / timed.step_s))
    timed.seconds(loop, steps)  # wakes all of them
    both: dict[Loop, list[float]] = {loop: [], apart: []}
    for turn in range(turns):
        for kind in (loop, apart) if turn % 2 == 0 else (apart, loop):
            both[kind].append(timed.seconds(kind, steps) / steps)
    timed.seconds(alone, 1)  # the first touches the memory
    times = max(1, min(100, round(_ALONE_S / timed.seconds(alone, 1))))
    alone_s = tuple(timed.seconds(alone, times) / times for _ in range(turns))
    backend: Backend = "nccl" if device.type == "cuda" else "gloo"
    size = sum(bucket.nbytes for bucket in buckets)
    return Communication(backend, size, tuple(both[loop]), tuple(both[apart]), alone_s)


def bucket_bytes(model: nn.Module) -> list[int]:
    """As DistributedDataParallel fills its buckets: from the last weights to the first, until one is full."""
    return list(
        _filled(weight.numel() * weight.element_size() for weight in reversed(list(model.parameters())))
    )


def _filled(sizes: Iterable[int]) -> Iterator[int]:
    held, room = 0, _FIRST_BUCKET
    for size in sizes:
        held += size
        if held >= room:
            yield held
            held, room = 0, _BUCKET
    if held:
        yield held
