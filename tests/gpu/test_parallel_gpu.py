"""Data-parallel workers on real NVIDIA GPUs: NCCL averages, parity holds, and too few GPUs are refused."""

import time

import pytest

from core.analysis.energy import energy_absent
from core.analysis.parity import parity
from core.errors import InputError
from core.records import JobSpec, Setup
from tests.builders import make_workload

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def _needs_cuda():
    if not torch.cuda.is_available():
        pytest.skip("torch sees no NVIDIA GPU on this machine")


def test_more_workers_than_gpus_are_refused(tmp_path):
    from core.measure import devices, job

    found = torch.cuda.device_count()
    spec = JobSpec(make_workload(batch_size=found + 1), (Setup("cuda", workers=found + 1),))
    context = job.Context(devices.available(), 1, tmp_path, None, time.perf_counter())
    with pytest.raises(InputError) as refusal:
        job.run(spec, context, lambda kind, **fields: None)
    assert refusal.value.code == "too_few_gpus"
    assert (refusal.value.facts["wanted"], refusal.value.facts["found"]) == (found + 1, found)


@pytest.mark.parametrize(
    "options", [{}, {"precision": "bf16"}, {"fused": True, "channels_last": True}], ids=str
)
def test_two_gpus_do_the_training_of_one(server, options):
    if torch.cuda.device_count() < 2:
        pytest.skip("torch sees one GPU only")
    work = make_workload(model="cnn", dataset="synthetic:1x28x28,images=16384", batch_size=1024, epochs=2)
    setups = Setup("cuda:0", **options), Setup("cuda:0", workers=2, **options)
    finished = server.finished(server.submit(JobSpec(work, setups, max_seconds=5.0)))
    one, two = finished.results
    assert (one.status, two.status) == ("finished", "finished")
    assert parity(one, two).code == "same"
    assert two.communication.backend == "nccl"
    assert two.communication.gradient_bytes == 4 * two.data.parameters
    assert two.memory.device_peak_bytes > 0
    assert energy_absent(two) == "energy_several_gpus"
