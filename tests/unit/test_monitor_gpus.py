"""All GPUs of a machine against a driver that fails in every way: nothing raises, nothing is a false zero."""

from dataclasses import asdict, fields

import psutil
import pynvml
import pytest

from core.hardware import nvml
from core.hardware.monitor import device, processes
from core.messages import ALL
from core.records import GpuProcess
from tests.fake_machine import RATES, Machine, absences, codes
from tests.fakes import FakeNvml

REASONS = {
    pynvml.NVML_ERROR_NOT_SUPPORTED: "nvml_not_supported",
    pynvml.NVML_ERROR_NO_PERMISSION: "nvml_no_permission",
    pynvml.NVML_ERROR_GPU_IS_LOST: "nvml_gpu_lost",
    pynvml.NVML_ERROR_UNKNOWN: "nvml_failed",
    pynvml.NVML_ERROR_UNINITIALIZED: "nvml_closed",
}
PERMANENT = {pynvml.NVML_ERROR_NOT_SUPPORTED, pynvml.NVML_ERROR_NO_PERMISSION}
# What is missing while one function fails; those that aren't here are asked only when looking around
MISSING = {
    "nvmlDeviceGetUtilizationRates": {"utilisation_pct"},
    "nvmlDeviceGetMemoryInfo": {"memory_used_bytes"},
    "nvmlDeviceGetFieldValues": {"power_w", *RATES},
    "nvmlDeviceGetTemperature": {"temperature_c"},
    "nvmlDeviceGetClockInfo": {"sm_clock_hz", "memory_clock_hz"},
    "nvmlDeviceGetCurrentClocksEventReasons": {"throttle_reasons"},
    "nvmlDeviceGetTotalEnergyConsumption": {"energy_j"},
    "nvmlDeviceGetCurrPcieLinkGeneration": {"pcie"},
    "nvmlDeviceGetCurrPcieLinkWidth": {"pcie"},
    "nvmlDeviceGetEnforcedPowerLimit": {"power_limit_w"},
    "nvmlDeviceGetComputeRunningProcesses": {"processes", "other_processes"},
}
STAND_INS = {"power_w": 598.0, "sent_bytes_per_s": 1e6, "received_bytes_per_s": 2e6, "throttle_reasons": ()}


@pytest.fixture
def machine(monkeypatch):
    return lambda gpus=1: Machine(monkeypatch, gpus)


def readings(gpu):
    """Every reading of one GPU by its name in `absent`."""
    found = {name: value for name, value in asdict(gpu.sample).items() if name != "at_s"}
    for name in RATES:
        rate = getattr(gpu, name)
        found[name] = None if rate is None else round(rate, -3)
    found |= {name: getattr(gpu, name) for name in ("pcie", "processes", "other_processes")}
    return found | {"power_limit_w": gpu.gpu.power_limit_w}


def _functions():
    with pytest.MonkeyPatch.context() as patch:
        healthy = Machine(patch, 1)
        healthy.tick()
        return sorted(healthy.driver.calls)


FUNCTIONS = _functions()


def test_the_fault_tests_know_every_function_that_the_monitor_calls():
    assert set(MISSING) <= set(FUNCTIONS)
    around = {name for name in FUNCTIONS if name not in MISSING}
    assert around == {
        *("nvmlInit", "nvmlDeviceGetCount", "nvmlDeviceGetHandleByIndex", "nvmlDeviceGetHandleByUUID"),
        *(
            "nvmlDeviceGetName",
            "nvmlDeviceGetUUID",
            "nvmlDeviceGetMaxClockInfo",
            "nvmlDeviceGetMaxPcieLinkGeneration",
        ),
    }


def test_a_healthy_gpu_gives_every_reading(machine):
    here = machine()
    (gpu,) = here.tick().gpus
    assert gpu.absent == ()
    assert gpu.lost is None
    assert readings(gpu) | {"throttle_reasons": ()} == readings(gpu)
    assert (gpu.pcie, gpu.gpu.pcie, gpu.gpu.power_limit_w) == ("gen1 x16", "gen5 x16", 700.0)
    assert gpu.sent_bytes_per_s == pytest.approx(1e9)
    assert gpu.received_bytes_per_s == pytest.approx(2e9)
    name = psutil.Process().name()
    assert gpu.processes == (GpuProcess(psutil.Process().pid, name, 2_000_000_000),)
    assert gpu.other_processes == 0


