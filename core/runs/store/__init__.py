"""Keeps jobs and runs in a database and finds them again: SQLite by default, PostgreSQL by URL.

It must not know how a run is measured, judged or shown, nor what time it is. Times are UTC, ISO 8601.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from core.codec import from_plain, to_plain
from core.errors import InputError, StoreError
from core.records import JobSpec, Note, Origin, RunResult, Setup, Status, Workload
from core.runs.store.schema import jobs, open_database, runs, setup_text, speaking

JobState = Literal["queued", "running", "finished", "failed", "cancelled", "interrupted"]
OPEN: tuple[JobState, ...] = ("queued", "running")
_USABLE: tuple[Status, ...] = ("finished", "out_of_time", "cancelled")


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The derived numbers that a list of runs shows; computed by the caller."""

    samples_per_s: float | None = None
    epoch_s: float | None = None
    test_accuracy: float | None = None


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


_LISTED = tuple(column for column in runs.c if column is not runs.c.document)
_OF_A_STEP = ("task", "model", "dataset", "batch_size")
_mate = runs.alias()  # any run of the same job


class Store:
    """Jobs and runs in one database; safe to use from several threads and processes.

    SQLite keeps SQLAlchemy's QueuePool: a thread inside a transaction has a connection of its own (one
    shared connection would mix two threads' transactions), and a returned one stays open, which is most
    of an append's cost.
    """

    def __init__(self, url: str) -> None:
        """Open the database at `url`. Raises StoreError as `schema.open_database` does."""
        self._engine = open_database(url)
        self._upsert = _upsert(self._engine.dialect.name)

    def close(self) -> None:
        self._engine.dispose()

    def add_job(
        self, job_id: str, spec: JobSpec, created_at: str, owner: str, visitor: str | None = None
    ) -> None:
        """Put a job in the queue."""
        row = {"id": job_id, "created_at": created_at, "state": "queued", "spec": _dump(spec), "owner": owner}
        with self._writing() as connection:
            connection.execute(jobs.insert().values(row | {"heartbeat_at": created_at, "visitor": visitor}))

    def set_job_state(self, job_id: str, state: JobState, failure: Note | None = None) -> bool:
        """Move an open job to `state`. False: no such job, or it was closed already, which is final."""
        values = {"state": state, "failure": None if failure is None else _dump(failure)}
        with self._writing() as connection:
            done = connection.execute(jobs.update().where(jobs.c.id == job_id, _is_open()).values(values))
        return done.rowcount == 1

    def beat(self, owner: str, at: str) -> None:
        """Say that the server `owner` is alive, for every open job that it answers for."""
        with self._writing() as connection:
            connection.execute(jobs.update().where(jobs.c.owner == owner, _is_open()).values(heartbeat_at=at))

    def job(self, job_id: str) -> JobRow | None:
        with self._reading() as connection:
            row = connection.execute(sa.select(jobs).where(jobs.c.id == job_id)).mappings().one_or_none()
        return None if row is None else _job_row(row)

    def open_jobs(self) -> tuple[JobRow, ...]:
        """Queued and running jobs, oldest first."""
        query = sa.select(jobs).where(_is_open()).order_by(jobs.c.created_at, jobs.c.id)
        with self._reading() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(map(_job_row, rows))

    def orphaned(self, is_alive: Callable[[str], bool | None], stale_before: str) -> tuple[JobRow, ...]:
        """Open jobs whose owner is gone, oldest first.

        `is_alive(owner)` answers None where it can't tell (another host); the heartbeat decides then.
        """

        def gone(job: JobRow) -> bool:
            alive = is_alive(job.owner)
            return job.heartbeat_at < stale_before if alive is None else not alive

        return tuple(job for job in self.open_jobs() if gone(job))

    def adopt(self, job_id: str, owner: str, previous: str, at: str) -> bool:
        """Take an open job over from the owner `previous`. Of several servers trying, one gets True."""
        mine = jobs.update().where(jobs.c.id == job_id, jobs.c.owner == previous, _is_open())
        with self._writing() as connection:
            done = connection.execute(mine.values(owner=owner, heartbeat_at=at))
        return done.rowcount == 1

    def add_run(
        self,
        result: RunResult,
        samples_per_s: float | None = None,
        epoch_s: float | None = None,
        test_accuracy: float | None = None,
    ) -> None:
        """Store a run, replacing what an earlier part of the same run has left. See add_runs."""
        self.add_runs([(result, RunSummary(samples_per_s, epoch_s, test_accuracy))])

    def add_runs(self, results: Iterable[tuple[RunResult, RunSummary]]) -> None:
        """Store runs with their summaries, all or none.

        A run takes the place of a stored one with its id and origin; an import never replaces a
        measurement. A new run is put behind its job's others. Raises StoreError: disk_full,
        database_write_failed.
        """
        rows = [_run_values(result, summary) for result, summary in results]
        if rows:
            with self._writing() as connection:
                connection.execute(self._upsert, rows)

    def run(self, run_id: str) -> RunResult | None:
        """The whole run. Raises StoreError("stored_run_malformed") where its document can't be read."""
        with self._reading() as connection:
            document = connection.scalar(sa.select(runs.c.document).where(runs.c.id == run_id))
        return None if document is None else _unpack(run_id, document)

    def runs_of_job(self, job_id: str) -> tuple[RunResult, ...]:
        """The job's runs in their order. Raises like `run`, naming the run."""
        query = sa.select(runs.c.id, runs.c.document).where(runs.c.job_id == job_id)
        with self._reading() as connection:
            rows = connection.execute(query.order_by(runs.c.position, runs.c.id)).all()
        return tuple(_unpack(row.id, row.document) for row in rows)

    def history(self, workload: Workload | None = None, limit: int = 50, offset: int = 0) -> tuple[RunRow, ...]:
        """Stored runs, of one workload or all, newest first; no document is read."""
        query = sa.select(*_LISTED).where(*_same(workload))
        query = query.order_by(runs.c.created_at.desc(), runs.c.id.desc()).limit(limit).offset(offset)
        with self._reading() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(map(_run_row, rows))

    def alike(self, workload: Workload, limit: int) -> tuple[RunRow, ...]:
        """Runs with the same step, newest first: how many epochs it is repeated for, and from which weights and
        at what rate it learns, makes no difference to it."""
        query = sa.select(*_LISTED).where(*(runs.c[name] == getattr(workload, name) for name in _OF_A_STEP))
        query = query.order_by(runs.c.created_at.desc(), runs.c.id.desc()).limit(limit)
        with self._reading() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(map(_run_row, rows))

    def count(self, workload: Workload | None = None) -> int:
        with self._reading() as connection:
            found = connection.scalar(sa.select(sa.func.count()).select_from(runs).where(*_same(workload)))
        return found or 0

    def latest_job(self, workload: Workload, setups: Sequence[Setup] | None = None) -> str | None:
        """The newest job that measured this workload (and, if given, exactly these setups in any order)
        and got a rate from at least one run."""
        # Newest first, each run's job looked at by itself: mostly the first will do, however many are stored.
        usable = (_mate.c.status.in_(_USABLE), _mate.c.samples_per_s.is_not(None))
        query = sa.select(runs.c.job_id).where(*_same(workload), _mates(*usable) > 0)
        if setups is not None:
            query = query.where(*_same(setups[0]) if setups else [sa.false()], _mates() == len(setups))
            query = query.where(*(_mates(*_same(setup, _mate)) == setups.count(setup) for setup in setups))
        query = query.order_by(runs.c.created_at.desc(), runs.c.id.desc()).limit(1)
        with self._reading() as connection:
            job_id: str | None = connection.scalar(query)
        return job_id

    def delete_runs(self, run_ids: Sequence[str]) -> int:
        """Delete runs; the number of those that were there."""
        with self._writing() as connection:
            return connection.execute(runs.delete().where(runs.c.id.in_(run_ids))).rowcount

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with speaking("database_unreadable"), self._engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with speaking("database_write_failed"), self._engine.begin() as connection:
            yield connection


