"""Deleted runs, on every database: nowhere to be seen, back when wanted, gone for good in the end."""

from __future__ import annotations

import pytest

from core.records import Note
from core.runs.store import RunSummary
from core.runs.wanted import Wanted
from tests.stored import GPU, OWNER, SPEC, WORK, at, run


@pytest.fixture
def store(any_store):
    """Three runs, of which b is deleted."""
    any_store.add_runs([(run(name, second=i), RunSummary(1.0)) for i, name in enumerate("abc")])
    assert any_store.delete_runs(["b"], at(30)) == 1
    return any_store


def there(store):
    return "".join(row.id for row in store.find(Wanted(), "oldest", 9, 0))


def test_deleting_and_restoring_say_how_many_there_were(store):
    assert store.delete_runs(["a", "b", "none"], at(31)) == 1
    assert there(store) == "c"
    assert store.restore_runs(["a", "b", "c", "none"]) == 2
    assert there(store) == "abc"
    assert store.delete_runs([], at(32)) == store.restore_runs([]) == 0


def test_a_run_that_is_still_being_measured_stays(store):
    store.add_job("open", SPEC, at(5), OWNER)
    store.add_run(run("o", job_id="open", second=5))
    assert store.delete_runs(["o", "a"], at(31)) == 1
    assert there(store) == "co"
    store.set_job_state("open", "finished")
    assert store.delete_runs(["o"], at(32)) == 1
    assert there(store) == "c"


def test_no_reading_method_shows_a_deleted_run(store):
    store.add_run(run("d", job_id="gone", setup=GPU), samples_per_s=9.0)
    assert store.latest_job(WORK, (GPU,)) == "gone"
    store.delete_runs(["d"], at(30))
    assert store.run("b") is None
    assert [result.id for result in store.runs_of_job("j1")] == ["a", "c"]
    assert store.runs_of_job("gone") == ()
    for rows in (store.history(), store.history(WORK), store.alike(WORK, 9)):
        assert [row.id for row in rows] == ["c", "a"]
    assert store.count() == store.count(WORK) == store.count_wanted(Wanted()) == 2
    assert store.count_wanted(Wanted(models=("mlp",))) == 2
    assert store.kept(["a", "b", "d", "none"]) == {"a"}
    assert store.latest_job(WORK, (GPU,)) is None
    assert not store.rename("b", "name")
    assert not store.tag("b", ["tag"])


def test_a_job_without_its_deleted_runs_is_one_of_the_setups_left(store):
    store.add_runs([(run("e", "pair", 8), RunSummary(1.0)), (run("f", "pair", 8, setup=GPU), RunSummary(1.0))])
    assert store.latest_job(WORK, (run().spec.setup, GPU)) == "pair"
    store.delete_runs(["f"], at(30))
    assert store.latest_job(WORK, (run().spec.setup, GPU)) is None
    assert store.latest_job(WORK, (run().spec.setup,)) == "pair"


def test_what_is_restored_has_its_place_its_name_and_its_tags(store):
    store.rename("a", "name")
    store.tag("a", ["tag"])
    before = store.history()
    store.delete_runs(["a"], at(31))
    store.restore_runs(["a"])
    assert store.history() == before
    assert [result.id for result in store.runs_of_job("j1")] == ["a", "c"]


def test_a_run_of_a_deleted_ones_id_is_a_new_run(store):
    store.rename("a", "name")
    store.tag("a", ["tag"])
    store.delete_runs(["a"], at(31))
    imported = run("a", origin="imported", notes=(Note("another"),))
    store.add_run(imported, quality="usable")
    row = next(row for row in store.history() if row.id == "a")
    assert (row.origin, row.quality, row.name, row.tags, row.position) == ("imported", "usable", None, (), 3)
    assert store.run("a") == imported
    assert store.restore_runs(["a"]) == 0
    assert store.run("a") == imported


def test_an_import_replaces_no_measurement_that_was_restored(store):
    store.restore_runs(["b"])
    store.add_run(run("b", origin="imported", notes=()))
    assert store.run("b") == run("b", second=1)


def test_purging_removes_for_good_what_was_deleted_long_ago(store):
    store.delete_runs(["a"], at(40))
    assert store.purge(at(30)) == 0
    assert store.purge(at(40)) == 1
    assert store.restore_runs(["a", "b"]) == 1
    assert there(store) == "ac"


def test_purging_removes_for_good_what_was_measured_long_ago(store):
    assert store.purge(at(0), created_before=at(2)) == 2
    assert there(store) == "c"
    assert store.restore_runs(["a", "b"]) == 0


def test_an_open_job_keeps_its_runs_and_a_closed_one_goes_with_its_last(store):
    store.add_job("open", SPEC, at(0), OWNER)
    store.add_job("closed", SPEC, at(0), OWNER)
    store.add_job("half", SPEC, at(0), OWNER)
    store.add_job("new", SPEC, at(9), OWNER)
    store.set_job_state("open", "running")
    for job in ("closed", "half", "new"):
        store.set_job_state(job, "finished")
    store.add_runs([(run(job, job, 1), RunSummary()) for job in ("open", "closed", "half")])
    store.add_run(run("half, new", "half", 9))
    assert store.purge(at(50), created_before=at(9)) == 5  # a, b, c, closed, half
    assert {row.id for row in store.history()} == {"open", "half, new"}
    assert [name for name in ("open", "closed", "half", "new") if store.job(name)] == ["open", "half", "new"]


def test_the_visitor_of_a_run_is_its_jobs(store):
    store.add_job("j1", SPEC, at(0), OWNER, visitor="somebody")
    store.add_job("j2", SPEC, at(0), OWNER)
    store.add_run(run("d", "j2"))
    store.add_run(run("e", "elsewhere", origin="imported"))
    found = store.visitors_of(["a", "b", "d", "e", "none"])
    assert found == {"a": "somebody", "b": "somebody", "d": None, "e": None}
    assert store.visitors_of([]) == {}
