"""Diagnoses of GPUs of AMD, Intel and Apple, and of the builds of torch that are for them."""

import dataclasses

import pytest

from core.hardware.doctor.diagnose import diagnose, healthy
from core.hardware.doctor.facts import PciDevice
from core.records import Device
from tests.doctored import (
    make_check,
    make_cpu,
    make_facts,
    make_gpu_facts,
    make_packages,
    make_torch,
)

UNINSTALL = "python -m pip uninstall -y torch torchvision"
PLAIN = "python -m pip install torch==2.13.0 torchvision==0.28.0"
ROCM = f"{PLAIN} --index-url https://download.pytorch.org/whl/rocm7.2"
XPU = f"{PLAIN} --index-url https://download.pytorch.org/whl/xpu"
AMD = (PciDevice("amd", "amdgpu"),)
INTEL = (PciDevice("intel", "xe"),)
ROCM_TORCH = make_torch("2.13.0+rocm7.2", built_for="rocm", runtime="7.2", problem="No HIP GPUs are available")
XPU_TORCH = make_torch("2.13.0+xpu", built_for="xpu", problem="No XPU devices are available")
KFD_TRIAL = "docker run --rm --device=/dev/kfd --device=/dev/dri --group-add video rocm/rocm-terminal rocminfo"
ROCM_PACKAGES = make_packages("2.13.0+rocm7.2", "0.28.0+rocm7.2")
XPU_PACKAGES = make_packages("2.13.0+xpu", "0.28.0+xpu")
MAC = {"family": "macos", "distribution": None, "architecture": "arm64", "pci": None}


def only(facts):
    (found,) = (item for item in diagnose(facts) if item.severity != "info")
    return found


def codes(facts):
    return [item.code for item in diagnose(facts)]


@pytest.mark.parametrize(
    ("code", "severity", "changes", "commands"),
    [
        ("amd_gpu_unused", "warning", {"device_nodes": ("kfd",)}, (UNINSTALL, ROCM)),
        ("amd_gpu_beside", "info", {}, None),
        (
            "kfd_missing",
            "error",
            {"torch": ROCM_TORCH, "packages": ROCM_PACKAGES},
            ("sudo modprobe amdgpu",),
        ),
        (
            "container_without_kfd",
            "error",
            {"torch": ROCM_TORCH, "packages": ROCM_PACKAGES, "within": "container"},
            (KFD_TRIAL,),
        ),
        (
            "rocm_unavailable",
            "error",
            {"torch": ROCM_TORCH, "packages": ROCM_PACKAGES, "device_nodes": ("kfd", "renderD128")},
            ("sudo usermod -aG render,video $USER",),
        ),
        (
            "gpus_all_hidden",
            "error",
            {
                "torch": ROCM_TORCH,
                "packages": ROCM_PACKAGES,
                "device_nodes": ("kfd",),
                "variables": (("ROCR_VISIBLE_DEVICES", "-1"),),
            },
            ("unset ROCR_VISIBLE_DEVICES",),
        ),
    ],
)
def test_gpus_of_amd(code, severity, changes, commands):
    findings = diagnose(make_facts(pci=AMD, **changes))
    (found,) = (item for item in findings if item.code == code)
    assert found.severity == severity
    assert (found.remedy.commands if found.remedy else None) == commands
    assert [item.code for item in findings if item.severity != "info"] == ([] if severity == "info" else [code])


def test_a_rocm_build_without_a_gpu_is_a_cpu_build():
    findings = diagnose(make_facts(torch=ROCM_TORCH, packages=ROCM_PACKAGES))
    assert [item.code for item in findings] == ["no_nvidia_gpu", "rocm_without_gpu", "no_gpu_cpu_ready"]
    assert healthy(findings)


@pytest.mark.parametrize(
    "changes",
    [
        {"torch": ROCM_TORCH, "packages": ROCM_PACKAGES, "pci": AMD, "device_nodes": ("kfd",)},
        {"torch": XPU_TORCH, "packages": XPU_PACKAGES, "pci": INTEL},
        {"torch": make_torch(built_for="mps"), **MAC},
    ],
    ids=["ROCm", "XPU", "MPS"],
)
def test_whoever_makes_the_gpu_a_hang_is_called_so(changes):
    torch = dataclasses.replace(changes["torch"], silent_s=60.0)
    found = only(make_facts(**changes | {"torch": torch}))
    assert (found.code, found.facts) == ("gpu_hangs", {"limit_s": 60.0})


