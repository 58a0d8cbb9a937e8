"""Finished jobs as the live panel showed them, moment by moment, from their records. It must not have a clock.

The replay of a job starts LEAD_S before its first block: building and warming up are left out, and said to be.
The runs of one job that took turns stay on their common clock; of several jobs each has a start of its own.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from core.records import Block, CpuSample, EpochRecord, GpuSample, RunResult
from core.runs.queue.assemble import RunInProgress

LEAD_S = 0.5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Told(Generic[T]):
    """Things in the order in which they were told, and when that was, in seconds of the replay."""

    things: tuple[T, ...]
    at_s: tuple[float, ...]

    def until(self, elapsed_s: float) -> tuple[T, ...]:
        return self.things[: bisect.bisect_right(self.at_s, elapsed_s)]

    def latest(self, elapsed_s: float) -> T | None:
        count = bisect.bisect_right(self.at_s, elapsed_s)
        return self.things[count - 1] if count else None


@dataclass(frozen=True, slots=True)
class Track:
    """One run."""

    result: RunResult
    blocks: Told[Block]
    epochs: Told[EpochRecord]

    @property
    def end_s(self) -> float:
        return max((*self.blocks.at_s[-1:], *self.epochs.at_s[-1:]))


@dataclass(frozen=True, slots=True)
class JobReplay:
    """The runs of one job, on one clock."""

    tracks: tuple[Track, ...]
    cpu: Told[CpuSample]
    gpus: dict[str, Told[GpuSample]]
    left_out_s: float  # of the job, before the replay starts

    @property
    def results(self) -> tuple[RunResult, ...]:
        return tuple(track.result for track in self.tracks)


@dataclass(frozen=True, slots=True)
class Replay:
    jobs: tuple[JobReplay, ...]
    duration_s: float


@dataclass(frozen=True, slots=True)
class JobMoment:
    """What the live panel showed of a job: its runs, in the order of its results, and its sensors' readings."""

    runs: tuple[RunInProgress, ...]
    latest: tuple[CpuSample | None, dict[str, GpuSample]]


@dataclass(frozen=True, slots=True)
class Moment:
    jobs: tuple[JobMoment, ...]
    elapsed_s: float
    fraction: float
    left_s: float

    @property
    def over(self) -> bool:
        return self.left_s <= 0


def prepare(results: Iterable[RunResult]) -> Replay:
    """The replay of runs that have blocks, at least one of them."""
    jobs: dict[str, list[RunResult]] = {}
    for result in results:
        jobs.setdefault(result.job_id, []).append(result)
    replays = tuple(map(_job, jobs.values()))
    return Replay(replays, max(track.end_s for job in replays for track in job.tracks))


def moment(replay: Replay, elapsed_s: float) -> Moment:
    """What was known `elapsed_s` after the replay's start."""
    elapsed_s = min(max(elapsed_s, 0.0), replay.duration_s)
    return Moment(
        tuple(_job_moment(job, elapsed_s) for job in replay.jobs),
        elapsed_s,
        elapsed_s / replay.duration_s,
        replay.duration_s - elapsed_s,
    )


def _job(results: Sequence[RunResult]) -> JobReplay:
    start_s = min(block.start_s for result in results for block in result.blocks) - LEAD_S
    cpu: Told[CpuSample] = Told((), ())
    gpus: dict[str, Told[GpuSample]] = {}
    for result in results:
        telemetry, device = result.telemetry, result.environment and result.environment.device
        if telemetry is None:
            continue
        cpu = cpu if cpu.things else _told((sample.at_s - start_s, sample) for sample in telemetry.cpu)
        if telemetry.gpu:
            name = device.uuid or device.name if device else result.spec.setup.device
            gpus[name] = _told((sample.at_s - start_s, sample) for sample in telemetry.gpu)
    return JobReplay(tuple(_track(result, start_s) for result in results), cpu, gpus, max(0.0, start_s))


def _track(result: RunResult, start_s: float) -> Track:
    """A block was told when it ended, an epoch after its last block and the evaluation."""
    blocks = [(block.start_s - start_s + block.duration_s, block) for block in result.blocks]
    ends: dict[int, float] = {}
    for at_s, block in blocks:
        ends[block.epoch] = max(at_s, ends.get(block.epoch, 0.0))
    epochs, at_s = [], 0.0
    for record in sorted(result.epochs, key=lambda record: record.epoch):
        at_s = max(at_s, ends.get(record.epoch, 0.0))  # of an epoch that no block is of: with the one before
        epochs.append((at_s + record.evaluation_s, record))
    return Track(result, _told(blocks), _told(epochs))


def _told(pairs: Iterable[tuple[float, T]]) -> Told[T]:
    ordered = sorted(pairs, key=lambda pair: pair[0])
    return Told(tuple(thing for _at_s, thing in ordered), tuple(at_s for at_s, _thing in ordered))


def _job_moment(job: JobReplay, elapsed_s: float) -> JobMoment:
    gpus = {name: sample for name, told in job.gpus.items() if (sample := told.latest(elapsed_s))}
    runs = tuple(_run(track, elapsed_s) for track in job.tracks)
    return JobMoment(runs, (job.cpu.latest(elapsed_s), gpus))


def _run(track: Track, elapsed_s: float) -> RunInProgress:
    result, over = track.result, elapsed_s >= track.end_s
    blocks = track.blocks.until(elapsed_s)
    return RunInProgress(
        result.spec,
        phase="over" if over else "running" if blocks else "building",
        status=result.status if over else None,
        blocks=list(blocks),
        epochs=list(track.epochs.until(elapsed_s)),
        failure=result.failure if over else None,
    )
