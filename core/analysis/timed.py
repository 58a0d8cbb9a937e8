"""What can be read off the timed blocks: rates, whole epochs, what the sensors said meanwhile."""

from __future__ import annotations

import bisect
import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from core.errors import InputError
from core.records import Block, RunResult

# A setup that takes turns with another starts each block with a few untimed steps, so a whole epoch is never
# inside blocks. With this share of its images timed the rest is taken at the epoch's own rate; with less,
# the epoch's time is a projection and called so.
MEASURED_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class EpochTime:
    epoch: int
    seconds: float
    timed_share: float  # of the epoch's images that were inside timed blocks


class _Sample(Protocol):
    @property
    def at_s(self) -> float: ...


S = TypeVar("S", bound=_Sample)


def seconds_per_sample(result: RunResult) -> tuple[float, ...]:
    """One for each timed block, in the order of time.

    Raises InputError("malformed_record") for a block without samples or without a duration, which only an
    imported record can hold.
    """
    _refuse_impossible(result)
    return tuple(block.duration_s / block.samples for block in result.blocks)


def samples_per_epoch(result: RunResult) -> int | None:
    """Images in one epoch; the last, smaller batch is left out by every loop. None: not known."""
    if result.data is None:
        return None
    batch = result.spec.workload.batch_size
    return result.data.train_samples // batch * batch or None


def timed_fraction(result: RunResult) -> float | None:
    """Images in timed blocks, extra blocks included, in epochs: 0.07, 1.0, 3.2."""
    whole = samples_per_epoch(result)
    return sum(block.samples for block in result.blocks) / whole if whole else None


def measured_epochs(result: RunResult) -> tuple[EpochTime, ...]:
    """The epochs of the workload that were run to their end and timed (see MEASURED_SHARE)."""
    whole = samples_per_epoch(result)
    if whole is None:
        return ()
    finished = {record.epoch for record in result.epochs if record.samples >= whole}
    epochs = []
    for epoch, blocks in _by_epoch(result).items():
        timed = sum(block.samples for block in blocks)
        if timed >= whole or (epoch in finished and timed >= MEASURED_SHARE * whole):
            seconds = sum(block.duration_s for block in blocks) * whole / timed
            epochs.append(EpochTime(epoch, seconds, timed / whole))
    return tuple(epochs)


def proper_blocks(result: RunResult) -> tuple[Block, ...]:
    """Without the extra blocks after the last epoch, which only narrow the rate's interval."""
    return tuple(block for block in result.blocks if block.epoch <= result.spec.workload.epochs)


def images_seen(result: RunResult) -> tuple[float, ...]:
    """For each proper block, the images the model had trained on by the block's middle.

    Untimed steps between blocks count too: they are spread over their epoch evenly, as the record says how
    many an epoch had, and not where.
    """
    _refuse_impossible(result)
    ran = {record.epoch: record.samples for record in result.epochs}
    seen, before = [], 0.0
    for epoch, blocks in _by_epoch(result).items():
        timed = sum(block.samples for block in blocks)
        stretch = max(1.0, ran.get(epoch, timed) / timed)
        for block in blocks:
            seen.append(before + block.samples * stretch / 2)
            before += block.samples * stretch
    return tuple(seen)


def during_blocks(result: RunResult, samples: Iterable[S]) -> tuple[S, ...]:
    """Those sensor samples that were taken while this run was being timed."""
    blocks = sorted(result.blocks, key=lambda block: block.start_s)
    starts = [block.start_s for block in blocks]
    inside = []
    for sample in samples:
        index = bisect.bisect_right(starts, sample.at_s) - 1
        if index >= 0 and sample.at_s <= starts[index] + blocks[index].duration_s:
            inside.append(sample)
    return tuple(inside)


def other_load_pct(result: RunResult) -> float | None:
    """What other programs used of the whole machine while this run was timed, 0 to 100: the middle reading."""
    cores = result.environment.machine.cpu.logical_cores if result.environment else None
    if result.telemetry is None or cores is None:
        return None
    others = [
        sample.load_pct - sample.worker_pct / cores
        for sample in during_blocks(result, result.telemetry.cpu)
        if sample.load_pct is not None and sample.worker_pct is not None
    ]
    return max(0.0, statistics.median(others)) if others else None


def _refuse_impossible(result: RunResult) -> None:
    for index, block in enumerate(result.blocks):
        if block.samples <= 0 or not (math.isfinite(block.duration_s) and block.duration_s > 0):
            problem = "needs samples and a duration above 0"
            raise InputError("malformed_record", where=f"RunResult.blocks[{index}]", problem=problem)


def _by_epoch(result: RunResult) -> dict[int, list[Block]]:
    epochs: dict[int, list[Block]] = {}
    for block in proper_blocks(result):
        epochs.setdefault(block.epoch, []).append(block)
    return epochs
