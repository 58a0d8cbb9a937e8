"""Sweeps spread over several machines: scripted ones that measure at once, in the order that a test wants."""

from __future__ import annotations

import dataclasses
import threading
from types import SimpleNamespace

import pytest

from core.errors import InputError, MeasurementError
from core.records import Note
from core.runs.campaigns import CancelledError
from core.runs.sweeping import sweep as module
from core.runs.sweeping.sweep import LOST, Progress, spread, sweep
from tests.parked import LONG_S, Park
from tests.sweeps import BATCHES
from tests.unit.test_sweep import CPU, GPU, LINES, SPEC, Bench, Full, here


def park_of(machines, bench=None):
    return Park(machines, bench or Bench(noise=0.002))


@pytest.fixture
def begin():
    """Start a sweep in a thread; its end, once it is joined."""
    threads = []

    def start(park, spec=SPEC, **options):
        ends = []
        thread = threading.Thread(
            target=lambda: ends.append(spread(spec, park.measures, park.stop, **options)), daemon=True
        )
        threads.append((thread, park))
        thread.start()

        def end():
            thread.join(LONG_S)
            assert ends, "the sweep didn't end"
            return ends[0]

        return end

    yield start
    for thread, park in threads:
        park.stop()
        thread.join(LONG_S)
        assert not thread.is_alive()


def measured(progress):
    return {(run.spec.workload.batch_size, run.spec.setup) for run in progress.results}


def test_every_cell_of_the_grid_is_measured_once_and_by_all_machines(begin):
    park = park_of(3)
    park.held = {0, 1, 2}
    end = begin(park)
    park.until(lambda: len(park.busy) == 3, "three at once")
    assert len(set(park.sizes)) == 3
    for number in range(3):
        park.release(number)
    progress = end()
    assert park.most_at_once == 3
    assert sorted(park.sizes) == list(BATCHES)
    assert measured(progress) == {(size, setup) for size in BATCHES for setup in (CPU, GPU)}
    assert (progress.measured, progress.settled, progress.jobs) == (10, 10, 10)
    assert (progress.done, progress.cancelled, progress.failure, progress.notes) == (True, False, None, ())
    assert progress.under_way == ()


def test_one_machine_measures_in_the_order_of_a_sweep_here():
    alone, park = Bench(), Park(1, Bench())
    there = spread(SPEC, park.measures, park.stop, clock=park.bench.clock)
    here_ = sweep(SPEC, alone, clock=alone.clock)
    assert park.bench.jobs == alone.jobs
    assert there == here_


def test_a_larger_batch_waits_until_it_is_known_how_long_a_smaller_one_takes(begin):
    park = park_of(3)
    park.held = {0, 1, 2}
    begin(park)
    park.until(lambda: len(park.busy) == 3, "three at once")
    assert sorted(park.sizes) == [16, 32, 64]
    first = next(number for number, size, _ in park.begun if size == 16)
    with park.lock:
        park.held.discard(first)
        park.lock.notify_all()
        assert park.lock.wait_for(lambda: len(park.begun) >= 4, LONG_S)
    assert park.sizes[3] == 8192


def test_models_are_shared_out(begin):
    park = park_of(2)
    park.held = {0, 1}
    begin(park, dataclasses.replace(SPEC, models=("mlp", "cnn")))
    park.until(lambda: len(park.busy) == 2, "two at once")
    assert park.sizes == [16, 16]


def test_what_is_under_way_is_told_the_oldest_first(begin):
    park, told = park_of(2), []
    park.held = {0, 1}
    end = begin(park, tell=told.append)
    park.until(lambda: len(park.busy) == 2, "two at once")
    last = told[-1]
    assert isinstance(last, Progress)
    assert last.under_way == (("mlp", 16), ("mlp", 32))
    assert (last.model, last.batch_size) == ("mlp", 16)
    oldest = next(number for number, size, _ in park.begun if size == 16)
    park.release(oldest)
    park.until(lambda: len(park.begun) >= 3, "the next one")
    assert ("mlp", 32) in told[-1].under_way
    park.stop()
    assert end().cancelled


@pytest.mark.parametrize("code", LOST)
def test_a_lost_machines_point_is_measured_by_another_and_that_is_said(code, begin):
    park = park_of(2)
    park.held = {0, 1}
    end = begin(park)
    park.until(lambda: len(park.busy) == 2, "two at once")
    number, size, _ = park.begun[0]
    park.lose(number, code)
    park.release(1 - number)
    progress = end()
    assert sorted(park.sizes) == sorted((*BATCHES, size))
    assert [machine for machine, batch, _ in park.begun if batch == size] == [number, 1 - number]
    assert progress.measured == 10
    assert progress.failure is None
    facts = {"model": "mlp", "batch_size": size, "machines": 1}
    assert progress.notes == (Note(LOST[code], facts),)