def _upsert(dialect: str) -> sa.Insert:
    insert = sqlite.insert
    if dialect == "postgresql":  # a slow import, which the first visitor of a server would wait for
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
    behind = sa.select(sa.func.coalesce(sa.func.max(runs.c.position) + 1, 0))
    behind = behind.where(runs.c.job_id == sa.bindparam("of_job"))
    statement = insert(runs).values(position=behind.scalar_subquery())
    replaced = [column.name for column in runs.c if column.name not in ("id", "position")]
    return statement.on_conflict_do_update(
        index_elements=[runs.c.id],
        set_={name: statement.excluded[name] for name in replaced},
        where=runs.c.origin == statement.excluded.origin,
    )


def _run_values(result: RunResult, summary: RunSummary) -> dict[str, Any]:
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
        "device_name": None if result.environment is None else result.environment.device.name,
        **to_plain(summary),
        "document": zlib.compress(_dump(result).encode(), level=1),
    }


def _dump(record: RunResult | JobSpec | Note) -> str:
    try:
        return json.dumps(to_plain(record), allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise StoreError("database_write_failed", problem=str(error)) from error


def _unpack(run_id: str, document: bytes) -> RunResult:
    try:
        return from_plain(RunResult, json.loads(zlib.decompress(document)))
    except (zlib.error, ValueError, InputError) as error:
        raise StoreError("stored_run_malformed", run=run_id, problem=_problem(error)) from error


def _run_row(row: sa.RowMapping) -> RunRow:
    workload = Workload(**{name: row[name] for name in _names(Workload)})
    setup = Setup(**json.loads(row["setup"]))
    rest = {name: row[name] for name in _names(RunRow) if name not in ("workload", "setup")}
    return RunRow(workload=workload, setup=setup, **rest)


def _names(kind: type[Workload | RunRow]) -> tuple[str, ...]:
    return tuple(item.name for item in dataclasses.fields(kind))


def _job_row(row: sa.RowMapping) -> JobRow:
    try:
        spec = from_plain(JobSpec, json.loads(row["spec"]))
        failure = None if row["failure"] is None else from_plain(Note, json.loads(row["failure"]))
    except (ValueError, InputError) as error:
        raise StoreError("stored_job_malformed", job=row["id"], problem=_problem(error)) from error
    return JobRow(**{**row, "spec": spec, "failure": failure})


def _problem(error: Exception) -> str:
    return "{where}: {problem}".format(**error.facts) if isinstance(error, InputError) else str(error)


def _is_open() -> sa.ColumnElement[bool]:
    return jobs.c.state.in_(OPEN)


def _same(wanted: Workload | Setup | None, table: sa.FromClause = runs) -> list[sa.ColumnElement[bool]]:
    if isinstance(wanted, Setup):
        return [table.c.setup == setup_text(wanted)]
    return [] if wanted is None else [table.c[name] == value for name, value in to_plain(wanted).items()]


def _mates(*conditions: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    """How many runs of the same job, and so of the same workload, meet the conditions on `_mate`."""
    query = sa.select(sa.func.count()).select_from(_mate).where(_mate.c.job_id == runs.c.job_id)
    return query.where(*conditions).correlate(runs).scalar_subquery()
