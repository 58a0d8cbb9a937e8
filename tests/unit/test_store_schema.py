"""The database's schema: older ones are brought up to date without a loss, and lists come from indexes."""

from __future__ import annotations

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from core.records import Setup, Workload
from core.runs.store import RunSummary, Store, queries
from core.runs.store.rows import dump, run_values
from core.runs.store.schema import DATABASE_VERSION, meta, metadata, runs
from core.runs.wanted import Wanted
from tests.databases import connected, edit
from tests.stored import OWNER, SPEC, WORK, at, run

_JOBS = """
    CREATE TABLE jobs (
        id TEXT NOT NULL PRIMARY KEY, created_at TEXT NOT NULL, state TEXT NOT NULL, spec TEXT NOT NULL,
        owner TEXT NOT NULL, heartbeat_at TEXT NOT NULL, failure TEXT, visitor TEXT
    )"""
_RUNS = """
    CREATE TABLE runs (
        id TEXT NOT NULL PRIMARY KEY, job_id TEXT NOT NULL, position INTEGER NOT NULL, created_at TEXT NOT NULL,
        status TEXT NOT NULL, origin TEXT NOT NULL, task TEXT NOT NULL, model TEXT NOT NULL,
        dataset TEXT NOT NULL, batch_size BIGINT NOT NULL, epochs BIGINT NOT NULL,
        learning_rate DOUBLE PRECISION NOT NULL, seed BIGINT NOT NULL, device TEXT NOT NULL, {setup},
        device_name TEXT, samples_per_s DOUBLE PRECISION, epoch_s DOUBLE PRECISION,
        test_accuracy DOUBLE PRECISION, {more} document {bytes} NOT NULL
    )"""
_SETUPS = {
    1: "precision TEXT, threads BIGINT, data_path TEXT",
    2: "setup TEXT NOT NULL",
    3: "setup TEXT NOT NULL",
    4: "setup TEXT NOT NULL, elsewhere TEXT",
}
_LABELS = "quality TEXT, name TEXT, tags TEXT NOT NULL DEFAULT '', deleted_at TEXT NOT NULL DEFAULT '',"
_MORE = {3: _LABELS, 4: _LABELS}
_INDEXES = (
    "CREATE INDEX jobs_by_state ON jobs (state, created_at, id)",
    "CREATE INDEX runs_by_age ON runs (created_at, id)",
    "CREATE INDEX runs_by_workload ON runs (model, dataset, batch_size, epochs, learning_rate, seed, task,"
    " created_at, id)",
    "CREATE INDEX runs_by_job ON runs (job_id, position)",
)
OLD = (run("0"), run("1", second=1, setup=Setup(threads=2, data_path="loader")), run("2", second=2))


def make_old(url, version):
    """As that version made it, with the runs of OLD."""
    if url.startswith("sqlite"):
        Store(url).close()  # the folder
    with connected(url) as connection:
        metadata.drop_all(connection)
        kind = {"sqlite": "BLOB", "postgresql": "BYTEA"}[connection.dialect.name]
        connection.exec_driver_sql("CREATE TABLE meta (schema_version INTEGER NOT NULL PRIMARY KEY)")
        made = _RUNS.format(setup=_SETUPS[version], more=_MORE.get(version, ""), bytes=kind)
        elsewhere = ["ALTER TABLE jobs ADD COLUMN elsewhere TEXT"] if version >= 4 else []
        for statement in (_JOBS, *elsewhere, made, *_INDEXES):
            connection.exec_driver_sql(statement)
        connection.execute(meta.insert().values(schema_version=version))
        then = sa.Table("runs", sa.MetaData(), autoload_with=connection)
        for position, result in enumerate(OLD):
            now = run_values(result, RunSummary(1.5, 2.5, 0.5)) | {"position": position}
            now |= dataclasses.asdict(result.spec.setup) if version == 1 else {}
            connection.execute(
                then.insert().values({column.name: now[column.name] for column in then.c if column.name in now})
            )


def columns(url):
    with connected(url) as connection:
        return [column["name"] for column in sa.inspect(connection).get_columns("runs")]


