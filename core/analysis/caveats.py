"""Every doubt about a run or a pair of runs, recomputed from raw data: one small function for each.

A check returns its Caveat or None. To add one: write it, list it in RUN_CHECKS or PAIR_CHECKS, and give its
code a sentence in core.messages.CAVEATS. Every caveat of a run carries the facts `run` and `device`.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable

from core.analysis import stats, timed
from core.analysis.energy import energy
from core.analysis.parity import parity
from core.records import Caveat, Fact, Machine, RunResult

# torch.utils.benchmark warns at the same two spreads ("significant environmental influence").
NOISY_IQR = 0.10
VERY_NOISY_IQR = 0.25
# Below nine blocks the bootstrap interval of a median is little more than the smallest and the largest.
FEW_BLOCKS = 9
# A sensor's single flicker is no throttling; one reading in twenty shifts the median's neighbours.
THROTTLED_SHARE = 0.05
# A fifth of the machine busy with something else takes cores, memory bandwidth or turbo from the run.
BUSY_PCT = 20.0
# As much as the noise that is worth a caveat by itself.
DRIFT = 0.10
# Linear interpolation at a stretch's edges mixes in idle power: a third of a reading for each stretch.
FEW_READINGS_PER_STRETCH = 3.0
# Power and heat, as core.hardware.nvml names them; not clocks that someone has set.
_SLOWING = {"sw_power_cap", "hw_slowdown", "sw_thermal", "hw_thermal", "hw_power_brake"}
_BF16_ISA = {"avx512_bf16", "amx_bf16", "bf16", "sve_bf16"}  # x86; the last two are Arm's names


def of_run(result: RunResult) -> tuple[Caveat, ...]:
    """The doubts about one run, in the order of RUN_CHECKS."""
    who: dict[str, Fact] = {"run": result.id, "device": result.spec.setup.device}
    found = (check(result) for check in RUN_CHECKS)
    return tuple(dataclasses.replace(c, facts={**who, **c.facts}) for c in found if c is not None)


def of_pair(a: RunResult, b: RunResult) -> tuple[Caveat, ...]:
    """The doubts about comparing two runs; those of each run by itself are `of_run`'s."""
    return tuple(caveat for check in PAIR_CHECKS if (caveat := check(a, b)) is not None)


# --- one run -------------------------------------------------------------------------------------


def _partial_run(result: RunResult) -> Caveat | None:
    if result.status not in ("cancelled", "interrupted", "failed"):
        return None
    return Caveat("partial_run", grave=result.status == "failed", facts={"status": result.status})


def _recorded(result: RunResult) -> Caveat | None:
    if result.origin == "measured":
        return None
    name = result.environment.device.name if result.environment else result.spec.setup.device
    return Caveat(result.origin, facts={"date": result.created_at[:10], "name": name})


def _too_few_blocks(result: RunResult) -> Caveat | None:
    blocks = len(result.blocks)
    return Caveat("too_few_blocks", facts={"blocks": blocks}) if 0 < blocks < FEW_BLOCKS else None


def _noisy(result: RunResult) -> Caveat | None:
    spread = stats.relative_iqr(timed.seconds_per_sample(result))
    if spread is None or spread <= NOISY_IQR:
        return None
    return Caveat("noisy", grave=spread > VERY_NOISY_IQR, facts={"pct": round(100 * spread)})


def _drifting(result: RunResult) -> Caveat | None:
    times = timed.seconds_per_sample(result)
    third = len(times) // 3
    if len(times) < FEW_BLOCKS:
        return None
    first, last = times[:third], times[-third:]
    change = stats.median(last) / stats.median(first) - 1
    noise = max(stats.relative_iqr(part) or 0.0 for part in (first, last))
    if abs(change) <= DRIFT or noise >= abs(change):
        return None
    return Caveat("drifting", facts={"pct": round(100 * change)})


def _projected_epoch(result: RunResult) -> Caveat | None:
    fraction = timed.timed_fraction(result)
    if not result.blocks or fraction is None or timed.measured_epochs(result):
        return None
    pct = 100 * fraction
    return Caveat("projected_epoch", facts={"pct": round(pct) if pct >= 1 else float(f"{pct:.1g}")})


def _throttled(result: RunResult) -> Caveat | None:
    samples = timed.during_blocks(result, result.telemetry.gpu if result.telemetry else ())
    known = [sample.throttle_reasons for sample in samples if sample.throttle_reasons is not None]
    slowed = [active for reasons in known if (active := _SLOWING & set(reasons))]
    if len(slowed) <= THROTTLED_SHARE * len(known):
        return None
    names = ", ".join(sorted(set().union(*slowed)))
    return Caveat("throttled", facts={"pct": round(100 * len(slowed) / len(known)), "reasons": names})


