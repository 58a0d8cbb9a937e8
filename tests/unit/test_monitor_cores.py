"""The CPU core by core: loads by hand, cores that come and go, and a system that refuses to tell."""

from types import SimpleNamespace

import psutil
import pytest

from core.hardware.monitor import cores
from core.hardware.monitor.cores import Cores
from core.messages import ALL


class Times(tuple):
    """psutil's times of one core."""

    user = property(lambda self: self[0])
    idle = property(lambda self: self[1])
    iowait = property(lambda self: self[2])


@pytest.fixture
def system(monkeypatch):
    """psutil's answers, to be changed: busy and idle seconds by core."""
    found = SimpleNamespace(times=[(10.0, 90.0), (20.0, 80.0)], root=None)

    def cpu_times(percpu):
        assert percpu
        return [Times((busy, idle, 0.0)) for busy, idle in found.times]

    monkeypatch.setattr(cores.psutil, "cpu_times", cpu_times)
    monkeypatch.setattr(cores.psutil, "virtual_memory", lambda: SimpleNamespace(used=3_000, total=8_000))
    return found


def absences(now):
    assert {item.reason for item in now.absent} <= set(ALL)
    return {item.reading.removeprefix("cpu."): item.reason for item in now.absent}


def write_clocks(root, clocks_hz):
    for core, hz in clocks_hz.items():
        folder = root / f"sys/devices/system/cpu/cpu{core}/cpufreq"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "scaling_cur_freq").write_text(f"{hz // 1000}\n")


def write_energy(root, joules, wraps_at_j=262_143):
    zone = root / "sys/class/powercap/intel-rapl:0"
    zone.mkdir(parents=True, exist_ok=True)
    (zone / "name").write_text("package-0\n")
    (zone / "max_energy_range_uj").write_text(f"{wraps_at_j * 1_000_000}\n")
    (zone / "energy_uj").write_text(f"{int(joules * 1e6)}\n")


def test_loads_are_those_since_the_last_reading(system, tmp_path):
    reader = Cores(tmp_path)
    first, _ = reader.read(1.0)
    assert (first.sample.load_pct, first.core_loads_pct) == (None, (None, None))
    assert absences(first)["load_pct"] == absences(first)["core_loads_pct"] == "not_read_yet"
    system.times = [(10.5, 90.5), (20.0, 81.0)]
    now, _ = reader.read(2.0)
    assert now.core_loads_pct == (50.0, 0.0)
    assert now.sample.load_pct == 25.0
    assert (now.sample.memory_used_bytes, now.memory_bytes) == (3_000, 8_000)
    assert set(absences(now)) == {"clock_hz", "core_clocks_hz", "energy_j"}


def test_a_kernel_clock_that_stood_still_or_ran_back_is_no_zero(system, tmp_path):
    reader = Cores(tmp_path)
    reader.read(1.0)
    now, _ = reader.read(1.001)
    assert (now.sample.load_pct, now.core_loads_pct) == (None, (None, None))
    assert absences(now)["load_pct"] == "not_read_yet"
    system.times = [(10.5, 90.5), (20.0, 79.0)]
    assert reader.read(2.0)[0].core_loads_pct == (50.0, None)


def test_cores_may_go_offline_and_online(system, tmp_path):
    reader = Cores(tmp_path)
    reader.read(1.0)
    system.times = [(11.0, 90.0)]
    now, _ = reader.read(2.0)
    assert (now.sample.load_pct, now.core_loads_pct) == (None, (None,))
    assert absences(now)["load_pct"] == "not_read_yet"
    system.times = [(11.0, 91.0)]
    assert reader.read(3.0)[0].core_loads_pct == (0.0,)


@pytest.mark.parametrize(
    "error", [psutil.AccessDenied(), NotImplementedError(), FileNotFoundError("/proc/stat")]
)
def test_what_the_system_refuses_costs_that_reading_only(system, tmp_path, monkeypatch, error):
    def refuse(*_, **__):
        raise error

    reader = Cores(tmp_path)
    reader.read(1.0)
    with monkeypatch.context() as patch:
        patch.setattr(cores.psutil, "virtual_memory", refuse)
        system.times = [(11.0, 90.0), (21.0, 80.0)]
        now, _ = reader.read(2.0)
    assert now.sample.load_pct == 100.0
    assert (now.memory_bytes, now.sample.memory_used_bytes) == (None, None)
    assert absences(now)["memory_bytes"] == absences(now)["memory_used_bytes"] == "memory_hidden"
    with monkeypatch.context() as patch:
        patch.setattr(cores.psutil, "cpu_times", refuse)
        now, _ = reader.read(3.0)
    assert (now.sample.load_pct, now.core_loads_pct, now.memory_bytes) == (None, (), 8_000)
    assert absences(now)["load_pct"] == "cpu_load_hidden"
    reader.read(4.0)
    system.times = [(12.0, 90.0), (21.0, 81.0)]
    assert reader.read(5.0)[0].sample.load_pct == 50.0


