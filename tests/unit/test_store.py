"""The store against real databases: nothing lost, nothing mixed up, every refusal by its code."""

import dataclasses
import json
import os
import sqlite3
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.errors import StoreError
from core.records import EpochRecord, JobSpec, Note, RunSpec, Setup, Workload
from core.runs.store import OPEN, RunRow, RunSummary, Store, schema
from core.runs.store.schema import DATABASE_VERSION, runs
from tests.builders import make_gpu_result, make_result

WORK, CPU, GPU = Workload(), Setup(), Setup(device="cuda:0")
OWNER, OTHER, THIRD = "host:1:100", "host:2:200", "elsewhere:1:100"
REPOSITORY = Path(__file__).resolve().parents[2]


def at(second):
    return f"2026-11-22T18:{second // 60:02}:{second % 60:02}+00:00"


def run(run_id="r1", job_id="j1", second=0, workload=WORK, setup=CPU, **changes):
    return make_result(
        **{
            "id": run_id,
            "job_id": job_id,
            "spec": RunSpec(workload, setup),
            "created_at": at(second),
            "telemetry": None,
            "notes": (Note("a_note", {"text": "né", "count": 3, "share": 0.1, "yes": True, "none": None}),),
            **changes,
        }
    )


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'made' / 'here' / 'crossover.sqlite3'}"


@pytest.fixture
def store(url):
    opened = Store(url)
    yield opened
    opened.close()


def path_of(url):
    return Path(url.removeprefix("sqlite:///"))


def pragma(store, name):
    with store._engine.connect() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def edit(url, sql, *values):
    with sqlite3.connect(path_of(url)) as connection:
        connection.execute(sql, values)
    connection.close()


# --- runs


def test_a_run_comes_back_equal_also_after_reopening(store, url):
    store.add_run(make_gpu_result())
    store.add_run(run("failed", environment=None, blocks=(), failure=Note("out_of_memory")))
    assert store.run("run-gpu") == make_gpu_result()
    assert store.run("none") is None
    store.close()
    again = Store(url)
    assert again.run("run-gpu") == make_gpu_result()
    assert again.run("failed").failure == Note("out_of_memory")
    assert {row.id: row.device_name for row in again.history()} == {
        "run-gpu": "NVIDIA Test GPU",
        "failed": None,
    }
    again.close()


def test_the_list_shows_the_summary_and_what_the_document_says(store):
    store.add_run(run(second=3, setup=GPU), samples_per_s=1280.5, test_accuracy=0.5)
    assert store.history() == (
        RunRow(
            id="r1",
            job_id="j1",
            position=0,
            created_at=at(3),
            status="finished",
            origin="measured",
            workload=WORK,
            setup=GPU,
            device_name="Test CPU",
            samples_per_s=1280.5,
            epoch_s=None,
            test_accuracy=0.5,
        ),
    )


def test_every_field_of_a_workload_has_a_column():
    fields = {item.name for item in dataclasses.fields(Workload)}
    assert fields <= set(runs.columns.keys())


def test_a_setup_is_found_by_every_field_of_it(store):
    plain, other = Setup(), Setup(step="compiled", steps_per_call=4, products="mkl_fast", keep_pages=True)
    store.add_run(run("a", "plain", 1, setup=plain), samples_per_s=1.0)
    store.add_run(run("b", "other", 2, setup=other), samples_per_s=1.0)
    assert [row.setup for row in store.history()] == [other, plain]
    assert store.latest_job(WORK, (other,)) == "other"
    assert store.latest_job(WORK, (dataclasses.replace(other, steps_per_call=2),)) is None


def test_a_database_of_the_first_version_is_upgraded_and_loses_nothing(url):
    with Store(url)._engine.begin() as connection:  # as version 1 was
        for column in ("precision TEXT", "threads BIGINT", "data_path TEXT"):
            connection.exec_driver_sql(f"ALTER TABLE runs ADD COLUMN {column}")
        connection.exec_driver_sql("ALTER TABLE runs DROP COLUMN setup")
        connection.exec_driver_sql("UPDATE meta SET schema_version = 1")
        for number, (threads, path) in enumerate(((None, "resident"), (2, "loader"), (None, "resident"))):
            connection.exec_driver_sql(
                "INSERT INTO runs VALUES (:id, 'j', :id, 'now', 'finished', 'measured', 'train', 'mlp',"
                " 'digits', 64, 3, 0.01, 0, 'cpu', NULL, 1.0, 1.0, 1.0, x'00', 'fp32', :threads, :path)",
                {"id": number, "threads": threads, "path": path},
            )
    rows = Store(url).history()
    assert {row.id: row.setup for row in rows} == {
        "0": Setup(),
        "1": Setup(threads=2, data_path="loader"),
        "2": Setup(),
    }
    assert {column["name"] for column in sa.inspect(Store(url)._engine).get_columns("runs")} == set(
        runs.columns.keys()
    )