@pytest.mark.parametrize("code", REASONS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_one_function_that_fails_costs_its_reading_only(machine, function, code):
    here = machine()
    before = readings(here.tick().gpus[0])
    here.driver.fail(function, code)
    seen = here.tick(5.0)
    (gpu,) = seen.gpus
    missing = set(MISSING.get(function, ()))
    now = readings(gpu)
    assert gpu.lost is None
    if code in PERMANENT:
        missing -= {name for name, value in STAND_INS.items() if now[name] == value}
    assert {name for name, value in now.items() if value is None} == missing
    assert absences(gpu) == dict.fromkeys(missing, REASONS[code])
    assert codes(seen) == []
    for name in set(now) - set(MISSING.get(function, ())):
        assert now[name] == before[name], name

    here.driver.heal(function)
    if code in PERMANENT:
        here.restart()
    healed = here.tick(5.0).gpus[0]
    assert healed.absent == ()
    assert readings(healed) == before


@pytest.mark.parametrize("code", REASONS)
@pytest.mark.parametrize("function", [*FUNCTIONS, "*"])
def test_one_function_that_fails_from_the_start_is_survived_and_found_once_it_works(machine, function, code):
    here = machine()
    here.driver.fail(function, code)
    for _ in range(3):
        seen = here.tick()
        assert bool(seen.gpus) == (seen.absent is None)
        assert seen.absent is None or seen.absent in ALL
        for gpu in seen.gpus:
            assert gpu.lost or {name for name, value in readings(gpu).items() if value is None} == set(
                absences(gpu)
            )
    here.driver.heal(function)
    if code in PERMANENT:
        here.restart()
    here.tick(10.0)
    (gpu,) = here.tick().gpus
    assert gpu.absent == ()


@pytest.mark.parametrize("code", set(REASONS) - PERMANENT)
def test_a_driver_that_fails_altogether_is_lost_and_found_again(machine, code):
    here = machine(2)
    before = readings(here.tick().gpus[1])
    here.driver.fail("*", code)
    seen = here.tick()
    assert [gpu.lost.code for gpu in seen.gpus] == [REASONS[code]] * 2
    for gpu in seen.gpus:
        assert set(asdict(gpu.sample).values()) == {None, gpu.sample.at_s}
        assert (gpu.pcie, gpu.energy_j, gpu.processes, gpu.sent_bytes_per_s) == (None,) * 4
    closed = code == pynvml.NVML_ERROR_UNINITIALIZED
    assert codes(seen) == ["monitor_driver_gone"] if closed else ["monitor_gpu_lost", "monitor_gpu_lost"]
    assert codes(here.tick()) == []  # said once
    here.driver.heal("*")
    seen = here.tick()
    assert codes(seen) == ["monitor_driver_back"] if closed else ["monitor_gpu_back", "monitor_gpu_back"]
    assert here.tick(5.0).gpus[1].absent == ()
    assert readings(here.tick().gpus[1]) == before


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH, "nvml_version_mismatch"),
        (pynvml.NVML_ERROR_DRIVER_NOT_LOADED, "nvml_driver_not_loaded"),
    ],
)
def test_a_driver_that_is_exchanged_under_us_is_opened_anew_once_it_works(machine, code, reason):
    here = machine(2)
    here.tick()
    here.driver.fail("*", code)
    seen = here.tick()
    assert [gpu.lost.code for gpu in seen.gpus] == [reason, reason]
    assert codes(seen) == ["monitor_driver_gone"]
    here.driver.heal("*")
    here.driver.generations[None] += 1  # the driver was loaded anew: it doesn't know the old handles
    for _ in range(11):
        seen = here.tick()
    assert [gpu.lost for gpu in seen.gpus] == [None, None]
    assert all(gpu.sample.utilisation_pct == 97.0 for gpu in seen.gpus)


