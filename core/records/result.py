"""One setup of one job, with everything that was measured.

SCHEMA_VERSION history
    1  first version
    2  Setup: the rungs of the ladder; RunResult.limits; Cpu.turbo
    3  Setup.cpp_calls; Cpu.virtual
    4  RunResult.trace and lessons; Setup.pinned and synchronous; JobSpec.trace and lessons
    5  Setup.workers; RunResult.communication
"""

from __future__ import annotations

from dataclasses import dataclass

from core.records.codes import Note, Origin, Status
from core.records.measured import (
    Anatomy,
    Block,
    ColdStart,
    Communication,
    DataInfo,
    EpochRecord,
    Idle,
    Limits,
    Memory,
    Telemetry,
    ThreadTrial,
)
from core.records.surroundings import Environment
from core.records.trace import LessonTrial, Trace
from core.records.work import RunSpec

SCHEMA_VERSION = 5


@dataclass(frozen=True, slots=True)
class RunResult:
    """One setup of one job, with everything that was measured."""

    id: str
    job_id: str
    spec: RunSpec
    status: Status
    created_at: str  # UTC, ISO 8601
    environment: Environment | None = None  # None: the run failed before the worker reported it
    threads: int | None = None  # intra-op threads actually used
    thread_trials: tuple[ThreadTrial, ...] = ()  # (): not searched, as the setup named a count or isn't a CPU's
    data: DataInfo | None = None
    cold_start: ColdStart | None = None
    blocks: tuple[Block, ...] = ()
    # One number for each of the first steps, to prove that the work is the same: the training loss;
    # for classify the loss, for extract the mean square of the features, taken before the clock starts.
    first_losses: tuple[float, ...] = ()
    epochs: tuple[EpochRecord, ...] = ()
    anatomy: Anatomy | None = None
    trace: Trace | None = None
    lessons: tuple[LessonTrial, ...] = ()
    communication: Communication | None = None  # of data-parallel workers
    memory: Memory | None = None
    limits: Limits | None = None
    telemetry: Telemetry | None = None
    idle: Idle | None = None
    notes: tuple[Note, ...] = ()
    failure: Note | None = None
    origin: Origin = "measured"
    schema_version: int = SCHEMA_VERSION
