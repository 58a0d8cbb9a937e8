"""Diagnoses where NVIDIA's driver answers: why torch doesn't use the GPU, and what holds it back."""

import dataclasses

import pytest

from core.hardware.doctor.diagnose import diagnose, healthy
from core.records import Note
from tests.doctored import (
    GIB,
    H200,
    UUID,
    make_check,
    make_cuda_torch,
    make_device,
    make_driver,
    make_facts,
    make_gpu,
    make_gpu_facts,
    make_packages,
    make_torch,
)

UNINSTALL = "python -m pip uninstall -y torch torchvision"
CU130 = (
    "python -m pip install torch==2.13.0 torchvision==0.28.0 --index-url https://download.pytorch.org/whl/cu130"
)
CU126 = CU130.replace("cu130", "cu126")
BLIND = make_cuda_torch(available=False, devices=())
TWO = (make_gpu(), make_gpu(1))


def blind(**changes):
    """torch's CUDA build sees nothing of a GPU whose driver answers."""
    return make_gpu_facts(**{"torch": BLIND, "checks": (make_check("cpu"),)} | changes)


def only(facts):
    (found,) = (item for item in diagnose(facts) if item.severity != "info")
    return found


def test_a_sound_gpu_machine_has_nothing_to_mend():
    findings = diagnose(make_gpu_facts())
    assert [(item.code, item.severity) for item in findings] == [("gpu_ready", "info")]
    assert findings[0].facts == {"device": "cuda:0", "name": H200}
    assert healthy(findings)


@pytest.mark.parametrize("platform", [{}, {"family": "windows", "distribution": None, "pci": None}])
@pytest.mark.parametrize(("driver", "install"), [("580.65.06", CU130), ("570.86.15", CU126)])
def test_a_cpu_build_beside_a_gpu_is_replaced_by_what_the_driver_serves(driver, install, platform):
    facts = make_gpu_facts(
        torch=make_torch(), packages=make_packages(), driver=make_driver(version=driver), checks=(), **platform
    )
    found = only(facts)
    assert (found.code, found.severity) == ("torch_cpu_build", "error")
    assert found.facts == {"name": H200, "version": "2.13.0+cpu"}
    assert found.remedy.commands == (UNINSTALL, install)
    assert found.remedy.check == "python -m core doctor"


def test_another_makers_build_is_replaced_too():
    facts = make_gpu_facts(torch=make_torch("2.13.0+rocm7.2", built_for="rocm"), checks=())
    found = only(facts)
    assert (found.code, found.facts["built_for"]) == ("torch_other_build", "ROCm")
    assert found.remedy.commands == (UNINSTALL, CU130)


@pytest.mark.parametrize(
    ("capability", "distribution", "commands"),
    [
        ((9, 0), "debian", (UNINSTALL, CU126)),
        ((12, 0), "arch", ("sudo pacman -Syu nvidia-open nvidia-utils", "sudo reboot")),
        ((12, 0), "opensuse", ()),
    ],
)
def test_a_driver_too_old_gets_an_older_build_or_else_a_newer_driver(capability, distribution, commands):
    found = only(
        blind(
            driver=make_driver(version="570.86.15", cuda=(12, 8)),
            gpus=(make_gpu(capability=capability),),
            distribution=distribution,
            torch=dataclasses.replace(BLIND, problem="The NVIDIA driver on your system is too old"),
        )
    )
    assert (found.code, found.severity) == ("driver_too_old", "error")
    assert found.facts == {"driver": "570.86.15", "cuda": "13.0", "needed": "580"}
    assert found.remedy.commands == commands


def test_a_newer_cuda_of_the_same_major_version_is_served():
    assert only(
        blind(driver=make_driver(cuda=(13, 0)), torch=dataclasses.replace(BLIND, runtime="13.2"))
    ).code == ("cuda_unavailable_unexplained")


def test_an_old_driver_that_works_all_the_same_is_left_alone():
    assert healthy(diagnose(make_gpu_facts(driver=make_driver(version="535.54.03"))))


