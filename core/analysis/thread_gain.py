"""What the CPU's best thread count is worth against one thread and against torch's own choice."""

from __future__ import annotations

from dataclasses import dataclass

from core.analysis import stats
from core.records import Comparison, Estimate, RunResult


@dataclass(frozen=True, slots=True)
class ThreadGain:
    """A count that the search tried and the run didn't use."""

    threads: int
    default: bool  # torch's own choice
    ratio: Estimate  # its seconds per image over those of the count that was used


def thread_gains(result: RunResult) -> tuple[ThreadGain, ...]:
    """Against one thread and against torch's default, from the trials of the search; () where none was made.

    A count equal to the one that was used has no gain to tell and is left out, as is one that was tried once
    only.
    """
    times = {trial.threads: trial.seconds_per_sample for trial in result.thread_trials}
    used = times.get(result.threads) if result.threads is not None else None
    if used is None:
        return ()
    default = result.environment.software.default_threads if result.environment else None
    others = sorted({1, default} & set(times) - {result.threads}, key=lambda count: count or 0)
    found = ((count, stats.ratio_of_medians(times[count], used)) for count in others if count is not None)
    return tuple(ThreadGain(count, count == default, ratio) for count, ratio in found if ratio is not None)


def against_fewer_threads(comparison: Comparison) -> tuple[tuple[ThreadGain, Estimate], ...]:
    """What the speed-up over a CPU would be had it run with one thread, or with torch's default.

    The accelerator's speed-up times the gain of the CPU's best count; low times low and high times high, which
    is wider than 95 % asks for. () where not exactly one side is a CPU, or no speed-up is given.
    """
    sides = comparison.baseline, comparison.candidate
    on_cpu = [run.spec.setup.device == "cpu" for run in sides]
    if comparison.speedup is None or sum(on_cpu) != 1:
        return ()
    over_cpu = comparison.speedup if on_cpu[0] else stats.inverse(comparison.speedup)
    return tuple((gain, _product(over_cpu, gain.ratio)) for gain in thread_gains(sides[on_cpu.index(True)]))


def _product(a: Estimate, b: Estimate) -> Estimate:
    return Estimate(a.value * b.value, a.low * b.low, a.high * b.high)
