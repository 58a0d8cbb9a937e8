"""How many threads the CPU does a workload best with: a short search, remembered while the worker lives."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Hashable

from core.hardware import cpu
from core.records import ThreadTrial

_ROUNDS = 5
_BLOCK_S = 0.03
_SHARE, _MOST = 0.1, 0.5  # of the time budget: for further rounds, and for the first
_HOPELESS = 1.5  # times slower than the best after one round: not tried again

_known: dict[Hashable, tuple[ThreadTrial, ...]] = {}


def candidates(default: int) -> list[int]:
    """1, 2, 4, ... up to the most."""
    highest = most(default)
    counts = {1, default, highest, cpu.describe().physical_cores or highest}
    counts |= {2**power for power in range(highest.bit_length())}
    return sorted(count for count in counts if count <= highest)


def most(default: int) -> int:
    """The usable cores. OMP_NUM_THREADS is an order: nothing above it is tried."""
    if "OMP_NUM_THREADS" in os.environ:
        return default
    described = cpu.describe()
    usable = described.usable_cores or default
    return usable if described.quota_cores is None else max(1, min(usable, int(described.quota_cores)))


def share(default: int, workers: int) -> int:
    """Threads for each of several workers: the physical cores shared out, so that none has to share one."""
    highest = most(default)
    return max(1, min(highest, cpu.describe().physical_cores or highest) // workers)


def search(
    kind: Hashable,
    counts: list[int],
    default: int,
    trial: Callable[[int, float], float],
    step_s: float,
    max_seconds: float,
) -> tuple[ThreadTrial, ...]:
    """Trials of each count in turns, forth and back; remembered for the next job of the same `kind`.

    `trial(threads, seconds)` gives seconds per image of a block of about that length. One round is always
    tried, further ones while there is time; () where even one would take a good part of the time budget.
    One thread and torch's `default` are tried in every round: the result is shown against them.
    """
    if len(counts) * 2 * step_s > _MOST * max_seconds:
        return ()
    if kind in _known:
        return _known[kind]
    started = time.perf_counter()
    times: dict[int, list[float]] = {count: [] for count in counts}
    for number in range(_ROUNDS):
        if number and time.perf_counter() - started > _SHARE * max_seconds:
            break
        for count in counts if number % 2 == 0 else reversed(counts):
            best_first = min((values[0] for values in times.values() if values), default=0.0)
            hopeless = bool(times[count]) and times[count][0] >= _HOPELESS * best_first
            if count in (1, default) or not hopeless:
                times[count].append(trial(count, _BLOCK_S))
    _known[kind] = tuple(ThreadTrial(count, tuple(values)) for count, values in times.items())
    return _known[kind]


def best(trials: tuple[ThreadTrial, ...], default: int) -> int:
    """The count with the smallest median time; `default` where nothing was tried."""
    if not trials:
        return default
    return min(trials, key=lambda trial: statistics.median(trial.seconds_per_sample)).threads
