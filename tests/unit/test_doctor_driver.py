"""Diagnoses of a missing or silent NVIDIA driver: each with its remedy, and alone."""

import pytest

from core.hardware.doctor.diagnose import diagnose, healthy
from core.hardware.doctor.facts import PciDevice
from tests.doctored import make_check, make_cuda_torch, make_driver, make_facts, make_gpu_facts, no_driver

UNBOUND = (PciDevice("nvidia", None),)
BOUND = (PciDevice("nvidia", "nvidia"),)
SEES_NONE = make_cuda_torch(available=False, problem="No CUDA GPUs are available", devices=())
NOUVEAU = (PciDevice("nvidia", "nouveau"),)
HALF = ("libnvidia-ml.so.1",)
BOTH = ("libcuda.so.1", "libnvidia-ml.so.1")


def box(**changes):
    """A machine with a GPU that torch's CUDA build doesn't see."""
    return make_gpu_facts(**{"gpus": (), "device_nodes": (), "checks": (), "torch": SEES_NONE} | changes)


def only(facts):
    """The one finding, as whatever follows from it must not be said too."""
    (found,) = (item for item in diagnose(facts) if item.severity != "info")
    return found


DEBIAN = ("sudo apt update", "sudo apt install linux-headers-$(uname -r) nvidia-driver", "sudo reboot")
UBUNTU = (
    "sudo apt update",
    "sudo apt install ubuntu-drivers-common",
    "sudo ubuntu-drivers install",
    "sudo reboot",
)
ARCH = ("sudo pacman -Syu nvidia-open nvidia-utils", "sudo reboot")
TRIAL = "docker run --rm --gpus all ubuntu nvidia-smi"
TRIAL_WITH_LIBRARIES = (
    "docker run --rm --gpus all -e NVIDIA_DRIVER_CAPABILITIES=compute,utility ubuntu nvidia-smi",
)
INTO_CONTAINER = (
    "sudo nvidia-ctk runtime configure --runtime=docker",
    "sudo systemctl restart docker",
    TRIAL,
)


def test_a_machine_without_any_gpu_has_nothing_to_mend():
    findings = diagnose(make_facts())
    assert [item.code for item in findings] == ["no_nvidia_gpu", "torch_for_cpu", "no_gpu_cpu_ready"]
    assert all(item.severity == "info" and item.remedy is None for item in findings)
    assert [item.facts for item in findings] == [{}, {"version": "2.13.0+cpu"}, {"name": "Test CPU"}]
    assert healthy(findings)