def test_a_machine_that_has_nothing_to_do_takes_over_from_one_that_is_lost(begin):
    park = park_of(2)
    park.held = {0, 1}
    end = begin(park, dataclasses.replace(SPEC, batch_sizes=(16, 64)))
    park.until(lambda: len(park.busy) == 2, "two at once")
    lost, size, _ = park.begun[0]
    park.release(1 - lost)
    park.until(lambda: park.busy == {lost}, "the other one waits")
    park.lose(lost)
    progress = end()
    assert progress.measured == 2
    assert sorted(park.sizes) == sorted((16, 64, size))


def test_the_last_machines_loss_ends_it_and_what_was_measured_stays(begin):
    park = park_of(2)
    park.held = {1}

    def first(job, measure=park.measures[0]):
        if job.workload.batch_size == 8192:
            park.held.add(0)
        return measure(job)

    park.measures[0] = first
    end = begin(park, tell=park.hear)
    park.until(lambda: 8192 in park.sizes and park.busy == {0, 1}, "both at work")
    park.lose(1)
    park.until(lambda: park.told[-1].notes, "its loss")
    park.lose(0, "target_gone")
    progress = end()
    assert progress.failure == Note("target_gone")
    assert progress.done
    assert [note.code for note in progress.notes] == ["sweep_machine_lost"]
    assert progress.untried == ()
    assert progress.measured >= 1


def test_a_failure_that_isnt_a_machines_ends_all_jobs(begin):
    park = park_of(3)
    park.held = {0, 1, 2}
    end = begin(park)
    park.until(lambda: len(park.busy) == 3, "three at once")
    with park.lock:
        park.lost[0] = MeasurementError("cluster_lost")
        park.lock.notify_all()
    progress = end()
    assert progress.failure == Note("cluster_lost")
    assert park.stopped
    assert park.busy == set()
    assert (progress.measured, progress.untried) == (0, ())


def test_whoever_ends_one_job_ends_all(begin):
    park = park_of(3)
    park.held = {1, 2}

    def first(job, measure=park.measures[0]):
        if job.workload.batch_size == 8192:
            raise CancelledError
        return measure(job)

    park.measures[0] = first
    progress = begin(park)()
    assert progress.cancelled
    assert progress.failure is None
    assert park.stopped
    assert 0 < progress.measured == progress.jobs < 10


def test_ctrl_c_ends_all_jobs_and_keeps_what_there_is(monkeypatch):
    park = park_of(2)
    park.held = {1}
    real, pressed = threading.Condition.wait, []

    def first(job, measure=park.measures[0]):
        park.until(lambda: 1 in park.busy, "the other machine's job")
        return measure(job)

    park.measures[0] = first

    def wait(self, timeout=None):
        woken = real(self, timeout)
        if threading.current_thread() is threading.main_thread() and not pressed and len(park.begun) >= 3:
            pressed.append(True)
            raise KeyboardInterrupt
        return woken

    kind = type("Condition", (threading.Condition,), {"wait": wait})
    monkeypatch.setattr(module, "threading", SimpleNamespace(Condition=kind, Thread=threading.Thread))
    progress = spread(SPEC, park.measures, park.stop)
    assert pressed
    assert progress.cancelled
    assert park.stopped
    assert progress.measured >= 1


def test_a_fault_of_ours_ends_it_too_instead_of_hanging(begin, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda arguments: None)
    park = park_of(2)
    park.held = {1}
    park.measures[0] = lambda job: {}["nothing"]
    assert begin(park)().failure == Note("queue_stopped")


def test_a_full_memory_is_learnt_whoever_meets_it_first(begin):
    """Two larger batches under way end in either order: the same is ruled out."""
    found = []
    for order in ((0, 1), (1, 0)):
        park = park_of(2, Full(noise=0.002))
        park.held = {0, 1}
        spec = dataclasses.replace(SPEC, batch_sizes=(1024, 2048, 4096))
        end = begin(park, spec)
        park.until(lambda park=park: len(park.busy) == 2, "two at once")
        by_size = {size: number for number, size, _ in park.begun}
        assert sorted(by_size) == [1024, 2048]
        first, second = sorted(by_size.values(), key=lambda n, o=order: o[n])
        park.release(first)
        park.until(lambda park=park, first=first: first not in park.busy or len(park.begun) > 2, "its end")
        park.release(second)
        progress = end()
        reasons = {(item.batch_size, item.setup): item.reason for item in progress.untried}
        runs = {(run.spec.workload.batch_size, run.spec.setup): run.failure for run in progress.results}
        assert runs[1024, GPU].code == runs[2048, GPU].code == "out_of_memory"
        assert {(1024, CPU), (2048, CPU), (4096, CPU)} <= runs.keys()
        assert all(setup == GPU for _, setup in reasons)
        assert not reasons.keys() & runs.keys()
        found.append(progress.settled)
    assert found == [3, 3]


