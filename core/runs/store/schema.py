"""The database's tables, how one is opened, and its errors as StoreErrors. Only `store` uses it.

Schema history (the database's, apart from the records' own)
    1  first version
    2  runs.setup, as text, in place of a column for each of its fields
    3  runs: quality, name, tags and deleted_at; keys and times are compared byte by byte in PostgreSQL too
    4  runs.elsewhere, jobs.elsewhere
    5  runs.elsewhere in the indexes of filters
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.schema import CreateIndex, CreateTable

from core.errors import StoreError
from core.records import Setup, Workload
from core.runs.wanted import Order

DATABASE_VERSION = 5
BUSY_TIMEOUT_S = 10.0
_POSTGRESQL_FULL = "53100"  # disk_full
_PREPARING = 0x43524F53  # the name of PostgreSQL's lock for it; any number that nobody else uses
# Many a locale passes over punctuation at first, which would put "...:00.5" before "...:00".
_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

metadata = sa.MetaData()

meta = sa.Table("meta", metadata, sa.Column("schema_version", sa.Integer, primary_key=True))

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", _KEY, primary_key=True),
    sa.Column("created_at", _KEY, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("spec", sa.Text, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("heartbeat_at", _KEY, nullable=False),
    sa.Column("failure", sa.Text),
    sa.Column("visitor", sa.Text),
    sa.Column("elsewhere", sa.Text),  # the kind of the other machine that a cluster measures it on
    sa.Index("jobs_by_state", "state", "created_at", "id"),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", _KEY, primary_key=True),
    sa.Column("job_id", _KEY, nullable=False),  # no foreign key: an imported run has no job here
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("created_at", _KEY, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("task", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("dataset", sa.Text, nullable=False),
    sa.Column("batch_size", sa.BigInteger, nullable=False),
    sa.Column("epochs", sa.BigInteger, nullable=False),
    sa.Column("learning_rate", sa.Double, nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("device", sa.Text, nullable=False),
    sa.Column("device_name", sa.Text),
    sa.Column("setup", sa.Text, nullable=False),  # setup_text's
    sa.Column("elsewhere", sa.Text),  # the kind of the other machine that a cluster measured it on
    sa.Column("samples_per_s", sa.Double),
    sa.Column("epoch_s", sa.Double),
    sa.Column("test_accuracy", sa.Double),
    sa.Column("quality", sa.Text),
    sa.Column("name", sa.Text),
    sa.Column("tags", sa.Text, nullable=False, server_default=""),  # one a line
    # "" until it is deleted; not NULL, behind which PostgreSQL doesn't take an index for sorted
    sa.Column("deleted_at", _KEY, nullable=False, server_default=""),
    sa.Column("document", sa.LargeBinary, nullable=False),  # last, so that SQLite lists without reading it
    sa.Index("runs_by_job", "job_id", "deleted_at", "position"),
    # Whole lists are filtered and counted in these two without reading a row.
    sa.Index(
        "runs_by_age",
        *(
            "deleted_at",
            "created_at",
            "id",
            "model",
            "dataset",
            "device_name",
            "elsewhere",
            "origin",
            "quality",
        ),
    ),
    sa.Index(
        "runs_by_workload",
        "deleted_at",
        *(item.name for item in dataclasses.fields(Workload)),
        "created_at",
        "id",
        "device_name",
        "elsewhere",
        "samples_per_s",
    ),
)

# What isn't measured comes last, said in a way that both databases have indexes for.
BY_VALUE: dict[Order, tuple[sa.ColumnElement[Any], ...]] = {
    "fastest": (runs.c.samples_per_s.is_(None), runs.c.samples_per_s.desc()),
    "shortest_epoch": (runs.c.epoch_s.is_(None), runs.c.epoch_s),
    "most_accurate": (runs.c.test_accuracy.is_(None), runs.c.test_accuracy.desc()),
}
NEWEST = (runs.c.created_at.desc(), runs.c.id.desc())
for _order, _columns in BY_VALUE.items():
    sa.Index(f"runs_by_{_order}", runs.c.deleted_at, *_columns, *NEWEST)


def open_database(url: str) -> sa.Engine:
    """The database at `url`; its file, folder and tables are made where there are none.

    Raises StoreError: database_newer (nothing is written then), database_driver_missing,
    database_unreadable, disk_full.
    """
    engine = _engine(url)
    try:
        with speaking("database_unreadable"), engine.connect() as connection:
            _prepare(connection)
    except StoreError:
        engine.dispose()
        raise
    return engine


@contextlib.contextmanager
def speaking(code: str) -> Iterator[None]:
    """What the database or its driver raises, as StoreError("disk_full") or StoreError(code, problem=...)."""
    try:
        yield
    # the last two: a number or text that the driver can't bind, which SQLAlchemy lets through as it is
    except (SQLAlchemyError, OSError, OverflowError, UnicodeEncodeError) as error:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        if _is_full(cause):
            raise StoreError("disk_full") from error
        raise StoreError(code, problem=str(cause)) from error


def _is_full(cause: BaseException) -> bool:
    if isinstance(cause, OSError):
        return cause.errno == errno.ENOSPC
    codes = (getattr(cause, "sqlite_errorcode", None), getattr(cause, "sqlstate", None))
    return codes[0] == sqlite3.SQLITE_FULL or codes[1] == _POSTGRESQL_FULL


def _engine(url: str) -> sa.Engine:
    with speaking("database_unreadable"):
        target = sa.make_url(url)
        if target.get_backend_name() != "sqlite":
            try:
                return sa.create_engine(target, pool_pre_ping=True)  # hosts drop idle connections
            except ModuleNotFoundError as error:
                raise StoreError("database_driver_missing", driver=error.name) from error
        if target.database:
            Path(target.database).parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(target, connect_args={"timeout": BUSY_TIMEOUT_S})
        sa.event.listen(engine, "connect", _set_up_connection)
        return engine


def _prepare(connection: sa.Connection) -> None:
    found = _version(connection)
    if found is not None and found > DATABASE_VERSION:
        raise StoreError("database_newer", found=found, known=DATABASE_VERSION)
    if connection.dialect.name == "sqlite":
        _use_wal(connection)
    if found != DATABASE_VERSION:
        _keep_others_out(connection)
        found = _version(connection)  # another server may have been quicker
        if found is None:
            _create(connection)
        elif found < DATABASE_VERSION:
            _upgrade(connection)
        connection.commit()


def setup_text(setup: Setup) -> str:
    """A setup as it is stored and looked for: what is at its default is left out, so that a later field with a
    default changes no text."""
    default = Setup()
    fields = ((item.name, getattr(setup, item.name)) for item in dataclasses.fields(Setup))
    return json.dumps(
        {name: value for name, value in fields if value != getattr(default, name)}, sort_keys=True
    )


def _keep_others_out(connection: sa.Connection) -> None:
    """Of several servers that open a database, one prepares it; the lock ends with the transaction."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    elif connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_PREPARING)))


