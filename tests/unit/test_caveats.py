from __future__ import annotations

import dataclasses

import pytest

from core import messages
from core.analysis.caveats import FEW_BLOCKS, PAIR_CHECKS, RUN_CHECKS, of_pair, of_run
from core.analysis.speedup import speedup
from core.records import Absent, Device, EpochRecord, Gpu, Note, ThreadTrial
from tests.builders import (
    make_cpu,
    make_cpu_samples,
    make_environment,
    make_gpu_result,
    make_gpu_samples,
    make_limits,
    make_machine,
    make_result,
    make_software,
    make_spec,
    make_telemetry,
    make_uniform_blocks,
)


def codes(result):
    return [caveat.code for caveat in of_run(result)]


def only(result, code):
    (found,) = [caveat for caveat in of_run(result) if caveat.code == code]
    assert "{" not in messages.sentence(code, found.facts)
    return found


def _blocks(*durations):
    return make_result(blocks=make_uniform_blocks(list(durations)))


def _cpu(spec=None, variables=(), threads=1, **changes):
    machine = make_machine(cpu=make_cpu(**changes), variables=variables)
    return make_result(environment=make_environment(machine), spec=spec or make_spec(), threads=threads)


def _loaded(load_pct, worker_pct):
    samples = tuple(
        dataclasses.replace(s, load_pct=load_pct, worker_pct=worker_pct) for s in make_cpu_samples()
    )
    return make_result(telemetry=make_telemetry(cpu=samples))


def _gpu(**changes):
    samples = tuple(dataclasses.replace(sample, **changes) for sample in make_gpu_samples())
    return make_gpu_result(telemetry=make_telemetry(gpu=samples))


def test_a_clean_run_has_none():
    assert of_run(make_result()) == ()
    assert of_run(make_gpu_result()) == ()
    assert of_pair(make_result(), make_gpu_result()) == ()


def test_every_caveat_names_its_run():
    assert of_run(make_result(status="cancelled"))[0].facts == {
        "run": "run-cpu", "device": "cpu", "status": "cancelled",
    }  # fmt: skip


def test_noisy_and_grave_when_very():
    assert "noisy" not in codes(_blocks(*[1.0, 1.09] * 8))
    noisy = only(_blocks(*[1.0, 1.15] * 8), "noisy")
    assert (noisy.grave, noisy.facts["pct"]) == (False, 14)
    assert only(_blocks(*[1.0, 1.5] * 8), "noisy").grave


def test_too_few_blocks():
    assert only(_blocks(*[1.0] * (FEW_BLOCKS - 1)), "too_few_blocks").facts["blocks"] == FEW_BLOCKS - 1
    assert "too_few_blocks" not in codes(_blocks(*[1.0] * FEW_BLOCKS))
    assert "too_few_blocks" not in codes(make_result(blocks=(), status="failed"))


@pytest.mark.parametrize(("samples", "pct"), [(32, 23), (1, 0.7), (130, 92)])
def test_projected_epoch(samples, pct):
    epochs = (EpochRecord(1, 1, 64, 2.0, None, 0, 0.0),)
    result = make_result(blocks=make_uniform_blocks([1.0] * 10, samples=samples), epochs=epochs)
    assert only(result, "projected_epoch").facts["pct"] == pct


@pytest.mark.parametrize("status", ["cancelled", "interrupted", "failed"])
def test_partial_run(status):
    assert only(make_result(status=status), "partial_run").grave == (status == "failed")


def test_out_of_time_is_not_partial():
    assert "partial_run" not in codes(make_result(status="out_of_time"))


@pytest.mark.parametrize("origin", ["recorded", "imported"])
def test_numbers_from_elsewhere(origin):
    found = only(make_gpu_result(origin=origin), origin)
    assert (found.facts["date"], found.facts["name"]) == ("2026-11-20", "NVIDIA Test GPU")


def _library(share, *rates, **setup):
    known = make_limits(default_share=share)
    known = dataclasses.replace(known, rates=rates) if rates else known
    return make_result(spec=make_spec(**setup), limits=known)


