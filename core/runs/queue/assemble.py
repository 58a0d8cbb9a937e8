"""A worker's events folded into results: one fold for the live panel, the end, and what a cancel leaves."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Literal

from core.codec import from_plain
from core.records import (
    Anatomy,
    Block,
    ColdStart,
    Communication,
    DataInfo,
    Device,
    Environment,
    EpochRecord,
    JobSpec,
    LessonTrial,
    Limits,
    Machine,
    Memory,
    Note,
    RunResult,
    RunSpec,
    Software,
    Status,
    Telemetry,
    ThreadTrial,
    Trace,
)

Phase = Literal["waiting", "building", "running", "over"]


@dataclass
class RunInProgress:
    """What is known of one setup so far."""

    spec: RunSpec
    phase: Phase = "waiting"
    status: Status | None = None
    threads: int | None = None
    thread_trials: list[ThreadTrial] = field(default_factory=list)
    data: DataInfo | None = None
    cold_start: ColdStart | None = None
    memory: Memory | None = None
    limits: Limits | None = None
    steps_per_epoch: int | None = None
    blocks: list[Block] = field(default_factory=list)
    first_losses: list[float] = field(default_factory=list)
    epochs: list[EpochRecord] = field(default_factory=list)
    anatomy: Anatomy | None = None
    communication: Communication | None = None
    trace: Trace | None = None
    lessons: tuple[LessonTrial, ...] = ()
    notes: list[Note] = field(default_factory=list)
    failure: Note | None = None

    def fraction(self, max_seconds: float) -> float:
        """How much of this run is done, 0 to 1: of its epochs or of its time, whichever is further."""
        if self.phase == "over":
            return 1.0
        if not self.steps_per_epoch or not self.blocks:
            return 0.0
        last = self.blocks[-1]
        in_epoch = sum(block.steps for block in self.blocks if block.epoch == last.epoch)
        epochs = last.epoch - 1 + in_epoch / self.steps_per_epoch
        spent_s = sum(block.duration_s for block in self.blocks)
        return min(1.0, max(epochs / self.spec.workload.epochs, spent_s / max_seconds))

    @property
    def trained(self) -> bool:
        """Whether the workload's epochs are done."""
        return bool(self.epochs) and self.epochs[-1].epoch >= self.spec.workload.epochs


class Assembly:
    """The events of one job, folded. Not thread-safe: the caller locks."""

    def __init__(self, job_id: str, job: JobSpec, created_at: str) -> None:
        self.job_id, self.job, self.created_at = job_id, job, created_at
        self.runs = [RunInProgress(spec) for spec in job.runs]
        self.preparing: tuple[str, float | None] | None = (
            None  # stage code and fraction, while data is prepared
        )
        self._first_block_at: float | None = None

    def add(self, event: dict[str, Any]) -> None:
        """Take in one event of `core.measure`."""
        kind = event["type"]
        if kind == "data":
            self.preparing = (event["stage"], event["fraction"])
            return
        self.preparing = None
        run = self.runs[event["run"]]
        if kind == "setup":
            run.phase = "building"
        elif kind == "warm":
            self._warm(run, event)
        elif kind == "block":
            run.phase = "running"
            run.blocks.append(from_plain(Block, event["block"]))
            run.first_losses += event["losses"]
            self._first_block_at = self._first_block_at or time.monotonic()
        elif kind == "epoch":
            run.epochs.append(from_plain(EpochRecord, event["epoch"]))
        elif kind == "anatomy":
            run.anatomy = from_plain(Anatomy, event["anatomy"])
        elif kind == "communication":
            run.communication = from_plain(Communication, event["communication"])
        elif kind == "trace":
            run.trace = from_plain(Trace, event["trace"])
        elif kind == "lessons":
            run.lessons = tuple(from_plain(LessonTrial, item) for item in event["lessons"])
        elif kind == "limits":
            run.limits = from_plain(Limits, event["limits"])
        elif kind == "note":
            run.notes.append(from_plain(Note, event["note"]))
        elif kind == "run_end":
            run.phase, run.status = "over", event["status"]
            run.failure = from_plain(Note, event["failure"]) if "failure" in event else None

    @staticmethod
    def _warm(run: RunInProgress, event: dict[str, Any]) -> None:
        run.threads = event["threads"]
        run.thread_trials = [from_plain(ThreadTrial, item) for item in event["thread_trials"]]
        run.data = from_plain(DataInfo, event["data"])
        run.cold_start = from_plain(ColdStart, event["cold_start"])
        run.memory = from_plain(Memory, event["memory"])
        run.steps_per_epoch = event["steps_per_epoch"]
        run.first_losses = list(event["losses"])

    @property
    def fraction(self) -> float:
        """How much of the job is done, 0 to 1; setups weigh alike."""
        return sum(run.fraction(self.job.max_seconds) for run in self.runs) / len(self.runs)

    @property
    def narrowing(self) -> bool:
        """Whether all work is done and measuring goes on only to narrow the interval."""
        return all(run.trained or run.phase == "over" for run in self.runs) and self.fraction >= 1

    @property
    def looking_closer(self) -> bool:
        """Whether everything is timed, and what explains it is being watched."""
        return all(run.phase == "over" for run in self.runs)

    @property
    def seconds_left(self) -> float | None:
        """At the pace since the first block; None before there is a pace."""
        if self._first_block_at is None or self.fraction < 0.02:
            return None
        elapsed = time.monotonic() - self._first_block_at
        return elapsed * (1 - self.fraction) / self.fraction

    def results(
        self,
        devices: dict[str, Device],
        telemetry: dict[str, Telemetry],
        machine: Machine | None,
        software: Software | None,
        unfinished: Status,
        failure: Note | None,
    ) -> tuple[RunResult, ...]:
        """Every setup's result, those that aren't over with the status `unfinished`.

        `devices` and `telemetry` are by the setups' device names; `failure` is told of unfinished runs.
        """
        results = []
        for index, run in enumerate(self.runs):
            device = devices.get(run.spec.setup.device)
            known = machine is not None and software is not None and device is not None
            results.append(
                RunResult(
                    id=f"{self.job_id}-{index}",
                    job_id=self.job_id,
                    spec=run.spec,
                    status=run.status or unfinished,
                    created_at=self.created_at,
                    environment=Environment(machine, software, device) if known else None,  # type: ignore[arg-type]
                    threads=run.threads,
                    thread_trials=tuple(run.thread_trials),
                    data=run.data,
                    cold_start=run.cold_start,
                    blocks=tuple(run.blocks),
                    first_losses=tuple(run.first_losses),
                    epochs=tuple(run.epochs),
                    anatomy=run.anatomy,
                    trace=run.trace,
                    lessons=run.lessons,
                    communication=run.communication,
                    memory=run.memory,
                    limits=run.limits,
                    telemetry=telemetry.get(run.spec.setup.device),
                    notes=tuple(run.notes),
                    failure=run.failure or (failure if run.status is None else None),
                )
            )
        return tuple(results)