def _upgrade(connection: sa.Connection) -> None:
    """A new table and the old rows in it: columns added to the old one would lie behind the documents."""
    old = {column["name"] for column in sa.inspect(connection).get_columns(runs.name)}
    if "setup" not in old:
        _write_setups(connection)
        old.add("setup")
    connection.exec_driver_sql("ALTER TABLE runs RENAME TO runs_before")
    connection.execute(CreateTable(runs))
    kept = ", ".join(column.name for column in runs.c if column.name in old)
    connection.exec_driver_sql(f"INSERT INTO runs ({kept}) SELECT {kept} FROM runs_before")
    connection.exec_driver_sql("DROP TABLE runs_before")  # its indexes go too, whose names the new ones take
    for index in runs.indexes:
        connection.execute(CreateIndex(index))
    if "elsewhere" not in {column["name"] for column in sa.inspect(connection).get_columns(jobs.name)}:
        connection.exec_driver_sql("ALTER TABLE jobs ADD COLUMN elsewhere TEXT")
    connection.execute(meta.update().values(schema_version=DATABASE_VERSION))


def _write_setups(connection: sa.Connection) -> None:
    """From version 1, which had a column for each of these."""
    connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN setup TEXT NOT NULL DEFAULT ''")
    fields = ("device", "precision", "threads", "data_path")
    for row in connection.exec_driver_sql(f"SELECT DISTINCT {', '.join(fields)} FROM runs").all():
        values = dict(zip(fields, row, strict=True))
        known = {name: value for name, value in values.items() if value is not None}
        same = " AND ".join(f"{name} = :{name}" if name in known else f"{name} IS NULL" for name in fields)
        change = sa.text(f"UPDATE runs SET setup = :setup WHERE {same}")
        connection.execute(change, {**known, "setup": setup_text(Setup(**values))})


def _set_up_connection(connection: sqlite3.Connection, _record: object) -> None:
    # with WAL, a power cut may lose the last run but never damages the file
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.create_function("lower", 1, _lower, deterministic=True)  # SQLite's own knows ASCII only


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def _version(connection: sa.Connection) -> int | None:
    if not sa.inspect(connection).has_table(meta.name):
        return None
    version: int | None = connection.scalar(sa.select(sa.func.max(meta.c.schema_version)))
    return version


def _use_wal(connection: sa.Connection) -> None:
    # SQLite's busy timeout doesn't cover this switch: two servers that open a new file at once collide here
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            return
        except DBAPIError as error:
            busy = getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
        time.sleep(0.02)


def _create(connection: sa.Connection) -> None:
    metadata.create_all(connection)
    connection.execute(meta.insert().values(schema_version=DATABASE_VERSION))