def test_library_slow():
    found = only(_library(0.55), "library_slow")
    assert (found.facts["pct"], found.facts["library"]) == (55, "onednn")
    assert (found.grave, found.informative) == (False, False)
    assert "library_slow" not in codes(_library(0.61))
    assert "library_slow" not in codes(make_result())


def test_a_run_that_takes_another_library_or_precision_has_no_slow_one():
    assert "library_slow" not in codes(_library(0.5, products="onednn"))
    assert "library_slow" not in codes(_library(0.5, precision="bf16"))
    assert "library_slow" not in codes(make_gpu_result(limits=make_limits(default_share=0.5)))


def test_a_slow_library_matters_to_the_work_that_it_does():
    large = [rate for rate in make_limits(default_share=0.5).rates if rate.kind == "large_product"]
    assert "library_slow" in codes(_library(0.5, *large))
    # convolutions: the default is all there is
    step = next(
        rate for rate in make_limits().rates if (rate.kind, rate.products) == ("step_products", "default")
    )
    assert "library_slow" not in codes(_library(0.5, *large, step))


def test_throttled_by_power_or_heat_but_not_by_idleness():
    found = only(_gpu(throttle_reasons=("hw_thermal", "applications_clocks")), "throttled")
    assert (found.facts["pct"], found.facts["reasons"]) == (100, "hw_thermal")
    assert "throttled" not in codes(_gpu(throttle_reasons=("idle", "applications_clocks")))
    assert "throttled" not in codes(_gpu(throttle_reasons=None))


def test_throttling_outside_the_blocks_does_not_count():
    first = make_gpu_result().blocks[0]
    samples = tuple(
        dataclasses.replace(s, throttle_reasons=("sw_power_cap",)) if s.at_s < first.start_s else s
        for s in make_gpu_samples()
    )
    assert "throttled" not in codes(make_gpu_result(telemetry=make_telemetry(gpu=samples)))


def test_machine_busy_with_other_programs():
    assert only(_loaded(80.0, 800.0), "machine_busy").facts["pct"] == 30  # 800 % of 16 cores are 50 %
    assert "machine_busy" not in codes(_loaded(99.0, 1500.0))
    assert "machine_busy" not in codes(_loaded(None, 1500.0))


@pytest.mark.parametrize(
    ("changes", "cause", "cores"),
    [
        ({"usable_cores": 4}, "affinity", 4),
        ({"quota_cores": 1.5, "usable_cores": 4}, "cgroup quota", 1.5),
        ({"variables": (("OMP_NUM_THREADS", "1,2"),)}, "OMP_NUM_THREADS", 1),
    ],
)
def test_cpu_restricted(changes, cause, cores):
    found = only(_cpu(**changes), "cpu_restricted")
    assert (found.facts["cause"], found.facts["cores"], found.facts["physical"]) == (cause, cores, 8)


def test_cpu_not_restricted():
    assert codes(_cpu(variables=(("OMP_NUM_THREADS", "8"),))) == []
    assert codes(_cpu(variables=(("OMP_NUM_THREADS", "many"),))) == []
    assert codes(_cpu(spec=make_spec(threads=1), variables=(("OMP_NUM_THREADS", "1"),))) == []  # asked for
    assert codes(_cpu(physical_cores=None, usable_cores=2)) == []
    assert "cpu_restricted" not in codes(_cpu(spec=make_spec(device="cuda:0"), usable_cores=2))


def test_drifting_when_the_thirds_are_calmer_than_their_difference():
    assert only(_blocks(*[1.0] * 5, *[1.1] * 5, *[1.2] * 5), "drifting").facts["pct"] == 20
    assert "drifting" not in codes(_blocks(*[1.0] * 5, *[1.03] * 5, *[1.08] * 5))
    assert "drifting" not in codes(_blocks(*[1.0, 1.6] * 3, *[1.2, 1.8] * 3, *[1.2, 1.8] * 3))


