"""NVML readings against a fake driver: units, absences, and how torch's GPU is recognised."""

import inspect

import pynvml
import pytest

from core.hardware import nvml
from core.messages import ABSENT, NOTES
from core.records import Absent, Gpu, GpuSample
from tests.fakes import FakeNvml

READINGS = {name for name in GpuSample.__dataclass_fields__ if name != "at_s"}


@pytest.fixture
def driver(monkeypatch):
    fake = FakeNvml()
    monkeypatch.setattr(nvml, "pynvml", fake)
    return fake


def test_the_fake_offers_only_what_the_installed_pynvml_does():
    names = [name for name in dir(FakeNvml) if name.lower().startswith("nvml")]
    assert len(names) > 20
    for name in names:
        real, fake = getattr(pynvml, name), getattr(FakeNvml, name)
        if name.startswith("nvml"):
            given = list(inspect.signature(fake).parameters)[1:]
            assert given == list(inspect.signature(real).parameters)[: len(given)], name
        else:
            assert real == fake, name


def test_gpus_are_described_in_base_units(driver):
    assert nvml.gpus() == (
        (Gpu(0, "NVIDIA H200", FakeNvml.UUID, 150_000_000_000, 700.0, "gen5 x16", 1.98e9),),
        None,
    )
    assert nvml.driver_version() == "570.86.15"


def test_a_gpu_that_lacks_details_is_still_listed(driver):
    for function in ("PowerLimit", "MemoryInfo", "MaxPcieLinkGeneration"):
        prefix = "nvmlDeviceGetEnforced" if function == "PowerLimit" else "nvmlDeviceGet"
        driver.fail(prefix + function, pynvml.NVML_ERROR_NOT_SUPPORTED)
    (gpu,), reason = nvml.gpus()
    assert (gpu.memory_bytes, gpu.power_limit_w, gpu.pcie, reason) == (None, None, None, None)


@pytest.mark.parametrize(
    ("function", "code", "reason"),
    [
        ("nvmlInit", pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, "nvml_no_driver"),
        ("nvmlInit", pynvml.NVML_ERROR_DRIVER_NOT_LOADED, "nvml_driver_not_loaded"),
        ("nvmlInit", pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH, "nvml_version_mismatch"),
        ("nvmlDeviceGetHandleByIndex", pynvml.NVML_ERROR_GPU_IS_LOST, "nvml_gpu_lost"),
        ("nvmlDeviceGetHandleByIndex", pynvml.NVML_ERROR_UNKNOWN, "nvml_failed"),
    ],
)
def test_why_there_are_no_gpus(driver, function, code, reason):
    driver.fail(function, code)
    assert nvml.gpus() == ((), reason)


def test_no_gpu_in_a_working_driver(driver, monkeypatch):
    monkeypatch.setattr(driver, "nvmlDeviceGetCount", lambda: 0)
    assert nvml.gpus() == ((), "nvml_no_gpu")


def test_without_a_driver_nothing_raises_and_everything_says_why(monkeypatch):
    monkeypatch.setattr(nvml, "pynvml", FakeNvml.without_driver())
    assert nvml.driver_version() is None
    reader = nvml.GpuReader(FakeNvml.UUID)
    assert reader.sample(1.0) == GpuSample(1.0, *[None] * len(READINGS))
    assert set(reader.absent) == {Absent(f"gpu.{name}", "nvml_no_driver") for name in READINGS}


def test_a_driver_mended_later_is_found(driver):
    driver.fail("nvmlInit", pynvml.NVML_ERROR_DRIVER_NOT_LOADED)
    assert nvml.gpus()[0] == ()
    driver.heal("nvmlInit")
    assert len(nvml.gpus()[0]) == 1


def test_a_sample_is_in_base_units(driver):
    driver.energy_mj = 1_234_500
    reader = nvml.GpuReader(FakeNvml.UUID)
    assert reader.sample(2.5) == GpuSample(
        at_s=2.5,
        utilisation_pct=97.0,
        memory_used_bytes=20_000_000_000,
        power_w=612.5,
        temperature_c=54.0,
        sm_clock_hz=1.98e9,
        memory_clock_hz=3.201e9,
        throttle_reasons=(),
        energy_j=1234.5,
    )
    assert reader.absent == ()


def test_the_energy_counter_is_cumulative(driver):
    reader = nvml.GpuReader(FakeNvml.UUID)
    before = reader.sample(0.0).energy_j
    driver.energy_mj += 70_000
    assert reader.sample(0.1).energy_j - before == pytest.approx(70.0)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (pynvml.NVML_ERROR_NOT_SUPPORTED, "nvml_not_supported"),
        (pynvml.NVML_ERROR_NO_PERMISSION, "nvml_no_permission"),
    ],
)
def test_a_reading_that_is_not_given_is_asked_for_once(driver, status, reason):
    driver.fail("nvmlDeviceGetTemperature", status)
    reader = nvml.GpuReader(FakeNvml.UUID)
    samples = [reader.sample(at_s) for at_s in (0.0, 0.1, 0.2)]
    assert [sample.temperature_c for sample in samples] == [None, None, None]
    assert samples[2].utilisation_pct == 97.0
    assert reader.absent == (Absent("gpu.temperature_c", reason),)
    assert driver.calls["nvmlDeviceGetTemperature"] == 1


