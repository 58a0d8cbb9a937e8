"""Measuring a scaling: which jobs, what fails and ends only itself, cancelled, refused, and for visitors."""

import dataclasses
import threading

import pytest

from core.errors import InputError, MeasurementError
from core.hardware import environment
from core.records import Device, Note
from core.runs.admission import Limits
from core.runs.campaigns import CancelledError
from core.runs.queue.job import Job
from core.runs.scaling import (
    Scaler,
    ScaleSpec,
    Unmeasured,
    check_scale,
    parse_workers,
    refuse_unknown_device,
    scale,
    usual_workers,
)
from tests.builders import make_cpu, make_machine
from tests.jobs.children import until
from tests.workers import make_workers_result

SPEC = ScaleSpec(workers=(1, 2, 4))
FULL = Note("out_of_memory", {"device": "cpu", "batch_size": 1024})


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch):
    """Whatever machine this is: threads=1 is admitted everywhere, and eight cores can be used."""
    machine = make_machine(cpu=make_cpu(usable_cores=8, quota_cores=6.5))
    monkeypatch.setattr(environment, "machine", lambda: machine)


class Bench:
    """Measures nothing: with n workers a step takes 1/n of 0.4 s a thousand images. `whole`, `single`: the
    numbers of workers at which a job fails as a whole, or only that run."""

    def __init__(self, whole=(), single=(), error=None, cancel_at=None):
        self.jobs, self.whole, self.single = [], whole, single
        self.error = error or MeasurementError(FULL.code, **FULL.facts)
        self.cancel_at = cancel_at

    def __call__(self, job):
        if len(self.jobs) == self.cancel_at:
            raise CancelledError
        self.jobs.append(job)
        counts = [setup.workers for setup in job.setups]
        if set(counts) & set(self.whole):
            raise self.error
        return [self.result(job, count, place) for place, count in enumerate(counts)]

    def result(self, job, workers, place):
        size = job.workload.batch_size
        name = f"job-{len(self.jobs)}"
        run = make_workers_result(workers, 0.4 * size / 1024 / workers, size, job=name, place=place)
        run = dataclasses.replace(run, spec=dataclasses.replace(run.spec, workload=job.workload))
        if workers in self.single:
            return dataclasses.replace(run, status="failed", failure=FULL, blocks=())
        return run

    @property
    def asked(self):
        return [(job.workload.batch_size, [setup.workers for setup in job.setups]) for job in self.jobs]


def test_a_strong_line_is_one_job_and_each_weak_point_another():
    bench, told = Bench(), []
    found = scale(SPEC, bench, told.append)
    assert bench.asked == [(1024, [1, 2, 4]), (2048, [2]), (4096, [4])]
    assert {job.max_seconds for job in bench.jobs} == {60 / 5}
    assert {setup.threads for job in bench.jobs for setup in job.setups} == {1}
    assert found.done
    assert not found.unmeasured
    assert len(found.results) == 5
    lines = {
        line.kind: [(point.workers, point.efficiency.value) for point in line.points] for line in found.scalings
    }
    for kind in ("strong", "weak"):
        assert [count for count, _ in lines[kind]] == [1, 2, 4]
        assert [value for _, value in lines[kind]] == pytest.approx([1, 1, 1], rel=0.05)
    assert next((item.kind, item.workers) for item in told if item.workers) == ("strong", (1, 2, 4))
    fractions = [item.fraction for item in told]
    assert fractions == sorted(fractions)
    assert (found.fraction, found.planned, fractions[0]) == (1.0, 3, 0.0)


def test_one_kind_alone():
    strong = Bench()
    assert {line.kind for line in scale(dataclasses.replace(SPEC, kinds=("strong",)), strong).scalings} == {
        "strong"
    }
    assert strong.asked == [(1024, [1, 2, 4])]
    weak = Bench()
    found = scale(dataclasses.replace(SPEC, kinds=("weak",)), weak)
    assert weak.asked == [(1024, [1]), (2048, [2]), (4096, [4])]
    assert [line.kind for line in found.scalings] == ["weak"]