def _machine_busy(result: RunResult) -> Caveat | None:
    cores = result.environment.machine.cpu.logical_cores if result.environment else None
    if result.telemetry is None or cores is None:
        return None
    others = [
        sample.load_pct - sample.worker_pct / cores
        for sample in timed.during_blocks(result, result.telemetry.cpu)
        if sample.load_pct is not None and sample.worker_pct is not None
    ]
    if not others or statistics.median(others) <= BUSY_PCT:
        return None
    return Caveat("machine_busy", facts={"pct": round(statistics.median(others))})


def _cpu_restricted(result: RunResult) -> Caveat | None:
    if result.environment is None or result.spec.setup.device != "cpu":
        return None
    cpu = result.environment.machine.cpu
    if cpu.physical_cores is None:
        return None
    limits = {"affinity": cpu.usable_cores, "cgroup quota": cpu.quota_cores}
    if result.spec.setup.threads is None:  # else the threads were asked for, and the variable has no say
        limits["OMP_NUM_THREADS"] = _threads_variable(result.environment.machine)
    tight = {name: limit for name, limit in limits.items() if limit is not None and limit < cpu.physical_cores}
    if not tight:
        return None
    cause = min(tight, key=lambda name: tight[name])
    return Caveat(
        "cpu_restricted", facts={"cause": cause, "cores": tight[cause], "physical": cpu.physical_cores}
    )


def _threads_variable(machine: Machine) -> int | None:
    first = (
        dict(machine.variables).get("OMP_NUM_THREADS", "").split(",")[0].strip()
    )  # "4,2": one for each level
    return int(first) if first.isdigit() else None


def _bf16_slow_on_cpu(result: RunResult) -> Caveat | None:
    setup = result.spec.setup
    if result.environment is None or setup.device != "cpu" or setup.precision != "bf16":
        return None
    return None if _BF16_ISA & set(result.environment.machine.cpu.isa) else Caveat("bf16_slow_on_cpu")


def _energy_estimated(result: RunResult) -> Caveat | None:
    spent = energy(result)
    return Caveat("energy_estimated") if spent and spent.source == "power" else None


def _energy_coarse(result: RunResult) -> Caveat | None:
    spent = energy(result)
    if spent is None or spent.readings_per_stretch >= FEW_READINGS_PER_STRETCH:
        return None
    return Caveat("energy_coarse", facts={"readings": round(spent.readings_per_stretch, 1)})


# --- two runs ------------------------------------------------------------------------------------


def _parity_lost(a: RunResult, b: RunResult) -> Caveat | None:
    found = parity(a, b)
    if found.code != "parted":
        return None
    return Caveat("parity_lost", grave=True, facts={"worst": found.worst, "tolerance": found.tolerance})


def _separate_jobs(a: RunResult, b: RunResult) -> Caveat | None:
    return None if a.job_id == b.job_id else Caveat("separate_jobs")


def _unlike_environment(a: RunResult, b: RunResult) -> Caveat | None:
    if a.job_id == b.job_id or a.environment is None or b.environment is None:
        return None
    one, other = a.environment.machine, b.environment.machine
    cards = [[gpu.name for gpu in machine.gpus] for machine in (one, other)]
    if one.cpu == other.cpu and cards[0] == cards[1]:
        return None
    return Caveat("unlike_environment", facts={"baseline": _named(one), "candidate": _named(other)})


def _named(machine: Machine) -> str:
    return " + ".join((machine.cpu.model, *(gpu.name for gpu in machine.gpus)))


def _unlike_software(a: RunResult, b: RunResult) -> Caveat | None:
    if a.environment is None or b.environment is None:
        return None
    one, other = a.environment.software, b.environment.software
    differing = [
        f"{name} {getattr(one, name)} / {getattr(other, name)}"
        for name in ("torch", "cuda", "cudnn", "blas", "cpu_capability")
        if getattr(one, name) != getattr(other, name)
    ]
    return Caveat("unlike_software", facts={"differing": ", ".join(differing)}) if differing else None


RUN_CHECKS: tuple[Callable[[RunResult], Caveat | None], ...] = (
    _partial_run,
    _recorded,
    _too_few_blocks,
    _noisy,
    _drifting,
    _projected_epoch,
    _throttled,
    _machine_busy,
    _cpu_restricted,
    _bf16_slow_on_cpu,
    _energy_estimated,
    _energy_coarse,
)
PAIR_CHECKS: tuple[Callable[[RunResult, RunResult], Caveat | None], ...] = (
    _parity_lost,
    _separate_jobs,
    _unlike_environment,
    _unlike_software,
)