def test_a_driver_that_is_exchanged_while_nobody_looks_is_opened_anew(machine):
    """Then it fails at nothing, but knows no handle of before: that isn't a GPU which supports nothing."""
    here = machine(2)
    here.tick()
    here.driver.generations[None] += 1
    seen = here.tick(3600.0)
    assert [gpu.lost.code for gpu in seen.gpus] == ["nvml_failed"] * 2
    seen = here.tick()
    assert codes(seen) == ["monitor_gpu_back"] * 2
    assert all(gpu.lost is None and gpu.sample.utilisation_pct == 97.0 for gpu in seen.gpus)


def test_a_gpu_that_supports_nothing_isnt_lost(machine):
    here = machine()
    for function in MISSING:
        here.driver.fail(function, pynvml.NVML_ERROR_NOT_SUPPORTED)
    for function in ("nvmlDeviceGetPowerUsage", "nvmlDeviceGetCurrentClocksThrottleReasons"):
        here.driver.fail(function, pynvml.NVML_ERROR_NOT_SUPPORTED)
    for _ in range(12):
        (gpu,) = here.tick().gpus
        assert gpu.lost is None
        assert set(asdict(gpu.sample).values()) == {None, gpu.sample.at_s}


def test_a_gpu_that_falls_off_the_bus_takes_nobody_with_it_and_may_come_back(machine):
    here = machine(3)
    here.tick()
    here.driver.fall_off(1)
    seen = here.tick()
    assert [gpu.lost and gpu.lost.code for gpu in seen.gpus] == [None, "nvml_gpu_lost", None]
    assert seen.gpus[2].absent == seen.gpus[0].absent == ()
    (lost,) = seen.happenings
    assert (lost.note.code, lost.note.facts) == ("monitor_gpu_lost", {"index": 1, "name": "NVIDIA H200"})
    here.driver.come_back(1)
    news = [code for _ in range(12) for code in codes(here.tick())]
    assert news == ["monitor_gpu_back"]
    assert here.tick().gpus[1].sample.power_w == 612.5


def test_what_was_known_of_a_gpu_before_it_was_lost_isnt_shown_as_new(machine):
    here = machine()
    here.tick()
    here.driver.fall_off(0)
    here.tick()
    here.driver.come_back(0)
    back = next(gpu for _ in range(12) if not (gpu := here.tick().gpus[0]).lost)
    assert absences(back) == dict.fromkeys(("processes", "other_processes"), "not_read_yet")
    assert back.received_bytes_per_s is not None  # compared within this tick, not with what was before
    assert here.tick(5.0).gpus[0].absent == ()


@pytest.mark.parametrize("count", [0, 1, 16])
def test_any_number_of_gpus(machine, count):
    here = machine(count)
    seen = here.tick()
    assert [gpu.gpu.index for gpu in seen.gpus] == list(range(count))
    assert seen.absent == (None if count else "nvml_no_gpu")
    assert codes(seen) == []
    for _ in range(8):
        seen = here.tick()
    assert all(gpu.absent == () for gpu in seen.gpus)


def test_a_gpu_that_appears_later_is_found_within_ten_seconds(machine):
    here = machine(0)
    here.tick()
    here.driver.gpus = 2
    seen = [here.tick() for _ in range(11)]
    assert [code for tick in seen for code in codes(tick)] == ["monitor_gpu_new"] * 2
    assert seen[-1].gpus[0].energy_counted_s <= 1.1  # since it was seen, not since anybody looks
    assert len(seen[-1].gpus) == 2
    listed = here.driver.calls["nvmlDeviceGetName"]
    for _ in range(30):
        here.tick()
    assert here.driver.calls["nvmlDeviceGetName"] == listed  # nothing changed: only counted


def test_a_gpu_that_was_lost_before_the_first_look_is_told_once(machine):
    here = machine(2)
    here.driver.fall_off(0)
    told = [item.note for _ in range(25) for item in here.tick().happenings]
    assert [(note.code, note.facts) for note in told] == [("monitor_gpus_unheard", {"count": 1})]
    assert [gpu.gpu.index for gpu in here.tick().gpus] == [1]
    here.driver.come_back(0)
    assert [code for _ in range(11) for code in codes(here.tick())] == ["monitor_gpu_new"]