def test_a_sandbox_whose_times_are_all_zero_has_no_load(system, tmp_path):
    system.times = [(0.0, 0.0)] * 4
    now, _ = Cores(tmp_path).read(1.0)
    assert now.core_loads_pct == (None,) * 4
    assert absences(now)["load_pct"] == "cpu_load_hidden"


def test_clocks_are_in_the_order_of_the_cores_and_may_vanish(system, tmp_path):
    write_clocks(tmp_path, {0: 3_000_000_000, 2: 2_000_000_000, 10: 1_000_000_000})
    reader = Cores(tmp_path)
    now, _ = reader.read(1.0)
    assert now.core_clocks_hz == (3e9, 2e9, 1e9)
    assert now.sample.clock_hz == 2e9
    (tmp_path / "sys/devices/system/cpu/cpu2/cpufreq/scaling_cur_freq").unlink()
    assert reader.read(2.0)[0].core_clocks_hz == (3e9, 1e9)


def test_many_cores_are_asked_for_their_clocks_every_five_seconds_only(system, tmp_path):
    system.times = [(10.0, 90.0)] * 256
    write_clocks(tmp_path, dict.fromkeys(range(256), 3_000_000_000))
    reader = Cores(tmp_path)
    reader.read(0.0)
    write_clocks(tmp_path, dict.fromkeys(range(256), 2_000_000_000))
    means = [reader.read(float(at_s))[0].sample.clock_hz for at_s in range(1, 7)]
    assert means == [3e9, 3e9, 3e9, 3e9, 2e9, 2e9]
    assert len(reader.read(7.0)[0].core_loads_pct) == 256


def test_energy_counts_from_the_first_look_past_the_counters_end(system, tmp_path):
    write_energy(tmp_path, 262_000)
    reader = Cores(tmp_path)
    first, _ = reader.read(0.0)
    assert first.energy_j == 0.0  # nothing yet, and known
    write_energy(tmp_path, 57)
    now, happenings = reader.read(1.0)
    assert now.energy_j == now.sample.energy_j == pytest.approx(200.0)
    assert happenings == ()


def test_energy_of_a_time_in_which_nobody_looked_is_left_out(system, tmp_path):
    write_energy(tmp_path, 100)
    reader = Cores(tmp_path)
    reader.read(0.0)
    write_energy(tmp_path, 150)
    reader.read(1.0)
    write_energy(tmp_path, 9_000)
    now, happenings = reader.read(400.0)
    assert now.energy_j == pytest.approx(50.0)
    assert now.energy_counted_s == 1.0  # or the time that nobody looked would seem to have cost nothing
    assert [item.note.code for item in happenings] == ["monitor_cpu_energy_gap"]
    assert happenings[0].note.facts == {"seconds": 399}
    write_energy(tmp_path, 9_030)
    now, _ = reader.read(401.0)
    assert (now.energy_j, now.energy_counted_s) == (pytest.approx(80.0), 2.0)


def test_a_machine_that_slept_counts_anew_which_isnt_energy_nor_a_second_without_power(system, tmp_path):
    write_energy(tmp_path, 1_000)
    reader = Cores(tmp_path)
    reader.read(0.0)
    write_energy(tmp_path, 1_050)
    reader.read(1.0)
    write_energy(tmp_path, 5)
    now, happenings = reader.read(2.0)
    assert now.energy_j == pytest.approx(50.0)
    assert now.sample.energy_j is None  # the same total twice would be drawn as 0 W
    assert [item.note.code for item in happenings] == ["monitor_cpu_counter_jumped"]
    assert happenings[0].note.code in ALL
    write_energy(tmp_path, 65)
    now, happenings = reader.read(3.0)
    assert (now.energy_j, now.sample.energy_j, happenings) == (pytest.approx(110.0), now.energy_j, ())
