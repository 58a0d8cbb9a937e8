"""Sweeps on scripted devices: the order, the budget, what can't be measured, and what needn't be."""

import dataclasses
import itertools

import pytest

from core.errors import InputError, MeasurementError
from core.records import Environment, Limits, Note, Setup
from core.runs.campaigns import CancelledError
from core.runs.queue.job import Surroundings
from core.runs.sweeping.sweep import Progress, SweepSpec, sweep
from tests.builders import make_machine, make_software
from tests.sweeps import BATCHES, make_sweep_result

CPU, GPU = Setup(threads=1), Setup("cuda:0")
LINES = {CPU: (1e-4, 2e-6), GPU: (3e-4, 1e-7)}  # they cross at 105
SPEC = SweepSpec(("mlp",), BATCHES, (CPU, GPU), max_seconds=300.0)


class Bench:
    """Measures nothing: every setup takes a + c*b a step, and the clock goes on as a job would take."""

    def __init__(self, lines=LINES, noise=0.01, takes_s=3.0, **failing):
        self.lines, self.noise, self.takes_s, self.failing = lines, noise, takes_s, failing
        self.now_s, self.jobs = 0.0, []

    def clock(self):
        return self.now_s

    def __call__(self, job):
        self.jobs.append(job)
        work = job.workload
        steps = {setup: a + c * work.batch_size for setup, (a, c) in self.lines.items()}
        self.now_s += self.takes_s + sum(10 * steps[setup] for setup in job.setups)
        return [self.result(work, setup, steps[setup], job) for setup in job.setups]

    def result(self, work, setup, step_s, job):
        run = make_sweep_result(
            work.batch_size,
            step_s,
            setup,
            noise=self.noise,
            model=work.model,
            id=f"{len(self.jobs)}-{job.setups.index(setup)}",
            job_id=f"job-{len(self.jobs)}",
        )
        limits = Limits(None, ()) if job.limits else None
        return dataclasses.replace(run, limits=limits, spec=dataclasses.replace(run.spec, workload=work))

    @property
    def points(self):
        return [(job.workload.model, job.workload.batch_size) for job in self.jobs]

    @property
    def sizes(self):
        return [size for _, size in self.points]


def failed(run, code, **facts):
    return dataclasses.replace(run, status="failed", blocks=(), memory=None, failure=Note(code, facts))


def swept(bench=None, spec=SPEC, **options):
    bench = bench or Bench()
    return sweep(spec, bench, clock=bench.clock, **options), bench


def reasons(progress):
    return {(item.batch_size, item.setup): item.reason.code for item in progress.untried}


def test_the_ends_the_middle_then_around_the_crossing_then_the_rest():
    progress, bench = swept()
    assert bench.sizes[:3] == [16, 8192, 256]
    assert set(bench.sizes[3:5]) <= {32, 64, 128}
    assert sorted(bench.sizes[:10]) == list(BATCHES)
    assert (progress.measured, progress.settled, progress.planned) == (10, 10, 10)
    assert progress.done
    assert not progress.cancelled
    assert progress.failure is None
    assert progress.untried == ()
    assert {run.spec.workload.epochs for run in progress.results} == {1}
    assert all(job.rough for job in bench.jobs)


def test_a_crossing_that_is_known_is_left_alone():
    progress, bench = swept(Bench(noise=0.002))
    assert len(bench.jobs) == 10
    assert progress.extra == 0


def test_a_crossing_that_is_wide_gets_points_of_its_own_for_longer():
    progress, bench = swept(Bench(noise=0.2), dataclasses.replace(SPEC, max_seconds=42.0))
    extra = bench.jobs[10:]
    assert 2 <= len(extra) == progress.extra <= 6
    assert all(60 <= job.workload.batch_size <= 200 for job in extra)
    assert {job.workload.batch_size for job in extra} - set(BATCHES)
    assert all(job.max_seconds > 2 * bench.jobs[0].max_seconds for job in extra)


def test_models_take_turns():
    _, bench = swept(spec=dataclasses.replace(SPEC, models=("mlp", "cnn"), max_seconds=3000.0))
    assert bench.points[:4] == [("mlp", 16), ("cnn", 16), ("mlp", 8192), ("cnn", 8192)]
    assert bench.points[4:6] == [("mlp", 256), ("cnn", 256)]


def test_the_devices_limits_are_measured_once_for_each_model():
    _, bench = swept(spec=dataclasses.replace(SPEC, models=("mlp", "cnn")))
    assert [job.workload.model for job in bench.jobs if job.limits] == ["mlp", "cnn"]
    assert {job.workload.batch_size for job in bench.jobs if job.limits} == {256}
    _, short = swept(spec=dataclasses.replace(SPEC, max_seconds=59.0))
    assert not any(job.limits for job in short.jobs)