def test_too_many_workers_end_only_their_own_number():
    few = InputError("too_few_gpus", wanted=4, found=2, device="cuda:0")
    bench = Bench(whole=(4,), error=few)
    found = scale(SPEC, bench)
    assert bench.asked == [(1024, [1, 2, 4]), (1024, [1, 2]), (2048, [2]), (4096, [4])]
    assert found.unmeasured == (Unmeasured("strong", 4, few.note), Unmeasured("weak", 4, few.note))
    assert found.failure is None
    assert [[point.workers for point in line.points] for line in found.scalings] == [[1, 2], [1, 2]]


def test_after_one_weak_job_has_failed_larger_ones_are_not_tried():
    bench = Bench(whole=(2,))
    found = scale(dataclasses.replace(SPEC, kinds=("weak",)), bench)
    assert bench.asked == [(1024, [1]), (2048, [2])]
    assert found.unmeasured == (
        Unmeasured("weak", 2, FULL),
        Unmeasured("weak", 4, Note("scaling_fewer_failed", {"workers": 2})),
    )


def test_a_run_that_fails_by_itself_is_a_result_with_its_reason():
    found = scale(dataclasses.replace(SPEC, kinds=("strong",)), Bench(single=(4,)))
    (line,) = found.scalings
    assert [point.reason for point in line.points] == [None, None, FULL]
    assert found.unmeasured == ()
    alone = scale(dataclasses.replace(SPEC, kinds=("weak",)), Bench(single=(2,)))
    assert alone.unmeasured[0] == Unmeasured("weak", 2, FULL)


def test_what_one_worker_cannot_do_ends_it_all():
    for bench in (Bench(whole=(1,)), Bench(single=(1, 2, 4))):
        found = scale(SPEC, bench)
        assert found.failure == FULL
        assert found.results == ()
        assert bench.asked == [(1024, [1, 2, 4]), (1024, [1, 2]), (1024, [1])]
    wrong = InputError("unknown_model", model="x", near="mlp")
    bench = Bench(whole=(1,), error=wrong)
    assert scale(SPEC, bench).failure == wrong.note
    assert len(bench.jobs) == 1


def test_cancelled_it_keeps_what_it_has():
    found = scale(SPEC, Bench(cancel_at=2))
    assert (found.cancelled, found.done, len(found.results)) == (True, True, 4)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"workers": (2, 4)}, "scaling_workers"),
        ({"workers": (1,)}, "scaling_workers"),
        ({"workers": (1, 4, 2)}, "scaling_workers"),
        ({"workers": (1, 2, 2)}, "scaling_workers"),
        ({"workers": (1, 0)}, "out_of_range"),
        ({"workers": (1, 65)}, "out_of_range"),
        ({"workers": (1, 3)}, "batch_not_shared"),
        ({"kinds": ()}, "bad_choice"),
        ({"kinds": ("sideways",)}, "bad_choice"),
        ({"max_seconds": 0.5}, "out_of_range"),
        ({"max_seconds": float("nan")}, "out_of_range"),
        ({"batch_size": 40_000}, "out_of_range"),  # of the weak job with two
        ({"batch_size": "64"}, "not_whole"),
        ({"threads": 0}, "out_of_range"),
        ({"model": "../x"}, "bad_model_name"),
        ({"device": "toaster"}, "bad_device"),
    ],
)
def test_what_cannot_be_asked(changes, code):
    with pytest.raises(InputError) as refused:
        check_scale(dataclasses.replace(SPEC, **changes))
    assert refused.value.code == code


def test_a_weak_line_needs_no_batch_that_can_be_shared():
    check_scale(dataclasses.replace(SPEC, batch_size=1001, workers=(1, 2, 3), kinds=("weak",)))


def test_numbers_of_workers_are_read():
    assert parse_workers("1, 2,4") == (1, 2, 4)
    for text in ("", "1,,2", "1..4", "two", "1,-2", "²"):
        with pytest.raises(InputError, match="workers_not_read"):
            parse_workers(text)


