from __future__ import annotations

import dataclasses

import pytest

from core import messages
from core.analysis.caveats import FEW_BLOCKS, of_pair, of_run
from core.records import Device, EpochRecord, Gpu
from tests.builders import (
    make_cpu,
    make_cpu_samples,
    make_environment,
    make_gpu_result,
    make_gpu_samples,
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


def _cpu(spec=None, variables=(), **changes):
    machine = make_machine(cpu=make_cpu(**changes), variables=variables)
    return make_result(environment=make_environment(machine), spec=spec or make_spec())


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


# --- pairs ---------------------------------------------------------------------------------------


def _pair(a, b):
    found = of_pair(a, b)
    for caveat in found:
        assert "{" not in messages.sentence(caveat.code, caveat.facts)
    return {caveat.code: caveat for caveat in found}


def test_parity_lost_is_grave():
    found = _pair(make_result(), make_gpu_result(first_losses=(9.0,)))
    assert found["parity_lost"].grave
    assert found["parity_lost"].facts["tolerance"] == 1e-3


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


def test_different_software_is_listed():
    newer = make_environment(software=make_software(torch="2.14.0", cuda=None))
    found = _pair(make_result(), make_gpu_result(environment=newer))
    assert found["unlike_software"].facts == {"differing": "torch 2.13.0 / 2.14.0, cuda 13.0 / None"}
