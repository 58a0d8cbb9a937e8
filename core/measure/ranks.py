"""One of the processes that train a setup together: its share of each batch, gradients averaged with all.

Every process does the same calls in the same order (core.measure.parallel passes them on). Whatever is decided
by a clock is decided by times that `_timed` makes the same for all: so they take the same number of steps.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from core.errors import CrossoverError, MeasurementError
from core.measure import devices, feeds, loops, marked, sharing
from core.measure.apart import State, send
from core.measure.data import Prepared
from core.measure.rank_process import Calls
from core.measure.trainee import Trainee
from core.records import ColdStart, Communication, Memory, Note, RunSpec

_OPENING_S = 10  # of a file: milliseconds, unless its folder is gone


class Share(feeds.ResidentFeed):
    """The batches that one worker would take, in the same order; of each this worker's part."""

    def __init__(
        self, data: Prepared, batch_size: int, seed: int, device: torch.device, epoch: int, part: slice
    ) -> None:
        super().__init__(data, batch_size, seed, device, epoch)
        self._part = part

    def fetch(self) -> feeds.Batch:
        chosen = self.indices(1)[self._part]
        return self._x.index_select(0, chosen), self._y.index_select(0, chosen)


class Rank(Trainee):
    """A Trainee that does its share; batches, samples and epochs are counted as everybody's together."""

    def __init__(self, spec: RunSpec, data: Prepared, threads: int, clock_origin: float) -> None:
        self.rank, self.workers = dist.get_rank(), dist.get_world_size()
        super().__init__(_for_rank(spec, self.rank), data, threads, clock_origin)
        if spec.setup.threads is None and self.device.type == "cpu":
            self._notes.append(Note("threads_shared_out", {"threads": threads, "workers": self.workers}))
        if self.device.type == "cuda":
            self._notes += _unlike(torch.device(spec.setup.device), self.workers)
        if any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in self.model.modules()):
            self._notes.append(Note("batch_norm_per_worker", {"workers": self.workers}))

    def _feed(self, epoch: int) -> feeds.Feed:
        work = self.spec.workload
        share = work.batch_size // self.workers
        part = slice(self.rank * share, (self.rank + 1) * share)
        feed = Share(self._placed, work.batch_size, work.seed, self.device, epoch, part)
        self._feeds.append(feed)
        return feed

    def _parts_of(self, model: nn.Module, feed: feeds.Feed, optimiser: torch.optim.SGD) -> marked.Parts:
        return super()._parts_of(sharing.averaged(model, self.device), feed, optimiser)

    def _timed(self, loop: loops.Loop, steps: int) -> tuple[float, float, list[Tensor]]:
        """From when the first of them begins until the last is done, by the clock that a machine's processes
        share; the same for all of them. Telling each other isn't timed: it may take as long as a short step."""
        began: list[float] = []

        def after_all(steps: int, kept: list[Tensor]) -> None:
            sharing.meet()
            began.append(time.perf_counter())
            loop(steps, kept)

        start, duration, kept = super()._timed(after_all, steps)
        ends = torch.tensor([-began[0], start + duration], dtype=torch.float64)
        dist.all_reduce(ends, dist.ReduceOp.MAX)
        before, end = ends.tolist()
        return -before, end + before, kept

    def _find_threads(self, max_seconds: float, loop: loops.Loop) -> None:
        """Nothing is searched: the cores are shared out."""

    def _read_losses(self, kept: list[Tensor]) -> tuple[list[float], float | None]:
        """As of the whole batch: all shares are of one size, so the mean of their means is its mean."""
        values = torch.cat([losses.reshape(-1) for losses in kept]).float().cpu()
        dist.all_reduce(values)
        return super()._read_losses([values / self.workers])

    def _evaluate(self, max_seconds: float) -> tuple[int, int, float]:
        """By the first worker alone: the weights are the same, and the others wait for their next call."""
        return super()._evaluate(max_seconds) if self.rank == 0 else (0, 0, 0.0)

    def warm_up(self, max_seconds: float, worker_start_s: float | None, data_s: float) -> ColdStart:
        cold = super().warm_up(max_seconds, worker_start_s, data_s)
        self.memory = self._everybodys(self.memory)
        return cold

    def _everybodys(self, own: Memory) -> Memory:
        """Of the host all processes' together; of the devices the first one's."""
        peaks = torch.tensor([own.host_peak_bytes or 0, own.host_peak_bytes is not None], dtype=torch.int64)
        dist.all_reduce(peaks)
        total, known = peaks.tolist()
        return Memory(total if known == self.workers else None, own.device_peak_bytes)

    def communicate(self, max_seconds: float) -> Communication:
        """What averaging costs, on the twin: the training itself is left alone."""
        with self.executing():
            model = self._rehearsed.model
            assert isinstance(model, DistributedDataParallel)
            timed = sharing.Timed(lambda loop, steps: self._timed(loop, steps)[1], self.step_s, max_seconds)
            return sharing.measure(model, self._rehearsal, self.device, timed)


