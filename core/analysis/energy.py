"""Joules spent inside the timed blocks, from whichever sensor gives them honestly; in all and above idle."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from core.analysis.timed import during_blocks, samples_per_epoch
from core.records import EnergySource, Idle, RunResult, Telemetry

Part = Literal["cpu", "gpu"]

# NVIDIA's counter moves about ten times a second: with fewer readings than these, or than one for each
# stretch, the idle power interpolated in at the blocks' edges is most of the answer.
MIN_READINGS = 5
# Sampling gaps longer than this many intervals leave stretches where nothing is known.
_LONGEST_GAP_INTERVALS = 10


@dataclass(frozen=True, slots=True)
class AboveIdle:
    """What the work itself cost: without what the device draws anyway."""

    joules: float
    joules_per_1000_samples: float
    joules_per_epoch: float | None
    idle_w: float
    idle_source: EnergySource


@dataclass(frozen=True, slots=True)
class Energy:
    joules: float  # of the GPU's board, or of the CPU's package: never of the whole machine
    joules_per_1000_samples: float
    joules_per_epoch: float | None  # None: the size of an epoch isn't known
    above_idle: AboveIdle | None  # None: `idle_absent` says why
    of: Part
    source: EnergySource
    readings: int  # distinct sensor readings inside the blocks
    readings_per_stretch: float  # a stretch: blocks with no sampling interval between them


@dataclass(frozen=True, slots=True)
class _Reading:
    at_s: float
    value: float


def energy(result: RunResult) -> Energy | None:
    """Energy of the timed blocks, or None (`energy_absent` says why).

    A cumulative counter is read at the blocks' edges by linear interpolation; without one, power is
    integrated by the trapezoid rule and the source says so. The two are never mixed.
    """
    outcome = _measure(result)
    return outcome if isinstance(outcome, Energy) else None


def energy_absent(result: RunResult) -> str | None:
    """The message code for why there is no energy; None when there is."""
    outcome = _measure(result)
    return None if isinstance(outcome, Energy) else outcome


def idle_absent(result: RunResult) -> str | None:
    """The message code for why there is an energy but none above idle; None when there is, or no energy."""
    found = energy(result)
    if found is None or found.above_idle is not None:
        return None
    return "idle_not_measured" if _idle_power(result.idle, found.of) is None else "idle_above_load"


def _idle_power(idle: Idle | None, of: Part) -> tuple[float, EnergySource] | None:
    """Watts, and the sensor they are from."""
    if idle is None or idle.source is None:
        return None
    # A counter's difference rests on the whole duration, a power on single readings.
    by_counter = idle.energy_j / idle.duration_s if idle.energy_j is not None and idle.duration_s > 0 else None
    power_w = by_counter if by_counter is not None else idle.power_w
    if power_w is None:
        return None
    return power_w, "rapl" if of == "cpu" and idle.source == "counter" else idle.source


def _measure(result: RunResult) -> Energy | str:
    if result.telemetry is None or not result.blocks:
        return "energy_no_sensor"
    of: Part = "cpu" if result.spec.setup.device == "cpu" else "gpu"
    if of == "gpu" and result.spec.setup.workers > 1:
        return "energy_several_gpus"  # the telemetry is of the first one
    reason = "energy_no_sensor"
    for source, readings in _series(result.telemetry, of):
        if not readings:
            continue
        readings.sort(key=lambda reading: reading.at_s)
        outcome = _from_series(result, result.telemetry.interval_s, of, source, readings)
        if isinstance(outcome, Energy):
            return outcome
        reason = outcome
    return reason


def _series(telemetry: Telemetry, of: Part) -> Iterable[tuple[EnergySource, list[_Reading]]]:
    """The sources in the order of trust."""
    if of == "cpu":
        yield "rapl", [_Reading(s.at_s, s.energy_j) for s in telemetry.cpu if s.energy_j is not None]
        return
    yield "counter", [_Reading(s.at_s, s.energy_j) for s in telemetry.gpu if s.energy_j is not None]
    yield "power", [_Reading(s.at_s, s.power_w) for s in telemetry.gpu if s.power_w is not None]


def _from_series(
    result: RunResult, interval_s: float, of: Part, source: EnergySource, readings: Sequence[_Reading]
) -> Energy | str:
    stretches = _stretches(result, interval_s)
    if not _covered(stretches, [reading.at_s for reading in readings], _LONGEST_GAP_INTERVALS * interval_s):
        return "energy_not_covered"
    counter = _integrated(readings) if source == "power" else readings
    if any(later.value < earlier.value for earlier, later in itertools.pairwise(counter)):
        return "energy_counter_reset"
    distinct = len(list(itertools.groupby(reading.value for reading in during_blocks(result, readings))))
    if distinct < max(MIN_READINGS, len(stretches)):
        return "energy_few_readings"
    ends = [(block.start_s, block.start_s + block.duration_s) for block in result.blocks]
    total = sum(_at(counter, end) - _at(counter, start) for start, end in ends)
    spent = _spread(result, total)
    return Energy(*spent, _above_idle(result, total, of), of, source, distinct, distinct / len(stretches))


def _spread(result: RunResult, joules: float) -> tuple[float, float, float | None]:
    """In all, for 1000 images, for an epoch."""
    each = joules / sum(block.samples for block in result.blocks)
    whole = samples_per_epoch(result)
    return joules, 1000 * each, each * whole if whole is not None else None


def _above_idle(result: RunResult, joules: float, of: Part) -> AboveIdle | None:
    baseline = _idle_power(result.idle, of)
    if baseline is None:
        return None
    idle_w, source = baseline
    above = joules - idle_w * sum(block.duration_s for block in result.blocks)
    return AboveIdle(*_spread(result, above), idle_w, source) if above >= 0 else None


def _integrated(power: Sequence[_Reading]) -> list[_Reading]:
    """Power readings as the counter they would have driven (trapezoid rule)."""
    joules, counter = 0.0, [_Reading(power[0].at_s, 0.0)]
    for earlier, later in itertools.pairwise(power):
        joules += (later.at_s - earlier.at_s) * (earlier.value + later.value) / 2
        counter.append(_Reading(later.at_s, joules))
    return counter


def _stretches(result: RunResult, interval_s: float) -> list[tuple[float, float]]:
    merged: list[tuple[float, float]] = []
    for block in sorted(result.blocks, key=lambda block: block.start_s):
        end = block.start_s + block.duration_s
        if merged and block.start_s - merged[-1][1] <= interval_s:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((block.start_s, end))
    return merged


def _covered(stretches: Sequence[tuple[float, float]], times: Sequence[float], longest_s: float) -> bool:
    """Whether readings reach from before the first stretch to after the last, with no long gap inside one."""
    for start, end in stretches:
        first, last = bisect.bisect_right(times, start) - 1, bisect.bisect_left(times, end)
        if first < 0 or last >= len(times):
            return False
        if any(b - a > longest_s for a, b in itertools.pairwise(times[first : last + 1])):
            return False
    return True


def _at(counter: Sequence[_Reading], at_s: float) -> float:
    """The counter's value at a time within its readings, on the line between its two neighbours."""
    index = bisect.bisect_right(counter, at_s, key=lambda reading: reading.at_s) - 1
    before = counter[index]
    if before.at_s == at_s or index + 1 == len(counter):
        return before.value
    after = counter[index + 1]
    share = (at_s - before.at_s) / (after.at_s - before.at_s)
    return before.value + share * (after.value - before.value)
