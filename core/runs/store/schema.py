"""The database's tables, how one is opened, and its errors as StoreErrors. Only `store` uses it.

Schema history (the database's, apart from the records' own)
    1  first version
    2  runs.setup, as text, in place of a column for each of its fields
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

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.schema import CreateIndex, CreateTable

from core.errors import StoreError
from core.records import Setup, Workload

DATABASE_VERSION = 2
BUSY_TIMEOUT_S = 10.0

metadata = sa.MetaData()

meta = sa.Table("meta", metadata, sa.Column("schema_version", sa.Integer, primary_key=True))

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("created_at", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("spec", sa.Text, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("heartbeat_at", sa.Text, nullable=False),
    sa.Column("failure", sa.Text),
    sa.Column("visitor", sa.Text),
    sa.Index("jobs_by_state", "state", "created_at", "id"),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("job_id", sa.Text, nullable=False),  # no foreign key: an imported run has no job here
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("created_at", sa.Text, nullable=False),
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
    sa.Column("samples_per_s", sa.Double),
    sa.Column("epoch_s", sa.Double),
    sa.Column("test_accuracy", sa.Double),
    sa.Column("document", sa.LargeBinary, nullable=False),  # last, so that SQLite lists without reading it
    sa.Index("runs_by_age", "created_at", "id"),
    sa.Index("runs_by_workload", *(item.name for item in dataclasses.fields(Workload)), "created_at", "id"),
    sa.Index("runs_by_job", "job_id", "position"),
)


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
        full = getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        if full or (isinstance(cause, OSError) and cause.errno == errno.ENOSPC):
            raise StoreError("disk_full") from error
        raise StoreError(code, problem=str(cause)) from error


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
    if found is None:
        _create(connection)
    elif found < DATABASE_VERSION:
        _upgrade(connection)


def setup_text(setup: Setup) -> str:
    """A setup as it is stored and looked for: what is at its default is left out, so that a later field with a
    default changes no text."""
    default = Setup()
    fields = ((item.name, getattr(setup, item.name)) for item in dataclasses.fields(Setup))
    return json.dumps(
        {name: value for name, value in fields if value != getattr(default, name)}, sort_keys=True
    )


def _upgrade(connection: sa.Connection) -> None:
    """From 1 to 2, in one transaction; whoever comes second finds it done."""
    columns = {column["name"] for column in sa.inspect(connection).get_columns("runs")}
    if "setup" not in columns:
        connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN setup TEXT NOT NULL DEFAULT ''")
    old = ("device", "precision", "threads", "data_path")
    if set(old) <= columns:
        for row in connection.exec_driver_sql(f"SELECT DISTINCT {', '.join(old)} FROM runs").all():
            values = dict(zip(old, row, strict=True))
            known = {name: value for name, value in values.items() if value is not None}
            same = " AND ".join(f"{name} = :{name}" if name in known else f"{name} IS NULL" for name in old)
            change = sa.text(f"UPDATE runs SET setup = :setup WHERE {same}")
            connection.execute(change, {**known, "setup": setup_text(Setup(**values))})
        for name in old[1:]:
            connection.exec_driver_sql(f"ALTER TABLE runs DROP COLUMN {name}")
    connection.execute(meta.update().values(schema_version=DATABASE_VERSION))
    connection.commit()


def _set_up_connection(connection: sqlite3.Connection, _record: object) -> None:
    # with WAL, a power cut may lose the last run but never damages the file
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")


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
    """Each statement leaves alone what is there, so that two servers can do this at once."""
    for table in metadata.sorted_tables:
        connection.execute(CreateTable(table, if_not_exists=True))
        for index in table.indexes:
            connection.execute(CreateIndex(index, if_not_exists=True))
    first = sa.select(sa.literal(DATABASE_VERSION)).where(~sa.exists(sa.select(meta)))
    connection.execute(meta.insert().from_select(["schema_version"], first))
    connection.commit()