def _unlike(first: torch.device, workers: int) -> list[Note]:
    """Where the GPUs aren't of one kind: the slowest sets the pace of all."""
    names = [torch.cuda.get_device_name((first.index or 0) + rank) for rank in range(workers)]
    if len(set(names)) == 1:
        return []
    return [Note("unlike_gpus", {"first": names[0], "others": ", ".join(sorted({*names} - {names[0]}))})]


def _for_rank(spec: RunSpec, rank: int) -> RunSpec:
    """The same on this worker's own device: the GPUs are those that follow the first."""
    device = torch.device(spec.setup.device)
    if device.type == "cpu":
        return spec
    return replace(spec, setup=replace(spec.setup, device=f"{device.type}:{(device.index or 0) + rank}"))


# --- the process ---------------------------------------------------------------------------------


def answer(line: Connection, calls: Calls, folder: str) -> None:
    """Do what is called for, one call after another, for as long as the process lives."""
    rank: Rank | None = None
    while True:
        name, arguments = calls.get()
        found: Any = None
        try:
            if name == "join":
                _join(folder, *arguments)
            elif name == "build":
                rank = Rank(*arguments)
            else:
                found = getattr(rank, name)(*arguments)
            kind = "answer"
        except (RuntimeError, MemoryError, ValueError, CrossoverError) as problem:
            kind, found = "problem", _told(problem)
        first = rank is not None and rank.rank == 0
        send(line, (kind, found, State.of(rank) if first and rank else None))


def _join(folder: str, device_name: str, patience_s: float) -> None:
    """Meet the others, as `torchrun` lets its processes do."""
    device, rank, workers = torch.device(device_name), int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    backend = "gloo"
    if device.type == "cuda":
        torch.cuda.set_device((device.index or 0) + int(os.environ["LOCAL_RANK"]))
        backend = "cpu:gloo,cuda:nccl"  # what is told between blocks is told from host to host
    # torchrun's own rendezvous is a TCPStore, which listens on every interface and asks nobody who they are;
    # a file in a folder that only this user may enter does the same for one machine.
    # Its constructor waits five minutes for a folder that is gone, as after a cancel, and lets no other thread
    # run meanwhile: the alarm ends the process.
    signal.alarm(_OPENING_S)
    store = dist.FileStore(f"{folder}/rendezvous", workers)  # type: ignore[attr-defined]
    signal.alarm(0)
    patience = timedelta(seconds=patience_s)
    dist.init_process_group(backend, store=store, rank=rank, world_size=workers, timeout=patience)
    devices.load_the_rest()
    sharing.meet()


def _told(problem: Exception) -> Exception:
    """The error for the measuring process: not every class of torch's survives the way."""
    if isinstance(problem, CrossoverError):
        return problem
    text = str(problem)
    full = isinstance(problem, (MemoryError, torch.OutOfMemoryError))
    # as the CPU's allocator says it, and CUDA and NCCL, which allocate by themselves
    if full or "can't allocate memory" in text or "out of memory" in text:
        # to look for a batch that fits, one process alone would have to take it
        return MemoryError(text)
    if "Expected more than 1 value per channel" in text:  # batch normalisation over a 1x1 picture
        return MeasurementError("worker_batch_needs_two")
    return RuntimeError(text)