def test_the_usual_workers_are_no_more_than_there_are_cores_or_equal_gpus(monkeypatch):
    gpus = [Device("cpu", "Test CPU"), *(Device(f"cuda:{i}", "H200") for i in range(3)), Device("cuda:3", "T4")]
    assert usual_workers("cpu", gpus) == (1, 2, 4)  # 6.5 cores
    assert usual_workers("cuda:0", gpus) == usual_workers("cuda", gpus) == (1, 2)
    assert usual_workers("cpu", gpus, threads=2) == (1, 2)
    assert usual_workers("cpu", gpus, threads=9) == ()
    assert usual_workers("cuda:3", gpus) == (1,)
    mixed = [Device(f"cuda:{i}", name) for i, name in enumerate(("H200", "T4", "H200", "H200"))]
    assert usual_workers("cuda:0", mixed) == (1,)  # the second worker's would be the T4
    assert usual_workers("cuda:2", mixed) == (1, 2)
    assert usual_workers("cuda:9", gpus) == (1,)
    paired = make_machine(cpu=make_cpu(physical_cores=4, usable_cores=8))
    monkeypatch.setattr(environment, "machine", lambda: paired)
    assert usual_workers("cpu", gpus) == (1, 2, 4)  # of eight threads two each share a core
    with pytest.raises(InputError, match="unknown_device"):
        refuse_unknown_device(dataclasses.replace(SPEC, device="cuda:9"), gpus)
    refuse_unknown_device(dataclasses.replace(SPEC, device="cuda"), gpus)


class Queue:
    """A runner whose jobs are over when `allowed` says so."""

    def __init__(self, limits=None):
        self.limits, self.devices = limits or Limits(), (Device("cpu", "Test CPU"),)
        self.allowed, self.cancelled = threading.Event(), []
        self.bench, self.jobs = Bench(), {}

    def submit(self, spec, visitor=None, network=None):
        name = f"job-{len(self.jobs)}"
        self.jobs[name] = Done(spec, self.bench(spec))
        return name

    def wait(self, job_id, timeout_s):
        assert self.allowed.wait(60)
        job = self.jobs[job_id]
        job.state = "cancelled" if job_id in self.cancelled else "done"
        return job

    def cancel(self, job_id):
        self.cancelled.append(job_id)
        self.allowed.set()


class Done(Job):
    """A job with results that nothing has measured."""

    def __init__(self, spec, results):
        self.spec, self._found, self.failure, self.state = spec, tuple(results), None, "done"

    results = property(lambda self: self._found)
    done = property(lambda self: True)


def over(scaler, name):
    until(lambda: scaler.state(name).done, "the end")
    return scaler.state(name)


def test_visitors_can_start_watch_and_cancel_it():
    queue = Queue()
    scaler = Scaler(queue)
    name = scaler.start(SPEC)
    assert not scaler.state(name).done
    queue.allowed.set()
    end = over(scaler, name)
    assert (len(end.results), end.jobs, end.failure, end.cancelled) == (5, 3, None, False)
    assert len(end.scalings) == 2
    stopped = Queue()
    scaler = Scaler(stopped)
    name = scaler.start(SPEC)
    until(lambda: scaler.state(name).job_id, "a job")
    scaler.cancel(name)
    end = over(scaler, name)
    assert end.cancelled
    assert [run.spec.setup.workers for run in end.results] == [1, 2, 4], "what the job had measured is kept"
    assert [line.kind for line in end.scalings] == ["strong"]
    assert scaler.state("no such") is None


def test_a_server_for_everybody_refuses():
    with pytest.raises(InputError, match="no_scaling_here"):
        Scaler(Queue(Limits.public())).start(SPEC)
    with pytest.raises(InputError, match="unknown_device"):
        Scaler(Queue()).start(dataclasses.replace(SPEC, device="cuda:0"))