@pytest.mark.parametrize(
    ("code", "changes", "platform", "commands"),
    [
        ("driver_missing", {"driver": no_driver(), "pci": UNBOUND}, {}, DEBIAN),
        ("driver_missing", {"driver": no_driver(), "pci": UNBOUND}, {"distribution": "ubuntu"}, UBUNTU),
        ("driver_missing", {"driver": no_driver(), "pci": UNBOUND}, {"distribution": "arch"}, ARCH),
        ("driver_missing", {"driver": no_driver(), "pci": UNBOUND}, {"distribution": "opensuse"}, ()),
        ("driver_missing", {"driver": no_driver(), "pci": UNBOUND}, {"distribution": None}, ()),
        ("nouveau_bound", {"driver": no_driver(), "pci": NOUVEAU}, {}, DEBIAN),
        ("nouveau_bound", {"driver": no_driver(), "pci": NOUVEAU}, {"distribution": "ubuntu"}, UBUNTU),
        (
            "driver_libraries_missing",
            {"driver": no_driver(kernel_module=True), "pci": BOUND},
            {"distribution": "arch"},
            ARCH,
        ),
        (
            "driver_not_loaded",
            {"driver": no_driver(problem="nvml_driver_not_loaded", libraries=BOTH), "pci": UNBOUND},
            {},
            ("sudo modprobe nvidia",),
        ),
        (
            "driver_not_loaded",
            {"driver": no_driver(problem="nvml_driver_not_loaded"), "pci": None},
            {"family": "windows"},
            (),
        ),
        (
            "driver_updated",
            {"driver": make_driver(problem="nvml_version_mismatch")},
            {},
            ("sudo reboot",),
        ),
        (
            "driver_updated",
            {"driver": make_driver(problem="nvml_version_mismatch"), "pci": None},
            {"family": "windows"},
            ("shutdown /r /t 0",),
        ),
        ("driver_no_permission", {"driver": make_driver(problem="nvml_no_permission")}, {}, ()),
        ("driver_sees_no_gpu", {"driver": make_driver(problem="nvml_no_gpu")}, {}, ("sudo reboot",)),
        ("driver_fails", {"driver": make_driver(problem="nvml_failed")}, {}, ("sudo reboot",)),
        ("host_without_driver", {"driver": no_driver(), "pci": UNBOUND}, {"within": "container"}, ()),
        (
            "container_without_gpu",
            {"driver": no_driver(kernel_module=True), "pci": BOUND},
            {"within": "container"},
            INTO_CONTAINER,
        ),
        (
            "container_without_libraries",
            {
                "driver": no_driver(kernel_module=True, libraries=()),
                "device_nodes": ("nvidiactl", "nvidia3", "nvidia-uvm"),
            },
            {"within": "container"},
            TRIAL_WITH_LIBRARIES,
        ),
    ],
)
def test_the_first_cause_is_told_alone_with_its_remedy(code, changes, platform, commands):
    found = only(box(**changes, **platform))
    assert (found.code, found.severity, found.facts) == (code, "error", {})
    assert found.remedy.commands == commands
    computing = code == "container_without_libraries"  # nvidia-smi runs without them
    assert found.remedy.check == ("python -m core doctor" if computing else "nvidia-smi")


def test_fedora_takes_the_driver_from_rpm_fusion():
    commands = only(box(driver=no_driver(), pci=UNBOUND, distribution="fedora")).remedy.commands
    assert commands[1:] == (
        "sudo dnf install akmod-nvidia xorg-x11-drv-nvidia-cuda",
        "sudo akmods --force",
        "sudo reboot",
    )
    assert commands[0].startswith("sudo dnf install https://mirrors.rpmfusion.org/free/fedora/")
    assert commands[0].endswith("/nonfree/fedora/rpmfusion-nonfree-release-$(rpm -E %fedora).noarch.rpm")


def test_a_container_that_can_read_but_not_compute_lacks_the_library():
    facts = make_gpu_facts(within="container", driver=make_driver(libraries=HALF), torch=SEES_NONE, checks=())
    assert only(facts).code == "container_without_libraries"


def test_on_the_machine_itself_the_same_is_half_a_driver():
    facts = make_gpu_facts(driver=make_driver(libraries=HALF), torch=SEES_NONE, checks=())
    assert only(facts).code == "libcuda_missing"
    assert only(facts).remedy.commands == DEBIAN
    assert only(facts).remedy.check == "python -m core doctor"


def test_libraries_in_a_place_of_their_own_are_no_missing_ones():
    facts = make_gpu_facts(driver=make_driver(libraries=()), torch=SEES_NONE, checks=())
    assert only(facts).code == "cuda_unavailable"


@pytest.mark.parametrize(
    ("within", "commands"), [("container", TRIAL_WITH_LIBRARIES), (None, ())], ids=["container", "bare"]
)
def test_where_torch_computes_a_silent_nvml_costs_readings_only(within, commands):
    facts = make_gpu_facts(
        within=within, gpus=(), driver=no_driver(kernel_module=True, libraries=("libcuda.so.1",))
    )
    found = only(facts)
    assert (found.code, found.severity, found.remedy.commands) == ("readings_missing", "warning", commands)
    assert "gpu_ready" in {item.code for item in diagnose(facts)}