def test_the_time_is_kept_and_what_is_left_is_told():
    bench = Bench(takes_s=6.0)
    progress, _ = swept(bench, dataclasses.replace(SPEC, max_seconds=40.0))
    assert bench.now_s <= 40.0 + 6.5
    assert progress.measured == len(bench.jobs) < 10
    assert set(reasons(progress).values()) == {"not_reached"}
    assert progress.settled == progress.planned
    assert bench.sizes[:3] == [16, 8192, 256]


def test_jobs_get_their_share_of_a_short_time():
    _, bench = swept(Bench(takes_s=0.1), dataclasses.replace(SPEC, max_seconds=10.0))
    assert all(0.1 <= job.max_seconds <= 1.0 for job in bench.jobs[:10])
    assert sum(job.max_seconds * 2 for job in bench.jobs[:1]) < 1.0


def test_what_is_too_slow_isnt_tried():
    slow = {CPU: (1e-3, 1e-2), GPU: LINES[GPU]}  # 80 s a step at the largest batch
    bench = Bench(slow)
    progress, _ = swept(bench)
    found = reasons(progress)
    assert found[8192, CPU] == found[4096, CPU] == "too_slow"
    assert (8192, GPU) not in found
    assert any(job.setups == (GPU,) and job.workload.batch_size == 8192 for job in bench.jobs)
    assert bench.now_s < 320
    note = next(item.reason for item in progress.untried if item.batch_size == 8192)
    assert note.facts["step_s"] == pytest.approx(82, rel=0.2)


class Full(Bench):
    """The GPU's memory is full from 1,024 images on."""

    code = "out_of_memory"

    def result(self, work, setup, step_s, job):
        run = super().result(work, setup, step_s, job)
        if setup == GPU and work.batch_size >= 1024:
            return failed(run, self.code, device="cuda:0", batch_size=work.batch_size)
        return run


def test_a_full_memory_is_a_result_and_larger_batches_arent_tried():
    progress, bench = swept(Full())
    on_gpu = [job.workload.batch_size for job in bench.jobs if GPU in job.setups]
    assert max(size for size in on_gpu if size != 8192) <= 4096
    runs = {(run.spec.workload.batch_size, run.spec.setup): run for run in progress.results}
    assert runs[8192, GPU].failure.code == "out_of_memory"
    assert runs[8192, CPU].blocks
    assert all(code == "memory_full_before" for code in reasons(progress).values())
    assert progress.failure is None
    # whatever was ruled out lies above one that was seen to be too large
    seen = min(size for (size, setup), run in runs.items() if setup == GPU and run.failure)
    assert all(size > seen for size, _ in reasons(progress))


class Killed(Bench):
    """A GPU setup that takes the worker with it from 1,024 images on."""

    def __call__(self, job):
        found = super().__call__(job)
        if GPU in job.setups and job.workload.batch_size >= 1024:
            raise MeasurementError("worker_killed")
        return found


def test_who_killed_the_worker_is_found_out_by_trying_each_alone():
    progress, bench = swept(Killed())
    at_the_end = [job.setups for job in bench.jobs if job.workload.batch_size == 8192]
    assert at_the_end == [(CPU, GPU), (CPU,), (GPU,)]
    runs = {(run.spec.workload.batch_size, run.spec.setup) for run in progress.results}
    assert (8192, CPU) in runs
    assert (8192, GPU) not in runs
    assert reasons(progress)[8192, GPU] == "worker_killed"
    assert progress.failure is None


class Small(Bench):
    """A data set of 1,437 images."""

    def __call__(self, job):
        if job.workload.batch_size > 1437:
            self.jobs.append(job)
            facts = {"batch_size": job.workload.batch_size, "train_samples": 1437}
            raise InputError("batch_too_large", **facts)
        return super().__call__(job)


def test_a_batch_of_more_images_than_there_are_ends_nothing():
    progress, bench = swept(Small())
    assert [size for size in bench.sizes if size > 1437] == [8192]  # one refusal says it of all
    assert progress.measured == 7
    found = reasons(progress)
    assert {found[size, setup] for size in (2048, 4096) for setup in (CPU, GPU)} == {"batches_too_large"}
    assert found[8192, CPU] == "batch_too_large"
    assert bench.sizes[:4] == [16, 8192, 1024, 128]


TF32 = Setup(precision="tf32", threads=1)


class NoTf32(Bench):
    def __call__(self, job):
        if TF32 in job.setups:
            self.jobs.append(job)
            raise InputError("tf32_unavailable", device="cpu")
        return super().__call__(job)


def test_a_setup_that_cant_be_had_is_told_once_and_dropped():
    progress, bench = swept(NoTf32(), dataclasses.replace(SPEC, setups=(CPU, TF32, GPU)))
    assert sum(TF32 in job.setups for job in bench.jobs) == 2
    assert [note.code for note in progress.notes] == ["setup_dropped"]
    assert progress.measured == 10
    assert {code for (_, setup), code in reasons(progress).items() if setup == TF32} == {"tf32_unavailable"}
    assert {setup for _, setup in reasons(progress)} == {TF32}


