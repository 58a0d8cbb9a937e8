"""The probe in this process: what it tells of torch, step by step, and a product that can come out wrong."""

import subprocess
import sys

import pytest
import torch

from core.codec import from_plain
from core.hardware.doctor import child
from core.hardware.doctor.facts import Torch
from core.measure import device_check, devices, probe
from core.records import Device


class Told(list):
    def __call__(self, step, **fields):
        self.append((step, fields))


@pytest.fixture
def no_torchvision(monkeypatch):
    """It takes a second to load."""
    monkeypatch.setattr(probe, "_torchvision_problem", lambda: None)


def test_torch_is_told_in_steps_that_make_a_record(no_torchvision):
    told = Told()
    probe._torch(told)
    assert [step for step, _ in told] == ["import", "build", "devices", "torchvision"]
    record = from_plain(Torch, {name: value for _, fields in told[1:] for name, value in fields.items()})
    assert record.software.torch == torch.__version__
    assert record.devices[0].id == "cpu"
    assert record.available is torch.accelerator.is_available()
    if torch.version.cuda is None and torch.version.hip is None:
        assert (record.built_for, record.runtime, record.architectures, record.problem) == (
            "cpu",
            None,
            (),
            None,
        )


@pytest.mark.parametrize(
    ("version", "built_for", "runtime"),
    [
        ({"cuda": "13.0"}, "cuda", "13.0"),
        ({"hip": "7.1.25424", "cuda": None}, "rocm", "7.1.25424"),
        ({"xpu": "20250300"}, "xpu", "20250300"),
        ({}, "cpu", None),
    ],
)
def test_what_torch_was_built_for(monkeypatch, version, built_for, runtime):
    for name in ("cuda", "hip", "xpu"):
        monkeypatch.setattr(torch.version, name, version.get(name), raising=False)
    monkeypatch.setattr(torch.backends.mps, "is_built", lambda: False)
    found = probe._build(0.5)
    assert (found["built_for"], found["runtime"], found["import_s"]) == (built_for, runtime, 0.5)


def test_the_kernels_of_a_wheel_are_told_without_a_gpu(monkeypatch):
    monkeypatch.setattr(torch._C, "_cuda_getArchFlags", lambda: "sm_75 sm_90 compute_120", raising=False)
    assert probe._architectures(torch) == ["sm_75", "sm_90", "compute_120"]
    monkeypatch.setattr(torch._C, "_cuda_getArchFlags", lambda: None)
    assert probe._architectures(torch) == []


def test_why_the_accelerator_cant_begin_is_torchs_first_line(monkeypatch):
    def refuse():
        raise RuntimeError("The NVIDIA driver on your system is too old (found version 11040).\nPlease update.")

    monkeypatch.setattr(torch.cuda, "init", refuse)
    found = probe._devices("cuda")
    assert found["problem"] == "The NVIDIA driver on your system is too old (found version 11040)."
    assert found["devices"][0]["id"] == "cpu"


def test_devices_that_cant_be_described_are_a_problem_too(monkeypatch):
    def fail():
        raise RuntimeError("CUDA error: device-side")

    monkeypatch.setattr(devices, "available", fail)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    found = probe._devices("cpu")
    assert (found["problem"], found["devices"]) == ("CUDA error: device-side", [])
    assert found["available"] is False  # or nobody would say why no GPU is tried


def test_a_broken_import_is_told_with_its_last_line(monkeypatch):
    def broken(_):
        raise ImportError("numpy failed\nlibcudart.so.13: cannot open shared object file")

    monkeypatch.setattr(probe, "_build", broken)
    told = Told()
    probe._torch(told)
    problem = "libcudart.so.13: cannot open shared object file"
    assert told[1:] == [("import_failed", {"missing": False, "problem": problem})]


@pytest.mark.parametrize(("name", "missing"), [("torch", True), ("typing_extensions", False)])
def test_only_torch_itself_can_be_missing(monkeypatch, name, missing):
    def absent(_):
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)

    monkeypatch.setattr(probe, "_build", absent)
    told = Told()
    probe._torch(told)
    assert told[-1][1]["missing"] is missing


def test_the_cpus_product_is_right():
    told = Told()
    probe._product("cpu", told)
    ((step, facts),) = told
    assert step == "product"
    assert 0 < facts["difference"] < facts["tolerance"] / 20
    assert facts["seconds"] > 0


@pytest.mark.parametrize("share", [1.0, 1e-2])
def test_a_wrong_product_is_found(monkeypatch, share):
    """Once a whole row, once a single element that is off by a hundredth of the largest."""
    right = torch.matmul

    def spoilt(a, b):
        result = right(a, b)
        result[3, 5] += share * result.abs().max()
        return result

    monkeypatch.setattr(torch, "matmul", spoilt)
    _, difference = device_check.product("cpu")
    assert difference == pytest.approx(share, rel=0.01)
    assert difference > device_check.TOLERANCE


def test_a_product_that_isnt_finite_has_failed(monkeypatch):
    right = torch.matmul
    monkeypatch.setattr(torch, "matmul", lambda a, b: right(a, b) / 0.0)
    told = Told()
    probe._product("cpu", told)
    assert told == [("failed", {"problem": "the product isn't finite"})]


def test_a_device_that_isnt_here_has_failed():
    told = Told()
    probe._product("nonsense", told)
    assert told[0][0] == "failed"
    assert told[0][1]["problem"]


def test_the_tolerance_lies_between_fp32_in_the_worst_order_and_tf32():
    generator = torch.Generator().manual_seed(7)
    a, b = (torch.randn(1024, 1024, generator=generator) for _ in range(2))
    right = a.double() @ b.double()

    def off(found):
        return float((found.double() - right).abs().max() / right.abs().max())

    one_by_one = torch.zeros(1024, 1024)
    for k in range(1024):
        one_by_one.addr_(a[:, k], b[k])

    def tf32(factor):
        return ((factor.view(torch.int32) + 2**12) >> 13 << 13).view(torch.float32)

    assert off(one_by_one) * 20 < device_check.TOLERANCE < off(tf32(a).double() @ tf32(b).double()) / 4


def test_a_real_child_computes_on_the_cpu():
    checked = child.check_device(Device("cpu", "here"))
    assert (checked.failure, checked.device.name) == (None, "here")
    assert checked.largest_difference < device_check.TOLERANCE


def test_a_child_without_a_parent_ends_at_once():
    command = (sys.executable, "-m", "core.measure.probe", "torch")
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (3, b"")
