"""Diagnoses of torch's installation, and of the processor."""

import pytest

from core.hardware.doctor.diagnose import diagnose, healthy
from core.hardware.doctor.facts import Installed, PciDevice
from core.records import Note
from tests.doctored import (
    make_check,
    make_cpu,
    make_cuda_torch,
    make_driver,
    make_facts,
    make_gpu,
    make_gpu_facts,
    make_packages,
    make_software,
    make_torch,
)

UNINSTALL = "python -m pip uninstall -y torch torchvision"
PLAIN = "python -m pip install torch==2.13.0 torchvision==0.28.0"
CPU = f"{PLAIN} --index-url https://download.pytorch.org/whl/cpu"
CU130 = f"{PLAIN} --index-url https://download.pytorch.org/whl/cu130"
ROCM = f"{PLAIN} --index-url https://download.pytorch.org/whl/rocm7.2"
APT_VENV = ("sudo apt update", "sudo apt install python3-venv")
VENV = "python -m venv .venv"
REST = ".venv/bin/python -m pip install -r requirements.txt"
AMD = (PciDevice("amd", "amdgpu"),)
MAC = {"family": "macos", "distribution": None, "architecture": "arm64", "pci": None}


def only(facts):
    (found,) = (item for item in diagnose(facts) if item.severity != "info")
    return found


@pytest.mark.parametrize(
    ("note", "facts", "make", "platform", "commands"),
    [
        (Note("torch_missing"), {}, make_facts, {}, (UNINSTALL, CPU)),
        (Note("torch_missing"), {}, make_facts, {"family": "windows", "pci": None}, (UNINSTALL, CPU)),
        (Note("torch_missing"), {}, make_facts, MAC, (UNINSTALL, PLAIN)),
        (Note("torch_missing"), {}, make_facts, {"family": "other"}, ()),
        (Note("torch_missing"), {}, make_facts, {"pip": "absent"}, ("python -m ensurepip", UNINSTALL, CPU)),
        (
            Note("torch_missing"),
            {},
            make_facts,
            {"pip": "managed"},
            (*APT_VENV, VENV, f".venv/bin/{CPU}", REST),
        ),
        (
            Note("torch_missing"),
            {},
            make_facts,
            {"pip": "managed", "within": "container"},
            ("apt update", "apt install python3-venv", VENV, f".venv/bin/{CPU}", REST),
        ),
        (Note("torch_missing"), {}, make_facts, MAC | {"pip": "managed"}, (VENV, f".venv/bin/{PLAIN}", REST)),
        (Note("torch_missing"), {}, make_gpu_facts, {}, (UNINSTALL, CU130)),
        (Note("torch_broken", {"problem": "no libtorch"}), None, make_gpu_facts, {}, (UNINSTALL, CU130)),
        (Note("torch_hangs", {"limit_s": 60.0}), None, make_gpu_facts, {}, ("sudo reboot",)),
        (
            Note("torch_died", {"exit_code": -11, "last_words": ""}),
            {"exit_code": -11, "last_words": "-"},
            make_facts,
            {},
            (UNINSTALL, CPU),
        ),
    ],
)
def test_without_torch_nothing_else_is_said_of_it(note, facts, make, platform, commands):
    found = only(make(torch=None, torch_problem=note, checks=(), packages=(), **platform))
    assert (found.code, found.severity) == (note.code, "error")
    assert found.facts == (note.facts if facts is None else facts)
    assert found.remedy.commands == commands


@pytest.mark.parametrize(
    ("problem", "severity"), [(None, "warning"), ("operator torchvision::nms does not exist", "error")]
)
def test_a_torchvision_of_another_torch(problem, severity):
    facts = make_facts(
        packages=make_packages(requires_torch="2.9.1"), torch=make_torch(torchvision_problem=problem)
    )
    found = only(facts)
    assert (found.code, found.severity) == ("torchvision_mismatch", severity)
    assert found.facts == {"torchvision": "0.28.0+cpu", "asked": "2.9.1", "torch": "2.13.0+cpu"}
    assert found.remedy.commands == (UNINSTALL, CPU)
    of_cuda = make_gpu_facts(packages=(*make_packages(requires_torch="2.9.1"), Installed("triton", "3.7.0")))
    assert only(of_cuda).remedy.commands == (UNINSTALL, CU130)


def test_a_torchvision_that_cant_be_imported():
    found = only(make_facts(torch=make_torch(torchvision_problem="No module named 'PIL'")))
    assert (found.code, found.severity) == ("torchvision_broken", "error")
    assert found.facts == {"problem": "No module named 'PIL'"}
    assert found.remedy.commands == (UNINSTALL, CPU)


