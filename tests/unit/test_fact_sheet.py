"""A run's circumstances: each fact with its unit, what is absent left out or explained."""

import dataclasses

import pytest

from core.analysis import energy
from core.fact_sheet import fact_sheet
from core.i18n import english
from core.messages import sentence
from core.records import CpuSample, Idle, ThreadTrial
from tests.builders import (
    make_blocks,
    make_cpu,
    make_environment,
    make_gpu_result,
    make_machine,
    make_result,
    make_telemetry,
)


def facts(result):
    return {name: value for group in fact_sheet(result, english) for name, value in group.facts}


def on_cpu(**changes):
    return make_result(environment=make_environment(make_machine(cpu=make_cpu(**changes))))


def test_the_groups_are_in_the_order_of_the_questions():
    titles = [group.title for group in fact_sheet(make_result(), english)]
    assert titles == ["Hardware and conditions", "Software", "Cold, steady and hot", "Energy"]


def test_a_cpu_tells_all_that_can_hold_it_back():
    found = facts(on_cpu(quota_cores=2.5, governor="powersave", turbo=False))
    assert found["Cores"] == "8 physical, 16 logical, 16 usable by this process"
    assert found["Quota (cgroup), in cores"] == "2.5"
    assert (found["Governor"], found["Turbo"]) == ("powersave", "off")
    assert found["Vector extensions"] == "avx2, avx512f"
    assert found["torch's kernels use"] == "AVX512, mkl"
    assert found["Other programs while timed"] == "2 % of the machine"
    assert found["Highest clock"] == "3.5 GHz"
    assert found["Variables that change speed"] == "none set"


def test_what_cant_be_read_says_so():
    found = facts(on_cpu(governor=None, max_clock_hz=None))
    assert (found["Governor"], found["Turbo"], found["Quota (cgroup), in cores"]) == (
        "not readable here",
        "not readable here",
        "none",
    )
    assert "Highest clock" not in found


def test_the_search_for_threads_is_shown():
    run = make_result(thread_trials=(ThreadTrial(1, (1e-4, 3e-4)), ThreadTrial(8, (5e-5,))))
    assert facts(run)["Search for the best thread count, time per image"] == "1: 200 µs, 8: 50 µs"


def test_a_gpu_tells_of_its_board():
    found = facts(make_gpu_result())
    assert found["Power limit"] == "350 W"
    assert found["Bus"] == "PCIe gen4 x16"
    assert found["Driver"] == "600.00"
    assert "Threads used" not in found


def test_start_up_is_told_phase_by_phase():
    found = facts(make_result())
    assert found["Start of Python and torch"] == "2.5 s"
    assert found["To the first step, in all"] == "3.5 s"
    assert found["Warm-up"] == "4 s for 10 steps"
    assert found["Step in the steady state"] == "400 ms"
    assert found["Last minute against the first"] == "the run took less than two minutes"


def test_a_long_run_tells_what_minutes_of_load_did():
    early = make_blocks(0.4, start_s=10.0)
    late = tuple(
        dataclasses.replace(block, start_s=block.start_s + 300, duration_s=block.duration_s * 1.1)
        for block in early
    )
    text = facts(make_result(blocks=early + late))["Last minute against the first"]
    assert text.startswith("1.1")
    assert "the time per image (95 % interval" in text


def test_energy_names_its_source_and_what_is_above_idle():
    run = make_gpu_result(idle=Idle(2.0, 100.0, None, "power"))
    spent = energy.energy(run)
    found = facts(run)
    assert found["Source"] == "the GPU's energy counter"
    assert found["Of"] == "the GPU's board"
    assert found["At rest"] == "100 W (power readings, integrated)"
    assert spent.above_idle.joules_per_epoch == pytest.approx(spent.joules_per_epoch * 2 / 3, rel=0.01)
    assert {"An epoch", "1,000 images", "An epoch, above idle", "1,000 images, above idle"} <= set(found)


def test_energy_that_isnt_there_says_why():
    assert facts(make_result())["In the timed blocks"] == sentence("energy_no_sensor")
    assert facts(make_gpu_result())["Above idle"] == sentence("idle_not_measured")
    busy = make_gpu_result(idle=Idle(2.0, 400.0, None, "power"))
    assert facts(busy)["Above idle"] == sentence("idle_above_load")


def test_a_processors_energy_is_of_its_package():
    samples = tuple(CpuSample(8 + 0.1 * i, 50.0, 800.0, None, None, None, 50.0 * 0.1 * i) for i in range(600))
    found = facts(make_result(telemetry=make_telemetry(cpu=samples)))
    assert found["Of"] == "the processor's package"
    assert found["Source"] == "the processor's energy counter (RAPL)"


def test_a_run_that_failed_early_has_little_to_tell():
    run = make_result(environment=None, cold_start=None, blocks=(), telemetry=None, status="failed")
    assert fact_sheet(run, english) == ()
