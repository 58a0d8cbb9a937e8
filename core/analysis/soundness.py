"""Refuses stored runs that can't have been measured: impossible numbers, or ones that contradict each other.

A record's types and finiteness are `core.codec`'s to check; this is about what its numbers say together.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from core.analysis.trace_soundness import refuse_unsound_trace
from core.errors import InputError
from core.records import SCHEMA_VERSION, Block, RunResult, Telemetry

# Beyond these a time is a slip of the pen, and a ratio of two may be no number.
_BLOCK_SECONDS = (1e-9, 1e9)
# Clock readings are rounded to floats: blocks may touch within this.
_TOUCHING_S = 1e-6

_CORES = ("physical_cores", "logical_cores", "usable_cores", "quota_cores")

_UTC = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3}|\.[0-9]{6})?\+00:00")

_COMMUNICATION = ("averaged_s", "apart_s", "alone_s")
_READINGS = ("load_pct", "utilisation_pct", "power_w", "clock_hz", "sm_clock_hz", "energy_j")

Where = tuple[str, float]


def refuse_unsound(result: RunResult, where: str = "RunResult") -> None:
    """Raises InputError: schema_unreadable; or malformed_record with the place of the first contradiction."""
    if not 1 <= result.schema_version <= SCHEMA_VERSION:
        raise InputError("schema_unreadable", run=result.id, found=result.schema_version, known=SCHEMA_VERSION)
    for name, number in _above_zero(result):
        if not number > 0:
            raise _malformed(f"{where}.{name}", "must be above 0")
    for name, number in _not_negative(result):
        if not number >= 0:
            raise _malformed(f"{where}.{name}", "must not be below 0")
    for name, problem in itertools.chain(_impossible(result), _not_adding_up(result), _overlapping(result)):
        raise _malformed(f"{where}.{name}", problem)
    if result.trace is not None:
        refuse_unsound_trace(result.trace, f"{where}.trace")


def refuse_overlap(a: RunResult, b: RunResult) -> None:
    """Raises InputError("malformed_record") where two runs of one job have blocks at the same time.

    Setups of a job take turns; with blocks side by side each would have slowed the other.
    """
    if a.job_id != b.job_id:
        return
    marked = [(block, run) for run in (a, b) for block in run.blocks]
    for (early, first), (late, second) in _neighbours(marked):
        if _end(early) > late.start_s + _TOUCHING_S:
            problem = f"overlap in time, at {late.start_s:g} s of the job"
            raise _malformed(f"blocks of {first.id} and {second.id}", problem)


def _neighbours(
    marked: Sequence[tuple[Block, RunResult]],
) -> Iterator[tuple[tuple[Block, RunResult], tuple[Block, RunResult]]]:
    ordered = sorted(marked, key=lambda pair: pair[0].start_s)
    return (pair for pair in itertools.pairwise(ordered) if pair[0][1] is not pair[1][1])


def _above_zero(result: RunResult) -> Iterator[Where]:
    yield "spec.workload.batch_size", result.spec.workload.batch_size
    yield "spec.workload.epochs", result.spec.workload.epochs
    yield "spec.setup.workers", result.spec.setup.workers
    if result.threads is not None:
        yield "threads", result.threads
    if result.telemetry:
        yield "telemetry.interval_s", result.telemetry.interval_s
    if result.environment:
        counts = ((name, getattr(result.environment.machine.cpu, name)) for name in _CORES)
        yield from ((f"environment.machine.cpu.{name}", count) for name, count in counts if count is not None)
    if result.data:
        yield "data.train_samples", result.data.train_samples
    for i, block in enumerate(result.blocks):
        for name in ("epoch", "steps", "samples", "duration_s"):
            yield f"blocks[{i}].{name}", getattr(block, name)
    for i, record in enumerate(result.epochs):
        for name in ("epoch", "steps", "samples"):
            yield f"epochs[{i}].{name}", getattr(record, name)
    for i, trial in enumerate(result.thread_trials):
        yield f"thread_trials[{i}].threads", trial.threads
        for j, seconds in enumerate(trial.seconds_per_sample):
            yield f"thread_trials[{i}].seconds_per_sample[{j}]", seconds
    for i, lesson in enumerate(result.lessons):
        if lesson.samples is not None:
            yield f"lessons[{i}].samples", lesson.samples
        for j, seconds in enumerate(lesson.seconds):
            yield f"lessons[{i}].seconds[{j}]", seconds
    for name in _COMMUNICATION if result.communication else ():
        for i, seconds in enumerate(getattr(result.communication, name)):
            yield f"communication.{name}[{i}]", seconds
    if result.limits and result.limits.flops_per_sample is not None:
        yield "limits.flops_per_sample", result.limits.flops_per_sample
    for i, rate in enumerate(result.limits.rates if result.limits else ()):
        yield f"limits.rates[{i}].work", rate.work
        for j, seconds in enumerate(rate.seconds):
            yield f"limits.rates[{i}].seconds[{j}]", seconds


def _not_negative(result: RunResult) -> Iterator[Where]:
    for holder in ("cold_start", "memory", "idle"):
        record = getattr(result, holder)
        for field in dataclasses.fields(record) if record else ():
            value = getattr(record, field.name)
            if isinstance(value, (int, float)):
                yield f"{holder}.{field.name}", value
    if result.communication:
        yield "communication.gradient_bytes", result.communication.gradient_bytes
    if result.data:
        for name in ("test_samples", "classes", "parameters"):
            yield f"data.{name}", getattr(result.data, name)
    for i, block in enumerate(result.blocks):
        yield f"blocks[{i}].start_s", block.start_s
    for i, record in enumerate(result.epochs):
        yield f"epochs[{i}].evaluation_s", record.evaluation_s
        yield f"epochs[{i}].test_samples", record.test_samples
    for stage in result.anatomy.stages if result.anatomy else ():
        for i, seconds in enumerate(stage.seconds):
            yield f"anatomy.{stage.stage}.seconds[{i}]", seconds
    for i, lesson in enumerate(result.lessons):
        if lesson.moved_bytes is not None:
            yield f"lessons[{i}].moved_bytes", lesson.moved_bytes


def _impossible(result: RunResult) -> Iterator[tuple[str, str]]:
    shortest, longest = _BLOCK_SECONDS
    for i, block in enumerate(result.blocks):
        if not shortest <= block.duration_s <= longest:
            yield f"blocks[{i}].duration_s", f"must be from {shortest:g} to {longest:g}"
    for i, record in enumerate(result.epochs):
        accuracy = record.test_accuracy
        if accuracy is not None and not 0 <= accuracy <= 1:
            yield f"epochs[{i}].test_accuracy", "must be from 0 to 1"
        if accuracy is not None and record.test_samples == 0:
            yield f"epochs[{i}].test_samples", "an accuracy needs test images"
    for i, trial in enumerate(result.thread_trials):
        if not trial.seconds_per_sample:
            yield f"thread_trials[{i}].seconds_per_sample", "is empty"
    for i, rate in enumerate(result.limits.rates if result.limits else ()):
        if not rate.seconds:
            yield f"limits.rates[{i}].seconds", "is empty"
    if result.communication and result.spec.setup.workers == 1:
        yield "communication", "a single worker has nobody to average gradients with"
    if result.limits and result.spec.setup.workers > 1:
        yield "limits", "are measured of a single worker only"
    for name in _COMMUNICATION if result.communication else ():
        times = getattr(result.communication, name)
        if not times:
            yield f"communication.{name}", "is empty"
        for i, seconds in enumerate(times):
            if not shortest <= seconds <= longest:
                yield f"communication.{name}[{i}]", f"must be from {shortest:g} to {longest:g}"
    idle = result.idle
    if idle and (idle.source is None) != (idle.power_w is None and idle.energy_j is None):
        yield "idle.source", "must name the sensor of the readings, and no other"
    if result.telemetry:
        yield from _impossible_readings(result.telemetry)
    if not _is_utc(result.created_at):
        yield "created_at", "needs a time in UTC, such as 2026-11-22T18:30:00+00:00"


def _is_utc(created_at: str) -> bool:
    """In the one spelling whose order as text is that of time."""
    try:
        return bool(_UTC.fullmatch(created_at)) and datetime.fromisoformat(created_at) is not None
    except ValueError:
        return False


def _impossible_readings(telemetry: Telemetry) -> Iterator[tuple[str, str]]:
    if telemetry.foreign_gpu_processes is not None and telemetry.foreign_gpu_processes < 0:
        yield "telemetry.foreign_gpu_processes", "must not be below 0"
    for part, samples in (("cpu", telemetry.cpu), ("gpu", telemetry.gpu)):
        for i, sample in enumerate(samples):
            for name in _READINGS:
                if (getattr(sample, name, None) or 0) < 0:
                    yield f"telemetry.{part}[{i}].{name}", "must not be below 0"


def _not_adding_up(result: RunResult) -> Iterator[tuple[str, str]]:
    """Images are whole batches, an epoch's record holds at least those of its blocks, and comes once."""
    batch = result.spec.workload.batch_size
    counts = [(f"blocks[{i}]", block.steps, block.samples) for i, block in enumerate(result.blocks)]
    counts += [(f"epochs[{i}]", record.steps, record.samples) for i, record in enumerate(result.epochs)]
    for name, steps, samples in counts:
        if samples != steps * batch:
            yield f"{name}.samples", f"{steps} steps of {batch} images aren't {samples}"
    whole = result.data.train_samples if result.data else None
    timed: Counter[int] = Counter()
    for block in result.blocks:
        timed[block.epoch] += block.samples
    seen: set[int] = set()
    for i, record in enumerate(result.epochs):
        if timed[record.epoch] > record.samples:
            problem = f"its blocks hold {timed[record.epoch]} images, the epoch only {record.samples}"
            yield f"epochs[{i}].samples", problem
        if whole is not None and record.samples > whole:
            yield f"epochs[{i}].samples", f"there are only {whole} training images"
        if record.epoch in seen:
            yield f"epochs[{i}].epoch", "comes twice"
        seen.add(record.epoch)


def _overlapping(result: RunResult) -> Iterator[tuple[str, str]]:
    for i, (early, late) in enumerate(itertools.pairwise(result.blocks)):
        if _end(early) > late.start_s + _TOUCHING_S:
            yield f"blocks[{i + 1}].start_s", "starts before the block before it has ended"


def _end(block: Block) -> float:
    return block.start_s + block.duration_s


def _malformed(where: str, problem: str) -> InputError:
    return InputError("malformed_record", where=where, problem=problem)
