"""A sweep's cells out of the store, on every database: the newest of each, failed ones too."""

from __future__ import annotations

import dataclasses

from core.records import Setup, Workload
from core.runs.store import RunSummary, SweptRow
from tests.builders import make_gpu_result
from tests.stored import GPU, at, run

RATE = RunSummary(100.0)


def ids(store, limit=5_000, task="train", dataset="digits"):
    return [row.id for row in store.swept(task, dataset, limit)]


def test_a_row_says_what_was_tried_on_what_and_how_it_went(any_store):
    result = dataclasses.replace(make_gpu_result(), created_at=at(3), origin="imported")
    any_store.add_run(result, samples_per_s=640.0)
    assert any_store.swept("train", "digits") == (
        SweptRow(
            id="run-gpu",
            job_id="job-1",
            model="mlp",
            batch_size=64,
            setup=GPU,
            device_name="NVIDIA Test GPU",
            status="finished",
            samples_per_s=640.0,
            created_at=at(3),
            origin="imported",
        ),
    )


def test_of_equal_cells_the_newest_counts_whatever_it_learns_at(any_store):
    longer = Workload(epochs=9, learning_rate=0.5, seed=4)
    any_store.add_runs([(run("old", second=1), RATE), (run("new", second=2, workload=longer), RATE)])
    assert ids(any_store) == ["new"]


def test_what_failed_later_hides_no_measurement_and_is_told_itself(any_store):
    failed = {"status": "failed", "blocks": ()}
    any_store.add_run(run("measured", second=1), samples_per_s=5.0)
    any_store.add_run(run("failed", second=2, **failed))
    any_store.add_run(run("failed-before", second=0, **failed))
    assert ids(any_store) == ["failed", "measured"]
    assert [row.status for row in any_store.swept("train", "digits")] == ["failed", "finished"]


def test_cells_differ_by_model_batch_setup_device_and_origin(any_store):
    others = [
        run("model", workload=Workload(model="cnn")),
        run("batch", workload=Workload(batch_size=128)),
        run("setup", setup=Setup(threads=1)),
        run("device", environment=make_gpu_result().environment),
        run("nowhere", environment=None),
        run("origin", origin="imported"),
        run("plain"),
    ]
    any_store.add_runs([(one, RATE) for one in others])
    assert sorted(ids(any_store)) == sorted(one.id for one in others)


def test_another_task_or_data_set_and_what_was_deleted_stay_out(any_store):
    any_store.add_runs([(run("a"), RATE), (run("gone", workload=Workload(batch_size=2)), RATE)])
    any_store.add_run(run("task", workload=Workload(task="extract")))
    any_store.add_run(run("data", workload=Workload(dataset="synthetic")))
    any_store.delete_runs(["gone"], at(9))
    assert ids(any_store) == ["a"]
    assert ids(any_store, task="extract") == ["task"]
    assert ids(any_store, dataset="synthetic") == ["data"]


def test_no_more_than_asked_for_and_the_newest_first(any_store):
    any_store.add_runs([(run(str(n), second=n, workload=Workload(batch_size=n + 1)), RATE) for n in range(9)])
    assert ids(any_store, limit=3) == ["8", "7", "6"]


def test_the_mark_changes_with_what_comes_goes_or_grows(any_store):
    marks = [any_store.mark()]

    def marked():
        marks.append(any_store.mark())

    any_store.add_run(run("a", second=1, status="interrupted"), samples_per_s=1.0)
    marked()
    any_store.add_run(run("a", second=1, status="interrupted"), samples_per_s=2.0)
    marked()
    any_store.add_run(run("b", second=0), samples_per_s=2.0)
    marked()
    assert len(set(marks)) == len(marks)
    assert any_store.mark() == marks[-1]
    any_store.delete_runs(["b"], at(9))
    assert any_store.mark() == marks[-2]
