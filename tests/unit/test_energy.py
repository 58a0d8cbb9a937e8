from __future__ import annotations

import dataclasses

import pytest

from core.analysis.energy import energy, energy_absent, idle_absent
from core.records import GpuSample, Idle, Telemetry
from tests.builders import (
    make_cpu_samples,
    make_gpu_result,
    make_gpu_samples,
    make_result,
    make_telemetry,
    make_uniform_blocks,
)

BLOCKS = make_gpu_result().blocks
TIMED_S = sum(block.duration_s for block in BLOCKS)
SAMPLES = sum(block.samples for block in BLOCKS)


def _with_gpu(samples, **changes):
    return make_gpu_result(telemetry=make_telemetry(gpu=tuple(samples)), **changes)


def _power_only(samples=None):
    return [dataclasses.replace(sample, energy_j=None) for sample in samples or make_gpu_samples()]


def test_the_counter_is_read_at_the_blocks_edges_only():
    found = energy(make_gpu_result())
    assert found.source == "counter"
    assert found.of == "gpu"
    assert found.joules == pytest.approx(300 * TIMED_S)
    assert found.joules_per_1000_samples == pytest.approx(300_000 * TIMED_S / SAMPLES)
    assert energy_absent(make_gpu_result()) is None


def test_idle_power_between_blocks_is_left_out():
    blocks = make_uniform_blocks([1.0, 1.0])  # 10 to 11 s and 13 to 14 s
    ends = [(block.start_s, block.start_s + 1.0) for block in blocks]
    samples = []
    for index in range(201):
        at_s = 5 + index / 10
        busy_s = sum(min(max(at_s - start, 0.0), 1.0) for start, _ in ends)
        samples.append(
            GpuSample(at_s, None, None, None, None, None, None, None, 50 * (at_s - 5) + 350 * busy_s)
        )
    assert energy(_with_gpu(samples, blocks=blocks)).joules == pytest.approx(800)  # 2 s at 400 W


def test_power_is_integrated_where_there_is_no_counter():
    found = energy(_with_gpu(_power_only()))
    assert found.source == "power"
    assert found.joules == pytest.approx(300 * TIMED_S, rel=0.01)


def test_a_power_ramp_is_integrated_by_trapezoids():
    blocks = make_uniform_blocks([2.0])  # 10 to 12 s, from 100 W to 300 W
    ramp = [
        GpuSample(9 + i / 10, None, None, 100.0 * (i / 10), None, None, None, None, None) for i in range(41)
    ]
    assert energy(_with_gpu(ramp, blocks=blocks)).joules == pytest.approx(400)


def test_the_cpu_has_its_own_counter_and_never_the_gpus():
    assert energy(make_result(telemetry=make_telemetry(gpu=make_gpu_samples()))) is None
    cpu = tuple(dataclasses.replace(sample, energy_j=100 * sample.at_s) for sample in make_cpu_samples())
    result = make_result(telemetry=make_telemetry(cpu=cpu))
    found = energy(result)
    assert found.of == "cpu"
    assert found.joules == pytest.approx(100 * sum(block.duration_s for block in result.blocks))


def test_no_sensor():
    assert energy_absent(make_result()) == "energy_no_sensor"
    assert energy_absent(make_result(telemetry=None)) == "energy_no_sensor"
    assert energy_absent(make_result(blocks=())) == "energy_no_sensor"


@pytest.mark.parametrize(
    "samples",
    [
        [s for s in make_gpu_samples() if s.at_s > BLOCKS[0].start_s + 0.01],
        [s for s in make_gpu_samples() if s.at_s < BLOCKS[-1].start_s + 0.1],
        [s for s in make_gpu_samples() if not 20 < s.at_s < 30],
    ],
    ids=["late", "early", "gap"],
)
def test_blocks_that_are_not_covered(samples):
    result = _with_gpu(samples)
    assert energy(result) is None
    assert energy_absent(result) == "energy_not_covered"