def test_without_a_driver_it_says_why(monkeypatch, machine):
    here = machine()
    monkeypatch.setattr(nvml, "pynvml", FakeNvml.without_driver())
    assert here.tick().absent == "nvml_no_driver"
    assert here.tick(100.0).absent == "nvml_no_driver"


def test_a_gpu_without_any_pcie_reading_says_so(machine):
    here = machine()
    here.driver.pcie_status = pynvml.NVML_ERROR_NOT_SUPPORTED
    here.driver.fail("nvmlDeviceGetPcieThroughput", pynvml.NVML_ERROR_NO_PERMISSION)
    (gpu,) = here.tick().gpus
    assert absences(gpu) == dict.fromkeys(RATES, "nvml_no_permission")


def test_no_traffic_is_a_zero_and_a_counter_that_jumps_is_none(machine):
    here = machine()
    here.driver.moving_bytes = dict.fromkeys(here.driver.moving_bytes, 0)
    (gpu,) = here.tick().gpus
    assert (gpu.sent_bytes_per_s, gpu.received_bytes_per_s) == (0.0, 0.0)
    here.driver.moving_bytes = dict.fromkeys(here.driver.moving_bytes, 2**32 - 5)
    (gpu,) = here.tick().gpus
    assert absences(gpu) == dict.fromkeys(RATES, "pcie_counter_jumped")


def test_energy_counts_from_the_first_look_and_leaves_out_jumps(machine):
    here = machine(2)
    here.tick()
    here.driver.energies_mj = {0: 5_600_000, 1: 5_050_000}
    assert [gpu.energy_j for gpu in here.tick().gpus] == [pytest.approx(600), pytest.approx(50)]
    here.driver.energies_mj = {0: 1_000, 1: 2**63}  # the driver began anew; a reading gone mad
    seen = here.tick()
    assert [gpu.energy_j for gpu in seen.gpus] == [pytest.approx(600), pytest.approx(50)]
    assert [(item.note.code, item.note.facts["index"]) for item in seen.happenings] == [
        ("monitor_counter_jumped", 0),
        ("monitor_counter_jumped", 1),
    ]
    here.driver.energies_mj[0] += 700_000
    (first, _) = here.tick().gpus
    assert first.energy_j == pytest.approx(1300)
    assert first.energy_counted_s == pytest.approx(2, abs=0.1)  # of three ticks, one of which jumped


def test_energy_of_a_driver_that_hung_is_no_jump(machine, monkeypatch):
    """The counter is compared over the time in which it was read, not over the one it was asked for."""
    here = machine()
    here.tick()
    read = here.driver.nvmlDeviceGetTemperature

    def hang(*given):
        here.clock.advance(60.0)
        here.driver.energy_mj += 40_000_000
        return read(*given)

    with monkeypatch.context() as patch:
        patch.setattr(here.driver, "nvmlDeviceGetTemperature", hang)
        seen = here.tick()
    assert codes(seen) == []
    assert seen.gpus[0].energy_j == pytest.approx(40_000)


def test_where_nobody_can_be_named_processes_arent_told(machine, monkeypatch):
    here = machine()
    monkeypatch.setattr(processes, "_owner", lambda _: (_ for _ in ()).throw(OSError("no domain")))
    (gpu,) = here.tick().gpus
    assert (gpu.processes, gpu.other_processes) == (None, None)
    assert absences(gpu) == dict.fromkeys(("processes", "other_processes"), "processes_hidden")


def test_in_a_container_processes_cant_be_told(machine, monkeypatch):
    here = machine()
    monkeypatch.setattr(processes, "numbered_as_here", lambda: False)
    (gpu,) = here.tick().gpus
    assert (gpu.processes, gpu.other_processes) == (None, None)
    assert absences(gpu) == dict.fromkeys(("processes", "other_processes"), "processes_of_host")


def test_every_sensor_of_the_records_is_read():
    sensors = {field.name for field in fields(nvml.GpuSample)} - {"at_s"}
    assert set(device._SENSORS) == sensors == set(nvml._READINGS)
