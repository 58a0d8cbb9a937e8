"""The store's questions in SQL: which rows, in what order, what takes whose place. Only `store` uses it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from core.codec import to_plain
from core.records import Setup, Status, Task, Workload
from core.runs.store.labels import can_be_in_one
from core.runs.store.rows import SWEPT, JobState, shortened
from core.runs.store.schema import BY_VALUE, NEWEST, jobs, runs, setup_text
from core.runs.wanted import Order, Wanted

OPEN: tuple[JobState, ...] = ("queued", "running")
_USABLE: tuple[Status, ...] = ("finished", "out_of_time", "cancelled")
_OF_A_STEP = ("task", "model", "dataset", "batch_size")
_OF_A_WORKLOAD = tuple(runs.c[item.name] for item in dataclasses.fields(Workload))
_LISTED = tuple(column for column in runs.c if column not in {runs.c.document, runs.c.deleted_at})
_OWN = {"id", "position", "name", "tags", "deleted_at"}  # what a run has from the store, not from its result

IS_OPEN: sa.ColumnElement[bool] = jobs.c.state.in_(OPEN)
IS_THERE = runs.c.deleted_at == ""

_ORDERS: dict[Order, tuple[sa.ColumnElement[Any], ...]] = {
    "newest": NEWEST,
    "oldest": (runs.c.created_at, runs.c.id),
    **{order: (*columns, *NEWEST) for order, columns in BY_VALUE.items()},
}

OF_CLOSED_JOB = runs.c.job_id.not_in(sa.select(jobs.c.id).where(IS_OPEN))


def listed(*conditions: sa.ColumnElement[bool], order: Order = "newest") -> sa.Select[Any]:
    """Runs as a list shows them, without their documents."""
    return sa.select(*_LISTED).where(IS_THERE, *conditions).order_by(*_ORDERS[order])


def alike(workload: Workload) -> list[sa.ColumnElement[bool]]:
    return [runs.c[name] == getattr(workload, name) for name in _OF_A_STEP]


def same(wanted: Workload | Setup | None, table: sa.FromClause = runs) -> list[sa.ColumnElement[bool]]:
    if isinstance(wanted, Setup):
        return [table.c.setup == setup_text(wanted)]
    return [] if wanted is None else [table.c[name] == value for name, value in to_plain(wanted).items()]


def there(run_ids: Sequence[str]) -> list[sa.ColumnElement[bool]]:
    # Said so that no index has it: SQLite would rather go through all that are there than look the ids up.
    return [runs.c.id.in_(run_ids), sa.func.length(runs.c.deleted_at) == 0]


def deleted(run_ids: Sequence[str]) -> list[sa.ColumnElement[bool]]:
    return [runs.c.id.in_(run_ids), runs.c.deleted_at != ""]


def matching(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    any_of = {
        runs.c.model: wanted.models,
        runs.c.dataset: wanted.datasets,
        runs.c.device_name: wanted.devices,
        runs.c.origin: wanted.origins,
        runs.c.quality: wanted.qualities,
    }
    conditions: list[sa.ColumnElement[bool]] = [column.in_(of) for column, of in any_of.items() if of]
    if wanted.since is not None:
        conditions.append(runs.c.created_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(runs.c.created_at < wanted.until)
    if wanted.machines:
        conditions.append(sa.or_(*map(_on, wanted.machines)))
    return [*conditions, *_saying(wanted.text.strip())]


def _on(machine: str | None) -> sa.ColumnElement[bool]:
    """A kind of a cluster's machines; None: this machine."""
    if machine is not None:
        return runs.c.elsewhere == machine
    return sa.and_(runs.c.elsewhere.is_(None), runs.c.origin == "measured")


def _saying(text: str) -> list[sa.ColumnElement[bool]]:
    if not text:
        return []
    if not can_be_in_one(text):
        return [sa.false()]
    return [sa.or_(*(column.icontains(text, autoescape=True) for column in (runs.c.name, runs.c.tags)))]


def count(conditions: Sequence[sa.ColumnElement[bool]]) -> sa.Select[Any]:
    number = sa.select(sa.func.count()).select_from(runs)
    if conditions:
        return number.where(IS_THERE, *conditions)
    # SQLite knows a whole table's rows without looking at each, and of the deleted there are few.
    deleted = number.where(runs.c.deleted_at > "")
    return sa.select(number.scalar_subquery() - deleted.scalar_subquery())


