"""How often the monitor asks a driver, and what it doesn't ask while something is measured."""

from collections import Counter

import pynvml
import pytest

from core.hardware import nvml
from tests.fake_machine import RATES, Machine, absences, codes


@pytest.fixture
def machine(monkeypatch):
    return lambda gpus=1: Machine(monkeypatch, gpus)


def test_while_something_is_measured_nobody_looks_for_gpus(machine):
    here = machine(3)
    here.tick()
    here.driver.fall_off(1)
    here.measured = ["job"]
    before = Counter(here.driver.calls)
    for _ in range(30):
        seen = here.tick()
    assert seen.gpus[1].lost.code == "nvml_gpu_lost"
    asked = here.driver.calls - before
    assert asked["nvmlDeviceGetCount"] == asked["nvmlDeviceGetName"] == asked["nvmlDeviceGetHandleByUUID"] == 0
    here.driver.come_back(1)
    here.measured = []
    assert [code for _ in range(2) for code in codes(here.tick())] == ["monitor_gpu_back"]


def test_what_hardly_changes_is_asked_less_often_while_something_is_measured(machine):
    here = machine(2)
    here.tick(5.0)

    def calls_by_gpu_and_tick(ticks):
        before = Counter(here.driver.calls)
        for _ in range(ticks):
            assert [gpu.pcie for gpu in here.tick().gpus] == ["gen1 x16"] * 2
        return sum((here.driver.calls - before).values()) / 2 / ticks

    here.measured = ["job"]
    assert calls_by_gpu_and_tick(20) == pytest.approx(8 + 2 + 3 / 5)  # sensors, bytes, link and limit
    here.measured = []
    assert calls_by_gpu_and_tick(20) == pytest.approx(8 + 2 + 3 + 1 / 5, abs=0.2)  # and processes


def test_nvml_is_never_closed_as_others_use_it_too(machine):
    here = machine(2)
    job = nvml.GpuReader(here.driver.uuid(0))
    here.tick()
    here.driver.fall_off(1)
    for _ in range(200):
        here.tick()
    assert here.driver.calls["nvmlShutdown"] == 0
    assert job.sample(0.0).power_w == 612.5
    assert job.absent == ()


def test_while_something_is_measured_nothing_slow_is_asked(machine):
    here = machine(2)
    here.driver.pcie_status = pynvml.NVML_ERROR_NOT_SUPPORTED
    here.measured = ["job"]
    for _ in range(20):
        (gpu, _) = here.tick().gpus
    assert absences(gpu) == {
        **dict.fromkeys(("processes", "other_processes"), "processes_not_asked"),
        **dict.fromkeys(RATES, "pcie_not_asked"),
    }
    assert here.driver.calls["nvmlDeviceGetComputeRunningProcesses"] == 0
    assert here.driver.calls["nvmlDeviceGetPcieThroughput"] == 0
    here.measured = []
    (gpu, _) = here.tick().gpus
    assert gpu.absent == ()
    assert (gpu.sent_bytes_per_s, gpu.received_bytes_per_s) == (1e6, 2e6)
    here.measured = ["job"]
    (gpu, _) = here.tick().gpus
    assert (gpu.processes, gpu.other_processes, gpu.sent_bytes_per_s) == (None, None, None)


def test_slow_questions_are_asked_every_five_seconds_of_a_few_gpus_at_once(machine):
    here = machine(16)
    asked = []
    for _ in range(40):
        before = here.driver.calls["nvmlDeviceGetComputeRunningProcesses"]
        here.tick()
        asked.append(here.driver.calls["nvmlDeviceGetComputeRunningProcesses"] - before)
    assert max(asked) == 4
    assert sum(asked) == pytest.approx(16 * 8, abs=16)


def test_sensors_are_read_before_what_takes_longer(machine):
    here = machine(2)
    rested = []
    here.gpus._rest = lambda seconds: rested.append(here.driver.calls["nvmlDeviceGetTotalEnergyConsumption"])
    here.tick()
    assert rested == [2]  # readings are stamped with the tick's time: they don't wait for the traffic's window


def test_a_gpu_that_comes_back_while_something_is_measured_is_asked_all_at_once(machine):
    here = machine()
    here.tick()
    here.driver.fall_off(0)
    here.measured = ["job"]
    here.tick()
    here.driver.heal("*", 0)  # its old handle works again
    (gpu,) = here.tick().gpus
    assert (gpu.lost, gpu.pcie, gpu.gpu.power_limit_w) == (None, "gen1 x16", 700.0)


def test_a_job_that_begins_while_the_driver_hangs_isnt_disturbed(machine, monkeypatch):
    here = machine()
    read = here.driver.nvmlDeviceGetTemperature

    def hang(*given):
        here.measured = ["job"]
        return read(*given)

    monkeypatch.setattr(here.driver, "nvmlDeviceGetTemperature", hang)
    (gpu,) = here.tick().gpus
    assert here.driver.calls["nvmlDeviceGetComputeRunningProcesses"] == 0
    assert absences(gpu) == dict.fromkeys(("processes", "other_processes"), "processes_not_asked")
