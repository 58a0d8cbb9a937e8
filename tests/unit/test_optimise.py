"""Climbing the ladder: three jobs, each planned from the last one's results; cancelled, refused, or done."""

import dataclasses
import threading

import pytest

from core.analysis.ladder import rung_of
from core.errors import InputError, MeasurementError
from core.hardware import environment
from core.records import Device, Note, Workload
from core.runs import optimise
from core.runs.admission import Limits
from core.runs.optimise import Optimiser, climb
from tests.builders import make_blocks, make_cpu, make_machine, make_result
from tests.jobs.children import until

CPU = Device("cpu", "Test CPU")
STEP_S = {
    "transforms": 0.08,
    "loader": 0.04,
    "onednn": 0.015,
    "mkl_fast": 0.01,
    "compiled": 0.009,
    "compiled_steps": 0.008,
}


@pytest.fixture(autouse=True)
def _machine(monkeypatch):
    cpu = make_cpu(isa=("avx512_bf16",))
    monkeypatch.setattr(environment, "machine", lambda: make_machine(cpu=cpu))


class Bench:
    """Measures nothing: each rung takes its time of STEP_S, bf16 half of it, all of them `times` as long."""

    def __init__(self, times=1.0, **failing):
        self.jobs, self.times, self.failing = [], times, failing

    def __call__(self, spec):
        self.jobs.append(spec)
        return [self.result(index, setup) for index, setup in enumerate(spec.setups)]

    def result(self, index, setup):
        name, job_id = rung_of(setup), f"job-{len(self.jobs)}"
        step_s = self.times * STEP_S.get(name, 0.02) * (0.5 if setup.precision == "bf16" else 1)
        spec = dataclasses.replace(make_result().spec, setup=setup)
        plain = {"id": f"{job_id}-{index}", "job_id": job_id, "spec": spec}
        if name in self.failing:
            return make_result(**plain, blocks=(), status="failed", failure=Note(self.failing[name]))
        return make_result(**plain, blocks=make_blocks(step_s, start_s=10.0 + 100 * index))


def test_three_jobs_lead_to_the_best():
    bench, told = Bench(times=0.1), []
    found = climb(Workload(), CPU, 8, bench, 60.0, lambda step, known: told.append((step, known)))
    assert [step for step, _ in told] == [1, 2, 3]
    assert told[0][1] is None
    first, second, third = ([rung_of(setup) for setup in spec.setups] for spec in bench.jobs)
    assert first == [  # the baseline first
        "loader",
        "transforms",
        "workers",
        "resident",
        "threads",
        "fused",
        "onednn",
        "keep_pages",
        "mkl_fast",
        "bound",
    ]
    assert second[0] == "loader"
    assert all(setup.products == "mkl_fast" for setup in bench.jobs[1].setups[1:])  # the best of the first job
    assert second[1:] == ["bf16", "compiled", "compiled"]
    # a step of 0.9 ms, and one of half of that: both are short enough to be called with less effort
    assert third == ["loader", "compiled", "compiled", "compiled_steps", "compiled_steps"]
    assert [setup.precision for setup in bench.jobs[2].setups] == ["fp32", "fp32", "bf16", "fp32", "bf16"]
    assert [setup.cpp_calls for setup in bench.jobs[2].setups] == [False, False, False, True, True]
    assert [spec.limits for spec in bench.jobs] == [False, False, True]
    by_name = {(rung.name, rung.setup.precision): rung for rung in found.rungs}
    assert by_name["compiled_steps", "fp32"].result.job_id == "job-3"  # the longer measurement is the one kept
    assert by_name["fused", "fp32"].result.job_id == "job-1"
    assert by_name["graph", "fp32"].reason == Note("only_on_cuda")
    assert by_name["channels_last", "fp32"].reason == Note("no_convolutions")


def test_a_long_step_is_called_as_it_is():
    bench = Bench()
    found = climb(Workload(), CPU, 8, bench)
    assert not any(setup.cpp_calls for setup in bench.jobs[2].setups)
    several = {rung.setup.precision: rung for rung in found.rungs if rung.name == "compiled_steps"}
    assert several["fp32"].reason == Note(
        "step_long_enough", {"step_ms": pytest.approx(9, rel=0.02), "limit_ms": 1.0}
    )
    assert several["bf16"].reason.code == "step_long_enough"


def test_what_is_eager_at_its_best_isnt_called_with_less_effort():
    found = climb(Workload(), CPU, 8, Bench(times=0.01, bf16="out_of_memory", compiled="no_compiler"))
    reasons = [rung.reason for rung in found.rungs if rung.name == "compiled_steps"]
    assert reasons == [Note("no_compiler"), Note("no_compiler")]