def test_a_later_result_replaces_an_earlier_part_and_keeps_its_place(store):
    store.add_runs([(run("a", status="interrupted"), RunSummary()), (run("b"), RunSummary())])
    store.add_run(run("a", blocks=()), epoch_s=1.5)
    assert store.count() == 2
    assert store.runs_of_job("j1") == (run("a", blocks=()), run("b"))
    row = next(row for row in store.history() if row.id == "a")
    assert (row.status, row.epoch_s, row.position) == ("finished", 1.5, 0)


def test_an_import_never_replaces_a_measurement(store):
    store.add_run(run(), samples_per_s=10.0)
    store.add_run(run(origin="imported", blocks=()), samples_per_s=99.0)
    assert store.run("r1") == run()
    assert store.history()[0].samples_per_s == 10.0


def test_runs_of_a_job_keep_their_order_whatever_their_ids(store):
    store.add_runs([(run(name), RunSummary()) for name in ("c", "a", "b")])
    store.add_run(run("other", job_id="j2"))
    store.add_run(run("0"))
    assert [result.id for result in store.runs_of_job("j1")] == ["c", "a", "b", "0"]
    assert store.runs_of_job("none") == ()
    assert {row.id: row.position for row in store.history()} == {"c": 0, "a": 1, "b": 2, "0": 3, "other": 0}


def test_several_runs_are_stored_all_or_none(store):
    bad = run("b", epochs=(EpochRecord(1, 1, 1, float("nan"), None, 0, 0.0),))
    with pytest.raises(StoreError) as refusal:
        store.add_runs([(run("a"), RunSummary()), (bad, RunSummary())])
    assert refusal.value.code == "database_write_failed"
    for unstorable in (Workload(seed=10**30), Workload(model="\ud800")):
        with pytest.raises(StoreError) as refusal:
            store.add_runs([(run("a"), RunSummary()), (run("b", workload=unstorable), RunSummary())])
        assert refusal.value.code == "database_write_failed"
    assert store.count() == 0


def test_history_is_newest_first_and_of_one_workload(store):
    large = Workload(batch_size=1024)
    store.add_run(run("old", second=1))
    store.add_run(run("new", second=9))
    store.add_run(run("large", second=5, workload=large))
    assert [row.id for row in store.history()] == ["new", "large", "old"]
    assert [row.id for row in store.history(WORK)] == ["new", "old"]
    assert [row.id for row in store.history(large)] == ["large"]
    assert (store.count(), store.count(large), store.count(Workload(seed=9))) == (3, 1, 0)


def test_history_of_300_runs_is_paged_and_reads_no_document(store, url):
    store.add_runs([(run(f"r{i:03}", f"j{i}", i), RunSummary()) for i in range(300)])
    edit(url, "UPDATE runs SET document = ? WHERE id = 'r270'", b"not zlib")
    pages = [[row.id for row in store.history(limit=50, offset=start)] for start in range(0, 350, 50)]
    assert [len(page) for page in pages] == [50] * 6 + [0]
    assert [name for page in pages for name in page] == [f"r{i:03}" for i in reversed(range(300))]


@pytest.mark.parametrize(
    "document",
    [b"not zlib", zlib.compress(b"not json"), zlib.compress(b'{"id": "r1"}'), zlib.compress(b"\xff")],
)
def test_a_malformed_document_is_refused_for_its_run_only(store, url, document):
    store.add_run(run("r1"))
    store.add_run(run("r2"))
    edit(url, "UPDATE runs SET document = ? WHERE id = 'r1'", document)
    with pytest.raises(StoreError) as refusal:
        store.run("r1")
    assert refusal.value.code == "stored_run_malformed"
    assert refusal.value.facts["run"] == "r1"
    assert store.run("r2") == run("r2")


def test_deleting_says_how_many_were_there(store):
    store.add_runs([(run(name), RunSummary()) for name in "abc"])
    assert store.delete_runs(["a", "c", "none"]) == 2
    assert [row.id for row in store.history()] == ["b"]
    assert store.delete_runs([]) == 0


