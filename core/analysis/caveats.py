"""Every doubt about a run or a pair of runs, recomputed from raw data: one small function for each.

A check returns its Caveat or None. To add one: write it, list it in RUN_CHECKS or PAIR_CHECKS with whether it
touches what the headline's numbers are worth, and give its code a sentence in core.messages.CAVEATS. Every
caveat of a run carries the facts `run` and `device`.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Iterable, Sequence

from core.analysis import limits, stats, timed
from core.analysis.comparability import Difference, differences, gpu_used, machine_name
from core.analysis.energy import energy
from core.analysis.machines import kind_elsewhere, whole_cores
from core.analysis.parity import REASONS, parity
from core.analysis.speedup import MIN_BLOCKS, speedup
from core.records import Caveat, CpuSample, Fact, GpuSample, RunResult, ThreadTrial

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
# GPUs leave a few per cent of their clock at work, and a processor whose cores are all busy a tenth or two.
LOW_CLOCK = 0.75
# What a search of a few short blocks can tell apart.
BETTER_THREADS = 0.03
# Two good libraries are within a few per cent of each other; at this, one leaves its vectors unused.
SLOW_LIBRARY = 0.6
# A workload whose own products are as fast by default has no need of another: convolutions have their own.
NO_SLOWER = 0.9
# Power and heat, as core.hardware.nvml names them; not clocks that someone has set.
_SLOWING = {"sw_power_cap", "hw_slowdown", "sw_thermal", "hw_thermal", "hw_power_brake", "board_limit"}
_BF16_ISA = {"avx512_bf16", "amx_bf16", "bf16", "sve_bf16"}  # x86; the last two are Arm's names
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_THREAD_LIMIT")
# Readings, as Telemetry.absent names them, without which slowing down goes unseen
_WATCHING = {
    "cpu": ("cpu.clock_hz", "cpu.energy_j"),
    "gpu": ("gpu", "gpu.sm_clock_hz", "gpu.throttle_reasons", "gpu.power_w", "gpu.energy_j"),
}
# Differences that change speed by themselves; a kernel's or torchvision's release alone is no doubt.
_SPEED_SOFTWARE = {"python", "torch", "cuda", "cudnn", "blas", "cpu_capability", "driver"}


def of_run(result: RunResult) -> tuple[Caveat, ...]:
    """The doubts about one run, in the order of RUN_CHECKS."""
    who: dict[str, Fact] = {"run": result.id, "device": result.spec.setup.device}
    return tuple(
        dataclasses.replace(caveat, facts={**who, **caveat.facts}, informative=not touches)
        for check, touches in RUN_CHECKS
        if (caveat := check(result)) is not None
    )


def of_pair(a: RunResult, b: RunResult) -> tuple[Caveat, ...]:
    """The doubts about comparing two runs; those of each run by itself are `of_run`'s."""
    return tuple(
        dataclasses.replace(caveat, informative=not touches)
        for check, touches in PAIR_CHECKS
        if (caveat := check(a, b)) is not None
    )


# --- one run -------------------------------------------------------------------------------------


def _partial_run(result: RunResult) -> Caveat | None:
    if result.status not in ("cancelled", "interrupted", "failed"):
        return None
    useless = result.status == "failed" or not result.blocks
    return Caveat("partial_run", grave=useless, facts={"status": result.status})


def _recorded(result: RunResult) -> Caveat | None:
    return Caveat("recorded", facts=_where_and_when(result)) if result.origin == "recorded" else None


def _imported(result: RunResult) -> Caveat | None:
    return Caveat("imported", facts=_where_and_when(result)) if result.origin == "imported" else None


def _where_and_when(result: RunResult) -> dict[str, Fact]:
    name = result.environment.device.name if result.environment else result.spec.setup.device
    return {"date": result.created_at[:10], "name": name}


