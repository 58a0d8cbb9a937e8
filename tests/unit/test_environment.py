"""The machine's record: nothing private in it, and each kind of virtual machine recognised."""

import getpass
import json
import shutil
import socket
import subprocess
from dataclasses import replace
from types import SimpleNamespace

import pytest

from core.codec import from_plain, to_plain
from core.hardware import environment
from core.records import Machine


def test_the_machine_record_survives_json_and_names_nobody(monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", f"/tmp/torchinductor_{getpass.getuser()}")
    machine = environment.machine()
    written = json.dumps(to_plain(machine))
    assert from_plain(Machine, json.loads(written)) == machine
    assert machine.memory_bytes > 2**28
    assert machine.cpu.model
    assert (machine.gpus_absent is None) == bool(machine.gpus)
    named = json.dumps(to_plain(replace(machine, virtual=None)))  # a host may be called "vm"
    assert json.dumps(socket.gethostname()) not in named
    assert "torchinductor_" not in written


def test_variables_are_read_anew_and_the_rest_only_once(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    first = environment.machine()
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    second = environment.machine()
    assert ("OMP_NUM_THREADS", "3") in first.variables
    assert ("OMP_NUM_THREADS", "5") in second.variables
    assert first.cpu is second.cpu


@pytest.mark.parametrize(
    ("state", "found"),
    [
        (SimpleNamespace(power_plugged=False), True),
        (SimpleNamespace(power_plugged=True), False),
        (SimpleNamespace(power_plugged=None), None),
        (None, None),
    ],
)
def test_the_power_supply_is_asked_each_time(monkeypatch, state, found):
    monkeypatch.setattr(environment.psutil, "sensors_battery", lambda: state, raising=False)
    assert environment.on_battery() is found
    assert environment.machine().on_battery is found


def test_a_battery_that_is_not_readable_is_not_known(monkeypatch):
    def fail():
        raise FileNotFoundError

    monkeypatch.setattr(environment.psutil, "sensors_battery", fail, raising=False)
    assert environment.on_battery() is None
    monkeypatch.delattr(environment.psutil, "sensors_battery")
    assert environment.on_battery() is None


def test_variables_keep_what_changes_speed_and_drop_paths():
    given = {
        "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
        "PYTORCH_ALLOC_CONF": "backend:native",
        "LD_PRELOAD": "/home/someone/lib/libjemalloc.so.2 /usr/lib/libiomp5.so:libtcmalloc.so",
        "KMP_AFFINITY": "granularity=fine,compact,1,0",
        "CUDA_VISIBLE_DEVICES": "",
        "TORCHINDUCTOR_CACHE_DIR": "/home/someone/cache",
        "OMP_TOOL_LIBRARIES": "C:\\Users\\someone\\tool.dll",
        "HOME": "/home/someone",
        "USER": "someone",
        "MY_OMP_THING": "1",
    }
    assert environment.variables(given) == (
        ("CUDA_VISIBLE_DEVICES", ""),
        ("KMP_AFFINITY", "granularity=fine,compact,1,0"),
        ("LD_PRELOAD", "libjemalloc.so.2:libiomp5.so:libtcmalloc.so"),
        ("PYTORCH_ALLOC_CONF", "backend:native"),
        ("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True"),
    )


@pytest.mark.parametrize(
    ("files", "environ", "kind"),
    [
        ({}, {}, None),
        ({"proc/cpuinfo": "flags : fpu avx2"}, {}, None),
        ({"proc/cpuinfo": "flags : fpu hypervisor avx2"}, {}, "vm"),
        (
            {
                "proc/cpuinfo": "flags : hypervisor",
                "proc/sys/kernel/osrelease": "5.15.0-microsoft-standard-WSL2",
            },
            {},
            "wsl",
        ),
        ({"proc/cpuinfo": "flags : hypervisor", ".dockerenv": ""}, {}, "container"),
        ({"run/.containerenv": ""}, {}, "container"),
        ({"proc/self/cgroup": "0::/kubepods/besteffort/pod1"}, {}, "container"),
        ({"proc/self/cgroup": "0::/user.slice"}, {}, None),
        ({}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "container"),
    ],
)
def test_what_stands_between_us_and_the_hardware(tmp_path, files, environ, kind):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    assert environment.virtual(tmp_path, environ) == kind


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_the_revision_is_the_projects_own_and_says_when_files_differ(tmp_path):
    def git(*arguments):
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", "-C", tmp_path, *identity, *arguments], check=True, capture_output=True)
        return done.stdout.decode().strip()

    assert environment.git_revision(tmp_path) is None
    git("init")
    assert environment.git_revision(tmp_path) is None  # no commit yet
    (tmp_path / "code.py").write_text("1")
    git("add", ".")
    git("commit", "-m", "first")
    revision = git("rev-parse", "HEAD")[:12]
    assert environment.git_revision(tmp_path) == revision
    (tmp_path / "code.py").write_text("2")
    assert environment.git_revision(tmp_path) == revision + "+"
    (tmp_path / "below").mkdir()
    assert environment.git_revision(tmp_path / "below") is None


def test_without_git_there_is_no_revision(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", "")
    assert environment.git_revision(tmp_path) is None