# --- the newest job of a workload


def test_the_latest_job_is_the_newest_with_a_rate_for_this_workload(store):
    store.add_run(run("a", "first", 1), samples_per_s=1.0)
    store.add_run(run("b", "second", 2, status="cancelled"), samples_per_s=1.0)
    store.add_run(run("c", "failed", 3, status="failed"), samples_per_s=1.0)
    store.add_run(run("d", "without rate", 4))
    store.add_run(run("e", "other work", 5, workload=Workload(epochs=9)), samples_per_s=1.0)
    assert store.latest_job(WORK) == "second"
    assert store.latest_job(Workload(epochs=9)) == "other work"
    assert store.latest_job(Workload(epochs=8)) is None


def test_the_latest_job_of_given_setups_has_exactly_these(store):
    store.add_run(run("a", "both", 1), samples_per_s=1.0)
    store.add_run(run("b", "both", 1, setup=GPU, status="failed"))
    store.add_run(run("c", "cpu", 2), samples_per_s=1.0)
    store.add_run(run("d", "threads", 3, setup=Setup(threads=2)), samples_per_s=1.0)
    store.add_run(run("e", "twice", 4), samples_per_s=1.0)
    store.add_run(run("f", "twice", 4), samples_per_s=1.0)
    assert store.latest_job(WORK, (GPU, CPU)) == "both"
    assert store.latest_job(WORK, (CPU,)) == "cpu"
    assert store.latest_job(WORK, (Setup(threads=2),)) == "threads"
    assert store.latest_job(WORK, (CPU, CPU)) == "twice"
    assert store.latest_job(WORK, (GPU,)) is None
    assert store.latest_job(WORK, ()) is None


# --- jobs


SPEC = JobSpec(Workload(model="cnn"), (CPU, GPU), max_seconds=12.5)


def test_a_job_is_queued_runs_and_ends(store):
    store.add_job("j1", SPEC, at(1), OWNER, visitor="v")
    job = store.job("j1")
    assert (job.state, job.spec, job.owner, job.created_at, job.heartbeat_at) == (
        "queued",
        SPEC,
        OWNER,
        at(1),
        at(1),
    )
    assert (job.failure, job.visitor) == (None, "v")
    assert store.set_job_state("j1", "running")
    assert store.job("j1").state == "running"
    assert store.set_job_state("j1", "failed", Note("worker_died", {"exit_code": 137}))
    assert store.job("j1").state == "failed"
    assert store.job("j1").failure == Note("worker_died", {"exit_code": 137})


def test_a_closed_job_stays_as_it_ended(store):
    for state in ("finished", "failed", "cancelled", "interrupted"):
        store.add_job(state, SPEC, at(1), OWNER)
        assert store.set_job_state(state, state)
        assert not store.set_job_state(state, "cancelled" if state != "cancelled" else "finished")
        assert store.job(state).state == state
    assert not store.set_job_state("none", "running")
    assert store.job("none") is None


def test_open_jobs_are_the_queued_and_running_ones_oldest_first(store):
    for second, name in enumerate(("z", "y", "x")):
        store.add_job(name, SPEC, at(second), OWNER)
    store.set_job_state("z", "running")
    store.set_job_state("y", "finished")
    assert [(job.id, job.state) for job in store.open_jobs()] == [("z", "running"), ("x", "queued")]
    assert OPEN == ("queued", "running")


def test_a_job_id_is_used_once(store):
    store.add_job("j1", SPEC, at(1), OWNER)
    with pytest.raises(StoreError) as refusal:
        store.add_job("j1", SPEC, at(2), OTHER)
    assert refusal.value.code == "database_write_failed"
    assert store.job("j1").owner == OWNER


def test_a_malformed_job_is_named(store, url):
    store.add_job("j1", SPEC, at(1), OWNER)
    edit(url, "UPDATE jobs SET spec = '{}'")
    with pytest.raises(StoreError) as refusal:
        store.open_jobs()
    assert (refusal.value.code, refusal.value.facts["job"]) == ("stored_job_malformed", "j1")


def test_a_heartbeat_is_of_all_the_owners_open_jobs_only(store):
    store.add_job("mine", SPEC, at(1), OWNER)
    store.add_job("mine, done", SPEC, at(1), OWNER)
    store.add_job("theirs", SPEC, at(1), OTHER)
    store.set_job_state("mine, done", "finished")
    store.beat(OWNER, at(30))
    beats = {name: store.job(name).heartbeat_at for name in ("mine", "mine, done", "theirs")}
    assert beats == {"mine": at(30), "mine, done": at(1), "theirs": at(1)}


