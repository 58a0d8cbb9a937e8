"""A sweep on a real GPU against this machine's CPU: both sides of the crossing, limits, memory."""

import pytest

from core.analysis.crossover.crossing import crossing
from core.analysis.crossover.memory_fit import MemoryFit, memory_fit
from core.analysis.crossover.prediction_error import leave_one_out
from core.analysis.crossover.sweep import lines
from core.records import Estimate, Setup
from core.runs.sweeping.sweep import Sweeper, SweepSpec
from tests.jobs.children import until

pytestmark = pytest.mark.gpu

CPU, GPU = Setup(), Setup("cuda:0")
SIZES = (1, 4, 16, 64, 256, 1024, 4096)


@pytest.fixture(scope="module")
def swept(server):
    """The article's network at batch sizes from 1 on, both devices in turns."""
    sweeper = Sweeper(server)
    name = sweeper.start(SweepSpec(("mlp",), SIZES, (CPU, GPU), max_seconds=60.0))
    until(lambda: sweeper.state(name).done, "the sweep's end", patience_s=120.0)
    return sweeper.state(name)


def test_every_point_is_measured_on_both(swept):
    assert swept.failure is None
    of_cpu, of_gpu = lines(swept.results)
    assert {cell.batch_size for cell in of_cpu.measured} >= set(SIZES)
    assert {cell.batch_size for cell in of_gpu.measured} >= set(SIZES)


def test_they_cross_or_one_is_always_faster(swept):
    found = crossing(*lines(swept.results))
    assert isinstance(found.batch_size, Estimate) or found.reason is not None
    if found.batch_size is not None:
        assert found.faster_above == "candidate"  # a GPU is never the one for small batches only


def test_both_devices_limits_are_measured_once(swept):
    measured = [run for run in swept.results if run.limits is not None]
    assert {run.spec.setup for run in measured} == {CPU, GPU}
    assert leave_one_out(lines(swept.results)).distinct < 5  # one model says nothing of others


def test_memory_grows_with_the_batch(swept):
    _, of_gpu = lines(swept.results)
    found = memory_fit(of_gpu)
    assert isinstance(found, MemoryFit)
    assert found.per_sample_bytes > 0
    assert found.capacity_bytes == of_gpu.example.environment.device.memory_bytes
