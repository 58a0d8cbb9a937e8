"""The draw at rest, from a counter or from power readings, and nothing made up without either."""

import time
from dataclasses import replace

import pytest

from core.hardware import idle, nvml
from tests.builders import make_cpu_samples, make_gpu_samples
from tests.fakes import FakeNvml


def test_a_gpus_counter_gives_its_mean_power(monkeypatch):
    fake = FakeNvml()
    monkeypatch.setattr(nvml, "pynvml", fake)

    def rest(_seconds: float) -> None:
        while not fake.calls["nvmlDeviceGetTotalEnergyConsumption"]:  # the first reading
            time.sleep(0.001)
        fake.energy_mj += 200_000

    found = idle.measure([FakeNvml.UUID], sleep=rest)[FakeNvml.UUID]
    assert found.source == "counter"
    assert found.energy_j == pytest.approx(200.0)
    assert found.power_w == pytest.approx(200.0 / found.duration_s)


def test_power_readings_stand_in_for_a_missing_counter():
    samples = [replace(sample, energy_j=None, power_w=80.0) for sample in make_gpu_samples()]
    found = idle._of(samples)
    assert (found.source, found.power_w, found.energy_j) == ("power", 80.0, None)


def test_without_a_sensor_there_is_no_figure():
    samples = [replace(sample, energy_j=None) for sample in make_cpu_samples()]
    found = idle._of(samples)
    assert (found.source, found.power_w, found.energy_j) == (None, None, None)


def test_the_cpus_counter_is_called_by_its_name():
    samples = [replace(sample, energy_j=10.0 * i) for i, sample in enumerate(make_cpu_samples())]
    assert idle._of(samples).source == "rapl"
