"""The devices to choose from: each with its fastest measured setup and what is known of it. Knows no prices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.analysis import start_up, stats
from core.analysis.crossover.sweep import Cell, Line, lines
from core.analysis.energy import energy, energy_absent
from core.analysis.leaderboard import Hardware
from core.analysis.quality import quality
from core.errors import InputError
from core.records import Estimate, Note, Precision, RunResult

Source = Literal["measured", "recorded", "imported", "predicted"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A device in one software, with the setup and the batch size that were the fastest on it."""

    device: Hardware
    software: str
    source: Source  # where the speed is from
    result: RunResult  # the run that it rests on
    batch_size: int
    seconds_per_image: Estimate
    start_s: float | None  # worker, data, building and first step; None: not measured
    power_w: float | None  # of the device while it trained, on average; None: `no_energy` says why
    no_energy: Note | None
    doubtful: bool  # by the run's quality badge
    cells: tuple[Cell, ...]  # of its setup, all batch sizes: what fitted into memory and what didn't

    @property
    def joules_per_image(self) -> float | None:
        return None if self.power_w is None else self.power_w * self.seconds_per_image.value

    @property
    def capacity_bytes(self) -> int | None:
        """The device's memory; of a processor the machine's."""
        known = self.result.environment
        if known is None:
            return None
        on_cpu = self.result.spec.setup.device == "cpu"
        return known.machine.memory_bytes if on_cpu else known.device.memory_bytes

    @property
    def pixels(self) -> int | None:
        """Of one image as the model took it."""
        return math.prod(self.result.data.input_shape[1:]) if self.result.data else None

    def size_factor(self, side: int | None) -> float:
        """How many times the measured pixels a square image has; 1 where either isn't known."""
        return side * side / self.pixels if side is not None and self.pixels else 1.0

    def at(self, batch_size: int) -> Cell | None:
        return next((cell for cell in self.cells if cell.batch_size == batch_size), None)


def candidates(
    runs: Sequence[RunResult], precision: Precision | None = None, batch_size: int | None = None
) -> tuple[Candidate, ...]:
    """One for each device, software and origin; the fastest first. Of one task, model and data set, and without
    what several GPUs did together.

    With a batch size the fastest at that one; where it wasn't measured, at any (`costed` labels it).
    Raises InputError("not_comparable") for runs of several tasks, models or data sets, and
    InputError("malformed_record") for impossible blocks.
    """
    for name in ("task", "model", "dataset"):
        if len({getattr(run.spec.workload, name) for run in runs}) > 1:
            raise InputError("not_comparable", fields=name)
    groups: dict[tuple[object, ...], list[Line]] = {}
    for line in lines(
        run for run in runs if precision in (None, run.spec.setup.precision) and _one_device(run)
    ):
        groups.setdefault((line.device, line.software, line.origin), []).append(line)
    found = (_fastest(group, batch_size) for group in groups.values())
    return tuple(sorted((one for one in found if one), key=lambda one: one.seconds_per_image.value))


def same(one: Candidate, other: Candidate | None) -> bool:
    """Whether both are one device with one setup, whatever its speed is taken to be."""
    return other is not None and (one.result.id, one.source) == (other.result.id, other.source)


def key(device: Hardware) -> str:
    """The name by which prices know a device: "NVIDIA H200", "AMD EPYC 9454 48-Core Processor, 16 cores"."""
    if device.cores is None:
        return device.name
    return f"{device.name}, {device.cores:g} {'core' if device.cores == 1 else 'cores'}"


def _one_device(run: RunResult) -> bool:
    """Workers on GPUs have one each, and prices are those of one."""
    return run.spec.setup.device == "cpu" or run.spec.setup.workers == 1


def _fastest(group: Sequence[Line], batch_size: int | None) -> Candidate | None:
    cells = [(cell, line) for line in group for cell in line.measured]
    wanted = [(cell, line) for cell, line in cells if cell.batch_size == batch_size]
    if not cells:
        return None
    return _candidate(*min(wanted or cells, key=lambda pair: _per_image(pair[0]).value))


def _candidate(cell: Cell, line: Line) -> Candidate:
    run = cell.result
    assert run is not None
    started, spent = start_up.start_up(run), energy(run)
    absent = energy_absent(run)
    # joules over seconds of the same blocks: the power that goes with the speed
    timed_s = sum(block.duration_s for block in run.blocks)
    return Candidate(
        device=line.device,
        software=line.software,
        source=line.origin,
        result=run,
        batch_size=cell.batch_size,
        seconds_per_image=_per_image(cell),
        start_s=started.to_first_step_s if started else None,
        power_w=spent.joules / timed_s if spent and spent.joules > 0 else None,
        no_energy=Note(absent or "energy_few_readings") if not (spent and spent.joules > 0) else None,
        doubtful=quality(run).badge == "doubtful",
        cells=line.cells,
    )


def _per_image(cell: Cell) -> Estimate:
    assert cell.step_s is not None
    return stats.scaled(cell.step_s, 1 / cell.batch_size)