@pytest.mark.parametrize("value", ["", "-1", "NoDevFiles", "7"])
@pytest.mark.parametrize(
    ("platform", "command"),
    [({}, "unset CUDA_VISIBLE_DEVICES"), ({"family": "windows"}, "Remove-Item Env:CUDA_VISIBLE_DEVICES")],
)
def test_a_variable_that_hides_all(value, platform, command):
    found = only(blind(variables=(("CUDA_VISIBLE_DEVICES", value),), **platform))
    assert (found.code, found.severity) == ("gpus_hidden", "error")
    assert found.facts == {"variable": "CUDA_VISIBLE_DEVICES", "value": value}
    assert found.remedy.commands == (command,)


def test_a_variable_that_hides_some_by_mistake_or_on_purpose():
    two = make_gpu_facts(gpus=TWO, variables=(("CUDA_VISIBLE_DEVICES", "0,5,1"),))
    found = only(two)
    assert (found.code, found.severity) == ("gpus_hidden_by_mistake", "warning")
    assert found.facts["entry"] == "5"
    assert (found.facts["shown"], found.facts["total"]) == (1, 2)
    assert found.remedy.commands == ("unset CUDA_VISIBLE_DEVICES",)
    for value in ("0", UUID, "0,-1,1"):
        findings = diagnose(make_gpu_facts(gpus=TWO, variables=(("CUDA_VISIBLE_DEVICES", value),)))
        assert [item.code for item in findings] == ["gpus_partly_hidden", "gpu_ready"]
    assert healthy(diagnose(make_gpu_facts(gpus=TWO, variables=(("CUDA_VISIBLE_DEVICES", "1,0"),))))


def test_a_batch_systems_numbers_hide_nothing_that_torch_sees():
    """NVML shows the job its own two GPUs as 0 and 1; the variable counts all of the machine's."""
    torch = make_cuda_torch(devices=(make_device(), make_device("cuda:1", uuid=TWO[1].uuid)))
    facts = make_gpu_facts(gpus=TWO, torch=torch, variables=(("CUDA_VISIBLE_DEVICES", "1,2"),))
    assert [item.code for item in diagnose(facts)] == ["gpu_ready"]


def test_a_gpu_that_the_build_has_no_code_for_is_the_reason_why_its_check_fails():
    old = make_gpu(name="Tesla P100", capability=(6, 0))
    failed = make_check(failure=Note("device_check_failed", {"problem": "no kernel image is available"}))
    found = only(make_gpu_facts(gpus=(old,), checks=(make_check("cpu"), failed)))
    assert (found.code, found.severity) == ("no_kernels", "error")
    assert (found.facts["name"], found.facts["capability"]) == ("Tesla P100", "6.0")
    assert "sm_75" in found.facts["architectures"]
    assert found.remedy.commands == (UNINSTALL, CU126)


def test_what_no_build_suits_is_left_to_words():
    found = only(
        make_gpu_facts(gpus=(make_gpu(capability=(14, 0)),), torch=make_cuda_torch(architectures=("sm_90",)))
    )
    assert (found.code, found.remedy.commands) == ("no_kernels", ())


def test_what_is_older_than_every_build_is_nobodys_fault():
    findings = diagnose(blind(gpus=(make_gpu(capability=(3, 5)),)))
    assert [item.code for item in findings] == ["gpu_too_old", "no_gpu_cpu_ready"]
    arm = blind(gpus=(make_gpu(capability=(7, 0)),), architecture="aarch64")
    assert diagnose(arm)[0].code == "gpu_too_old"


def test_an_old_torch_that_runs_on_an_old_gpu_is_left_alone():
    torch = make_cuda_torch(architectures=("sm_37", "sm_50"))
    findings = diagnose(make_gpu_facts(gpus=(make_gpu(capability=(3, 7)),), torch=torch))
    assert [item.code for item in findings] == ["gpu_ready"]


def test_a_driver_too_old_for_the_only_build_is_renewed_with_it_and_the_restart_comes_last():
    torch = make_cuda_torch("2.5.1+cu124", runtime="12.4", architectures=("sm_90",))
    facts = make_gpu_facts(
        gpus=(make_gpu(capability=(12, 0)),), driver=make_driver(version="570.86.15"), torch=torch
    )
    (found,) = (item for item in diagnose(facts) if item.code == "no_kernels")
    assert found.remedy.commands[0] == "sudo apt update"
    assert found.remedy.commands[-3:] == (UNINSTALL, CU130, "sudo reboot")


