"""Sweeps in the background of a server: fake workers, public limits, and one that really measures."""

from dataclasses import replace

import pytest

from core.errors import InputError
from core.records import Setup
from core.runs.admission import Limits
from core.runs.campaigns import AT_ONCE
from core.runs.queue.worker import Worker
from core.runs.sweeping.sweep import Sweeper, SweepSpec
from tests.jobs.children import until

CPU, TWO = Setup(threads=1), Setup(threads=1, data_path="loader")


def spec(model="quick", sizes=(16, 64), **changes):
    return SweepSpec((model,), sizes, (CPU, TWO), **{"max_seconds": 60.0, **changes})


@pytest.fixture
def sweeper(server):
    server.wait_for_worker()
    return Sweeper(server)


def over(sweeper, sweep_id):
    until(lambda: sweeper.state(sweep_id).done, "the sweep's end")
    return sweeper.state(sweep_id)


def test_a_server_sweeps_in_the_background_and_stores_every_run(sweeper, store):
    progress = over(sweeper, sweeper.start(spec()))
    assert (progress.measured, progress.planned, progress.failure) == (2, 2, None)
    assert progress.fraction == 1
    assert not progress.cancelled
    assert progress.job_id is None
    for run in progress.results:
        assert run in store.runs_of_job(run.job_id)
    assert {(run.spec.workload.batch_size, run.spec.setup) for run in progress.results} == {
        (size, setup) for size in (16, 64) for setup in (CPU, TWO)
    }
    assert sweeper.state("another") is None


def test_what_is_stored_isnt_measured_again(sweeper):
    first = over(sweeper, sweeper.start(spec(sizes=(16, 64))))
    again = over(sweeper, sweeper.start(spec(sizes=(16, 32, 64)), known=first.results))
    assert again.jobs == 1
    assert again.measured == 3
    assert {run.id for run in first.results} <= {run.id for run in again.results}


def test_a_sweep_can_be_cancelled(sweeper, server):
    sweep_id = sweeper.start(spec("endless"))
    job_id = until(lambda: sweeper.state(sweep_id).job_id, "a job")
    server.measuring(job_id)
    sweeper.cancel(sweep_id)
    progress = over(sweeper, sweep_id)
    assert progress.cancelled
    assert progress.failure is None
    assert server.job(job_id).state == "cancelled"


def test_a_refusal_by_the_worker_ends_nothing_but_the_batch(sweeper):
    progress = over(sweeper, sweeper.start(spec("refused", sizes=(4, 64))))
    assert progress.failure is None
    assert progress.measured == 0
    assert {item.reason.code for item in progress.untried} == {"batch_too_large", "batches_too_large"}


def test_a_worker_that_dies_counts_as_a_full_memory(sweeper):
    progress = over(sweeper, sweeper.start(spec("dies", sizes=(16, 64))))
    assert progress.failure is None
    runs = {(run.spec.workload.batch_size, run.spec.setup): run for run in progress.results}
    assert len(runs[16, CPU].blocks) == 2  # what it had measured is kept
    assert runs[16, TWO].failure.code == "worker_killed"
    assert (64, TWO) not in runs
    assert [item.reason.code for item in progress.untried] == ["memory_full_before"]


def test_setups_that_break_the_worker_everywhere_are_dropped(sweeper):
    progress = over(sweeper, sweeper.start(spec("breaks", sizes=(16, 32, 64))))
    assert progress.measured == 0
    assert {item.reason.code for item in progress.untried} == {"worker_died"}
    assert len(progress.untried) == 6
    assert [note.code for note in progress.notes] == ["setup_dropped", "setup_dropped"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sizes": ()}, "sweep_no_batches"),
        ({"sizes": (0,)}, "out_of_range"),
        ({"setups": (Setup("cuda:7"),)}, "unknown_device"),
    ],
)
def test_what_cant_be_swept_is_refused_at_once(changes, code, sweeper):
    asked = spec(sizes=changes.get("sizes", (16,)))
    if "setups" in changes:
        asked = SweepSpec(asked.models, asked.batch_sizes, changes["setups"])
    with pytest.raises(InputError) as refusal:
        sweeper.start(asked)
    assert refusal.value.code == code


def test_so_many_at_once(sweeper):
    started = [sweeper.start(spec("endless")) for _ in range(AT_ONCE)]
    with pytest.raises(InputError) as refusal:
        sweeper.start(spec())
    assert refusal.value.code == "too_many_under_way"
    for sweep_id in started:
        sweeper.cancel(sweep_id)
        over(sweeper, sweep_id)
    over(sweeper, sweeper.start(spec()))


def test_the_last_ones_are_remembered(sweeper):
    ids = [sweeper.start(spec(sizes=(16,)))]
    for _ in range(22):
        over(sweeper, ids[-1])
        ids.append(sweeper.start(spec(sizes=(16,)), known=sweeper.state(ids[-1]).results))
    over(sweeper, ids[-1])
    assert sweeper.state(ids[0]) is None
    assert sweeper.state(ids[-2]).done


# --- on a server for everybody


class _Anyone(dict):
    """Any model may be asked for: the fake worker's are called by what they do."""

    def __contains__(self, name):
        return True

    def __getitem__(self, name):
        return 4096

    def get(self, name, default=None):
        return 4096


@pytest.fixture
def public(serve):
    limits = Limits.public()
    limits = replace(limits, bounds=replace(limits.bounds, models=_Anyone()))
    server = serve(limits=limits)
    server.wait_for_worker()
    return Sweeper(server)


def test_a_visitor_sweeps_once_at_a_time(public):
    mine = public.start(spec("endless"), "me", "here")
    with pytest.raises(InputError) as refusal:
        public.start(spec(), "me", "here")
    assert refusal.value.code == "sweep_under_way"
    until(lambda: public.state(mine).job_id, "a job")
    other = public.start(spec(), "you", "there")
    public.cancel(mine)
    assert over(public, mine).cancelled
    assert over(public, other).measured == 2


def test_a_spent_hour_ends_it_and_keeps_what_was_measured(public):
    ids, measured = [], 0
    for _ in range(4):  # 24 jobs from one network in an hour
        ids.append(public.start(spec(sizes=tuple(range(1, 9))), "me", "here"))
        measured += over(public, ids[-1]).measured
    progress = public.state(ids[-1])
    assert measured == 24
    assert progress.failure.code == "visitor_hour_spent"
    assert progress.done


def test_a_sweep_that_really_measures(serve):
    server = serve(start_worker=Worker)
    server.wait_for_worker()
    asked = SweepSpec(("mlp",), (8, 64), (CPU, TWO), dataset="synthetic:1x28x28,images=640", max_seconds=30.0)
    sweeper = Sweeper(server)
    progress = over(sweeper, sweeper.start(asked))
    assert (progress.measured, progress.failure) == (2, None)
    assert len(progress.results) == 4
    assert all(len(run.blocks) >= 2 for run in progress.results)
