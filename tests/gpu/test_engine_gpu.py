"""The engine on a real NVIDIA GPU: the same work as on the CPU, every setup, memory and sensors included."""

import math

import pytest

from core.analysis.comparison import compare
from core.hardware import nvml
from core.records import JobSpec, Setup
from tests.builders import make_workload

pytestmark = pytest.mark.gpu

CPU, GPU = Setup(), Setup("cuda:0")
TINY = "synthetic:1x28x28,images=25600"


@pytest.fixture
def measure(server):
    def run(*setups, max_seconds=4.0, **work):
        work = {"batch_size": 256, "epochs": 1, "dataset": TINY, **work}
        return server.finished(server.submit(JobSpec(make_workload(**work), setups, max_seconds, 10.0)))

    return run


@pytest.fixture
def capability(server):
    device = next(device for device in server.devices if device.id == "cuda:0")
    return int(device.capability.split(".")[0])


def in_order(result):
    """A finished result whose every number is one."""
    assert result.failure is None
    assert result.status in ("finished", "out_of_time")
    assert all(math.isfinite(loss) for loss in result.first_losses)
    assert all(block.duration_s > 0 for block in result.blocks)
    return result


def test_the_gpu_is_described(server):
    device = next(device for device in server.devices if device.id == "cuda:0")
    assert device.name
    assert device.memory_bytes > 2**30
    assert device.capability.count(".") == 1
    assert server.job("none") is None


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_gpu_and_cpu_do_the_same_work(model, measure):
    cpu, gpu = map(in_order, measure(CPU, GPU, model=model, dataset="digits", max_seconds=8.0).results)
    comparison = compare(cpu, gpu)
    assert comparison.parity.code == "same", comparison.parity
    assert len(gpu.first_losses) == 100
    assert comparison.speedup.value > 0
    assert [result.environment.device.id for result in (cpu, gpu)] == ["cpu", "cuda:0"]
    assert (cpu.data, cpu.memory.device_peak_bytes) == (gpu.data, None)
    assert gpu.memory.device_peak_bytes > gpu.data.parameters * 4
    assert (cpu.anatomy.clock, gpu.anatomy.clock) == ("host", "device")
    assert all(value > 0 for stage in gpu.anatomy.stages for value in stage.seconds)
    assert gpu.epochs[-1].test_accuracy == pytest.approx(cpu.epochs[-1].test_accuracy, abs=0.1)


def test_the_gpus_sensors_are_read_while_it_works(measure):
    found, reason = nvml.gpus()
    (gpu,) = map(in_order, measure(GPU, epochs=50).results)
    if not found:
        pytest.skip(f"NVML shows no GPU: {reason}")
    assert len(gpu.telemetry.gpu) >= 3
    absent = {item.reading for item in gpu.telemetry.absent}
    assert "gpu.memory_used_bytes" in absent or all(s.memory_used_bytes > 0 for s in gpu.telemetry.gpu)
    assert "gpu.utilisation_pct" in absent or max(s.utilisation_pct for s in gpu.telemetry.gpu) > 0


def test_both_data_paths_and_every_precision(measure, capability):
    setups = [GPU, Setup("cuda:0", data_path="loader"), Setup("cuda:0", "bf16")]
    if capability >= 8:
        setups.append(Setup("cuda:0", "tf32"))
    results = [in_order(result) for result in measure(*setups, model="cnn").results]
    for result in results[1:]:
        assert compare(results[0], result).parity.code == "same", result.spec.setup
    stages = [[item.stage for item in result.anatomy.stages] for result in results[:2]]
    assert stages[1] == ["load", "copy", "forward", "backward", "optimiser"]
    assert stages[0] == ["load", "forward", "backward", "optimiser"]
    assert results[2].first_losses != results[0].first_losses  # it did compute in another precision


def test_tf32_is_off_unless_asked_for(measure, capability):
    """With TF32 in its products the GPU would part from the CPU by some thousand times more."""
    if capability < 8:
        pytest.skip("this GPU has no TF32")
    cpu, exact, tf32 = measure(CPU, GPU, Setup("cuda:0", "tf32"), learning_rate=0.001).results

    def gap(result):
        return max(abs(a - b) for a, b in zip(result.first_losses[:5], cpu.first_losses, strict=False))

    assert gap(exact) < 1e-5
    assert gap(exact) < gap(tf32)


@pytest.mark.parametrize("task", ["classify", "extract"])
def test_the_other_tasks_agree_too(task, measure):
    cpu, gpu = map(in_order, measure(CPU, GPU, task=task).results)
    assert compare(cpu, gpu).parity.code == "same"
    last = gpu.anatomy.stages[-1].stage
    assert last == ("copy_back" if task == "extract" else "forward")


def test_memory_is_given_back_after_each_job(measure):
    first, second = (measure(GPU).results[0].memory.device_peak_bytes for _ in range(2))
    assert second == pytest.approx(first, rel=0.1)


def test_a_batch_too_large_is_answered_with_one_that_fits(measure):
    absurd = {"model": "resnet50", "dataset": "synthetic:3x64x64,images=65536"}
    (result,) = measure(GPU, batch_size=65_536, **absurd).results
    assert (result.status, result.failure.code) == ("failed", "out_of_memory_fits")
    fits = result.failure.facts["fits"]
    assert 1 <= fits < 65_536
    (smaller,) = measure(GPU, batch_size=max(1, fits // 2), max_seconds=1.0, **absurd).results
    in_order(smaller)