@pytest.mark.parametrize(
    ("torchvision", "platform", "differs"),
    [
        ("0.28.0", {}, True),  # PyPI's, on Linux
        ("0.28.0+cu130", {}, True),
        ("0.28.0+cpu", {}, False),
        ("0.28.0", {"family": "windows", "pci": None}, False),
        ("0.28.0", {"architecture": "aarch64"}, False),
    ],
)
def test_a_torchvision_of_another_build_is_only_mentioned(torchvision, platform, differs):
    findings = diagnose(make_facts(packages=make_packages(torchvision=torchvision), **platform))
    found = [item for item in findings if item.code == "torchvision_build_differs"]
    assert [item.facts for item in found] == ([{"torch": "CPU", "torchvision": "CUDA"}] if differs else [])
    assert healthy(findings)


def test_several_torches_in_one_path():
    packages = (Installed("torch", "2.9.1", place=3), *make_packages())
    found = only(make_facts(packages=packages))
    assert (found.code, found.severity) == ("several_torch", "warning")
    assert found.facts == {"versions": "2.13.0+cpu, 2.9.1"}
    assert found.remedy.commands == (UNINSTALL, CPU)


def test_a_new_driver_and_a_new_environment_end_with_the_restart():
    torch = make_cuda_torch("2.5.1+cu124", runtime="12.4", architectures=("sm_90",))
    facts = make_gpu_facts(
        gpus=(make_gpu(capability=(12, 0)),),
        driver=make_driver(version="570.86.15"),
        torch=torch,
        pip="managed",
    )
    (found,) = (item for item in diagnose(facts) if item.code == "no_kernels")
    assert found.remedy.commands[:3] == (*APT_VENV, VENV)
    assert found.remedy.commands[-3:] == (f".venv/bin/{CU130}", REST, "sudo reboot")
    assert found.remedy.check == ".venv/bin/python -m core doctor"


SEVERAL = (Installed("torch", "2.9.1", place=3), *make_packages())


@pytest.mark.parametrize(
    ("facts", "install"),
    [
        (make_gpu_facts(torch=make_torch(), packages=SEVERAL), CU130),
        (make_gpu_facts(torch=make_torch(), packages=make_packages(requires_torch="2.9.1")), CU130),
        (make_gpu_facts(torch=make_torch(torchvision_problem="torn"), packages=make_packages()), CU130),
        (
            make_gpu_facts(
                torch=None, torch_problem=Note("torch_broken", {"problem": "torn"}), packages=SEVERAL
            ),
            CU130,
        ),
        (
            make_facts(
                pci=AMD,
                device_nodes=("kfd",),
                torch=make_cuda_torch(available=False, devices=()),
                packages=SEVERAL,
            ),
            ROCM,
        ),
    ],
    ids=["several, one for the CPU", "mismatch", "broken torchvision", "several, broken", "AMD"],
)
def test_no_two_remedies_install_different_builds(facts, install):
    commands = [item.remedy.commands for item in diagnose(facts) if item.severity != "info"]
    assert len(commands) >= 2
    assert {found[-1] for found in commands} == {install}


def test_leftovers_in_one_place_are_one_torch():
    assert healthy(diagnose(make_facts(packages=(*make_packages(), Installed("torch", "2.9.1")))))


def test_the_outdated_pynvml():
    def having(version):
        return make_facts(
            packages=make_packages("2.13.0+cpu", "0.28.0+cpu", None, Installed("pynvml", version))
        )

    assert healthy(diagnose(having("12.0.0")))  # without a module of that name since then
    found = only(having("11.5.3"))
    assert (found.code, found.severity) == ("pynvml_installed", "warning")
    assert found.remedy.commands == (
        "python -m pip uninstall -y pynvml",
        "python -m pip install --force-reinstall nvidia-ml-py",
    )


def test_a_cuda_build_without_triton():
    packages = make_packages("2.13.0+cu130", "0.28.0+cu130")
    found = only(make_gpu_facts(packages=packages))
    assert (found.code, found.severity, found.remedy.commands) == (
        "triton_missing",
        "warning",
        (UNINSTALL, CU130),
    )
    assert healthy(diagnose(make_gpu_facts(packages=packages, family="windows", pci=None, device_nodes=())))


