"""The project's own timed blocks in this process, as `core.measure.job` runs them in its worker."""

from __future__ import annotations

import time
from pathlib import Path

import torch

from benchmarks import work
from core.measure.data import Prepared, prepare
from core.measure.trainee import Trainee
from core.records import DataPath, RunSpec, Setup, Workload

BLOCK_S = 0.1
_ENDLESS = 10**9
_BUDGET_S = 60.0  # as a run's; the search for the best thread count takes its share of it
_DEFAULT_THREADS = torch.get_num_threads()


def images(folder: Path, quick: bool) -> Prepared:
    """The job's data set, prepared once in that folder of the benchmark's."""
    return prepare(work.dataset(quick), 0, folder / "datasets", lambda *_: None)


def warmed_up(data: Prepared, batch_size: int, threads: int | None, data_path: DataPath) -> Trainee:
    """The article's network, built and warmed up as for a run; `threads` None: the best of a search."""
    workload = Workload(batch_size=batch_size, epochs=_ENDLESS)
    spec = RunSpec(workload, Setup(threads=threads, data_path=data_path))
    trainee = Trainee(spec, data, _DEFAULT_THREADS, time.perf_counter())
    trainee.warm_up(_BUDGET_S, None, 0.0)
    return trainee


def block_rate(trainee: Trainee, seconds: float, lead_in: float) -> float:
    """Images per second of one block, as a run reports them; the epoch is closed where it ends."""
    block, _ = trainee.block(seconds, lead_in)
    if trainee.epoch_complete:
        trainee.end_epoch(max_evaluation_s=0.0)
    return block.samples / block.duration_s