@pytest.mark.parametrize(
    ("code", "severity", "changes"),
    [
        ("wsl_without_gpu", "warning", {"device_nodes": ()}),
        ("wsl_without_driver", "info", {"device_nodes": ("dxg",)}),
        ("wsl_driver_silent", "error", {"device_nodes": ("dxg",), "driver": make_driver(libraries=HALF)}),
    ],
)
def test_wsl_uses_the_driver_of_windows(code, severity, changes):
    found = diagnose(box(within="wsl", pci=None, **{"driver": no_driver()} | changes))[0]
    assert (found.code, found.severity) == (code, severity)
    assert found.remedy.commands == ("wsl --update", "wsl --shutdown")
    assert found.remedy.check == "nvidia-smi"


def test_a_sound_wsl_has_one_remark_on_its_readings():
    findings = diagnose(make_gpu_facts(within="wsl", device_nodes=("dxg",), pci=None))
    assert [(item.code, item.severity) for item in findings] == [
        ("wsl_readings", "info"),
        ("gpu_ready", "info"),
    ]


def test_a_container_on_windows_says_nothing_of_the_gpu_that_it_wasnt_given():
    facts = box(within="container", wsl=True, driver=no_driver(), pci=(), checks=(make_check("cpu"),))
    found, *others = diagnose(facts)
    assert (found.code, found.severity) == ("container_on_windows", "info")
    assert (found.remedy.commands, found.remedy.check) == ((TRIAL,), "nvidia-smi")
    assert "no_nvidia_gpu" not in [item.code for item in others]
    assert healthy((found, *others))


def test_a_container_on_windows_with_the_gpu_is_as_sound_as_wsl():
    given = {"within": "container", "wsl": True, "device_nodes": ("dxg",), "pci": ()}
    assert [item.code for item in diagnose(make_gpu_facts(**given))] == ["wsl_readings", "gpu_ready"]
    blind = make_gpu_facts(**given, torch=SEES_NONE, checks=())
    assert only(blind).code == "cuda_unavailable"  # and not a missing /dev/nvidia-uvm, which WSL has never


def test_without_a_bus_to_be_seen_a_missing_driver_proves_nothing():
    first, *_ = diagnose(make_facts(family="windows", distribution=None, pci=None))
    assert (first.code, first.severity, first.remedy.commands) == ("nvidia_unknown", "info", ())


def test_a_cuda_build_without_a_gpu_computes_on_the_cpu():
    findings = diagnose(box(driver=no_driver(), pci=(), checks=(make_check("cpu"),)))
    assert [item.code for item in findings] == ["no_nvidia_gpu", "cuda_without_gpu", "no_gpu_cpu_ready"]
    assert healthy(findings)


def test_a_gpu_that_is_kept_for_virtual_machines_is_nobodys_fault():
    findings = diagnose(make_facts(pci=(PciDevice("nvidia", "vfio-pci"),)))
    assert findings[0].code == "gpu_given_to_vm"
    assert healthy(findings)


def test_other_makers_gpus_dont_make_a_missing_driver_an_error():
    findings = diagnose(make_facts(pci=(PciDevice("other", "ast"),)))
    assert [item.code for item in findings] == ["no_nvidia_gpu", "torch_for_cpu", "no_gpu_cpu_ready"]


def test_a_driver_without_a_gpu_on_the_bus_is_no_error():
    facts = make_facts(driver=make_driver(problem="nvml_no_gpu", kernel_module=False), pci=())
    assert diagnose(facts)[0].code == "no_nvidia_gpu"


def test_a_loaded_module_without_a_gpu_on_the_bus_is_one_that_is_switched_off():
    findings = diagnose(box(driver=no_driver(kernel_module=True), pci=()))
    assert findings[0].code == "driver_without_gpu"
    assert healthy(findings)


def test_macos_never_hears_of_nvidia():
    findings = diagnose(make_facts(family="macos", distribution=None, architecture="x86_64", pci=None))
    assert not [item for item in findings if "nvidia" in item.code or "driver" in item.code]
