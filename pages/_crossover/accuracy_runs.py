"""Where the runs come from that tell the time to an accuracy: jobs that end with it, store, recordings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import streamlit as st

from core import offers
from core.errors import InputError
from core.records import JobSpec, Note, RunResult, Setup, Workload
from core.runs.queue.job import Job
from core.runs.store import RunRow
from core.runs.wanted import Order, Wanted
from pages._shared import resources, visitor

MOST_EPOCHS = 20
_SECONDS, _RATIO_PCT = 30.0, 5.0  # of each setup at each batch size; the interval of the setups' ratios
_ROWS_LOOKED_AT = 200
_STARTED = "accuracy_jobs"
_ORDERS: tuple[Order, ...] = ("newest", "most_accurate")


def workload(model: str, dataset: str) -> Workload:
    """What is trained, batch size and epochs apart; the learning rate is the article's for every batch size."""
    return replace(offers.DEFAULT, model=model, dataset=dataset)


def jobs(
    work: Workload,
    batch_sizes: Sequence[int],
    setups: Sequence[Setup],
    target: float,
    max_epochs: int,
    seconds: float,
) -> list[JobSpec]:
    """One job for each batch size, in which all setups take turns until each has reached the target, 0 to 1."""
    return [
        JobSpec(
            replace(work, batch_size=size, epochs=max_epochs, task="train"),
            tuple(setups),
            seconds,
            _RATIO_PCT,
            until_accuracy=target,
        )
        for size in batch_sizes
    ]


def submit(work: Workload, batch_sizes: Sequence[int], setups: Sequence[Setup], target: float) -> None:
    """Queue them all, or tell why not; for the button."""
    limits = resources.runner().limits
    epochs, seconds = min(MOST_EPOCHS, limits.epochs), min(_SECONDS, limits.max_seconds)
    try:
        started = visitor.submit_all(jobs(work, batch_sizes, setups, target, epochs, seconds))
    except InputError as problem:
        st.session_state["problem"] = [problem.code, problem.facts]
        return
    st.session_state[_STARTED] = started


def open_job(work: Workload) -> Job | None:
    """The first that isn't over: of this session, or this visitor's of this model from before a reload."""
    jobs = [*_started(), *filter(lambda job: _of_before(job, work), resources.runner().open_jobs())]
    return next((job for job in jobs if not job.done), None)


def _of_before(job: Job, work: Workload) -> bool:
    wanted = job.spec.until_accuracy is not None and _alike(job.spec.workload, work)
    return wanted and visitor.may_cancel(job)


def failures(work: Workload) -> Iterator[Note]:
    """What went wrong in this session's jobs of this model on these images, each once."""
    told = []
    for job in _started():
        ours = job.done and _alike(job.spec.workload, work)
        for note in [job.failure, *(run.failure for run in job.results)] if ours else ():
            if note is not None and note not in told:
                told.append(note)
                yield note


def known(
    work: Workload, batch_sizes: Sequence[int], setups: Sequence[Setup], target: float
) -> tuple[RunResult, ...]:
    """The runs that trained this model on these images at these batch sizes, for long enough to count.

    Of these setups, and recorded ones of any device at its plainest. Raises StoreError for stored runs that
    can't be read.
    """
    mine = [run for job in _started() if job.done for run in resources.results_of(job.id)]
    found = [*mine, *_stored(work, batch_sizes, setups, target), *resources.recordings().runs]
    sizes = set(batch_sizes)
    return tuple(
        {
            run.id: run
            for run in found
            if _alike(run.spec.workload, work)
            and run.spec.workload.batch_size in sizes
            and _wanted(run, setups)
            and _trained_for_it(run, target)
        }.values()
    )


def _started() -> list[Job]:
    found = map(resources.runner().job, st.session_state.get(_STARTED, ()))
    return [job for job in found if job is not None]


def _alike(one: Workload, other: Workload) -> bool:
    return replace(one, batch_size=0, epochs=0, seed=0) == replace(other, batch_size=0, epochs=0, seed=0)


def _wanted(run: RunResult, setups: Sequence[Setup]) -> bool:
    setup = run.spec.setup
    plain = run.origin == "recorded" and setup.device != "cpu" and setup == Setup(setup.device)
    return plain or setup in setups


def _trained_for_it(run: RunResult, target: float) -> bool:
    """A sweep's cells are of a few blocks: what they don't know afterwards is nothing to go by."""
    if any(note.code == "accuracy_not_reached" for note in run.notes):  # it was asked for, and time ran out
        return True
    batch, data = run.spec.workload.batch_size, run.data
    whole = data.train_samples // batch * batch if data else None
    return any(
        record.test_accuracy is not None
        and (whole is None or record.samples >= whole or record.test_accuracy >= target)
        for record in run.epochs
    )


def _stored(
    work: Workload, batch_sizes: Sequence[int], setups: Sequence[Setup], target: float
) -> Iterator[RunResult]:
    """Of each setup at each batch size one: the newest that reached the target, else the one that knew most."""
    store = resources.storage().store
    if store is None:
        return
    wanted, best = Wanted(models=(work.model,), datasets=(work.dataset,)), dict[object, RunRow]()
    for row in {
        row.id: row for order in _ORDERS for row in store.find(wanted, order, _ROWS_LOOKED_AT, 0)
    }.values():
        if row.test_accuracy is None or row.setup not in setups or row.workload.batch_size not in batch_sizes:
            continue
        key = (row.setup, row.workload.batch_size, row.device_name, row.origin)
        if _alike(row.workload, work) and (key not in best or _rank(row, target) > _rank(best[key], target)):
            best[key] = row
    for row in best.values():
        yield from (run for run in resources.results_of(row.job_id) if run.id == row.id)


def _rank(row: RunRow, target: float) -> tuple[bool, float, str]:
    assert row.test_accuracy is not None
    there = row.test_accuracy >= target
    return there, 0.0 if there else row.test_accuracy, row.created_at