def test_orphans_are_those_whose_owner_is_dead_or_unknown_and_silent(store):
    for second, (name, owner) in enumerate(
        [("alive", OWNER), ("dead", OTHER), ("silent", THIRD), ("heard", THIRD)]
    ):
        store.add_job(name, SPEC, at(second), owner)
    edit_beat = {"alive": at(0), "dead": at(59), "silent": at(10), "heard": at(50)}
    with store._engine.begin() as connection:
        for name, beat in edit_beat.items():
            connection.exec_driver_sql("UPDATE jobs SET heartbeat_at = ? WHERE id = ?", (beat, name))
    known = {OWNER: True, OTHER: False}
    assert [job.id for job in store.orphaned(known.get, stale_before=at(40))] == ["dead", "silent"]


def test_of_two_servers_one_adopts(store, url):
    store.add_job("j1", SPEC, at(1), OWNER)
    second = Store(url)
    seen, seen_too = store.job("j1").owner, second.job("j1").owner
    assert second.adopt("j1", THIRD, previous=seen_too, at=at(9))
    assert not store.adopt("j1", OTHER, previous=seen, at=at(9))
    assert (store.job("j1").owner, store.job("j1").heartbeat_at) == (THIRD, at(9))
    store.set_job_state("j1", "finished")
    assert not store.adopt("j1", OTHER, previous=THIRD, at=at(10))
    second.close()


def test_many_threads_lose_nothing_and_one_of_them_adopts(store):
    store.add_job("j1", SPEC, at(1), OWNER)
    won, errors = [], []

    def work(name):
        try:
            for i in range(20):
                store.add_run(run(f"{name}-{i}", f"job-{name}"), samples_per_s=1.0)
                store.history(limit=5)
            if store.adopt("j1", f"host:{name}:1", previous=OWNER, at=at(2)):
                won.append(name)
        except StoreError as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert store.count() == 120
    assert [result.id for result in store.runs_of_job("job-3")] == [f"3-{i}" for i in range(20)]
    assert len(won) == 1
    assert store.job("j1").owner == f"host:{won[0]}:1"


_WRITER = """
import sys
from core.runs.store import Store
from tests.builders import make_result
url, name = sys.argv[1:]
store = Store(url)
for i in range(50):
    store.add_run(make_result(id=f"{name}-{i}", job_id=name, telemetry=None))
"""


def test_four_processes_that_open_a_new_file_at_once_lose_nothing(url):
    command = [sys.executable, "-c", _WRITER, url]
    writers = [subprocess.Popen([*command, str(i)], cwd=REPOSITORY, stderr=subprocess.PIPE) for i in range(4)]
    problems = [writer.communicate()[1].decode() for writer in writers]
    assert problems == [""] * 4
    store = Store(url)
    assert store.count() == 200
    assert {row.id for row in store.history(limit=300)} == {f"{i}-{j}" for i in range(4) for j in range(50)}
    store.close()


# --- opening, and what can go wrong


def test_sqlite_is_set_up_for_several_writers(store):
    assert pragma(store, "journal_mode") == "wal"
    assert pragma(store, "synchronous") == 1
    assert pragma(store, "busy_timeout") == 10_000
    assert pragma(store, "foreign_keys") == 1


def test_opening_waits_for_another_server_that_opens_the_same_new_file(url, monkeypatch):
    path_of(url).parent.mkdir(parents=True)
    other = sqlite3.connect(path_of(url))
    other.execute("BEGIN IMMEDIATE")
    waits = []

    def other_finishes(seconds):
        waits.append(seconds)
        other.rollback()

    monkeypatch.setattr(schema.time, "sleep", other_finishes)
    store = Store(url)
    assert len(waits) == 1
    assert pragma(store, "journal_mode") == "wal"
    store.close()
    other.close()


def test_lists_come_from_an_index(store):
    with store._engine.connect() as connection:

        def plan(sql):
            return " ".join(row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}"))

        newest = plan("SELECT id FROM runs ORDER BY created_at DESC, id DESC LIMIT 50")
        workload = " AND ".join(f"{item.name} = 1" for item in dataclasses.fields(Workload))
        of_one = plan(
            f"SELECT id, status FROM runs WHERE {workload} ORDER BY created_at DESC, id DESC LIMIT 50"
        )
        queue = plan("SELECT * FROM jobs WHERE state = 'queued' ORDER BY created_at, id")
    for steps, index in ((newest, "runs_by_age"), (of_one, "runs_by_workload"), (queue, "jobs_by_state")):
        assert index in steps
        assert "TEMP B-TREE" not in steps