def _too_few_blocks(result: RunResult) -> Caveat | None:
    blocks = len(result.blocks)
    if blocks >= FEW_BLOCKS or (blocks == 0 and result.status not in ("finished", "out_of_time")):
        return None  # a run that ended early says so itself
    return Caveat("too_few_blocks", grave=blocks < MIN_BLOCKS, facts={"blocks": blocks})


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


def _clock_low(result: RunResult) -> Caveat | None:
    clocks, highest = _gpu_clocks(result) if result.spec.setup.device != "cpu" else _cpu_clocks(result)
    if not clocks or not highest or statistics.median(clocks) >= LOW_CLOCK * highest:
        return None
    clock = statistics.median(clocks)
    facts: dict[str, Fact] = {"mhz": round(clock / 1e6), "highest_mhz": round(highest / 1e6)}
    return Caveat("clock_low", facts={**facts, "pct": round(100 * clock / highest)})


def _gpu_clocks(result: RunResult) -> tuple[list[float], float | None]:
    """In the blocks, and the highest known: the driver's word, else what was seen at any time."""

    def clocks(samples: Iterable[GpuSample]) -> list[float]:
        return [sample.sm_clock_hz for sample in samples if sample.sm_clock_hz is not None]

    gpu, samples = gpu_used(result), result.telemetry.gpu if result.telemetry else ()
    told = gpu.max_sm_clock_hz if gpu else None
    return clocks(timed.during_blocks(result, samples)), told or max(clocks(samples), default=None)


def _cpu_clocks(result: RunResult) -> tuple[list[float], float | None]:
    """As _gpu_clocks. A reading is the mean of all cores: only with all at work does it say anything."""

    def clocks(samples: Iterable[CpuSample]) -> list[float]:
        return [sample.clock_hz for sample in samples if sample.clock_hz is not None]

    cpu = result.environment.machine.cpu if result.environment else None
    busy = (result.threads or 0) * result.spec.setup.workers
    if cpu is None or result.telemetry is None or busy < (cpu.physical_cores or 1):
        return [], None
    seen = clocks(timed.during_blocks(result, result.telemetry.cpu))
    return seen, cpu.max_clock_hz or max(clocks(result.telemetry.cpu), default=None)


def _foreign_process(result: RunResult) -> Caveat | None:
    others = result.telemetry.foreign_gpu_processes if result.telemetry else None
    if result.spec.setup.device == "cpu" or not others:
        return None
    return Caveat("foreign_process", facts={"count": others})


def _counters_missing(result: RunResult) -> Caveat | None:
    virtual = result.environment.machine.virtual if result.environment else None
    if virtual is None or result.telemetry is None:
        return None
    absent = {item.reading for item in result.telemetry.absent}
    watching = _WATCHING["cpu" if result.spec.setup.device == "cpu" else "gpu"]
    hidden = [name for name in watching if name in absent]
    if not hidden:
        return None
    return Caveat("counters_missing", facts={"virtual": virtual, "readings": ", ".join(hidden)})


def _battery(result: RunResult) -> Caveat | None:
    on_battery = result.environment is not None and result.environment.machine.on_battery
    return Caveat("battery") if on_battery else None


def _machine_busy(result: RunResult) -> Caveat | None:
    others_pct = timed.other_load_pct(result)
    if others_pct is None or others_pct <= BUSY_PCT:
        return None
    return Caveat("machine_busy", facts={"pct": round(others_pct)})


def _cpu_restricted(result: RunResult) -> Caveat | None:
    if result.environment is None or result.spec.setup.device != "cpu":
        return None
    cpu = result.environment.machine.cpu
    if cpu.physical_cores is None:
        return None
    limits: dict[str, float | None] = {"affinity": cpu.usable_cores, "cgroup quota": cpu.quota_cores}
    if result.spec.setup.threads is None:  # else the threads were asked for, and the variables have no say
        limits |= _thread_variables(result)
    tight = {name: limit for name, limit in limits.items() if limit is not None and limit < cpu.physical_cores}
    if not tight:
        return None
    cause = min(tight, key=lambda name: tight[name])
    return Caveat(
        "cpu_restricted", facts={"cause": cause, "cores": tight[cause], "physical": cpu.physical_cores}
    )


