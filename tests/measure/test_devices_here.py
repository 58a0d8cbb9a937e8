"""What torch offers here, and clear answers to setups that ask for something else."""

import types

import pytest
import torch

from core import messages
from core.errors import InputError
from core.measure import devices
from core.records import Device, Setup
from tests.builders import make_setup

CPU = Device("cpu", "Test CPU")
HOPPER = Device("cuda:0", "NVIDIA H200", "uuid", 2**37, "9.0")
TURING = Device("cuda:0", "Tesla T4", "uuid", 2**34, "7.5")
MPS = Device("mps", "Apple GPU")


def test_the_cpu_is_always_there():
    first = devices.available()[0]
    assert first.id == "cpu"
    assert first.name


def test_an_accelerator_is_described_as_torch_sees_it(monkeypatch):
    facts = types.SimpleNamespace(name="NVIDIA H200", uuid="abc", total_memory=2**37, major=9, minor=0)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: facts)
    cpu, *gpus = devices.available()
    assert cpu.id == "cpu"
    assert gpus == [Device(f"cuda:{i}", "NVIDIA H200", "abc", 2**37, "9.0") for i in range(2)]


def test_apples_gpu_has_no_properties_to_ask_for(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("mps"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 1)
    assert devices.available()[1] == MPS


@pytest.mark.parametrize(
    ("setup", "found", "device"),
    [
        (Setup(), (CPU,), CPU),
        (make_setup(precision="bf16"), (CPU,), CPU),
        (make_setup(device="cuda:0"), (CPU, HOPPER), HOPPER),
        (make_setup(device="cuda"), (CPU, HOPPER), HOPPER),
        (make_setup(device="cuda:0", precision="tf32"), (CPU, HOPPER), HOPPER),
        (make_setup(device="mps"), (CPU, MPS), MPS),
    ],
)
def test_a_setup_gets_its_device(setup, found, device):
    assert devices.check(setup, found) == device


@pytest.mark.parametrize(
    ("setup", "found", "code", "facts"),
    [
        (make_setup(device="cuda:0"), (CPU,), "unknown_device", {"device": "cuda:0", "available": "cpu"}),
        (make_setup(device="cuda"), (CPU, MPS), "unknown_device", {"device": "cuda", "available": "cpu, mps"}),
        (
            make_setup(device="cuda:1"),
            (CPU, HOPPER),
            "unknown_device",
            {"device": "cuda:1", "available": "cpu, cuda:0"},
        ),
        (make_setup(precision="tf32"), (CPU, HOPPER), "tf32_unavailable", {"device": "cpu"}),
        (make_setup(device="mps", precision="tf32"), (CPU, MPS), "tf32_unavailable", {"device": "mps"}),
        (
            make_setup(device="cuda:0", precision="tf32"),
            (CPU, TURING),
            "tf32_unavailable",
            {"device": "cuda:0"},
        ),
    ],
)
def test_a_setup_that_cant_be_is_answered_with_what_can(setup, found, code, facts):
    with pytest.raises(InputError) as refusal:
        devices.check(setup, found)
    assert (refusal.value.code, refusal.value.facts) == (code, facts)
    assert messages.sentence(code, facts)


def test_nothing_is_waited_for_on_the_cpu(monkeypatch):
    waited = []
    monkeypatch.setattr(torch.accelerator, "synchronize", waited.append)
    devices.synchronise(torch.device("cpu"))
    assert waited == []
    devices.synchronise(torch.device("cuda:1"))
    assert waited == [torch.device("cuda:1")]


@pytest.mark.parametrize(("precision", "arithmetic"), [("fp32", "ieee"), ("bf16", "ieee"), ("tf32", "tf32")])
def test_tf32_is_on_only_where_it_is_asked_for(precision, arithmetic):
    with devices.Execution(make_setup(precision=precision), 1):
        assert torch.backends.cuda.matmul.fp32_precision == arithmetic
        assert torch.backends.cudnn.conv.fp32_precision == arithmetic


def test_each_setup_sets_its_own_threads():
    for threads in (2, 1, 2):
        with devices.Execution(Setup(), threads):
            assert torch.get_num_threads() == threads


def test_free_memory_of_the_cpu_isnt_asked_for():
    assert devices.free_bytes(torch.device("cpu")) is None
    assert devices.free_bytes(torch.device("mps")) is None


def test_the_software_that_decides_the_speed_is_named():
    found = devices.software()
    assert found.torch == torch.__version__
    assert found.torchvision
    assert found.numpy[0].isdigit()
    assert found.cpu_capability
    assert found.blas != "unknown"
    assert found.default_threads == torch.get_num_threads()
    assert found.cuda == torch.version.cuda


def test_a_package_that_isnt_there_has_no_version():
    assert devices._version("no-such-package-here") is None