def test_commands_are_for_the_python_that_was_examined():
    found = only(make_gpu_facts(torch=make_torch(), checks=(), command=".venv/bin/python"))
    assert found.remedy.commands[0] == ".venv/bin/python -m pip uninstall -y torch torchvision"
    assert found.remedy.commands[1] == f".venv/bin/{CU130}"
    assert found.remedy.check == ".venv/bin/python -m core doctor"


def test_an_old_gpu_that_is_hidden_on_purpose_is_left_alone():
    gpus = (make_gpu(), make_gpu(1, capability=(3, 5)))
    assert healthy(diagnose(make_gpu_facts(gpus=gpus, variables=(("CUDA_VISIBLE_DEVICES", "0"),))))


def test_mig_without_an_instance():
    found = only(blind(gpus=(make_gpu(mig=True),)))
    assert (found.code, found.severity) == ("mig_without_instance", "error")
    assert found.remedy.commands == ("sudo nvidia-smi mig -cgi 0 -C",)
    assert found.remedy.check == "nvidia-smi -L"


@pytest.mark.parametrize(
    ("within", "commands"),
    [(None, ("sudo modprobe nvidia-uvm",)), ("container", ())],
    ids=["bare", "container"],
)
def test_without_the_device_file_for_computing(within, commands):
    found = only(blind(within=within, device_nodes=("nvidiactl", "nvidia0")))
    assert (found.code, found.severity, found.remedy.commands) == ("uvm_missing", "error", commands)


def test_a_torch_that_never_comes_back_from_the_gpu_is_said_to_hang():
    found = only(blind(torch=dataclasses.replace(BLIND, silent_s=60.0), device_nodes=("nvidia0",)))
    assert (found.code, found.severity, found.facts) == ("gpu_hangs", "error", {"limit_s": 60.0})
    assert (found.remedy.commands, found.remedy.check) == (("sudo reboot",), "python -m core doctor")


def test_what_nothing_explains_is_told_in_torchs_own_words():
    found = only(blind(torch=dataclasses.replace(BLIND, problem="CUDA unknown error")))
    assert (found.code, found.severity) == ("cuda_unavailable", "error")
    assert found.facts == {"problem": "CUDA unknown error"}
    assert found.remedy.commands == (
        "sudo modprobe -r nvidia-uvm",
        "sudo modprobe nvidia-uvm",
        "sudo reboot",
    )
    assert found.remedy.check == "python -m core doctor"  # nvidia-smi answers already
    windows = only(blind(torch=BLIND, family="windows", pci=None, device_nodes=()))
    assert (windows.code, windows.remedy.commands) == ("cuda_unavailable_unexplained", ("shutdown /r /t 0",))


@pytest.mark.parametrize(
    ("problem", "code", "commands"),
    [
        ("nvml_gpu_lost", "gpu_lost", ()),
        ("nvml_reset_required", "gpu_needs_reset", ("sudo nvidia-smi --gpu-reset -i 0",)),
    ],
)
def test_a_gpu_that_failed_explains_all_else(problem, code, commands):
    failed = make_check(failure=Note("device_check_hangs", {"limit_s": 60.0}))
    facts = make_gpu_facts(gpus=(make_gpu(problem=problem, other_processes=3),), torch=BLIND, checks=(failed,))
    found = only(facts)
    assert (found.code, found.severity, found.facts) == (code, "error", {"gpu": 0, "name": H200})
    assert found.remedy.commands == commands


@pytest.mark.parametrize("problem", ["nvml_failed", "nvml_reset_required"])
def test_a_gpu_that_computes_isnt_lost_whatever_nvml_couldnt_say(problem):
    facts = make_gpu_facts(gpus=(make_gpu(problem=problem),))
    assert [item.code for item in diagnose(facts)] == ["gpu_ready"]


def test_a_service_that_isnt_running_is_named_though_the_device_file_is_missing_too():
    torch = dataclasses.replace(BLIND, problem="Error 802: system not yet initialized")
    assert only(blind(torch=torch, device_nodes=("nvidiactl", "nvidia0"))).code == "fabric_manager_missing"