def test_too_few_distinct_readings():
    coarse = [dataclasses.replace(s, power_w=None, energy_j=float(s.at_s // 15)) for s in make_gpu_samples()]
    result = _with_gpu(coarse)
    assert energy(result) is None
    assert energy_absent(result) == "energy_few_readings"


def test_stretches_shorter_than_the_sensors_own_rhythm():
    result = _with_gpu(make_gpu_samples(interval_s=0.6))
    assert energy_absent(result) == "energy_few_readings"


def test_a_counter_that_runs_backwards_is_not_believed():
    broken = [dataclasses.replace(s, energy_j=s.energy_j % 6000, power_w=None) for s in make_gpu_samples()]
    assert energy_absent(_with_gpu(broken)) == "energy_counter_reset"
    assert energy(
        _with_gpu([dataclasses.replace(s, energy_j=s.energy_j % 6000) for s in make_gpu_samples()])
    ).source == ("power")


def test_blocks_without_a_pause_are_one_stretch():
    blocks = make_uniform_blocks([1.0] * 4, every_s=1.0)
    found = energy(make_gpu_result(blocks=blocks, telemetry=Telemetry(0.1, gpu=make_gpu_samples())))
    assert found.readings_per_stretch == found.readings
    assert found.readings in (40, 41)


# --- above idle ----------------------------------------------------------------------------------


def test_an_epoch_costs_its_images():
    assert energy(make_gpu_result()).joules_per_epoch == pytest.approx(300 * TIMED_S / SAMPLES * 22 * 64)
    unknown = make_gpu_result(data=None)
    assert energy(unknown).joules_per_epoch is None


def test_what_the_device_draws_anyway_is_taken_off():
    found = energy(make_gpu_result(idle=Idle(2.0, 70.0, 140.0, "counter"))).above_idle  # 230 W of the 300
    assert found.joules == pytest.approx(230 * TIMED_S)
    assert found.joules_per_1000_samples == pytest.approx(230_000 * TIMED_S / SAMPLES)
    assert found.joules_per_epoch == pytest.approx(230 * TIMED_S / SAMPLES * 22 * 64)
    assert (found.idle_w, found.idle_source) == (70.0, "counter")


def test_the_idle_counter_comes_before_single_power_readings():
    assert energy(make_gpu_result(idle=Idle(2.0, 99.0, 140.0, "counter"))).above_idle.idle_w == 70.0
    by_power = energy(make_gpu_result(idle=Idle(2.0, 99.0, None, "power"))).above_idle
    assert (by_power.idle_w, by_power.idle_source) == (99.0, "power")
    assert energy(make_gpu_result(idle=Idle(0.0, 99.0, 0.0, "counter"))).above_idle.idle_w == 99.0


def test_the_cpus_sensor_is_called_by_its_name():
    cpu = tuple(dataclasses.replace(sample, energy_j=100 * sample.at_s) for sample in make_cpu_samples())
    result = make_result(telemetry=make_telemetry(cpu=cpu), idle=Idle(2.0, 20.0, 40.0, "counter"))
    found = energy(result)
    assert (found.source, found.above_idle.idle_source) == ("rapl", "rapl")
    assert found.above_idle.joules == pytest.approx(80 * sum(block.duration_s for block in result.blocks))


@pytest.mark.parametrize(
    ("idle", "reason"),
    [
        (None, "idle_not_measured"),
        (Idle(2.0, None, None, None), "idle_not_measured"),
        (Idle(2.0, 301.0, 602.0, "counter"), "idle_above_load"),
        (Idle(2.0, 70.0, 140.0, "counter"), None),
    ],
)
def test_why_there_is_no_energy_above_idle(idle, reason):
    result = make_gpu_result(idle=idle)
    assert idle_absent(result) == reason
    assert (energy(result).above_idle is None) == (reason is not None)


def test_without_energy_there_is_nothing_above_idle_to_miss():
    assert idle_absent(make_result()) is None