def test_bf16_without_instructions_for_it():
    spec = make_spec(precision="bf16")
    only(_cpu(spec=spec), "bf16_slow_on_cpu")
    assert codes(_cpu(spec=spec, isa=("avx2", "amx_bf16"))) == []
    assert "bf16_slow_on_cpu" not in codes(make_gpu_result(spec=make_spec(device="cuda:0", precision="bf16")))


def test_energy_from_power_readings_is_an_estimate():
    only(_gpu(energy_j=None), "energy_estimated")


def test_energy_of_stretches_shorter_than_the_sensor_follows():
    samples = make_gpu_samples(interval_s=0.25)
    found = only(make_gpu_result(telemetry=make_telemetry(gpu=samples)), "energy_coarse")
    assert 1 < found.facts["readings"] < 3


def _clocked(sm_clock_hz, recorded_hz=None, idle_hz=1.98e9):
    """The clock stands at `idle_hz` before the first block and at `sm_clock_hz` from then on."""
    first = make_gpu_result().blocks[0].start_s
    samples = tuple(
        dataclasses.replace(s, sm_clock_hz=sm_clock_hz if s.at_s >= first else idle_hz)
        for s in make_gpu_samples()
    )
    machine = make_machine()
    gpu = dataclasses.replace(machine.gpus[0], max_sm_clock_hz=recorded_hz)
    plain = make_gpu_result()
    around = dataclasses.replace(plain.environment, machine=dataclasses.replace(machine, gpus=(gpu,)))
    return make_gpu_result(telemetry=make_telemetry(gpu=samples), environment=around)


def test_a_low_gpu_clock_against_the_highest_known():
    found = only(_clocked(1.4e9), "clock_low")  # 71 % of what was seen before the first block
    assert (found.facts["mhz"], found.facts["highest_mhz"], found.facts["pct"]) == (1400, 1980, 71)
    assert "clock_low" not in codes(_clocked(1.5e9))
    assert "clock_low" not in codes(_clocked(1.4e9, recorded_hz=1.8e9))
    assert only(_clocked(1.4e9, recorded_hz=2.0e9), "clock_low").facts["pct"] == 70
    assert "clock_low" not in codes(_clocked(None, idle_hz=None))


def test_a_low_cpu_clock_counts_only_with_all_cores_at_work():
    samples = tuple(dataclasses.replace(s, clock_hz=2.4e9) for s in make_cpu_samples())
    slow = make_result(telemetry=make_telemetry(cpu=samples))  # 8 threads on 8 cores of 3.5 GHz
    assert only(slow, "clock_low").facts["pct"] == 69
    assert "clock_low" not in codes(dataclasses.replace(slow, threads=7))
    assert "clock_low" not in codes(dataclasses.replace(slow, threads=None))
    hidden = tuple(dataclasses.replace(s, clock_hz=None) for s in make_cpu_samples())
    assert "clock_low" not in codes(make_result(telemetry=make_telemetry(cpu=hidden)))


def test_other_programs_on_the_gpu():
    watched = make_telemetry(gpu=make_gpu_samples(), foreign_gpu_processes=2)
    assert only(make_gpu_result(telemetry=watched), "foreign_process").facts["count"] == 2
    for count in (0, None):
        calm = dataclasses.replace(watched, foreign_gpu_processes=count)
        assert "foreign_process" not in codes(make_gpu_result(telemetry=calm))
    assert "foreign_process" not in codes(make_result(telemetry=make_telemetry(foreign_gpu_processes=2)))


def _tried(used, *trials):
    found = tuple(ThreadTrial(threads, seconds) for threads, seconds in trials)
    return make_result(threads=used, thread_trials=found)