def index_names(connection):
    """Asked of the database: SQLAlchemy leaves out SQLite's indexes of expressions."""
    if connection.dialect.name == "sqlite":
        return set(connection.scalars(sa.text("SELECT name FROM sqlite_master WHERE type = 'index'")))
    mine = sa.text("SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()")
    return set(connection.scalars(mine))


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_an_older_database_is_upgraded_and_loses_nothing(any_url, version):
    make_old(any_url, version)
    store = Store(any_url)
    rows = store.find(Wanted(), "oldest", 9, 0)
    assert [(row.id, row.setup, row.position) for row in rows] == [
        (result.id, result.spec.setup, position) for position, result in enumerate(OLD)
    ]
    assert {(row.samples_per_s, row.epoch_s, row.test_accuracy) for row in rows} == {(1.5, 2.5, 0.5)}
    assert {(row.quality, row.name, row.tags) for row in rows} == {(None, None, ())}
    assert store.runs_of_job("j1") == OLD
    assert store.latest_job(WORK, tuple(result.spec.setup for result in OLD)) == "j1"
    store.rename("0", "name")
    store.delete_runs(["2"], at(9))
    store.add_run(run("3", second=3))
    store.close()
    assert columns(any_url) == list(runs.columns.keys())
    with connected(any_url) as connection:
        assert index_names(connection) >= {index.name for index in runs.indexes}
        assert connection.scalar(sa.select(meta.c.schema_version)) == DATABASE_VERSION
        assert set(sa.inspect(connection).get_table_names()) == {"jobs", "meta", "runs"}
    again = Store(any_url)
    assert [row.id for row in again.history()] == ["3", "1", "0"]
    again.close()


@pytest.mark.parametrize("version", [None, 1, 3, 4])
def test_several_servers_that_open_one_at_once_make_it_once(any_url, version):
    if version is not None:
        make_old(any_url, version)
    servers = 5
    together = threading.Barrier(servers)

    def opened(_):
        together.wait()
        return Store(any_url)

    with ThreadPoolExecutor(servers) as pool:
        stores = list(pool.map(opened, range(servers)))
    for number, store in enumerate(stores):
        store.add_run(run(f"new-{number}", "j2"))
    assert stores[0].count() == servers + (0 if version is None else len(OLD))
    for store in stores:
        store.close()
    with connected(any_url) as connection:
        assert connection.scalars(sa.select(meta.c.schema_version)).all() == [DATABASE_VERSION]
    assert columns(any_url) == list(runs.columns.keys())


def test_what_version_3_kept_of_jobs_and_runs_stays(any_url):
    """Names, tags, deletions, and a queue that another server is to go on with."""
    make_old(any_url, 3)
    with connected(any_url) as connection:
        then = sa.MetaData()
        old_runs = sa.Table("runs", then, autoload_with=connection)
        old_jobs = sa.Table("jobs", then, autoload_with=connection)
        named = {"name": "mine", "tags": "a\nb", "quality": "solid"}
        connection.execute(old_runs.update().where(old_runs.c.id == "1").values(named))
        connection.execute(old_runs.update().where(old_runs.c.id == "2").values(deleted_at=at(9)))
        waiting = {"state": "queued", "spec": dump(SPEC), "owner": OWNER, "heartbeat_at": at(0)}
        connection.execute(
            old_jobs.insert().values({"id": "j1", "created_at": at(0), "visitor": "me", **waiting})
        )
    store = Store(any_url)
    row = store.row("1")
    assert (row.name, row.tags, row.quality, row.elsewhere) == ("mine", ("a", "b"), "solid", None)
    assert store.kept(["0", "1", "2"]) == {"0", "1"}
    assert store.restore_runs(["2"]) == 1
    job = store.job("j1")
    assert (job.state, job.spec, job.visitor, job.elsewhere) == ("queued", SPEC, "me", None)
    assert [job.id for job in store.orphaned(lambda _owner: False, at(0))] == ["j1"]
    store.add_job("j2", SPEC, at(1), OWNER, state="running", elsewhere="big")
    assert store.job("j2").elsewhere == "big"
    store.close()


def test_a_machine_that_version_4_knew_can_be_chosen(any_url):
    make_old(any_url, 4)
    edit(any_url, "UPDATE runs SET elsewhere = 'big' WHERE id = '1'")
    store = Store(any_url)
    assert store.choices().machines == ("big",)
    assert [row.id for row in store.find(Wanted(machines=("big",)), "newest", 9, 0)] == ["1"]
    store.close()