@pytest.mark.parametrize(
    ("platform", "commands"),
    [
        ({}, ("sudo apt update", "sudo apt install g++")),
        ({"within": "container"}, ("apt update", "apt install g++")),
        ({"distribution": "fedora"}, ("sudo dnf install gcc-c++",)),
        ({"distribution": "arch"}, ("sudo pacman -S --needed gcc",)),
        ({"distribution": "opensuse"}, ("sudo zypper install gcc-c++",)),
        ({"distribution": "slackware; rm -rf ~"}, ()),
        (MAC | {"torch": make_torch(built_for="mps", available=True)}, ("xcode-select --install",)),
    ],
)
def test_without_a_compiler_torch_compile_fails(platform, commands):
    findings = diagnose(make_facts(compiler=False, **platform))
    (found,) = (item for item in findings if item.code == "compiler_missing")
    assert (found.severity, found.facts) == ("info", {})
    assert healthy(findings)
    assert found.remedy.commands == commands


def test_windows_gets_its_compiler_by_winget():
    findings = diagnose(make_facts(compiler=False, family="windows", pci=None))
    ((command,),) = (item.remedy.commands for item in findings if item.code == "compiler_missing")
    assert command.startswith("winget install --id Microsoft.VisualStudio.2022.BuildTools ")


def test_an_unknown_compiler_is_no_missing_one():
    assert healthy(diagnose(make_facts(compiler=None)))


@pytest.mark.parametrize(
    ("cpu", "variables", "threads", "code", "facts", "commands"),
    [
        ({"usable_cores": 4}, {"OMP_NUM_THREADS": "2"}, 2, "cpu_affinity", None, None),  # both threads of two
        ({"quota_cores": 8.0}, {}, 8, "cpu_quota", {"quota": 8.0, "cores": 16}, ()),
        ({"quota_cores": 16.0}, {}, 8, None, None, None),
        ({"usable_cores": 8}, {}, 8, "cpu_affinity", {"usable": 8, "logical": 16}, ("taskset -cp 0-15 $$",)),
        ({"usable_cores": None}, {}, 8, None, None, None),
        (
            {},
            {"OMP_NUM_THREADS": "4"},
            4,
            "threads_below_cores",
            {"variable": "OMP_NUM_THREADS", "threads": 4, "cores": 8},
            ("unset OMP_NUM_THREADS",),
        ),
        (
            {},
            {"MKL_NUM_THREADS": "64"},
            8,
            "threads_above_cores",
            {"variable": "MKL_NUM_THREADS", "threads": 64, "cores": 16},
            ("unset MKL_NUM_THREADS",),
        ),
        ({}, {"OMP_NUM_THREADS": "8"}, 8, None, None, None),
        ({}, {"OMP_NUM_THREADS": "many"}, 8, None, None, None),
        ({}, {"OMP_NUM_THREADS": "0"}, 8, None, None, None),
        ({"physical_cores": None}, {"OMP_NUM_THREADS": "1"}, 1, None, None, None),
    ],
)
def test_what_keeps_a_training_from_the_whole_processor(cpu, variables, threads, code, facts, commands):
    torch = make_torch(software=make_software(default_threads=threads))
    findings = diagnose(make_facts(cpu=make_cpu(**cpu), variables=tuple(variables.items()), torch=torch))
    found = [item for item in findings if item.code.startswith(("cpu_", "threads_"))]
    assert [item.code for item in found] == ([code] if code else [])
    for item in found:
        assert item.severity == ("info" if item.code.startswith("cpu_") else "warning")  # a share is meant
        if facts is not None:
            assert (item.facts, item.remedy.commands) == (facts, commands)


@pytest.mark.parametrize(
    ("platform", "command"),
    [({}, "export OMP_NUM_THREADS=2"), ({"family": "windows", "pci": None}, "$Env:OMP_NUM_THREADS = 2")],
)
def test_more_threads_than_the_quota_has_time_for(platform, command):
    findings = diagnose(make_facts(cpu=make_cpu(quota_cores=1.5), **platform))
    (found,) = (item for item in findings if item.code == "threads_above_quota")
    assert found.facts == {"threads": 8, "quota": 1.5}
    assert found.remedy.commands == (command,)
    set_by_hand = diagnose(make_facts(cpu=make_cpu(quota_cores=1.5), variables=(("OMP_NUM_THREADS", "2"),)))
    assert "cpu_quota" in [item.code for item in set_by_hand]
    assert healthy(set_by_hand)


def test_errors_come_first_and_the_order_is_always_the_same():
    facts = make_facts(
        torch=make_cuda_torch(available=False, devices=(), torchvision_problem="broken"),
        compiler=False,
        checks=(make_check("cpu"),),
    )
    findings = diagnose(facts)
    order = [item.severity for item in findings]
    assert order == sorted(order, key=["error", "warning", "info"].index)
    assert set(order) == {"error", "warning", "info"}
    assert diagnose(facts) == findings