def choices() -> sa.Select[Any]:
    columns = (runs.c.model, runs.c.dataset, runs.c.device_name, runs.c.elsewhere)
    return sa.select(*columns).distinct().where(IS_THERE)


def timed_workloads() -> sa.Select[Any]:
    of_one = (*_OF_A_WORKLOAD, runs.c.device_name)
    query = sa.select(*of_one, sa.func.count().label("runs"))
    return query.where(IS_THERE, runs.c.samples_per_s.is_not(None)).group_by(*of_one)


def swept(task: Task, dataset: str) -> sa.Select[Any]:
    """Of each cell the newest run with a rate and the newest without one, newest first."""
    of_a_cell = (runs.c.model, runs.c.batch_size, runs.c.setup, runs.c.device_name, runs.c.origin)
    place = sa.func.row_number().over(
        partition_by=(*of_a_cell, runs.c.elsewhere, runs.c.samples_per_s.is_(None)), order_by=NEWEST
    )
    placed = sa.select(*(runs.c[name] for name in SWEPT), place.label("place"))
    found = placed.where(IS_THERE, runs.c.task == task, runs.c.dataset == dataset).subquery()
    return (
        sa.select(*(found.c[name] for name in SWEPT))
        .where(found.c.place == 1)
        .order_by(found.c.created_at.desc(), found.c.id.desc())
    )


def newest() -> sa.Select[Any]:
    """The newest run with what changes while it grows."""
    changing = (runs.c.id, runs.c.status, runs.c.samples_per_s)
    return sa.select(*changing).where(IS_THERE).order_by(*NEWEST).limit(1)


def latest_job(
    workload: Workload, setups: Sequence[Setup] | None, elsewhere: str | None = None
) -> sa.Select[Any]:
    # Newest first, each run's job looked at by itself: mostly the first will do, however many are stored.
    mate = runs.alias()  # any run of the same job, and so of the same workload

    def mates(*conditions: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
        number = sa.select(sa.func.count()).select_from(mate)
        number = number.where(mate.c.job_id == runs.c.job_id, mate.c.deleted_at == "", *conditions)
        return number.correlate(runs).scalar_subquery()

    with_a_rate = (mate.c.status.in_(_USABLE), mate.c.samples_per_s.is_not(None))
    there = runs.c.elsewhere.is_(None) if elsewhere is None else runs.c.elsewhere == shortened(elsewhere)
    query = sa.select(runs.c.job_id).where(IS_THERE, *same(workload), there, mates(*with_a_rate) > 0)
    if setups is not None:
        query = query.where(*same(setups[0]) if setups else [sa.false()], mates() == len(setups))
        query = query.where(*(mates(*same(setup, mate)) == setups.count(setup) for setup in setups))
    return query.order_by(*NEWEST).limit(1)


def outdated(deleted_before: str, created_before: str | None) -> list[sa.ColumnElement[bool]]:
    old: sa.ColumnElement[bool] = sa.and_(runs.c.deleted_at > "", runs.c.deleted_at < deleted_before)
    if created_before is not None:
        old = sa.or_(old, runs.c.created_at < created_before)
    return [old, OF_CLOSED_JOB]


def empty_jobs(created_before: str) -> list[sa.ColumnElement[bool]]:
    """Closed and old, with no run left."""
    with_runs = sa.exists().where(runs.c.job_id == jobs.c.id)
    return [jobs.c.created_at < created_before, ~IS_OPEN, ~with_runs]


def upsert(dialect: str) -> sa.Insert:
    """A run takes the place of one with its id and origin, or of a deleted one, of which nothing stays."""
    insert = sqlite.insert
    if dialect == "postgresql":  # a slow import, which the first visitor of a server would wait for
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
    behind = sa.select(sa.func.coalesce(sa.func.max(runs.c.position) + 1, 0))
    behind = behind.where(runs.c.job_id == sa.bindparam("of_job"))
    statement = insert(runs).values(position=behind.scalar_subquery())
    told = {column.name: statement.excluded[column.name] for column in runs.c if column.name not in _OWN}
    given = {
        "name": sa.case((IS_THERE, runs.c.name), else_=sa.null()),
        "tags": sa.case((IS_THERE, runs.c.tags), else_=""),
        "position": sa.case((IS_THERE, runs.c.position), else_=statement.excluded.position),
        "deleted_at": "",
    }
    return statement.on_conflict_do_update(
        index_elements=[runs.c.id],
        set_={**told, **given},
        where=sa.or_(runs.c.origin == statement.excluded.origin, runs.c.deleted_at > ""),
    )
