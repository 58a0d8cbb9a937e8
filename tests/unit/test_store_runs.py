"""Runs in the store, on every database: nothing lost, nothing mixed up, every refusal by its code."""

from __future__ import annotations

import dataclasses
import json
import zlib

import pytest
import sqlalchemy as sa

from core.errors import StoreError
from core.records import EpochRecord, Note, Setup, Workload
from core.runs.store import RunRow, RunSummary, Store
from core.runs.store.schema import runs
from tests.builders import make_gpu_result
from tests.databases import connected, edit
from tests.stored import CPU, GPU, WORK, at, run


def test_a_run_comes_back_equal_also_after_reopening(any_store, any_url):
    any_store.add_run(make_gpu_result())
    any_store.add_run(run("failed", environment=None, blocks=(), failure=Note("out_of_memory")))
    assert any_store.run("run-gpu") == make_gpu_result()
    assert any_store.run("none") is None
    any_store.close()
    again = Store(any_url)
    assert again.run("run-gpu") == make_gpu_result()
    assert again.run("failed").failure == Note("out_of_memory")
    assert {row.id: row.device_name for row in again.history()} == {
        "run-gpu": "NVIDIA Test GPU",
        "failed": None,
    }
    again.close()


def test_the_list_shows_the_summary_and_what_the_document_says(any_store):
    any_store.add_run(run(second=3, setup=GPU), samples_per_s=1280.5, test_accuracy=0.5, quality="usable")
    assert any_store.history() == (
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
            quality="usable",
            name=None,
            tags=(),
        ),
    )


def test_a_setup_is_found_by_every_field_of_it(any_store):
    plain, other = Setup(), Setup(step="compiled", steps_per_call=4, products="mkl_fast", keep_pages=True)
    any_store.add_run(run("a", "plain", 1, setup=plain), samples_per_s=1.0)
    any_store.add_run(run("b", "other", 2, setup=other), samples_per_s=1.0)
    assert [row.setup for row in any_store.history()] == [other, plain]
    assert any_store.latest_job(WORK, (other,)) == "other"
    assert any_store.latest_job(WORK, (dataclasses.replace(other, steps_per_call=2),)) is None


def test_a_later_result_replaces_an_earlier_part_and_keeps_its_place(any_store):
    any_store.add_runs([(run("a", status="interrupted"), RunSummary()), (run("b"), RunSummary())])
    any_store.add_run(run("a", blocks=()), epoch_s=1.5)
    assert any_store.count() == 2
    assert any_store.runs_of_job("j1") == (run("a", blocks=()), run("b"))
    row = next(row for row in any_store.history() if row.id == "a")
    assert (row.status, row.epoch_s, row.position) == ("finished", 1.5, 0)


def test_an_import_never_replaces_a_measurement(any_store):
    any_store.add_run(run(), samples_per_s=10.0)
    any_store.add_run(run(origin="imported", blocks=()), samples_per_s=99.0)
    assert any_store.run("r1") == run()
    assert any_store.history()[0].samples_per_s == 10.0


def test_runs_of_a_job_keep_their_order_whatever_their_ids(any_store):
    any_store.add_runs([(run(name), RunSummary()) for name in ("c", "a", "b")])
    any_store.add_run(run("other", job_id="j2"))
    any_store.add_run(run("0"))
    assert [result.id for result in any_store.runs_of_job("j1")] == ["c", "a", "b", "0"]
    assert any_store.runs_of_job("none") == ()
    assert {row.id: row.position for row in any_store.history()} == {"c": 0, "a": 1, "b": 2, "0": 3, "other": 0}


def test_several_runs_are_any_stored_all_or_none(any_store):
    bad = run("b", epochs=(EpochRecord(1, 1, 1, float("nan"), None, 0, 0.0),))
    with pytest.raises(StoreError) as refusal:
        any_store.add_runs([(run("a"), RunSummary()), (bad, RunSummary())])
    assert refusal.value.code == "database_write_failed"
    for unstorable in (Workload(seed=10**30), Workload(model="\ud800")):
        with pytest.raises(StoreError) as refusal:
            any_store.add_runs([(run("a"), RunSummary()), (run("b", workload=unstorable), RunSummary())])
        assert refusal.value.code == "database_write_failed"
    assert any_store.count() == 0


