"""The processor: what is read from /proc and /sys trees, and readings that must never be a false 0."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from core.hardware import cpu
from core.hardware.cpu import CpuReader
from core.hardware.rapl import PackageEnergy
from core.hardware.system import cgroup_quota_cores
from core.messages import ABSENT
from core.records import Absent
from tests.fakes import FakeClock


def write(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content + "\n")
    return root


@pytest.mark.parametrize(
    ("files", "turbo"),
    [
        ({"cpufreq/boost": "1"}, True),
        ({"cpufreq/boost": "0"}, False),
        ({"intel_pstate/no_turbo": "0"}, True),
        ({"intel_pstate/no_turbo": "1"}, False),
        ({"cpufreq/boost": "?"}, None),
        ({}, None),
    ],
)
def test_turbo_is_read_where_the_system_tells_it(files, turbo, tmp_path):
    for name, content in files.items():
        path = tmp_path / "sys/devices/system/cpu" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content + "\n")
    assert cpu.describe(tmp_path).turbo is turbo


def test_describe_reads_model_instructions_and_governor(tmp_path, monkeypatch):
    monkeypatch.setattr(psutil, "cpu_freq", lambda: SimpleNamespace(current=2100.0, min=800.0, max=3900.0))
    root = write(
        tmp_path,
        {
            "proc/cpuinfo": "processor\t: 0\nmodel name\t: Intel(R) Xeon(R) 8480+\n"
            "flags\t\t: fpu avx512f hypervisor avx2 avx fma amx_tile avx512_bf16 sse2\n"
            "\nprocessor\t: 1\nmodel name\t: another\nflags\t: sve",
            "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave",
        },
    )
    seen = cpu.describe(root)
    assert seen.model == "Intel(R) Xeon(R) 8480+"
    assert seen.isa == ("avx", "avx2", "fma", "avx512f", "avx512_bf16", "amx_tile")
    assert (seen.governor, seen.max_clock_hz, seen.quota_cores) == ("powersave", 3.9e9, None)
    assert seen.logical_cores == psutil.cpu_count()
    assert seen.usable_cores is None or 1 <= seen.usable_cores <= seen.logical_cores


def test_describe_on_arm(tmp_path, monkeypatch):
    monkeypatch.setattr(cpu.platform, "processor", lambda: "")
    monkeypatch.setattr(cpu.platform, "machine", lambda: "aarch64")
    seen = cpu.describe(write(tmp_path, {"proc/cpuinfo": "processor : 0\nFeatures : fp asimd crc32 sve"}))
    assert (seen.model, seen.isa, seen.governor) == ("aarch64", ("asimd", "sve"), None)


def test_describe_on_macos(tmp_path, monkeypatch):
    monkeypatch.setattr(cpu.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(cpu, "answer", lambda *command: "Apple M4" if command[0] == "sysctl" else None)
    assert cpu.describe(tmp_path).model == "Apple M4"


@pytest.mark.parametrize("frequency", [None, SimpleNamespace(current=2596.0, min=0.0, max=0.0)])
def test_an_unknown_clock_is_none(tmp_path, monkeypatch, frequency):
    monkeypatch.setattr(psutil, "cpu_freq", lambda: frequency)
    assert cpu.describe(tmp_path).max_clock_hz is None


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, None),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "150000 100000"}, 1.5),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "max 100000"}, None),
        (
            {
                "proc/self/cgroup": "0::/user.slice/job.scope",
                "sys/fs/cgroup/user.slice/cpu.max": "200000 100000",
                "sys/fs/cgroup/user.slice/job.scope/cpu.max": "800000 100000",
            },
            2.0,
        ),
        (
            {
                "proc/self/cgroup": "5:cpuset:/\n3:cpu,cpuacct:/docker/unseen\n0::/",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "50000",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
            },
            0.5,
        ),
        (
            {
                "proc/self/cgroup": "1:cpu:/",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            },
            None,
        ),
    ],
    ids=["no_cgroup", "v2", "v2_unlimited", "v2_ancestor_is_tighter", "v1_path_unseen", "v1_unlimited"],
)
def test_cgroup_quota(tmp_path, files, cores):
    assert cgroup_quota_cores(write(tmp_path, files)) == cores


def rapl(package: int, energy_uj: int, name: str | None = None) -> dict[str, str]:
    zone = f"sys/class/powercap/intel-rapl:{package}"
    return {
        f"{zone}/name": name or f"package-{package}",
        f"{zone}/energy_uj": str(energy_uj),
        f"{zone}/max_energy_range_uj": "1000000",
    }


def test_energy_sums_packages_and_survives_a_wrap(tmp_path):
    core = {"sys/class/powercap/intel-rapl:0:0/name": "core"}
    energy = PackageEnergy(write(tmp_path, rapl(0, 900_000) | rapl(1, 100) | rapl(2, 7, "psys") | core))
    assert energy.read_j() == 0.0
    write(tmp_path, rapl(0, 950_000) | rapl(1, 200_100) | rapl(2, 999, "psys"))
    assert energy.read_j() == pytest.approx(0.25)
    write(tmp_path, rapl(0, 50_000))
    assert energy.read_j() == pytest.approx(0.35)
    assert energy.reason is None


def test_energy_says_why_it_is_absent(tmp_path, monkeypatch):
    assert CpuReader(None, tmp_path).sample(0.0).energy_j is None
    assert Absent("cpu.energy_j", "rapl_absent") in CpuReader(None, tmp_path).absent
    write(tmp_path, rapl(0, 5))
    reader = CpuReader(None, tmp_path)
    assert reader.sample(0.0).energy_j == 0.0
    real = Path.read_text

    def forbidden(path, *args, **kwargs):
        if path.name == "energy_uj":
            raise PermissionError
        return real(path, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", forbidden)
    assert reader.sample(0.2).energy_j is None
    assert Absent("cpu.energy_j", "rapl_no_permission") in reader.absent
    monkeypatch.undo()
    assert reader.sample(0.4).energy_j is None  # what was used meanwhile is unknown


@pytest.mark.parametrize("file", ["energy_uj", "max_energy_range_uj"])
@pytest.mark.parametrize("content", ["", "0", "?"])
def test_a_counter_that_says_nonsense_is_absent(tmp_path, file, content):
    zone = "sys/class/powercap/intel-rapl:0"
    energy = PackageEnergy(write(tmp_path, rapl(0, 5) | {f"{zone}/{file}": content}))
    if (file, content) == ("energy_uj", "0"):  # a counter that has just gone round
        assert energy.read_j() == 0.0
    else:
        assert (energy.read_j(), energy.reason) == (None, "rapl_absent")


def test_the_clock_is_the_mean_over_cores_and_absent_without_cpufreq(tmp_path):
    bare = CpuReader(None, tmp_path)
    assert bare.sample(0.0).clock_hz is None
    assert Absent("cpu.clock_hz", "cpu_clock_hidden") in bare.absent
    folder = "sys/devices/system/cpu/cpu{}/cpufreq/scaling_cur_freq"
    root = write(tmp_path, {folder.format(0): "2000000", folder.format(1): "3000000"})
    assert CpuReader(None, root).sample(0.0).clock_hz == 2.5e9


def test_of_many_cores_the_clocks_of_some_are_read(tmp_path):
    folder = "sys/devices/system/cpu/cpu{}/cpufreq/scaling_cur_freq"
    reader = CpuReader(None, write(tmp_path, {folder.format(core): "2000000" for core in range(256)}))
    assert 16 < len(reader._clocks) <= 32  # each costs the measurement an interruption
    assert reader.sample(0.0).clock_hz == 2e9


class Times(tuple):
    """What psutil.cpu_times() gives on Linux, reduced to four columns."""

    user, idle, iowait, guest = (property(lambda self, i=i: self[i]) for i in range(4))


def test_load_is_the_busy_share_since_the_last_sample(tmp_path, monkeypatch):
    now = [Times((100.0, 50.0, 1.0, 3.0))]
    monkeypatch.setattr(psutil, "cpu_times", lambda: now[0])
    clock = FakeClock()
    reader = CpuReader(None, tmp_path, clock)
    now[0] = Times((100.01, 50.0, 1.0, 3.0))
    clock.advance(0.01)
    assert reader.sample(0.01).load_pct is None  # one tick: rounding, not a load
    now[0] = Times((100.3, 50.6, 1.1, 3.2))
    clock.advance(0.5)
    assert reader.sample(0.51).load_pct == pytest.approx(30.0)  # guest time is in user time already
    clock.advance(0.5)
    assert reader.sample(1.01).load_pct is None  # the counters stood still
    assert reader.sample(1.01).worker_pct is None
    assert "cpu.worker_pct" not in {absent.reading for absent in reader.absent}


def test_a_load_that_is_hidden_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(psutil, "cpu_times", lambda: Times((0.0, 0.0, 0.0, 0.0)))
    clock = FakeClock()
    reader = CpuReader(None, tmp_path, clock)
    clock.advance(1)
    assert reader.sample(1.0).load_pct is None
    assert Absent("cpu.load_pct", "cpu_load_hidden") in reader.absent


class FakeProcess:
    """A process that has used used[0] seconds by itself."""

    pid = -1  # of none, so that nobody asks the kernel

    def __init__(self, used, rss, *children):
        self.used, self.rss, self.below, self.ended = used, rss, children, False

    def cpu_times(self):
        return SimpleNamespace(user=self.used[0], system=1.0, children_user=0.5, children_system=0.0)

    def memory_info(self):
        return SimpleNamespace(rss=self.rss)

    def children(self, recursive):
        return list(self.below)

    def is_running(self):
        return not self.ended


def test_all_that_a_process_has_started_is_found_as_psutil_finds_it():
    sleeper = [sys.executable, "-S", "-c", "print(1, flush=True); input()"]
    code = f"import subprocess; subprocess.run({sleeper!r})"
    with subprocess.Popen(
        [sys.executable, "-S", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        child.stdout.readline()  # the grandchild runs
        here = psutil.Process()
        known = set(psutil.Process(child.pid).children(recursive=True))
        assert len(known) == 1
        assert cpu.started_by(here) >= known | {psutil.Process(child.pid)}
        assert cpu.started_by(psutil.Process(child.pid)) == known
        assert cpu.started_by(psutil.Process(child.pid), Path("/nowhere")) == known
        child.communicate(b"\n", 20)


def test_a_helper_counts_while_it_runs_though_the_kernel_leaves_it_out(tmp_path, monkeypatch):
    helper = FakeProcess([1.0], 500)
    worker = FakeProcess([4.0], 7_000, helper)
    monkeypatch.setattr(psutil, "Process", lambda pid: worker)
    clock = FakeClock()
    reader = CpuReader(1234, tmp_path, clock)
    clock.advance(1.0)
    assert reader.sample(1.0).worker_memory_bytes == 7_500
    worker.below = ()
    clock.advance(1.0)
    assert reader.sample(2.0).worker_memory_bytes == 7_500
    helper.ended = True
    clock.advance(1.0)
    assert reader.sample(3.0).worker_memory_bytes == 7_000


def test_what_the_worker_has_started_is_the_workers(tmp_path, monkeypatch):
    used, by_helper = [4.0], [1.0]
    worker = FakeProcess(used, 7_000, FakeProcess(by_helper, 500))
    monkeypatch.setattr(psutil, "Process", lambda pid: worker)
    clock = FakeClock()
    reader = CpuReader(1234, tmp_path, clock)
    used[0] += 0.1
    by_helper[0] += 0.2
    clock.advance(0.2)
    sample = reader.sample(0.2)
    assert (sample.worker_pct, sample.worker_memory_bytes) == (pytest.approx(150.0), 7_500)


def test_the_worker_is_counted_in_cores(tmp_path, monkeypatch):
    used = [4.0]
    worker = FakeProcess(used, 7_000)
    monkeypatch.setattr(psutil, "Process", lambda pid: worker)
    clock = FakeClock()
    reader = CpuReader(1234, tmp_path, clock)
    used[0] += 0.3
    clock.advance(0.2)
    sample = reader.sample(0.2)
    assert (sample.worker_pct, sample.worker_memory_bytes) == (pytest.approx(150.0), 7_000)


def test_a_worker_that_died_is_none_even_before_it_is_waited_for(tmp_path):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as worker:
        reader = CpuReader(worker.pid, tmp_path)
        assert reader.sample(0.0).worker_memory_bytes > 0
        worker.kill()
        if hasattr(os, "waitid"):  # dead, its number still held by us
            os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
        else:
            worker.wait()
        sample = reader.sample(0.1)
    assert (sample.worker_pct, sample.worker_memory_bytes) == (None, None)
    assert Absent("cpu.worker_pct", "worker_gone") in reader.absent
    assert CpuReader(worker.pid, tmp_path).sample(0.0).worker_memory_bytes is None


def test_every_reason_has_its_sentence():
    codes = {"cpu_clock_hidden", "cpu_load_hidden", "rapl_absent", "rapl_no_permission", "worker_gone"}
    assert codes <= set(ABSENT)


@pytest.mark.parametrize(
    ("line", "virtual"),
    [("flags\t\t: fpu hypervisor avx2", True), ("flags\t\t: fpu avx2", False), ("Features\t: fp asimd", None)],
)
def test_a_virtual_processor_says_so(line, virtual, tmp_path):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text(f"processor\t: 0\n{line}\n")
    assert cpu.describe(tmp_path).virtual is virtual