def test_on_intels_processors_mkl_needs_no_help_and_a_virtual_machines_cores_are_none(monkeypatch):
    virtual = make_machine(cpu=make_cpu(model="Intel(R) Xeon(R) Processor", virtual=True))
    monkeypatch.setattr(environment, "machine", lambda: virtual)
    bench = Bench()
    found = climb(Workload(), CPU, 8, bench)
    reasons = {rung.name: rung.reason for rung in found.rungs}
    assert reasons["mkl_fast"] == Note("mkl_already_fast")
    assert reasons["bound"] == Note("cores_are_virtual")
    assert reasons["keep_pages"] is None
    assert not {"mkl_fast", "bound"} & {rung_of(setup) for setup in bench.jobs[0].setups}


def test_a_rung_that_fails_is_listed_and_the_climb_goes_on():
    found = climb(Workload(), CPU, 8, Bench(mkl_fast="no_shim_compiler", compiled="no_compiler"))
    reasons = {rung.name: rung.reason for rung in found.rungs if rung.setup.precision == "fp32"}
    assert reasons["mkl_fast"] == Note("no_shim_compiler")
    assert reasons["compiled"] == Note("no_compiler")
    assert reasons["compiled_steps"] == Note("no_compiler")


def test_where_not_even_the_articles_loop_runs_its_reason_is_raised():
    everything = dict.fromkeys(
        ("transforms", "loader", "workers", "resident", "threads", "fused", "onednn", "keep_pages"), "x"
    )
    with pytest.raises(MeasurementError) as refusal:
        climb(Workload(), CPU, 8, Bench(**everything | {"loader": "out_of_memory"}, mkl_fast="x", bound="x"))
    assert refusal.value.code == "out_of_memory"


@pytest.mark.parametrize(
    ("device", "isa", "precisions"),
    [
        (CPU, ("avx2",), ()),
        (CPU, ("amx_bf16",), ("bf16",)),
        (Device("cuda:0", "G", capability="9.0"), (), ("tf32", "bf16")),
        (Device("cuda:0", "G", capability="7.5"), (), ()),
        (Device("mps", "G"), (), ("bf16",)),
    ],
)
def test_a_precision_that_would_be_imitated_isnt_tried(device, isa, precisions, monkeypatch):
    monkeypatch.setattr(environment, "machine", lambda: make_machine(cpu=make_cpu(isa=isa)))
    assert optimise._precisions(device) == precisions


class Queue:
    """A runner that measures as Bench does, one job at a time, when it is let."""

    devices, default_threads, limits = (CPU,), 8, Limits()

    def __init__(self, bench):
        self.bench, self.cancelled, self.may_go_on = bench, set(), threading.Event()
        self.may_go_on.set()

    def check(self, spec):
        if spec.workload.batch_size > 1000:
            raise InputError("out_of_range", name="batch_size", value="", low=1, high=1000)

    def submit(self, spec, visitor=None, network=None):
        self.spec = spec
        return f"job-{len(self.bench.jobs) + 1}"

    def cancel(self, job_id):
        self.cancelled.add(job_id)
        self.may_go_on.set()

    def wait(self, job_id, timeout_s):
        assert self.may_go_on.wait(60)
        state = "cancelled" if job_id in self.cancelled else "finished"
        results = () if state == "cancelled" else self.bench(self.spec)
        return type("Job", (), {"state": state, "done": True, "results": results, "failure": None})


def test_a_server_climbs_in_the_background():
    optimiser = Optimiser(Queue(Bench()))
    climb_id = optimiser.start(Workload(), "cpu")
    until(lambda: optimiser.state(climb_id).done)
    progress = optimiser.state(climb_id)
    assert (progress.step, progress.failure, progress.cancelled) == (3, None, False)
    assert any(rung.name == "compiled" and rung.result for rung in progress.ladder.rungs)
    assert optimiser.state("another") is None


def test_a_climb_can_be_cancelled():
    queue = Queue(Bench())
    queue.may_go_on.clear()
    optimiser = Optimiser(queue)
    climb_id = optimiser.start(Workload(), "cpu")
    until(lambda: optimiser.state(climb_id).job_id is not None)
    optimiser.cancel(climb_id)
    until(lambda: optimiser.state(climb_id).done)
    assert optimiser.state(climb_id).cancelled
    assert queue.cancelled == {"job-1"}


def test_what_fails_is_told():
    everything = dict.fromkeys(
        ("transforms", "loader", "workers", "resident", "threads", "fused", "onednn", "keep_pages", "mkl_fast"),
        "out_of_memory",
    )
    optimiser = Optimiser(Queue(Bench(**everything)))
    climb_id = optimiser.start(Workload(), "cpu")
    until(lambda: optimiser.state(climb_id).done)
    assert optimiser.state(climb_id).failure == Note("out_of_memory")


@pytest.mark.parametrize(
    ("work", "device", "code"),
    [(Workload(), "cuda:0", "unknown_device"), (Workload(batch_size=2000), "cpu", "out_of_range")],
)
def test_what_cant_be_measured_is_refused_at_once(work, device, code):
    with pytest.raises(InputError) as refusal:
        Optimiser(Queue(Bench())).start(work, device)
    assert refusal.value.code == code
