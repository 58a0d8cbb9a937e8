"""What the doctor collects, of a machine below a root of the test's own and a driver that is a fake."""

import json
import os
import sys
import threading
from pathlib import Path

import pynvml
import pytest

from core.codec import to_plain
from core.hardware import nvml
from core.hardware.doctor import collect
from core.hardware.doctor.diagnose import diagnose
from core.hardware.doctor.facts import Driver, GpuFacts, Installed, PciDevice
from core.hardware.doctor.packages import installed
from core.records import Note
from tests.doctored import make_torch
from tests.fakes import FakeNvml

MISSING = Note("torch_missing")
UBUNTU = 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n'
MODULE = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  Thu\nGCC version: gcc 12"


@pytest.fixture
def driver(monkeypatch):
    fake = FakeNvml()
    monkeypatch.setattr(nvml, "pynvml", fake)
    return fake


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


def write(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def facts(root, environ=None, torch=MISSING):
    return collect.collect(root, environ or {}, lambda: torch)


def test_a_root_without_anything_is_a_machine_of_which_little_is_known(root, monkeypatch):
    monkeypatch.setattr(nvml, "pynvml", FakeNvml.without_driver())
    found = facts(root)
    assert (found.platform.distribution, found.pci, found.device_nodes, found.variables) == (None, None, (), ())
    assert found.driver == Driver(None, None, "nvml_no_driver", None, ())
    assert (found.gpus, found.torch, found.torch_problem, found.compiler) == ((), None, MISSING, False)
    assert found.cpu.logical_cores
    assert found.memory_bytes > 0


def test_torch_is_what_the_child_said(root, driver):
    found = facts(root, torch=make_torch())
    assert (found.torch, found.torch_problem) == (make_torch(), None)


def test_a_machine_with_a_gpu(root, driver, tmp_path):
    write(
        root,
        {
            "etc/os-release": UBUNTU,
            "proc/driver/nvidia/version": MODULE,
            "sys/bus/pci/devices/0000:01:00.0/class": "0x030200\n",
            "sys/bus/pci/devices/0000:01:00.0/vendor": "0x10de\n",
            "sys/bus/pci/devices/0000:02:00.0/class": "0x020000\n",
            "sys/bus/pci/devices/0000:02:00.0/vendor": "0x10de\n",
            "sys/bus/pci/devices/0000:03:00.0/class": "0x120000\n",
            "sys/bus/pci/devices/0000:03:00.0/vendor": "0x1002\n",
            "dev/nvidiactl": "",
            "dev/nvidia0": "",
            "dev/nvidia-uvm": "",
            "dev/sda": "",
            "dev/dri/renderD128": "",
            "usr/lib64/libnvidia-ml.so.1": "",
        },
    )
    write(tmp_path, {"extra/libcuda.so.1": "", "bin/c++": ""})
    (tmp_path / "bin/c++").chmod(0o755)
    (root / "sys/bus/pci/devices/0000:01:00.0/driver").symlink_to("../../../../bus/pci/drivers/nvidia")
    environ = {
        "CUDA_VISIBLE_DEVICES": "1",
        "OMP_NUM_THREADS": "4",
        "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
        "NVIDIA_VISIBLE_DEVICES": "/var/run/devices",
        "SECRET": "x",
        "LD_LIBRARY_PATH": str(tmp_path / "extra"),
        "PATH": str(tmp_path / "bin"),
    }
    found = facts(root, environ)
    assert found.platform.distribution == "ubuntu"
    assert found.pci == (PciDevice("nvidia", "nvidia"), PciDevice("amd", None))
    assert found.device_nodes == ("nvidia-uvm", "nvidia0", "nvidiactl", "renderD128")
    assert found.variables == (
        ("CUDA_VISIBLE_DEVICES", "1"),
        ("NVIDIA_DRIVER_CAPABILITIES", "compute,utility"),
        ("OMP_NUM_THREADS", "4"),
    )
    assert found.compiler is True
    libraries = ("libcuda.so.1", "libnvidia-ml.so.1") if sys.platform == "linux" else None
    assert found.driver == Driver("570.86.15", (13, 0), None, True, libraries)
    assert found.gpus == (
        GpuFacts(
            0, "NVIDIA H200", FakeNvml.UUID, (9, 0), 150_000_000_000, 20_000_000_000, 0, False, None, None
        ),
    )
    assert str(tmp_path) not in json.dumps(to_plain(found))


@pytest.mark.parametrize(
    ("release", "distribution"),
    [
        ("ID=linuxmint\nID_LIKE='ubuntu debian'", "ubuntu"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"', "rhel"),
        ("ID=gentoo", "gentoo"),
        ('ID="amzn"\nID_LIKE="fedora"', "amzn"),  # RPM Fusion has nothing for Amazon Linux
        ("nonsense", None),
        ("\x00\x01=\n==", None),
    ],
)
def test_a_distribution_is_known_by_what_it_is_like(root, driver, release, distribution):
    write(root, {"etc/os-release": release})
    assert facts(root).platform.distribution == distribution


def test_an_image_is_nothing_that_a_package_manager_adds_to(root, driver):
    write(root, {"etc/os-release": "ID=fedora\nVARIANT_ID=silverblue\n", "run/ostree-booted": ""})
    assert facts(root).platform.distribution == "fedora-ostree"


@pytest.mark.parametrize(
    ("files", "within", "wsl"),
    [
        (
            {"proc/sys/kernel/osrelease": "6.6.87.2-microsoft-standard-WSL2", "run/systemd/container": "wsl"},
            "wsl",
            True,
        ),
        (
            {"proc/sys/kernel/osrelease": "6.6.87.2-microsoft-standard-WSL2", ".dockerenv": ""},
            "container",
            True,
        ),
        ({".singularity.d/env/10-docker.sh": ""}, "container", False),
        ({"run/systemd/container": "lxc"}, "container", False),
        ({"proc/sys/kernel/osrelease": "6.12.0-amd64"}, None, False),
    ],
    ids=["WSL", "Docker Desktop", "Apptainer", "LXC", "bare"],
)
def test_what_stands_between_here_and_the_hardware(root, driver, files, within, wsl):
    write(root, files)
    found = facts(root).platform
    assert (found.within, found.wsl) == (within, wsl)


@pytest.mark.parametrize(
    ("pip", "managed", "environment", "told"),
    [
        (True, False, True, "usable"),
        (True, True, True, "usable"),  # an environment is its owner's
        (False, False, True, "absent"),
        (False, True, False, "managed"),
        (True, False, False, "usable"),
    ],
)
def test_how_packages_get_in(pip, managed, environment, told, tmp_path, monkeypatch):
    write(tmp_path, {"lib/EXTERNALLY-MANAGED" if managed else "lib/os.py": "", "site/pip/__init__.py": ""})
    monkeypatch.setattr(collect.os, "__file__", str(tmp_path / "lib/os.py"))
    monkeypatch.setattr(collect.sys, "path", [str(tmp_path / "site")] if pip else [])
    monkeypatch.setattr(collect.sys, "base_prefix", "elsewhere" if environment else sys.prefix)
    assert collect._pip() == told


@pytest.mark.parametrize(
    ("folder", "tools", "compiler"),
    [("/usr/bin", None, False), ("/usr/bin", "/Library/Developer", True), ("/opt/conda/bin", None, True)],
)
def test_macos_offers_a_compiler_that_isnt_there(folder, tools, compiler, monkeypatch):
    monkeypatch.setattr(collect.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(collect.shutil, "which", lambda name, path: f"{folder}/{name}")
    monkeypatch.setattr(collect, "answer", lambda *command: tools)
    assert collect._compiler({}) is compiler


def test_the_modules_version_stands_in_where_nvml_doesnt_answer(root, driver):
    driver.fail("nvmlInit", pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH)
    line = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build"
    write(root, {"proc/driver/nvidia/version": line})
    found = facts(root).driver
    assert (found.version, found.problem, found.kernel_module) == ("580.65.06", "nvml_version_mismatch", True)


def test_a_kernel_without_the_module_says_so(root, driver):
    (root / "sys/module").mkdir(parents=True)
    assert facts(root).driver.kernel_module is False


@pytest.mark.parametrize("function", ["nvmlDeviceGetHandleByIndex", "nvmlDeviceGetMemoryInfo"])
def test_a_lost_gpu_is_listed_with_what_is_wrong(root, driver, function):
    driver.fail(function, pynvml.NVML_ERROR_GPU_IS_LOST)
    (gpu,) = facts(root).gpus
    assert (gpu.index, gpu.problem) == (0, "nvml_gpu_lost")


def test_what_a_gpu_cant_tell_is_none(root, driver):
    for name in ("CudaComputeCapability", "MemoryInfo", "MigMode", "VirtualizationMode"):
        driver.fail(f"nvmlDeviceGet{name}", pynvml.NVML_ERROR_NOT_SUPPORTED)
    driver.fail("nvmlDeviceGetComputeRunningProcesses", pynvml.NVML_ERROR_NO_PERMISSION)
    driver.fail("nvmlSystemGetCudaDriverVersion_v2", pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)
    found = facts(root)
    assert found.gpus == (GpuFacts(0, "NVIDIA H200", FakeNvml.UUID),)
    assert (found.driver.cuda, found.driver.problem) == (None, None)


def test_each_nvml_call_in_turn_may_fail(root, driver):
    names = [name for name in dir(FakeNvml) if name.startswith("nvml")]
    for name in names:
        driver.fail(name, pynvml.NVML_ERROR_UNKNOWN)
        assert len(facts(root).gpus) == (0 if name in ("nvmlInit", "nvmlDeviceGetCount") else 1), name
        driver.heal(name)


def test_mig_and_virtual_gpus(root, driver):
    driver.mig_mode = pynvml.NVML_DEVICE_MIG_ENABLE
    driver.virtualization_mode = pynvml.NVML_GPU_VIRTUALIZATION_MODE_VGPU
    (gpu,) = facts(root).gpus
    assert (gpu.mig, gpu.virtual) == (True, "vgpu")


@pytest.mark.parametrize(
    ("pids", "in_container", "others"),
    [
        ([], True, 0),
        ([os.getpid()], False, 0),
        ([os.getpid(), 1], False, 1),
        ([1], False, 1),
        ([1], True, None),  # numbered as the host does: it may be our own worker
        ([os.getpid(), 1], True, 1),
    ],
)
def test_our_own_processes_arent_others(root, driver, pids, in_container, others):
    driver.compute_pids = pids
    write(root, {"run/.containerenv" if in_container else "etc/nothing": ""})
    assert facts(root).gpus[0].other_processes == others


def test_packages_are_found_by_their_metadata(tmp_path):
    write(
        tmp_path,
        {
            "one/torch-2.13.0+cu130.dist-info/METADATA": "Name: torch\nVersion: 2.13.0+cu130\n",
            "one/~orch-2.1.0.dist-info/METADATA": "Name: torch\nVersion: 2.1.0\n",
            "one/torch_geometric-2.6.dist-info/METADATA": "Name: torch-geometric\nVersion: 2.6\n",
            "one/torchvision-0.28.0.dist-info/METADATA": (
                "Name: torchvision\nVersion: 0.28.0\nRequires-Dist: numpy\nRequires-Dist: torch==2.13.0\n"
            ),
            "one/triton-3.7.dist-info/RECORD": "",
            "two/torch-1.13.1.egg-info/PKG-INFO": "Name: torch\nVersion: 1.13.1\n",
            "two/nvidia_ml_py-13.1.dist-info/METADATA": "Name: nvidia-ml-py\nVersion: 13.1\n",
        },
    )
    (tmp_path / "again").symlink_to(tmp_path / "one")
    path = [
        str(tmp_path / name) for name in ("one", "nowhere", "again", "two", "one/triton-3.7.dist-info/RECORD")
    ]
    assert installed(path) == (
        Installed("torch", "2.13.0+cu130", None, 0),
        Installed("torchvision", "0.28.0", "2.13.0", 0),
        Installed("nvidia-ml-py", "13.1", None, 1),
        Installed("torch", "1.13.1", None, 1),
    )


@pytest.mark.parametrize(
    ("environ", "compiler"), [({"CXX": "g++ -O2"}, True), ({"CXX": "'"}, True), ({"PATH": ""}, False)]
)
def test_a_compiler_is_looked_for_where_torch_does(root, driver, tmp_path, environ, compiler):
    write(tmp_path, {"bin/g++": ""})
    (tmp_path / "bin/g++").chmod(0o755)
    assert facts(root, {"PATH": str(tmp_path / "bin"), **environ}).compiler is compiler


def test_a_driver_that_never_answers_is_a_fact_too(root, driver, monkeypatch):
    may_end = threading.Event()
    driver.nvmlInit = lambda: may_end.wait(20)
    monkeypatch.setattr(collect, "DRIVER_LIMIT_S", 0.02)
    try:
        found = facts(root)
    finally:
        may_end.set()
    assert (found.driver.problem, found.gpus) == ("nvml_hangs", ())
    assert diagnose(found)[0].code == "driver_hangs"


def test_an_empty_bus_is_one_that_is_hidden(root, driver):
    (root / "sys/bus/pci/devices").mkdir(parents=True)
    assert facts(root).pci is None
    write(root, {"sys/bus/pci/devices/0000:00:00.0/class": "0x060000\n"})
    assert facts(root).pci == ()


def test_a_jetson_is_known_by_its_device_tree(root, driver):
    assert not facts(root).platform.tegra
    write(root, {"proc/device-tree/compatible": "nvidia,p3768-0000+p3767-0005\0nvidia,tegra234\0"})
    assert facts(root).platform.tegra


@pytest.mark.parametrize(("told", "memory_bytes"), [("21458059264\n", 21458059264), ("many", None)])
def test_an_amd_gpus_own_memory_tells_a_card_from_a_part_of_the_processor(root, driver, told, memory_bytes):
    slot = "sys/bus/pci/devices/0000:03:00.0"
    write(root, {f"{slot}/class": "0x030000", f"{slot}/vendor": "0x1002", f"{slot}/mem_info_vram_total": told})
    assert facts(root).pci == (PciDevice("amd", None, memory_bytes),)


@pytest.mark.parametrize(
    ("executable", "command"),
    [
        ("/home/alice/crossover/.venv/bin/python", ".venv/bin/python"),
        ("/home/alice/crossover/my env; rm/bin/python", "python"),
        ("/home/alice/other/bin/python", "python"),
        ("/usr/bin/python3", "python"),
    ],
)
def test_a_command_names_the_python_in_the_project_or_none(executable, command, monkeypatch):
    monkeypatch.setattr(collect.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert collect.python_command(Path(executable), Path("/home/alice/crossover")) == command


def test_another_python_of_the_same_name_isnt_the_one_that_was_examined(monkeypatch):
    monkeypatch.setattr(
        collect.shutil, "which", {"python": "/opt/conda/bin/python", "python3": "/usr/bin/python3"}.get
    )
    assert collect.python_command(Path("/usr/bin/python3.12"), Path("/srv/crossover")) == "python3"


def test_where_python_is_called_python3_only_it_is_called_so(monkeypatch):
    monkeypatch.setattr(collect.shutil, "which", lambda name: None if name == "python" else f"/usr/bin/{name}")
    assert collect.python_command(Path("/usr/bin/python3"), Path("/srv/crossover")) == "python3"