def test_a_thread_count_that_the_search_found_slower():
    slow, fast = (1.1, 1.11, 1.09, 1.1, 1.1), (1.0, 1.01, 0.99, 1.0, 1.0)
    found = only(_tried(8, (8, slow), (4, fast), (2, (3.0,))), "cpu_not_best")
    assert (found.facts["threads"], found.facts["best"], found.facts["pct"]) == (8, 4, 10)
    assert codes(_tried(4, (8, slow), (4, fast))) == []
    assert codes(_tried(8, (8, (1.02,) * 5), (4, (1.0,) * 5))) == []  # 2 % are within what a search can tell
    assert codes(_tried(8, (8, (1.1, 1.4, 0.9)), (4, (1.0, 1.3, 0.9)))) == []  # and so is noise
    assert codes(_tried(16, (8, slow), (4, fast))) == []  # the count that was used wasn't tried
    assert codes(_tried(8)) == []  # not searched: no doubt by itself
    assert only(_tried(2, (2, (3.0,)), (4, fast)), "cpu_not_best").facts["pct"] == 200  # given up after one


def test_a_machine_on_battery():
    powered = make_result(environment=make_environment(make_machine(on_battery=True)))
    only(powered, "battery")
    for state in (False, None):
        assert codes(make_result(environment=make_environment(make_machine(on_battery=state)))) == []


def test_counters_that_a_virtual_machine_hides():
    absent = (Absent("cpu.energy_j", "rapl_absent"), Absent("gpu.power_w", "nvml_not_supported"))
    telemetry = make_telemetry(absent=absent)
    inside = make_environment(make_machine(virtual="wsl"))
    found = only(make_result(environment=inside, telemetry=telemetry), "counters_missing")
    assert (found.facts["virtual"], found.facts["readings"]) == ("wsl", "cpu.energy_j")
    assert (found.informative, found.grave) == (True, False)
    assert codes(make_result(telemetry=telemetry)) == []  # on the machine itself
    assert codes(make_result(environment=inside)) == []  # nothing hidden


def test_the_variables_that_limit_threads():
    def cause(threads=2, tried=(), **variables):
        found = _cpu(variables=tuple(variables.items()), threads=threads)
        found = dataclasses.replace(found, thread_trials=tuple(ThreadTrial(n, (1.0,)) for n in tried))
        return [caveat.facts["cause"] for caveat in of_run(found) if caveat.code == "cpu_restricted"]

    assert cause(MKL_NUM_THREADS="2") == ["MKL_NUM_THREADS"]
    assert cause(MKL_NUM_THREADS="8", OMP_NUM_THREADS="2") == []  # MKL's own comes first with torch
    assert cause(OMP_THREAD_LIMIT="4", OMP_NUM_THREADS="8") == ["OMP_THREAD_LIMIT"]
    assert cause(OMP_NUM_THREADS="0") == []
    # a search that went beyond, or a run that did, wasn't held back
    assert cause(MKL_NUM_THREADS="2", tried=(1, 2, 4, 8)) == []
    assert cause(MKL_NUM_THREADS="2", tried=(1, 2)) == ["MKL_NUM_THREADS"]
    assert cause(MKL_NUM_THREADS="2", threads=8) == []


def test_a_run_without_a_number_is_gravely_doubted():
    assert only(make_result(status="cancelled", blocks=()), "partial_run").grave
    assert only(make_result(blocks=()), "too_few_blocks").grave
    assert only(_blocks(1.0, 1.0), "too_few_blocks").grave
    assert not only(_blocks(1.0, 1.0, 1.0), "too_few_blocks").grave


def test_what_informs_is_told_from_what_touches_the_number():
    informing = {"recorded", "projected_epoch", "counters_missing", "energy_estimated", "energy_coarse"}
    informing |= {"first_gpu_only"}
    assert only(_gpu(energy_j=None), "energy_estimated").informative
    assert only(make_result(origin="recorded"), "recorded").informative
    assert not only(make_result(origin="imported"), "imported").informative
    named = {check.__name__.removeprefix("_") for check, touches in RUN_CHECKS if not touches}
    assert named == informing
    assert all(touches for _, touches in PAIR_CHECKS)


# --- pairs ---------------------------------------------------------------------------------------


def _pair(a, b):
    found = of_pair(a, b)
    for caveat in found:
        assert "{" not in messages.sentence(caveat.code, caveat.facts)
    return {caveat.code: caveat for caveat in found}