def test_a_newer_database_is_refused_and_left_alone(url):
    Store(url).close()
    edit(url, "UPDATE meta SET schema_version = schema_version + 1")
    before = path_of(url).read_bytes()
    with pytest.raises(StoreError) as refusal:
        Store(url)
    assert refusal.value.code == "database_newer"
    assert refusal.value.facts == {"found": DATABASE_VERSION + 1, "known": DATABASE_VERSION}
    assert path_of(url).read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_alone(url):
    path_of(url).parent.mkdir(parents=True)
    path_of(url).write_bytes(b"this is somebody's letter, not a database " * 100)
    before = path_of(url).read_bytes()
    with pytest.raises(StoreError) as refusal:
        Store(url)
    assert refusal.value.code == "database_unreadable"
    assert refusal.value.facts["problem"] == "file is not a database"
    assert path_of(url).read_bytes() == before


def test_a_damaged_database_is_unreadable_not_a_crash(url):
    store = Store(url)
    store.add_runs([(run(f"r{i}"), RunSummary()) for i in range(40)])
    store.close()
    content = bytearray(path_of(url).read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path_of(url).write_bytes(content)
    with pytest.raises(StoreError) as refusal:
        Store(url).history()
    assert refusal.value.code == "database_unreadable"


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError) as refusal:
        Store(f"sqlite:///{tmp_path / 'file' / 'crossover.sqlite3'}")
    assert refusal.value.code == "database_unreadable"


def test_a_url_that_is_none_and_a_missing_driver_are_told():
    with pytest.raises(StoreError) as refusal:
        Store("no url")
    assert refusal.value.code == "database_unreadable"
    with pytest.raises(StoreError) as refusal:
        Store("nosuchdatabase://host/name")
    assert refusal.value.code == "database_unreadable"


def test_a_missing_postgres_driver_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)  # import then raises ModuleNotFoundError
    with pytest.raises(StoreError) as refusal:
        Store("postgresql+psycopg://user:secret@host/name")
    assert refusal.value.code == "database_driver_missing"
    assert refusal.value.facts == {"driver": "psycopg"}


def test_a_full_disk_is_told_and_loses_nothing(store):
    store.add_run(run("before"))
    with store._engine.connect() as connection:  # the pool hands the same connection to the next call
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    incompressible = Note("noise", {"text": os.urandom(200_000).hex()})
    with pytest.raises(StoreError) as refusal:
        store.add_runs([(run("small"), RunSummary()), (run("large", notes=(incompressible,)), RunSummary())])
    assert refusal.value.code == "disk_full"
    assert refusal.value.facts == {}
    assert store.run("before") == run("before")
    assert store.count() == 1


def test_a_database_that_cannot_be_written_is_told(store):
    store.add_run(run("before"))
    with store._engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")
    with pytest.raises(StoreError) as refusal:
        store.add_run(run("after"))
    assert refusal.value.code == "database_write_failed"
    assert store.run("before") == run("before")


def test_the_document_is_compressed_json_of_the_record(store, url):
    store.add_run(run())
    with sqlite3.connect(path_of(url)) as connection:
        (document,) = connection.execute("SELECT document FROM runs").fetchone()
    connection.close()
    plain = json.loads(zlib.decompress(document))
    assert plain["spec"]["workload"]["model"] == "mlp"
    assert plain["blocks"][0]["duration_s"] == run().blocks[0].duration_s


def test_runs_with_the_same_step_are_found_whatever_their_epochs(store):
    def work(**changes):
        return dataclasses.replace(WORK, **changes)

    store.add_run(run("a", second=1))
    store.add_run(run("b", second=2, workload=work(epochs=9, learning_rate=0.5, seed=7)))
    for name, other in (("c", {"batch_size": 128}), ("d", {"model": "cnn"}), ("e", {"task": "classify"})):
        store.add_run(run(name, second=3, workload=work(**other)))
    assert [row.id for row in store.alike(WORK, 10)] == ["b", "a"]
    assert [row.id for row in store.alike(WORK, 1)] == ["b"]
