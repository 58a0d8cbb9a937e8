"""The doctor on a real GPU: what the probe finds there, and a product that agrees with the CPU's."""

import pytest

from core.hardware.doctor import child, collect

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def facts():
    return collect.collect()


def test_the_probe_finds_what_torch_finds_here(facts):
    assert facts.torch_problem is None
    assert (facts.torch.available, facts.torch.problem) == (True, None)
    assert len(facts.torch.devices) == 1 + torch.accelerator.device_count()
    if torch.version.cuda or torch.version.hip:
        assert facts.torch.architectures == tuple(torch.cuda.get_arch_list())


def test_nvml_and_the_files_see_the_gpu(facts):
    if not torch.version.cuda:
        pytest.skip("not a build for NVIDIA")
    major, minor = facts.driver.cuda
    assert (facts.driver.problem, major >= 11, 0 <= minor < 10) == (None, True, True)
    assert "libcuda.so.1" in facts.driver.libraries
    assert "nvidiactl" in facts.device_nodes or "dxg" in facts.device_nodes
    assert torch.cuda.get_device_capability(0) in [gpu.capability for gpu in facts.gpus]
    assert all(gpu.problem is None for gpu in facts.gpus)


def test_each_device_computes_what_the_cpu_does(facts):
    for device in facts.torch.devices:
        checked = child.check_device(device)
        assert checked.failure is None, device
        assert 0 < checked.seconds < 1
        assert checked.largest_difference < 6e-5


def test_a_device_that_isnt_there_fails_the_check(facts):
    device = facts.torch.devices[-1]
    absent = type(device)(device.id.replace(":0", ":63") if ":" in device.id else "cuda:63", "none")
    assert child.check_device(absent).failure.code == "device_check_failed"
