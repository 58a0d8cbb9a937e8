"""Opening a database, and what can go wrong with one: refused by its code, and what was stored untouched."""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path

import pytest

from core.errors import StoreError
from core.records import Note
from core.runs.store import RunSummary, Store, schema
from core.runs.store.schema import DATABASE_VERSION
from tests.databases import connected, edit
from tests.stored import run


def path_of(url):
    return Path(url.removeprefix("sqlite:///"))


def pragma(store, name):
    with store._engine.connect() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_sqlite_is_set_up_for_several_writers(sqlite_store):
    assert pragma(sqlite_store, "journal_mode") == "wal"
    assert pragma(sqlite_store, "synchronous") == 1
    assert pragma(sqlite_store, "busy_timeout") == 10_000
    assert pragma(sqlite_store, "foreign_keys") == 1


def test_opening_waits_for_another_server_that_opens_the_same_new_file(sqlite_url, monkeypatch):
    path_of(sqlite_url).parent.mkdir(parents=True)
    other = sqlite3.connect(path_of(sqlite_url))
    other.execute("BEGIN IMMEDIATE")
    waits = []

    def other_finishes(seconds):
        waits.append(seconds)
        other.rollback()

    monkeypatch.setattr(schema.time, "sleep", other_finishes)
    store = Store(sqlite_url)
    assert len(waits) == 1
    assert pragma(store, "journal_mode") == "wal"
    store.close()
    other.close()


def test_a_newer_database_is_refused_and_left_alone(sqlite_url):
    Store(sqlite_url).close()
    edit(sqlite_url, "UPDATE meta SET schema_version = schema_version + 1")
    before = path_of(sqlite_url).read_bytes()
    with pytest.raises(StoreError) as refusal:
        Store(sqlite_url)
    assert refusal.value.code == "database_newer"
    assert refusal.value.facts == {"found": DATABASE_VERSION + 1, "known": DATABASE_VERSION}
    assert path_of(sqlite_url).read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_alone(sqlite_url):
    path_of(sqlite_url).parent.mkdir(parents=True)
    path_of(sqlite_url).write_bytes(b"this is somebody's letter, not a database " * 100)
    before = path_of(sqlite_url).read_bytes()
    with pytest.raises(StoreError) as refusal:
        Store(sqlite_url)
    assert refusal.value.code == "database_unreadable"
    assert refusal.value.facts["problem"] == "file is not a database"
    assert path_of(sqlite_url).read_bytes() == before


def test_a_damaged_database_is_unreadable_not_a_crash(sqlite_url):
    store = Store(sqlite_url)
    store.add_runs([(run(f"r{i}"), RunSummary()) for i in range(40)])
    store.close()
    content = bytearray(path_of(sqlite_url).read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path_of(sqlite_url).write_bytes(content)
    with pytest.raises(StoreError) as refusal:
        Store(sqlite_url).history()
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


def test_a_full_disk_is_told_loses_nothing_and_can_be_written_to_when_there_is_room(sqlite_store):
    sqlite_store.add_run(run("before"))
    with sqlite_store._engine.connect() as connection:  # the pool hands the same connection to the next call
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    large = run("large", notes=(Note("noise", {"text": os.urandom(200_000).hex()}),))  # can't be compressed
    for results in ([run("small"), large], [large], [run("before", notes=large.notes)]):
        with pytest.raises(StoreError) as refusal:
            sqlite_store.add_runs([(result, RunSummary()) for result in results])
        assert refusal.value.code == "disk_full"
        assert refusal.value.facts == {}
    assert sqlite_store.run("before") == run("before")
    assert sqlite_store.count() == 1
    assert pragma(sqlite_store, "integrity_check") == "ok"
    with sqlite_store._engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    sqlite_store.add_runs([(run("small"), RunSummary()), (large, RunSummary())])
    assert sqlite_store.run("large") == large
    assert sqlite_store.count() == 3


def test_a_full_disk_of_a_database_server_is_told(postgresql):
    url = postgresql.new_url()
    store = Store(url)
    store.add_run(run("before"))
    with connected(url) as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS"
            " $$BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END$$"
        )
        connection.exec_driver_sql(
            "CREATE TRIGGER full_disk AFTER INSERT ON runs FOR EACH ROW"
            " WHEN (NEW.id = 'second') EXECUTE FUNCTION fail()"
        )
    with pytest.raises(StoreError) as refusal:
        store.add_runs([(run("first"), RunSummary()), (run("second"), RunSummary())])
    assert refusal.value.code == "disk_full"
    assert [row.id for row in store.history()] == ["before"]
    store.close()


def test_a_server_that_was_stopped_and_started_is_used_again(postgresql):
    store = Store(postgresql.new_url())
    store.add_run(run("before"))
    postgresql.stop("immediate")
    with pytest.raises(StoreError) as refusal:
        store.add_run(run("meanwhile"))
    assert refusal.value.code == "database_write_failed"
    with pytest.raises(StoreError) as refusal:
        store.count()
    assert refusal.value.code == "database_unreadable"
    postgresql.start()
    store.add_run(run("after"))
    assert {row.id for row in store.history()} == {"before", "after"}
    store.close()


def test_a_database_that_cannot_be_written_is_told(sqlite_store):
    sqlite_store.add_run(run("before"))
    with sqlite_store._engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")
    with pytest.raises(StoreError) as refusal:
        sqlite_store.add_run(run("after"))
    assert refusal.value.code == "database_write_failed"
    assert sqlite_store.run("before") == run("before")
