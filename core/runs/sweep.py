"""Sweeping a grid of models and batch sizes: ordinary jobs, each chosen by what the last ones have shown."""

from __future__ import annotations

from dataclasses import dataclass

from core.records import Note, RunResult, Setup, Task


@dataclass(frozen=True)
class SweepSpec:
    """What is swept: every model at every batch size, all setups of a cell taking turns in one job."""

    models: tuple[str, ...]
    batch_sizes: tuple[int, ...]
    setups: tuple[Setup, ...]  # the first is the baseline
    dataset: str = "digits"
    task: Task = "train"
    learning_rate: float = 0.01
    seed: int = 0
    max_seconds: float = 300.0  # for all of it, by the wall's clock


@dataclass(frozen=True)
class Untried:
    """A cell that wasn't measured, and why: too_slow, out_of_memory at a smaller batch, no time left."""

    model: str
    batch_size: int
    setup: Setup
    reason: Note


@dataclass(frozen=True)
class Progress:
    """How far a sweep is, and everything that it has measured by now."""

    spec: SweepSpec
    measured: int = 0  # points: a model at a batch size, all setups
    planned: int = 0  # of the grid
    elapsed_s: float = 0.0
    job_id: str | None = None  # the job that is being measured or waits
    model: str | None = None  # of that job
    batch_size: int | None = None
    results: tuple[RunResult, ...] = ()
    untried: tuple[Untried, ...] = ()
    failure: Note | None = None
    cancelled: bool = False
    done: bool = False