def test_what_is_ruled_out_meanwhile_isnt_told_twice(begin):
    """A cell that is under way while a smaller batch shows that it can't be is measured, and only that."""
    park = park_of(2, Full(noise=0.002))
    park.held = {0, 1}
    end = begin(park, dataclasses.replace(SPEC, batch_sizes=(1024, 2048)))
    park.until(lambda: len(park.busy) == 2, "two at once")
    smaller, larger = (number for number, _, _ in sorted(park.begun, key=lambda item: item[1]))
    park.release(smaller)
    park.until(lambda: park.busy == {larger}, "the smaller one's end")
    park.release(larger)
    progress = end()
    assert progress.untried == ()
    assert len(progress.results) == 4


def test_the_time_is_all_machines_together():
    """In half of the time that one needs for all points, two measure them all."""
    spec = dataclasses.replace(SPEC, max_seconds=20.0)
    alone = park_of(1, Bench(takes_s=3.0, noise=0.002))
    one = spread(spec, alone.measures, alone.stop, clock=alone.bench.clock)
    assert one.measured < 10

    bench, barrier = Bench(takes_s=1.5, noise=0.002), threading.Barrier(2)  # two at once: 3 s for both
    lock = threading.Lock()

    def measure(job):
        barrier.wait(LONG_S)
        with lock:
            return bench(job)

    two = spread(spec, [measure, measure], lambda: None, clock=bench.clock)
    assert two.measured == 10
    assert bench.now_s <= 20.5


def test_seconds_left_are_those_of_all_machines():
    progress = Progress(SPEC, planned=10, settled=4, jobs=4, elapsed_s=8.0)  # two machines, 4 s a job
    assert progress.seconds_left == pytest.approx(12.0)


# --- resuming


def test_what_is_known_waits_for_the_first_job_that_tells_where_it_is_measured():
    first = park_of(1, Bench(noise=0.002))
    known = spread(SPEC, first.measures, first.stop, clock=first.bench.clock).results
    known = [run for run in known if run.spec.workload.batch_size != 64]
    park = park_of(1, Bench(noise=0.002))
    around = lambda: here() if park.bench.jobs else None  # noqa: E731
    progress = spread(SPEC, park.measures, park.stop, known=known, around=around, clock=park.bench.clock)
    assert park.sizes == [64]  # which wasn't known anyway
    assert progress.measured == 10
    assert progress.notes == ()


def test_where_all_is_known_one_point_is_measured_to_see_where(begin):
    first = park_of(1, Bench(noise=0.002))
    known = spread(SPEC, first.measures, first.stop, clock=first.bench.clock).results
    park = park_of(1, Bench(noise=0.002))
    around = lambda: here() if park.bench.jobs else None  # noqa: E731
    progress = spread(SPEC, park.measures, park.stop, known=known, around=around, clock=park.bench.clock)
    assert park.sizes == [16]
    assert progress.measured == 10
    assert len([run for run in progress.results if run.spec.workload.batch_size == 16]) == 2


def test_runs_from_unlike_machines_are_measured_again_and_that_is_said():
    first = park_of(1, Bench(noise=0.002))
    known = spread(SPEC, first.measures, first.stop, clock=first.bench.clock).results
    park = park_of(1, Bench(noise=0.002))
    around = lambda: here(torch="1.0.0") if park.bench.jobs else None  # noqa: E731
    progress = spread(SPEC, park.measures, park.stop, known=known, around=around, clock=park.bench.clock)
    assert sorted(park.sizes) == list(BATCHES)
    assert progress.notes == (Note("sweep_unlike_runs", {"count": 18}),)  # all but the point that told


def test_a_spec_that_cant_be_swept_is_refused_before_anything_is_measured():
    park = park_of(2)
    with pytest.raises(InputError):
        spread(dataclasses.replace(SPEC, models=()), park.measures, park.stop)
    assert park.begun == []
    assert set(LINES) == {CPU, GPU}