def test_history_is_newest_first_and_of_one_workload(any_store):
    large = Workload(batch_size=1024)
    any_store.add_run(run("old", second=1))
    any_store.add_run(run("new", second=9))
    any_store.add_run(run("large", second=5, workload=large))
    assert [row.id for row in any_store.history()] == ["new", "large", "old"]
    assert [row.id for row in any_store.history(WORK)] == ["new", "old"]
    assert [row.id for row in any_store.history(large)] == ["large"]
    assert (any_store.count(), any_store.count(large), any_store.count(Workload(seed=9))) == (3, 1, 0)


def test_history_of_300_runs_is_paged_and_reads_no_document(any_store, any_url):
    any_store.add_runs([(run(f"r{i:03}", f"j{i}", i), RunSummary()) for i in range(300)])
    edit(any_url, "UPDATE runs SET document = :bytes WHERE id = 'r270'", bytes=b"not zlib")
    pages = [[row.id for row in any_store.history(limit=50, offset=start)] for start in range(0, 350, 50)]
    assert [len(page) for page in pages] == [50] * 6 + [0]
    assert [name for page in pages for name in page] == [f"r{i:03}" for i in reversed(range(300))]


@pytest.mark.parametrize(
    "document",
    [b"not zlib", zlib.compress(b"not json"), zlib.compress(b'{"id": "r1"}'), zlib.compress(b"\xff")],
)
def test_a_malformed_document_is_refused_for_its_run_only(any_store, any_url, document):
    any_store.add_run(run("r1"))
    any_store.add_run(run("r2"))
    edit(any_url, "UPDATE runs SET document = :bytes WHERE id = 'r1'", bytes=document)
    with pytest.raises(StoreError) as refusal:
        any_store.run("r1")
    assert refusal.value.code == "stored_run_malformed"
    assert refusal.value.facts["run"] == "r1"
    assert any_store.run("r2") == run("r2")


def test_the_document_is_compressed_json_of_the_record(any_store, any_url):
    any_store.add_run(run())
    with connected(any_url) as connection:
        document = connection.scalar(sa.select(runs.c.document))
    plain = json.loads(zlib.decompress(document))
    assert plain["spec"]["workload"]["model"] == "mlp"
    assert plain["blocks"][0]["duration_s"] == run().blocks[0].duration_s


def test_runs_with_the_same_step_are_found_whatever_their_epochs(any_store):
    def work(**changes):
        return dataclasses.replace(WORK, **changes)

    any_store.add_run(run("a", second=1))
    any_store.add_run(run("b", second=2, workload=work(epochs=9, learning_rate=0.5, seed=7)))
    for name, other in (("c", {"batch_size": 128}), ("d", {"model": "cnn"}), ("e", {"task": "classify"})):
        any_store.add_run(run(name, second=3, workload=work(**other)))
    assert [row.id for row in any_store.alike(WORK, 10)] == ["b", "a"]
    assert [row.id for row in any_store.alike(WORK, 1)] == ["b"]


def test_the_latest_job_is_the_newest_with_a_rate_for_this_workload(any_store):
    any_store.add_run(run("a", "first", 1), samples_per_s=1.0)
    any_store.add_run(run("b", "second", 2, status="cancelled"), samples_per_s=1.0)
    any_store.add_run(run("c", "failed", 3, status="failed"), samples_per_s=1.0)
    any_store.add_run(run("d", "without rate", 4))
    any_store.add_run(run("e", "other work", 5, workload=Workload(epochs=9)), samples_per_s=1.0)
    assert any_store.latest_job(WORK) == "second"
    assert any_store.latest_job(Workload(epochs=9)) == "other work"
    assert any_store.latest_job(Workload(epochs=8)) is None


def test_the_latest_job_of_given_setups_has_exactly_these(any_store):
    any_store.add_run(run("a", "both", 1), samples_per_s=1.0)
    any_store.add_run(run("b", "both", 1, setup=GPU, status="failed"))
    any_store.add_run(run("c", "cpu", 2), samples_per_s=1.0)
    any_store.add_run(run("d", "threads", 3, setup=Setup(threads=2)), samples_per_s=1.0)
    any_store.add_run(run("e", "twice", 4), samples_per_s=1.0)
    any_store.add_run(run("f", "twice", 4), samples_per_s=1.0)
    assert any_store.latest_job(WORK, (GPU, CPU)) == "both"
    assert any_store.latest_job(WORK, (CPU,)) == "cpu"
    assert any_store.latest_job(WORK, (Setup(threads=2),)) == "threads"
    assert any_store.latest_job(WORK, (CPU, CPU)) == "twice"
    assert any_store.latest_job(WORK, (GPU,)) is None
    assert any_store.latest_job(WORK, ()) is None