def test_a_server_of_version_3_that_runs_goes_on_beside_a_newer_one(any_url):
    """It names the columns that it knows; the new ones may be empty."""
    make_old(any_url, 3)
    with connected(any_url) as connection:
        then = sa.MetaData()
        known = [sa.Table(name, then, autoload_with=connection) for name in ("runs", "jobs")]
    store = Store(any_url)
    with connected(any_url) as connection:
        values = run_values(run("late", "j2", second=5), RunSummary()) | {"position": 0}
        connection.execute(
            known[0]
            .insert()
            .values({column.name: values[column.name] for column in known[0].c if column.name in values})
        )
        late = {"id": "j2", "created_at": at(5), "state": "running", "spec": dump(SPEC), "owner": OWNER}
        connection.execute(known[1].insert().values({**late, "heartbeat_at": at(5)}))
    assert (store.row("late").elsewhere, store.job("j2").elsewhere) == (None, None)
    store.close()


def test_an_upgrade_that_fails_half_way_changes_nothing(any_url, monkeypatch):
    make_old(any_url, 1)
    before = columns(any_url)
    with connected(any_url) as connection:  # takes a name that the upgrade needs, and late in it
        connection.exec_driver_sql("CREATE INDEX runs_by_fastest ON jobs (owner)")
    with pytest.raises(Exception, match="database_unreadable"):
        Store(any_url)
    assert columns(any_url) == before
    with connected(any_url) as connection:
        connection.exec_driver_sql("DROP INDEX runs_by_fastest")
    store = Store(any_url)
    assert store.runs_of_job("j1") == OLD
    store.close()


# --- what is looked up


def questions():
    newest = queries.listed()
    return {
        "runs_by_age": newest,
        "runs_by_workload": queries.listed(*queries.same(WORK)),
        **{
            f"runs_by_{order}": queries.listed(*queries.matching(Wanted(models=("mlp",))), order=order)
            for order in ("fastest", "shortest_epoch", "most_accurate")
        },
    }


@pytest.mark.parametrize("index", questions())
def test_a_list_comes_sorted_from_an_index(sqlite_store, index):
    steps = plan(sqlite_store, questions()[index].limit(50))
    assert index in steps
    assert "TEMP B-TREE" not in steps


def test_the_oldest_come_from_the_same_index_and_filters_are_counted_in_it(sqlite_store):
    oldest = plan(sqlite_store, queries.listed(order="oldest"))
    assert "runs_by_age" in oldest
    assert "TEMP B-TREE" not in oldest
    wanted = Wanted(("mlp",), qualities=("good",), machines=("big", None))
    counted = plan(sqlite_store, queries.count(queries.matching(wanted)))
    assert "USING COVERING INDEX runs_by_age" in counted
    assert "USING COVERING INDEX" in plan(sqlite_store, queries.choices())
    assert "USING COVERING INDEX runs_by_workload" in plan(sqlite_store, queries.timed_workloads())


def test_runs_are_looked_up_by_their_ids_and_their_job(sqlite_store):
    several = sa.select(runs.c.id).where(*queries.there(["a", "b"]))
    assert "sqlite_autoindex_runs_1 (id=?)" in plan(sqlite_store, several)
    newest_job = plan(sqlite_store, queries.latest_job(WORK, (Setup(),)))
    assert newest_job.count("runs_by_job (job_id=? AND deleted_at=?)") == 3
    assert "TEMP B-TREE" not in newest_job


def test_the_queue_comes_from_an_index(sqlite_store):
    sqlite_store.add_job("j", SPEC, at(0), OWNER)
    with sqlite_store._engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT * FROM jobs WHERE state = 'queued' ORDER BY created_at, id"
        )
        steps = " ".join(row.detail for row in rows)
    assert "jobs_by_state" in steps
    assert "TEMP B-TREE" not in steps


def test_postgresql_takes_the_same_indexes_once_there_are_runs(postgresql):
    url = postgresql.new_url()
    store = Store(url)
    store.add_runs([(run(f"r{i}", f"j{i}", i), RunSummary(1.0, 1.0, 1.0, "good")) for i in range(400)])
    store.close()
    with connected(url) as connection:
        connection.exec_driver_sql("ANALYZE")
        for index, question in questions().items():
            text = question.limit(10).compile(connection, compile_kwargs={"literal_binds": True})
            steps = " ".join(connection.scalars(sa.text(f"EXPLAIN {text}")))
            assert "Index Scan" in steps, index
            assert "Sort" not in steps, index


def plan(store, query):
    text = query.compile(store._engine, compile_kwargs={"literal_binds": True})
    with store._engine.connect() as connection:
        return " ".join(row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}"))


def test_every_field_of_a_workload_has_a_column():
    assert {item.name for item in dataclasses.fields(Workload)} <= set(runs.columns.keys())
