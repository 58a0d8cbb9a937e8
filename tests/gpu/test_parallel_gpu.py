"""Data-parallel workers on real NVIDIA GPUs: each has its own, NCCL averages, parity holds, nothing is left."""

import os
import time

import psutil
import pytest

from core.analysis.crossover.scaling import scalings
from core.analysis.energy import energy_absent
from core.analysis.parity import parity
from core.errors import InputError
from core.records import JobSpec, Setup
from core.runs.queue.assemble import Assembly
from core.runs.queue.worker import Worker
from core.runs.scaling import usual_workers
from tests.builders import make_workload

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.gpu

WORK = make_workload(model="cnn", dataset="synthetic:1x28x28,images=16384", batch_size=1024, epochs=2)


@pytest.fixture(autouse=True)
def _needs_cuda():
    if not torch.cuda.is_available():
        pytest.skip("torch sees no NVIDIA GPU on this machine")


@pytest.fixture
def gpus():
    """How many there are, two at least."""
    count = torch.cuda.device_count()
    if count < 2:
        pytest.skip("torch sees one GPU only")
    return count


def run_of(events, spec):
    """The job's runs, as the server would fold them."""
    assembly = Assembly("j", spec, "2026-11-29T12:00:00+00:00")
    for event in events:
        assembly.add(event)
    return assembly.results({}, {}, None, None, "interrupted", None)


# --- with any number of GPUs ----------------------------------------------------------------------


def test_more_workers_than_gpus_are_refused(tmp_path):
    from core.measure import devices, job

    found = torch.cuda.device_count()
    spec = JobSpec(make_workload(batch_size=found + 1), (Setup("cuda", workers=found + 1),))
    context = job.Context(devices.available(), 1, tmp_path, None, time.perf_counter())
    with pytest.raises(InputError) as refusal:
        job.run(spec, context, lambda kind, **fields: None)
    assert refusal.value.code == "too_few_gpus"
    assert (refusal.value.facts["wanted"], refusal.value.facts["found"]) == (found + 1, found)


def test_one_worker_is_measured_and_the_server_refuses_more_than_there_are(server):
    found = torch.cuda.device_count()
    one = server.finished(server.submit(JobSpec(WORK, (Setup("cuda:0"),), max_seconds=1.0)))
    assert one.results[0].blocks
    assert one.results[0].communication is None
    work = make_workload(batch_size=found + 1)
    asked = JobSpec(work, (Setup("cuda:0", workers=found + 1),), max_seconds=1.0)
    refused = server.finished(server.submit(asked))
    assert (refused.state, refused.failure.code) == ("failed", "too_few_gpus")
    usual = usual_workers("cuda:0", server.devices)
    assert usual[0] == 1
    assert usual[-1] <= found


# --- with two and more ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{}, {"precision": "bf16"}, {"fused": True, "channels_last": True}], ids=str
)
def test_two_gpus_do_the_training_of_one(server, gpus, options):
    setups = Setup("cuda:0", **options), Setup("cuda:0", workers=2, **options)
    one, two = server.finished(server.submit(JobSpec(WORK, setups, max_seconds=5.0))).results
    assert {one.status, two.status} <= {"finished", "out_of_time"}, two.failure
    assert parity(one, two).code == "same"
    (line,) = scalings([one, two])
    assert [point.workers for point in line.points] == [1, 2]
    assert line.points[1].efficiency.low > 0
    paid = two.communication
    assert (paid.backend, paid.gradient_bytes) == ("nccl", 4 * two.data.parameters)
    assert min(*paid.averaged_s, *paid.apart_s, *paid.alone_s) > 0
    assert two.environment.device.id == "cuda:0"
    assert two.memory.device_peak_bytes > 4 * two.data.parameters
    assert {stage.stage for stage in two.anatomy.stages} == {"load", "forward", "backward", "optimiser"}
    assert energy_absent(two) == "energy_several_gpus"
    names = {torch.cuda.get_device_name(index) for index in range(2)}
    assert any(note.code == "unlike_gpus" for note in two.notes) == (len(names) > 1)


@pytest.mark.parametrize("count", [2, None])
def test_workers_have_the_gpus_that_are_visible_each_its_own(gpus, count, tmp_path, monkeypatch):
    """The first two in the other order; all of them likewise, of which the last two work."""
    lent = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(gpus)))
    visible = lent.split(",")[: count or gpus]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", ",".join(reversed(visible)))
    worker = Worker()
    try:
        device = f"cuda:{len(visible) - 2}"
        spec = JobSpec(WORK, (Setup(device), Setup(device, workers=2)), max_seconds=4.0)
        one, two = run_of(worker.run(spec, tmp_path, time.perf_counter()), spec)
    finally:
        worker.kill()
    assert two.failure is None
    assert parity(one, two).code == "same"
    assert two.communication.backend == "nccl", "two workers of one GPU would be refused by NCCL"


def test_a_killed_worker_gives_its_gpu_back_and_the_next_job_is_measured(gpus, tmp_path):
    worker = Worker()
    long = make_workload(
        model="cnn", dataset="synthetic:1x28x28,images=16384", batch_size=1024, epochs=900, learning_rate=1e-6
    )
    spec = JobSpec(long, (Setup("cuda:0", workers=2),), max_seconds=60.0)
    try:
        killed, events = False, []
        for event in worker.run(spec, tmp_path, time.perf_counter()):
            events.append(event)
            if event["type"] == "block" and not killed:
                killed = True
                psutil.Process(worker.pid).children()[-1].kill()
        (failed,) = run_of(events, spec)
        assert failed.failure.code == "parallel_worker_killed"
        assert failed.blocks
        assert not psutil.Process(worker.pid).children()
        again = JobSpec(WORK, (Setup("cuda:0", workers=2),), max_seconds=1.0)
        (run,) = run_of(worker.run(again, tmp_path, time.perf_counter()), again)
        assert run.failure is None
        assert run.blocks
    finally:
        worker.kill()
