"""Jobs in the store, on every database, and several servers and processes that use one at once."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.errors import StoreError
from core.records import Note
from core.runs.store import OPEN, Store
from tests.databases import edit
from tests.stored import OTHER, OWNER, SPEC, THIRD, at, run

REPOSITORY = Path(__file__).resolve().parents[2]


def test_a_job_is_queued_runs_and_ends(any_store):
    any_store.add_job("j1", SPEC, at(1), OWNER, visitor="v")
    job = any_store.job("j1")
    assert (job.state, job.spec, job.owner, job.created_at, job.heartbeat_at) == (
        "queued",
        SPEC,
        OWNER,
        at(1),
        at(1),
    )
    assert (job.failure, job.visitor) == (None, "v")
    assert any_store.set_job_state("j1", "running")
    assert any_store.job("j1").state == "running"
    assert any_store.set_job_state("j1", "failed", Note("worker_died", {"exit_code": 137}))
    assert any_store.job("j1").state == "failed"
    assert any_store.job("j1").failure == Note("worker_died", {"exit_code": 137})


def test_a_closed_job_stays_as_it_ended(any_store):
    for state in ("finished", "failed", "cancelled", "interrupted"):
        any_store.add_job(state, SPEC, at(1), OWNER)
        assert any_store.set_job_state(state, state)
        assert not any_store.set_job_state(state, "cancelled" if state != "cancelled" else "finished")
        assert any_store.job(state).state == state
    assert not any_store.set_job_state("none", "running")
    assert any_store.job("none") is None


def test_open_jobs_are_the_queued_and_running_ones_oldest_first(any_store):
    for second, name in enumerate(("z", "y", "x")):
        any_store.add_job(name, SPEC, at(second), OWNER)
    any_store.set_job_state("z", "running")
    any_store.set_job_state("y", "finished")
    assert [(job.id, job.state) for job in any_store.open_jobs()] == [("z", "running"), ("x", "queued")]
    assert OPEN == ("queued", "running")


def test_a_job_id_is_used_once(any_store):
    any_store.add_job("j1", SPEC, at(1), OWNER)
    with pytest.raises(StoreError) as refusal:
        any_store.add_job("j1", SPEC, at(2), OTHER)
    assert refusal.value.code == "database_write_failed"
    assert any_store.job("j1").owner == OWNER


def test_a_malformed_job_is_named(any_store, any_url):
    any_store.add_job("j1", SPEC, at(1), OWNER)
    edit(any_url, "UPDATE jobs SET spec = '{}'")
    with pytest.raises(StoreError) as refusal:
        any_store.open_jobs()
    assert (refusal.value.code, refusal.value.facts["job"]) == ("stored_job_malformed", "j1")


def test_a_heartbeat_is_of_all_the_owners_open_jobs_only(any_store):
    any_store.add_job("mine", SPEC, at(1), OWNER)
    any_store.add_job("mine, done", SPEC, at(1), OWNER)
    any_store.add_job("theirs", SPEC, at(1), OTHER)
    any_store.set_job_state("mine, done", "finished")
    any_store.beat(OWNER, at(30))
    beats = {name: any_store.job(name).heartbeat_at for name in ("mine", "mine, done", "theirs")}
    assert beats == {"mine": at(30), "mine, done": at(1), "theirs": at(1)}


def test_orphans_are_those_whose_owner_is_dead_or_unknown_and_silent(any_store, any_url):
    for second, (name, owner) in enumerate(
        [("alive", OWNER), ("dead", OTHER), ("silent", THIRD), ("heard", THIRD)]
    ):
        any_store.add_job(name, SPEC, at(second), owner)
    beats = {"alive": at(0), "dead": at(59), "silent": at(10), "heard": at(50)}
    for name, beat in beats.items():
        edit(any_url, "UPDATE jobs SET heartbeat_at = :beat WHERE id = :name", beat=beat, name=name)
    known = {OWNER: True, OTHER: False}
    assert [job.id for job in any_store.orphaned(known.get, stale_before=at(40))] == ["dead", "silent"]


def test_of_two_servers_one_adopts(any_store, any_url):
    any_store.add_job("j1", SPEC, at(1), OWNER)
    second = Store(any_url)
    seen, seen_too = any_store.job("j1").owner, second.job("j1").owner
    assert second.adopt("j1", THIRD, previous=seen_too, at=at(9))
    assert not any_store.adopt("j1", OTHER, previous=seen, at=at(9))
    assert (any_store.job("j1").owner, any_store.job("j1").heartbeat_at) == (THIRD, at(9))
    any_store.set_job_state("j1", "finished")
    assert not any_store.adopt("j1", OTHER, previous=THIRD, at=at(10))
    second.close()


def test_many_threads_lose_nothing_and_one_of_them_adopts(any_store):
    any_store.add_job("j1", SPEC, at(1), OWNER)
    won, errors = [], []

    def work(name):
        try:
            for i in range(20):
                any_store.add_run(run(f"{name}-{i}", f"job-{name}"), samples_per_s=1.0)
                any_store.history(limit=5)
            if any_store.adopt("j1", f"host:{name}:1", previous=OWNER, at=at(2)):
                won.append(name)
        except StoreError as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert any_store.count() == 120
    assert [result.id for result in any_store.runs_of_job("job-3")] == [f"3-{i}" for i in range(20)]
    assert len(won) == 1
    assert any_store.job("j1").owner == f"host:{won[0]}:1"


_WRITER = """
import sys
from core.runs.store import Store
from tests.builders import make_result
any_url, name = sys.argv[1:]
store = Store(any_url)
for i in range(50):
    store.add_run(make_result(id=f"{name}-{i}", job_id=name, telemetry=None))
"""


def test_four_processes_that_open_a_new_file_at_once_lose_nothing(any_url):
    command = [sys.executable, "-c", _WRITER, any_url]
    writers = [subprocess.Popen([*command, str(i)], cwd=REPOSITORY, stderr=subprocess.PIPE) for i in range(4)]
    problems = [writer.communicate()[1].decode() for writer in writers]
    assert problems == [""] * 4
    store = Store(any_url)
    assert store.count() == 200
    assert {row.id for row in store.history(limit=300)} == {f"{i}-{j}" for i in range(4) for j in range(50)}
    store.close()