def test_windows_needs_no_kfd():
    found = only(make_facts(family="windows", pci=None, torch=ROCM_TORCH, packages=ROCM_PACKAGES))
    assert (found.code, found.remedy.commands) == ("rocm_unavailable", ())


def test_an_amd_gpu_on_arm_has_no_build():
    facts = make_facts(pci=AMD, device_nodes=("kfd",), architecture="aarch64")
    assert (only(facts).code, only(facts).remedy.commands) == ("amd_gpu_unused", ())


def test_amd_gpus_without_code_for_them_are_told_by_name():
    devices = (Device("cuda:0", "AMD Test", capability="gfx803"),)
    torch = dataclasses.replace(ROCM_TORCH, available=True, devices=devices, architectures=("gfx90a", "gfx942"))
    facts = make_facts(pci=AMD, device_nodes=("kfd",), torch=torch, packages=ROCM_PACKAGES)
    assert only(facts).code == "no_kernels"
    assert only(facts).facts == {"name": "AMD Test", "capability": "gfx803", "architectures": "gfx90a, gfx942"}
    for known in ("gfx90a:sramecc+:xnack-", "9.0", None):
        device = dataclasses.replace(devices[0], capability=known)
        assert healthy(
            diagnose(dataclasses.replace(facts, torch=dataclasses.replace(torch, devices=(device,))))
        )


def test_a_processors_own_amd_gpu_beside_nvidias_is_only_mentioned():
    findings = diagnose(
        make_gpu_facts(pci=(PciDevice("nvidia", "nvidia"), *AMD), device_nodes=("nvidia0", "kfd"))
    )
    assert [item.code for item in findings] == ["amd_gpu_beside", "gpu_ready"]


def test_gpus_of_intel():
    unused = diagnose(make_facts(pci=INTEL))
    (found,) = (item for item in unused if item.code == "intel_gpu_unused")
    assert (found.severity, found.remedy.commands) == ("info", (UNINSTALL, XPU))
    assert healthy(unused)
    assert "xpu_without_gpu" in codes(make_facts(torch=XPU_TORCH, packages=XPU_PACKAGES))
    silent = only(make_facts(pci=INTEL, torch=XPU_TORCH, packages=XPU_PACKAGES))
    assert (silent.code, silent.severity) == ("xpu_unavailable", "error")
    assert silent.facts == {"problem": "No XPU devices are available"}
    assert silent.remedy.commands == ("sudo usermod -aG render $USER",)
    windows = make_facts(family="windows", pci=None, torch=XPU_TORCH, packages=XPU_PACKAGES)
    assert only(windows).remedy.commands == ()
    hidden = only(
        make_facts(pci=INTEL, torch=XPU_TORCH, packages=XPU_PACKAGES, variables=(("ZE_AFFINITY_MASK", ""),))
    )
    assert (hidden.code, hidden.remedy.commands) == ("gpus_all_hidden", ("unset ZE_AFFINITY_MASK",))


def test_macs():
    mps = make_torch(built_for="mps", available=True, devices=(Device("mps", "Apple M4"),))
    ready = make_facts(torch=mps, checks=(make_check("cpu"), make_check("mps")), **MAC)
    assert codes(ready) == ["gpu_ready"]
    blind = only(make_facts(torch=make_torch(built_for="mps", problem="MPS needs macOS 14.0"), **MAC))
    assert (blind.code, blind.facts) == ("mps_unavailable", {"problem": "MPS needs macOS 14.0"})
    assert only(make_facts(**MAC)).code == "torch_without_mps"
    assert only(make_facts(**MAC)).remedy.commands == (UNINSTALL, PLAIN)
    old = MAC | {"architecture": "x86_64"}
    assert codes(make_facts(**old)) == ["mac_with_intel", "torch_for_cpu", "no_gpu_cpu_ready"]
    assert only(make_facts(cpu=make_cpu(model="VirtualApple @ 2.50GHz"), **old)).code == "python_under_rosetta"