def _thread_variables(result: RunResult) -> dict[str, float | None]:
    """The limits that environment variables set, and that the run didn't overstep."""
    given = dict(result.environment.machine.variables) if result.environment else {}
    first = {name: given.get(name, "").split(",")[0].strip() for name in _THREAD_VARIABLES}  # "4,2": by level
    if first["MKL_NUM_THREADS"]:
        first["OMP_NUM_THREADS"] = ""  # torch asks MKL, and MKL this one first
    tried = max((trial.threads for trial in result.thread_trials), default=result.threads or 0)
    limits = {name: int(text) for name, text in first.items() if text.isdigit()}
    return {name: limit for name, limit in limits.items() if limit >= max(1, tried)}


def _cpu_not_best(result: RunResult) -> Caveat | None:
    used = next((trial for trial in result.thread_trials if trial.threads == result.threads), None)
    others = [trial for trial in result.thread_trials if trial.threads != result.threads]
    if result.spec.setup.device != "cpu" or used is None or not others:
        return None
    best = min(others, key=_trial_time)
    slower = _trial_time(used) / _trial_time(best) - 1
    ratio = stats.ratio_of_medians(used.seconds_per_sample, best.seconds_per_sample)
    if slower <= BETTER_THREADS or (ratio is not None and ratio.low <= 1):
        return None
    return Caveat(
        "cpu_not_best", facts={"threads": used.threads, "best": best.threads, "pct": round(100 * slower)}
    )


def _trial_time(trial: ThreadTrial) -> float:
    return stats.median(trial.seconds_per_sample)


def _workers_oversubscribed(result: RunResult) -> Caveat | None:
    setup = result.spec.setup
    if setup.workers == 1 or setup.device != "cpu" or result.environment is None or result.threads is None:
        return None
    cores, wanted = whole_cores(result.environment.machine.cpu), setup.workers * result.threads
    if cores is None or wanted <= cores:
        return None
    shown = int(cores) if cores.is_integer() else cores
    facts: dict[str, Fact] = {"workers": setup.workers, "wanted": wanted, "cores": shown}
    return Caveat("workers_oversubscribed", facts=facts)


def _first_gpu_only(result: RunResult) -> Caveat | None:
    workers, on_cpu = result.spec.setup.workers, result.spec.setup.device == "cpu"
    return None if workers == 1 or on_cpu else Caveat("first_gpu_only", facts={"workers": workers})


def _bf16_slow_on_cpu(result: RunResult) -> Caveat | None:
    setup = result.spec.setup
    if result.environment is None or setup.device != "cpu" or setup.precision != "bf16":
        return None
    return None if _BF16_ISA & set(result.environment.machine.cpu.isa) else Caveat("bf16_slow_on_cpu")


def _library_slow(result: RunResult) -> Caveat | None:
    setup, known = result.spec.setup, result.limits
    if known is None or setup.device != "cpu" or (setup.products, setup.precision) != ("default", "fp32"):
        return None
    share, of_step = limits.route_share(known), limits.route_share(known, "step_products")
    if share is None or share >= SLOW_LIBRARY or (of_step is not None and of_step >= NO_SLOWER):
        return None
    faster = limits.fastest(known, "large_product", "fp32")
    return Caveat(
        "library_slow", facts={"pct": round(100 * share), "library": faster.products if faster else None}
    )


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
    if found.cause is None:
        return None
    facts: dict[str, Fact] = {"worst": found.worst, "tolerance": found.tolerance}
    if found.accuracy_gap is not None:
        facts |= {"accuracy_gap": found.accuracy_gap, "accuracy_tolerance": found.accuracy_tolerance}
    return Caveat(REASONS[found.cause], grave=True, facts=facts)