@pytest.mark.parametrize(
    ("gpu", "code", "facts"),
    [
        ({"other_processes": 2}, "gpu_shared", {"gpu": 0, "name": H200, "count": 2}),
        ({"memory_used_bytes": 56 * GIB}, "gpu_memory_taken", {"gpu": 0, "name": H200, "pct": 40}),
        ({"memory_used_bytes": 56 * GIB, "other_processes": None}, "gpu_memory_taken", None),
        ({"memory_used_bytes": 27 * GIB}, None, None),
        ({"memory_bytes": None, "memory_used_bytes": 56 * GIB}, None, None),
        ({"memory_used_bytes": None}, None, None),
    ],
)
def test_a_gpu_that_others_use(gpu, code, facts):
    findings = [item for item in diagnose(make_gpu_facts(gpus=(make_gpu(**gpu),))) if item.severity != "info"]
    assert [item.code for item in findings] == ([code] if code else [])
    for found in findings:
        assert found.severity == "warning"
        assert facts is None or found.facts == facts
        assert found.remedy.commands == ("nvidia-smi",)


def test_windows_counts_every_window_as_a_program_that_computes():
    facts = make_gpu_facts(gpus=(make_gpu(other_processes=9),), family="windows", pci=None, device_nodes=())
    assert healthy(diagnose(facts))


@pytest.mark.parametrize(
    ("field", "code"), [({"mig": True}, "mig_enabled"), ({"virtual": "vgpu"}, "gpu_virtual")]
)
def test_a_share_of_a_gpu_is_only_mentioned(field, code):
    findings = diagnose(make_gpu_facts(gpus=(make_gpu(**field),)))
    assert [(item.code, item.severity) for item in findings] == [(code, "info"), ("gpu_ready", "info")]
    assert findings[0].facts == {"gpu": 0, "name": H200}
    assert findings[0].remedy is None


def test_a_passed_through_gpu_is_a_whole_one():
    assert [item.code for item in diagnose(make_gpu_facts(gpus=(make_gpu(virtual="passthrough"),)))] == [
        "gpu_ready"
    ]


@pytest.mark.parametrize(
    ("failure", "code", "commands"),
    [
        (Note("device_check_failed", {"problem": "misaligned address"}), "device_fails", ("sudo reboot",)),
        (
            Note("device_check_failed", {"problem": "CUDA out of memory. Tried"}),
            "device_taken",
            ("nvidia-smi",),
        ),
        (
            Note("device_check_failed", {"problem": "CUDA-capable device(s) is/are busy or unavailable"}),
            "device_taken",
            ("nvidia-smi",),
        ),
        (Note("device_check_hangs", {"limit_s": 60.0}), "device_hangs", ("sudo reboot",)),
        (Note("device_check_wrong", {"difference": 0.5, "tolerance": 5e-5}), "device_wrong", ()),
    ],
)
def test_a_computation_that_fails(failure, code, commands):
    found = only(make_gpu_facts(checks=(make_check("cpu"), make_check(failure=failure))))
    assert (found.code, found.severity) == (code, "error")
    assert found.facts == {**failure.facts, "device": "cuda:0", "name": H200}
    assert (found.remedy.commands, found.remedy.check) == (commands, "python -m core doctor")


def test_another_makers_gpu_is_never_looked_at_with_nvidias_tool():
    failed = [
        make_check(failure=Note("device_check_failed", {"problem": text})) for text in ("bad", "out of memory")
    ]
    for check in failed:
        (found,) = (item for item in diagnose(make_facts(checks=(make_check("cpu"), check))) if item.remedy)
        assert not [text for text in (*found.remedy.commands, found.remedy.check) if "nvidia" in text]


def test_a_computation_that_fails_on_the_cpu_is_an_error_too():
    failed = make_check("cpu", Note("device_check_wrong", {"difference": 0.5, "tolerance": 5e-5}))
    findings = diagnose(make_gpu_facts(checks=(failed, make_check())))
    assert [item.code for item in findings] == ["device_wrong", "gpu_ready"]


def test_one_gpu_of_two_may_be_ready():
    other = dataclasses.replace(make_check("cuda:1"), device=make_device("cuda:1", uuid=TWO[1].uuid))
    failed = dataclasses.replace(other, failure=Note("device_check_hangs", {"limit_s": 60.0}), seconds=None)
    findings = diagnose(make_gpu_facts(gpus=TWO, checks=(make_check("cpu"), make_check(), failed)))
    assert [(item.code, item.facts["device"]) for item in findings] == [
        ("device_hangs", "cuda:1"),
        ("gpu_ready", "cuda:0"),
    ]