class Broken(Bench):
    def result(self, work, setup, step_s, job):
        run = super().result(work, setup, step_s, job)
        return failed(run, "no_compiler") if setup == GPU else run


def test_a_setup_that_fails_at_every_point_is_dropped_after_two():
    progress, bench = swept(Broken())
    assert sum(GPU in job.setups for job in bench.jobs) == 2
    assert [note.facts["setup"] for note in progress.notes] == ["device=cuda:0"]
    assert len([code for code in reasons(progress).values() if code == "no_compiler"]) == 8


def test_a_refusal_ends_the_sweep_and_keeps_what_was_measured():
    class Refused(Bench):
        def __call__(self, job):
            if len(self.jobs) == 3:
                raise InputError("hour_spent", minutes=7)
            return super().__call__(job)

    progress, _ = swept(Refused())
    assert progress.failure == Note("hour_spent", {"minutes": 7})
    assert progress.done
    assert progress.measured == 3
    assert progress.untried == ()  # nothing is said of the rest


def test_a_cancelled_sweep_keeps_what_was_measured():
    class Stopped(Bench):
        def __call__(self, job):
            if len(self.jobs) == 4:
                raise CancelledError
            return super().__call__(job)

    progress, _ = swept(Stopped())
    assert progress.cancelled
    assert progress.done
    assert progress.measured == 4
    assert len(progress.results) == 8


def test_every_point_is_told_with_what_is_left():
    told = []
    swept(tell=told.append)
    assert isinstance(told[0], Progress)
    assert (told[0].settled, told[0].fraction, told[0].seconds_left) == (0, 0.0, None)
    begun = [progress for progress in told if progress.model]
    assert [progress.batch_size for progress in begun[:2]] == [16, 16]  # its beginning and its end
    assert all(a.fraction <= b.fraction for a, b in itertools.pairwise(told))
    assert told[-1].refining
    assert 0.9 <= told[-1].fraction < 1
    later = next(progress for progress in told if progress.jobs == 5)
    assert later.seconds_left == pytest.approx(5 * later.elapsed_s / 5)


# --- resuming


def environment_of(setup, **changes):
    run = make_sweep_result(16, 1e-3, setup)
    return Environment(make_machine(), make_software(**changes), run.environment.device)


def here(**changes):
    devices = tuple(environment_of(setup).device for setup in (CPU, GPU))
    return Surroundings(make_machine(), make_software(**changes), devices)


def test_what_is_known_isnt_measured_again():
    first, _ = swept(spec=dataclasses.replace(SPEC, max_seconds=15.0))
    assert 0 < first.measured < 10
    bench = Bench()
    second, _ = swept(bench, known=first.results, around=here())
    known = {run.spec.workload.batch_size for run in first.results}
    assert not known & set(bench.sizes[: 10 - len(known)])
    assert second.measured == 10
    assert len({(run.spec.workload.batch_size, run.spec.setup) for run in second.results}) >= 20
    assert second.notes == ()


def test_a_sweep_that_is_done_is_done():
    first, _ = swept(Bench(noise=0.002))
    imported = [dataclasses.replace(run, origin="imported") for run in first.results]
    progress, bench = swept(known=imported, around=here())
    assert bench.jobs == []
    assert progress.measured == 10
    assert {run.origin for run in progress.results} == {"measured"}


@pytest.mark.parametrize(
    "around",
    [
        here(torch="1.0.0"),
        dataclasses.replace(here(), devices=here().devices[:1], machine=make_machine(memory_bytes=2**30)),
    ],
)
def test_what_was_measured_elsewhere_isnt_used_and_that_is_said(around):
    first, _ = swept(Bench(noise=0.002))
    progress, bench = swept(Bench(noise=0.002), known=first.results, around=around)
    assert len(bench.jobs) == 10
    assert progress.notes == (Note("sweep_unlike_runs", {"count": 20}),)
    assert len(progress.results) == 20


def test_other_work_isnt_taken_over():
    first, _ = swept()
    _, bench = swept(spec=dataclasses.replace(SPEC, seed=3), known=first.results, around=here())
    assert bench.sizes[:3] == [16, 8192, 256]


def test_what_was_out_of_memory_is_known_too():
    first, _ = swept(Full())
    progress, bench = swept(Full(), known=first.results, around=here())
    assert not any(GPU in job.setups for job in bench.jobs if job.workload.batch_size >= 1024)
    assert progress.settled == 10


def test_one_point_is_measured_and_makes_no_line():
    progress, bench = swept(spec=dataclasses.replace(SPEC, batch_sizes=(64,)))
    assert bench.sizes == [64]
    assert [note.code for note in progress.notes] == ["one_point_no_line"]