def test_average_power_stands_in_for_instant_power_by_the_fields_own_status(driver):
    driver.instant_power_status = pynvml.NVML_ERROR_NOT_SUPPORTED
    reader = nvml.GpuReader(FakeNvml.UUID)
    assert [reader.sample(at_s).power_w for at_s in (0.0, 0.1)] == [598.0, 598.0]
    assert reader.absent == ()
    assert driver.calls["nvmlDeviceGetFieldValues"] == 1


def test_a_driver_before_535_gives_its_throttle_reasons(driver):
    driver.fail("nvmlDeviceGetCurrentClocksEventReasons", pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)
    driver.clock_event_reasons = pynvml.nvmlClocksThrottleReasonSwPowerCap
    assert nvml.GpuReader(FakeNvml.UUID).sample(0.0).throttle_reasons == ("sw_power_cap",)


def test_a_gpu_lost_for_a_while_is_asked_again(driver):
    reader = nvml.GpuReader(FakeNvml.UUID)
    assert reader.sample(0.0).power_w == 612.5
    driver.fail("*", pynvml.NVML_ERROR_GPU_IS_LOST)
    assert reader.sample(0.1) == GpuSample(0.1, *[None] * len(READINGS))
    assert set(reader.absent) == {Absent(f"gpu.{name}", "nvml_gpu_lost") for name in READINGS}
    assert driver.calls["nvmlDeviceGetPowerUsage"] == 0  # a lost GPU says nothing about its sensors
    driver.heal("*")
    assert reader.sample(0.2).power_w == 612.5
    assert reader.absent == ()


def test_an_unknown_gpu_has_no_readings(driver):
    reader = nvml.GpuReader("GPU-00000000-0000-0000-0000-000000000000")
    assert reader.sample(0.0).utilisation_pct is None
    assert {absent.reason for absent in reader.absent} == {"nvml_gpu_not_found"}


def test_throttle_reasons_are_words_and_idling_is_none(driver):
    reader = nvml.GpuReader(FakeNvml.UUID)
    driver.clock_event_reasons = pynvml.nvmlClocksEventReasonGpuIdle
    assert reader.sample(0.0).throttle_reasons == ()
    driver.clock_event_reasons = 0xFFFF_FFFF_FFFF_FFFF
    assert sorted(reader.sample(0.0).throttle_reasons) == sorted(nvml.THROTTLE_REASONS.values())
    driver.clock_event_reasons = (
        pynvml.nvmlClocksEventReasonSwPowerCap | pynvml.nvmlClocksEventReasonHwThermalSlowdown
    )
    assert reader.sample(0.0).throttle_reasons == ("sw_power_cap", "hw_thermal")


@pytest.mark.parametrize(
    ("bit", "word"),
    [  # the values of nvml.h
        (0x1, None),
        (0x2, "applications_clocks"),
        (0x4, "sw_power_cap"),
        (0x8, "hw_slowdown"),
        (0x10, "sync_boost"),
        (0x20, "sw_thermal"),
        (0x40, "hw_thermal"),
        (0x80, "hw_power_brake"),
        (0x100, "display_clock"),
        (0x200, "board_limit"),
        (0x400, "reliability"),
        (0x800, "unknown_limit"),  # of a driver to come
        (1 << 63, "unknown_limit"),
    ],
)
def test_each_bit_of_the_driver_has_its_word(driver, bit, word):
    driver.clock_event_reasons = bit
    assert nvml.GpuReader(FakeNvml.UUID).sample(0.0).throttle_reasons == ((word,) if word else ())


def test_no_reason_of_the_installed_pynvml_is_unknown(driver):
    driver.clock_event_reasons = pynvml.nvmlClocksThrottleReasonAll | pynvml.nvmlClocksEventReasonAll
    assert "unknown_limit" not in nvml.GpuReader(FakeNvml.UUID).sample(0.0).throttle_reasons


@pytest.mark.parametrize(
    ("torch_uuid", "same"),
    [
        ("5b1c0f6e-0d2a-4c11-9a58-1f2e3d4c5b6a", True),
        ("GPU-5B1C0F6E-0D2A-4C11-9A58-1F2E3D4C5B6A", True),
        ("UUID('5b1c0f6e-0d2a-4c11-9a58-1f2e3d4c5b6a')", True),
        ("5b1c0f6e-0d2a-4c11-9a58-1f2e3d4c5b6b", False),
        ("5b1c0f6e", False),
        ("", False),
    ],
)
def test_torch_and_nvml_mean_the_same_gpu(torch_uuid, same):
    assert nvml.same_gpu(torch_uuid, FakeNvml.UUID) is same
    assert not nvml.same_gpu("", "")


def test_every_code_has_its_sentence():
    assert {*nvml._REASONS.values(), "nvml_no_gpu", "nvml_failed"} <= set(ABSENT)
    assert set(nvml.THROTTLE_REASONS.values()) <= set(NOTES)


@pytest.mark.parametrize(("pids", "found"), [([], 0), ([7], 0), ([7, 8, 9], 2), ([8], None)])
def test_other_programs_on_the_gpu_are_counted_where_our_own_is_known(driver, pids, found):
    driver.compute_pids = pids
    assert nvml.foreign_processes(FakeNvml.UUID, own_pid=7) == found


def test_without_permission_nothing_is_said_of_other_programs(driver):
    driver.fail("nvmlDeviceGetComputeRunningProcesses", pynvml.NVML_ERROR_NO_PERMISSION)
    assert nvml.foreign_processes(FakeNvml.UUID, own_pid=7) is None