def _separate_jobs(a: RunResult, b: RunResult) -> Caveat | None:
    """A cluster measures each kind of device in a job of its own, and no two machines ever take turns."""
    if a.job_id == b.job_id:
        return None
    apart = kind_elsewhere(a) or kind_elsewhere(b) or _of(a, b, "other_hardware")
    return Caveat("separate_machines" if apart else "separate_jobs")


def _no_interval_target(a: RunResult, b: RunResult) -> Caveat | None:
    """Out of time, and the interval wider than asked for: of three setups, it may be another pair's."""
    notes = [note for run in (a, b) for note in run.notes if note.code == "stopped_by_time"]
    targets = (note.facts.get("target_pct") for note in notes)
    target = next((value for value in targets if isinstance(value, (int, float))), None)
    if target is None or a.job_id != b.job_id:
        return None
    ratio, _ = speedup(a, b)
    if ratio is None:
        return None
    reached = 100 * (ratio.high - ratio.low) / 2 / ratio.value
    if reached <= target:
        return None
    return Caveat("no_interval_target", facts={"target_pct": target, "pct": float(f"{reached:.2g}")})


def _unlike_environment(a: RunResult, b: RunResult) -> Caveat | None:
    if a.environment is None or b.environment is None or not _of(a, b, "other_hardware"):
        return None
    names = [machine_name(run.environment.machine) for run in (a, b) if run.environment]
    return Caveat("unlike_environment", facts={"baseline": names[0], "candidate": names[1]})


def _unlike_conditions(a: RunResult, b: RunResult) -> Caveat | None:
    found = _of(a, b, "other_conditions")
    if not found or _of(a, b, "other_hardware"):  # another machine is doubt enough
        return None
    return Caveat("unlike_conditions", facts={"differing": _listed(found)})


def _unlike_software(a: RunResult, b: RunResult) -> Caveat | None:
    found = [item for item in _of(a, b, "other_software") if item.field in _SPEED_SOFTWARE]
    return Caveat("unlike_software", facts={"differing": _listed(found)}) if found else None


def _of(a: RunResult, b: RunResult, code: str) -> list[Difference]:
    return [item for item in differences(a, b) if item.code == code]


def _listed(found: Sequence[Difference]) -> str:
    return ", ".join(f"{item.field} {item.a} / {item.b}" for item in found)


TOUCHES, INFORMS = True, False  # what the number is worth; what a reader should know beside it
RUN_CHECKS: tuple[tuple[Callable[[RunResult], Caveat | None], bool], ...] = (
    (_partial_run, TOUCHES),
    (_recorded, INFORMS),
    (_imported, TOUCHES),
    (_too_few_blocks, TOUCHES),
    (_noisy, TOUCHES),
    (_drifting, TOUCHES),
    (_projected_epoch, INFORMS),
    (_throttled, TOUCHES),
    (_clock_low, TOUCHES),
    (_machine_busy, TOUCHES),
    (_foreign_process, TOUCHES),
    (_battery, TOUCHES),
    (_cpu_restricted, TOUCHES),
    (_cpu_not_best, TOUCHES),
    (_workers_oversubscribed, TOUCHES),
    (_first_gpu_only, INFORMS),
    (_bf16_slow_on_cpu, TOUCHES),
    (_library_slow, TOUCHES),
    (_counters_missing, INFORMS),
    (_energy_estimated, INFORMS),
    (_energy_coarse, INFORMS),
)
PAIR_CHECKS: tuple[tuple[Callable[[RunResult, RunResult], Caveat | None], bool], ...] = (
    (_parity_lost, TOUCHES),
    (_separate_jobs, TOUCHES),
    (_no_interval_target, TOUCHES),
    (_unlike_environment, TOUCHES),
    (_unlike_conditions, TOUCHES),
    (_unlike_software, TOUCHES),
)
