"""Records as the database's rows and back. Only `store` uses it."""

from __future__ import annotations

import dataclasses
import functools
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from core.analysis.machines import kind_elsewhere
from core.analysis.quality import Badge
from core.codec import from_plain, to_plain
from core.errors import InputError, StoreError
from core.records import JobSpec, Note, Origin, RunResult, Setup, Status, Workload
from core.runs.store.schema import setup_text

JobState = Literal["queued", "running", "finished", "failed", "cancelled", "interrupted"]

# An index's entry has at most 2,700 bytes in PostgreSQL, and a file may tell of hardware with any name.
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What of a run a list shows or is filtered by and can be derived from it; computed by the caller."""

    samples_per_s: float | None = None
    epoch_s: float | None = None
    test_accuracy: float | None = None
    quality: Badge | None = None


@dataclass(frozen=True, slots=True)
class RunRow:
    """A stored run as a list shows it."""

    id: str
    job_id: str
    position: int
    created_at: str
    status: Status
    origin: Origin
    workload: Workload
    setup: Setup
    device_name: str | None
    samples_per_s: float | None
    epoch_s: float | None
    test_accuracy: float | None
    quality: Badge | None  # None: stored by a Crossover that didn't keep it
    name: str | None
    tags: tuple[str, ...]
    elsewhere: str | None = None  # the kind of the other machine that a cluster measured it on


@dataclass(frozen=True, slots=True)
class SweptRow:
    """A stored run as a sweep over models, batch sizes and setups counts it."""

    id: str
    job_id: str
    model: str
    batch_size: int
    setup: Setup
    device_name: str | None
    status: Status
    samples_per_s: float | None
    created_at: str
    origin: Origin
    elsewhere: str | None = None  # as in a RunRow


@dataclass(frozen=True, slots=True)
class JobRow:
    """A stored job. `owner` is the server process answering for it, as "host:pid:start"."""

    id: str
    created_at: str
    state: JobState
    spec: JobSpec
    owner: str
    heartbeat_at: str  # UTC, ISO 8601
    failure: Note | None
    visitor: str | None
    elsewhere: str | None = None  # as in a RunRow


SWEPT = tuple(item.name for item in dataclasses.fields(SweptRow))
_OF_WORKLOAD = tuple(item.name for item in dataclasses.fields(Workload))
_AS_THEY_ARE = tuple(
    item.name for item in dataclasses.fields(RunRow) if item.name not in ("workload", "setup", "tags")
)


def run_values(result: RunResult, summary: RunSummary) -> dict[str, Any]:
    """The columns of a run's row, and `of_job`, which its position is counted in."""
    return {
        "id": result.id,
        "job_id": result.job_id,
        "of_job": result.job_id,
        "created_at": result.created_at,
        "status": result.status,
        "origin": result.origin,
        **to_plain(result.spec.workload),
        "device": result.spec.setup.device,
        "setup": setup_text(result.spec.setup),
        **_hardware(result),
        **to_plain(summary),
        "document": zlib.compress(dump(result).encode(), level=1),
    }


def unstored(result: RunResult, summary: RunSummary) -> RunRow:
    """The row of a run that isn't stored: as the store would list it, without a name and tags."""
    return RunRow(
        id=result.id,
        job_id=result.job_id,
        position=0,
        created_at=result.created_at,
        status=result.status,
        origin=result.origin,
        workload=result.spec.workload,
        setup=result.spec.setup,
        name=None,
        tags=(),
        **_hardware(result),
        **dataclasses.asdict(summary),
    )


def shortened(name: str) -> str:
    """A device's or a machine's name as it is stored and looked for."""
    return name[:_LONGEST_NAME]


def _hardware(result: RunResult) -> dict[str, Any]:
    names = {
        "device_name": None if result.environment is None else result.environment.device.name,
        "elsewhere": kind_elsewhere(result),
    }
    return {column: None if name is None else shortened(name) for column, name in names.items()}


def dump(record: RunResult | JobSpec | Note) -> str:
    try:
        return json.dumps(to_plain(record), allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise StoreError("database_write_failed", problem=str(error)) from error


def unpack(run_id: str, document: bytes) -> RunResult:
    try:
        return from_plain(RunResult, json.loads(zlib.decompress(document)))
    except (zlib.error, ValueError, InputError) as error:
        raise StoreError("stored_run_malformed", run=run_id, problem=_problem(error)) from error


def workload_of(row: sa.RowMapping) -> Workload:
    return Workload(**{name: row[name] for name in _OF_WORKLOAD})


def run_row(row: sa.RowMapping) -> RunRow:
    rest = {name: row[name] for name in _AS_THEY_ARE}
    setup = Setup(**json.loads(row["setup"]))
    return RunRow(workload=workload_of(row), setup=setup, tags=tuple(row["tags"].splitlines()), **rest)


def swept_row(row: sa.RowMapping) -> SweptRow:
    rest = {name: row[name] for name in SWEPT if name != "setup"}
    return SweptRow(setup=_setup(row["setup"]), **rest)


@functools.lru_cache(maxsize=256)
def _setup(text: str) -> Setup:
    """Of thousands of rows only a few differ in it."""
    return Setup(**json.loads(text))


def tags_text(tags: Sequence[str]) -> str:
    """One a line: what lies between two tags is then no part of a text that is looked for."""
    return "\n".join(tags)


def job_row(row: sa.RowMapping) -> JobRow:
    try:
        spec = from_plain(JobSpec, json.loads(row["spec"]))
        failure = None if row["failure"] is None else from_plain(Note, json.loads(row["failure"]))
    except (ValueError, InputError) as error:
        raise StoreError("stored_job_malformed", job=row["id"], problem=_problem(error)) from error
    return JobRow(**{**row, "spec": spec, "failure": failure})


def _problem(error: Exception) -> str:
    return "{where}: {problem}".format(**error.facts) if isinstance(error, InputError) else str(error)