def test_parity_lost_is_grave():
    found = _pair(make_result(), make_gpu_result(first_losses=(9.0,)))["parity_lost_non_determinism"]
    assert found.grave
    assert found.facts["tolerance"] == 1e-3
    assert found.facts["accuracy_gap"] == 0


def test_different_machines_are_named():
    other = make_machine(cpu=make_cpu(model="Other CPU"), gpus=(Gpu(0, "Big GPU", "GPU-b", None, None, None),))
    device = Device("cuda:0", "Big GPU")
    elsewhere = make_gpu_result(job_id="job-2", environment=make_environment(other, device=device))
    found = _pair(make_result(), elsewhere)
    assert found["unlike_environment"].facts == {
        "baseline": "Test CPU + Test GPU",
        "candidate": "Other CPU + Big GPU",
    }


def test_different_devices_of_one_machine_are_what_is_compared():
    assert set(_pair(make_result(), make_gpu_result(job_id="job-2"))) == {"separate_jobs"}


def test_what_no_job_can_measure_together_is_said_to_be_so():
    through_ray = (Note("through_ray", {"kind": "small", "ray": "2.60.0"}),)
    away = make_gpu_result(job_id="job-2", notes=through_ray)
    assert set(_pair(make_result(), away)) == set(_pair(away, make_result())) == {"separate_machines"}
    other = make_environment(make_machine(cpu=make_cpu(model="Other CPU")))
    found = _pair(make_result(), make_result(id="run-2", job_id="job-2", environment=other))
    assert set(found) == {"separate_machines", "unlike_environment"}
    assert not found["separate_machines"].informative


def test_different_software_is_listed():
    newer = make_environment(software=make_software(torch="2.14.0", cuda=None))
    found = _pair(make_result(), make_gpu_result(environment=newer))
    assert found["unlike_software"].facts == {"differing": "torch 2.13.0 / 2.14.0, cuda 13.0 / None"}


def test_the_same_hardware_under_other_conditions():
    slower = make_machine(cpu=make_cpu(governor="powersave"), on_battery=True)
    elsewhen = make_gpu_result(job_id="job-2", environment=make_environment(slower))
    plugged = make_result(environment=make_environment(make_machine(on_battery=False)))
    found = _pair(plugged, elsewhen)
    assert set(found) == {"separate_jobs", "unlike_conditions"}
    assert found["unlike_conditions"].facts == {
        "differing": "cpu.governor performance / powersave, on_battery False / True"
    }


def test_software_that_does_not_change_speed_is_no_doubt():
    newer = make_environment(make_machine(kernel="6.2"), make_software(python="3.11.9", torchvision="0.28.1"))
    assert set(_pair(make_result(), make_gpu_result(job_id="job-2", environment=newer))) == {"separate_jobs"}
    cuda = make_environment(software=make_software(cuda="12.8"))
    assert set(_pair(make_result(), make_result(job_id="job-2", environment=cuda))) == {"separate_jobs"}
    python = make_environment(software=make_software(python="3.13.1"))
    found = _pair(make_result(), make_result(job_id="job-2", environment=python))
    assert found["unlike_software"].facts == {"differing": "python 3.11.7 / 3.13.1"}


def test_a_job_that_ran_out_of_time_before_the_target():
    noisy = make_uniform_blocks([0.5, 0.6, 0.4, 0.55, 0.45] * 3, epoch=4, start_s=12.5)
    stopped = (Note("stopped_by_time", {"target_pct": 3.0}),)
    wide = make_result(notes=stopped), make_gpu_result(blocks=noisy, notes=stopped)
    found = _pair(*wide)["no_interval_target"]
    ratio, _ = speedup(*wide)
    assert found.facts["target_pct"] == 3.0
    assert found.facts["pct"] == pytest.approx(100 * (ratio.high - ratio.low) / 2 / ratio.value, rel=0.05)
    assert found.facts["pct"] > 3
    assert _pair(make_result(notes=stopped), make_gpu_result(notes=stopped)) == {}  # narrow all the same
    assert "no_interval_target" not in _pair(make_result(), make_gpu_result(blocks=noisy))
