"""Keeps jobs and runs in a database and finds them again: SQLite by default, PostgreSQL by URL.

It must not know how a run is measured, judged or shown, nor what time it is. Times are UTC, ISO 8601.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from core.analysis.quality import Badge
from core.records import JobSpec, Note, RunResult, Setup, Task, Workload
from core.runs.store import queries
from core.runs.store.labels import checked_name, checked_tags
from core.runs.store.queries import IS_OPEN, IS_THERE, OPEN
from core.runs.store.rows import (
    JobRow,
    JobState,
    RunRow,
    RunSummary,
    SweptRow,
    dump,
    job_row,
    run_row,
    run_values,
    swept_row,
    tags_text,
    unpack,
    unstored,
    workload_of,
)
from core.runs.store.schema import jobs, open_database, runs, speaking
from core.runs.wanted import Choices, Order, Wanted

__all__ = ["OPEN", "JobRow", "JobState", "RunRow", "RunSummary", "Store", "SweptRow", "unstored"]


class Store:
    """Jobs and runs in one database; safe to use from several threads and processes.

    SQLite keeps SQLAlchemy's QueuePool: a thread inside a transaction has a connection of its own (one
    shared connection would mix two threads' transactions), and a returned one stays open, which is most
    of an append's cost.
    """

    def __init__(self, url: str) -> None:
        """Open the database at `url`. Raises StoreError as `schema.open_database` does."""
        self._engine = open_database(url)
        self._upsert = queries.upsert(self._engine.dialect.name)

    def close(self) -> None:
        self._engine.dispose()

    def add_job(
        self,
        job_id: str,
        spec: JobSpec,
        created_at: str,
        owner: str,
        visitor: str | None = None,
        state: JobState = "queued",
        elsewhere: str | None = None,
    ) -> None:
        """Put a job in the queue; one that is `running` already is no other server's to go on with.

        `elsewhere`: the kind of the other machine that a cluster measures it on."""
        row = {"id": job_id, "created_at": created_at, "state": state, "spec": dump(spec), "owner": owner}
        also = {"heartbeat_at": created_at, "visitor": visitor, "elsewhere": elsewhere}
        with self._writing() as connection:
            connection.execute(jobs.insert().values({**row, **also}))

    def set_job_state(self, job_id: str, state: JobState, failure: Note | None = None) -> bool:
        """Move an open job to `state`. False: no such job, or it was closed already, which is final."""
        values = {"state": state, "failure": None if failure is None else dump(failure)}
        with self._writing() as connection:
            done = connection.execute(jobs.update().where(jobs.c.id == job_id, IS_OPEN).values(values))
        return done.rowcount == 1

    def beat(self, owner: str, at: str) -> None:
        """Say that the server `owner` is alive, for every open job that it answers for."""
        with self._writing() as connection:
            connection.execute(jobs.update().where(jobs.c.owner == owner, IS_OPEN).values(heartbeat_at=at))

    def job(self, job_id: str) -> JobRow | None:
        with self._reading() as connection:
            row = connection.execute(sa.select(jobs).where(jobs.c.id == job_id)).mappings().one_or_none()
        return None if row is None else job_row(row)

    def open_jobs(self) -> tuple[JobRow, ...]:
        """Queued and running jobs, oldest first."""
        query = sa.select(jobs).where(IS_OPEN).order_by(jobs.c.created_at, jobs.c.id)
        return tuple(map(job_row, self._rows(query)))

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
        mine = jobs.update().where(jobs.c.id == job_id, jobs.c.owner == previous, IS_OPEN)
        with self._writing() as connection:
            done = connection.execute(mine.values(owner=owner, heartbeat_at=at))
        return done.rowcount == 1

    def add_run(
        self,
        result: RunResult,
        samples_per_s: float | None = None,
        epoch_s: float | None = None,
        test_accuracy: float | None = None,
        quality: Badge | None = None,
    ) -> None:
        """Store a run, replacing what an earlier part of the same run has left. See add_runs."""
        self.add_runs([(result, RunSummary(samples_per_s, epoch_s, test_accuracy, quality))])

    def add_runs(self, results: Iterable[tuple[RunResult, RunSummary]]) -> None:
        """Store runs with their summaries, all or none.

        A run takes the place of a stored one with its id and origin, whose name and tags it keeps; an import
        never replaces a measurement. A new run is put behind its job's others; of a deleted one with its id
        nothing stays. Raises StoreError: disk_full, database_write_failed.
        """
        rows = [run_values(result, summary) for result, summary in results]
        if rows:
            with self._writing() as connection:
                connection.execute(self._upsert, rows)

    def run(self, run_id: str) -> RunResult | None:
        """The whole run. Raises StoreError("stored_run_malformed") where its document can't be read."""
        document = self._value(sa.select(runs.c.document).where(runs.c.id == run_id, IS_THERE))
        return None if document is None else unpack(run_id, document)

    def runs_of_job(self, job_id: str) -> tuple[RunResult, ...]:
        """The job's runs in their order. Raises like `run`, naming the run."""
        query = sa.select(runs.c.id, runs.c.document).where(runs.c.job_id == job_id, IS_THERE)
        rows = self._rows(query.order_by(runs.c.position, runs.c.id))
        return tuple(unpack(row["id"], row["document"]) for row in rows)

    def history(self, workload: Workload | None = None, limit: int = 50, offset: int = 0) -> tuple[RunRow, ...]:
        """Stored runs, of one workload or all, newest first; no document is read."""
        query = queries.listed(*queries.same(workload))
        return tuple(map(run_row, self._rows(query.limit(limit).offset(offset))))

    def alike(self, workload: Workload, limit: int) -> tuple[RunRow, ...]:
        """Runs with the same step, newest first: how many epochs it is repeated for, and from which weights and
        at what rate it learns, makes no difference to it."""
        return tuple(map(run_row, self._rows(queries.listed(*queries.alike(workload)).limit(limit))))

    def count(self, workload: Workload | None = None) -> int:
        return self._value(queries.count(queries.same(workload))) or 0

    def find(self, wanted: Wanted, order: Order, limit: int, offset: int) -> tuple[RunRow, ...]:
        """The runs that are `wanted`, in `order`: what wasn't measured last, among equals the newer first."""
        query = queries.listed(*queries.matching(wanted), order=order)
        return tuple(map(run_row, self._rows(query.limit(limit).offset(offset))))

    def row(self, run_id: str) -> RunRow | None:
        """A run as a list shows it."""
        return next(map(run_row, self._rows(queries.listed(runs.c.id == run_id))), None)

    def count_wanted(self, wanted: Wanted) -> int:
        return self._value(queries.count(queries.matching(wanted))) or 0

    def choices(self) -> Choices:
        """What the stored runs can be filtered by."""
        rows = self._rows(queries.choices())
        columns = ("model", "dataset", "device_name", "elsewhere")
        found = ({row[name] for row in rows} - {None} for name in columns)
        return Choices(*(tuple(sorted(values)) for values in found))

    def timed_workloads(self) -> tuple[tuple[Workload, str | None, int], ...]:
        """Each workload on each device's name that there is a rate of, and how many runs have one."""
        rows = self._rows(queries.timed_workloads())
        return tuple((workload_of(row), row["device_name"], row["runs"]) for row in rows)

    def swept(self, task: Task, dataset: str, limit: int = 5_000) -> tuple[SweptRow, ...]:
        """What a task was tried with on a data set, newest first; no document is read.

        Of each model, batch size, setup, device and origin the newest run that has a rate, and the newest that
        has none: failed ones tell where memory ends.
        """
        return tuple(map(swept_row, self._rows(queries.swept(task, dataset).limit(limit))))

    def mark(self) -> tuple[object, ...]:
        """The same for as long as no run came, went or grew, as far as a quick look can tell."""
        newest = self._rows(queries.newest())
        return (self.count(), *(tuple(row.values()) for row in newest))

    def kept(self, run_ids: Sequence[str]) -> frozenset[str]:
        """Those of the ids that a run is stored under."""
        return frozenset(row["id"] for row in self._rows(sa.select(runs.c.id).where(*queries.there(run_ids))))

    def visitors_of(self, run_ids: Sequence[str]) -> dict[str, str | None]:
        """Whose job each stored run is of, also of a deleted one, which only its visitor may bring back.
        None: an import, or measured for nobody in particular."""
        query = sa.select(runs.c.id, jobs.c.visitor).outerjoin(
            jobs, sa.and_(jobs.c.id == runs.c.job_id, runs.c.origin == "measured")
        )
        return {row["id"]: row["visitor"] for row in self._rows(query.where(runs.c.id.in_(run_ids)))}

    def latest_job(
        self, workload: Workload, setups: Sequence[Setup] | None = None, elsewhere: str | None = None
    ) -> str | None:
        """The newest job that measured this workload (and, if given, exactly these setups in any order)
        and got a rate from at least one run; none that a cluster measured on another machine, or with
        `elsewhere` only one on a machine of that kind."""
        job_id: str | None = self._value(queries.latest_job(workload, setups, elsewhere))
        return job_id

    def rename(self, run_id: str, name: str | None) -> bool:
        """Name a run; None or "" takes its name away. False: no such run. Raises InputError: bad_run_name."""
        return self._change(queries.there([run_id]), name=checked_name(name)) == 1

    def tag(self, run_id: str, tags: Iterable[str]) -> bool:
        """Give a run these tags in place of those it has. False: no such run. Raises InputError: bad_tags."""
        return self._change(queries.there([run_id]), tags=tags_text(checked_tags(tags))) == 1

    def delete_runs(self, run_ids: Sequence[str], at: str) -> int:
        """Delete runs at the time `at`, to be restored until they are purged; how many there were. An open job
        keeps its runs: its next part would bring them back."""
        return self._change([*queries.there(run_ids), queries.OF_CLOSED_JOB], deleted_at=at)

    def restore_runs(self, run_ids: Sequence[str]) -> int:
        """Take deletions back; the number of runs that are there again."""
        return self._change(queries.deleted(run_ids), deleted_at="")

    def purge(self, deleted_before: str, created_before: str | None = None) -> int:
        """Remove for good what was deleted, and what was measured, before these times; the number of runs.

        An open job keeps its runs. A closed one created before `created_before` goes with its last run.
        """
        old = queries.outdated(deleted_before, created_before)
        with self._writing() as connection:
            gone = connection.execute(runs.delete().where(*old)).rowcount
            if created_before is not None:
                connection.execute(jobs.delete().where(*queries.empty_jobs(created_before)))
        return gone

    def _change(self, which: Sequence[sa.ColumnElement[bool]], **values: object) -> int:
        with self._writing() as connection:
            return connection.execute(runs.update().where(*which).values(values)).rowcount

    def _rows(self, query: sa.Select[Any]) -> Sequence[sa.RowMapping]:
        with self._reading() as connection:
            return connection.execute(query).mappings().all()

    def _value(self, query: sa.Select[Any]) -> Any:
        with self._reading() as connection:
            return connection.scalar(query)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with speaking("database_unreadable"), self._engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with speaking("database_write_failed"), self._engine.begin() as connection:
            yield connection
