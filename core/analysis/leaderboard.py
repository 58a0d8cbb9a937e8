"""Which device does a workload fastest, in places no finer than the intervals allow.

Knows neither where runs come from nor how a board is shown.

A place is a range. A device comes surely before another where its whole interval lies above the other's, and
both did the same work for certain; its best place is then 1 + those surely before it, its worst the number of
devices that don't surely come after it. So are institutions ranked by intervals rather than by noise:
H. Goldstein, D. J. Spiegelhalter, League tables and their limitations, J. R. Statist. Soc. A 159 (1996),
385-443. Two 95 % intervals that don't touch are a stricter demand than a test at 5 %: it rather leaves ties.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.analysis.comparability import differences, refused
from core.analysis.machines import cores_of
from core.analysis.parity import parity
from core.analysis.quality import Badge, quality, worst
from core.analysis.soundness import refuse_unsound
from core.analysis.summary import summarise
from core.errors import InputError
from core.records import Estimate, Origin, Precision, RunResult, Setup, Status, Workload

MOST_RUNS = 3  # behind one entry: with every further one the envelope of their intervals could only grow
_USABLE: tuple[Status, ...] = ("finished", "out_of_time")
_FURTHEST: tuple[Origin, ...] = ("measured", "recorded", "imported")


@dataclass(frozen=True, slots=True)
class Hardware:
    """What an entry stands for: an accelerator by its name, or a processor with the cores a run may use."""

    name: str
    cores: float | None = None  # of a processor: by affinity or quota, whichever is less


@dataclass(frozen=True, slots=True)
class Entry:
    """A device with its fastest setup."""

    device: Hardware
    place_low: int  # 1 is the fastest
    place_high: int
    rate: Estimate  # images per second of `result`, with the interval of all runs behind it
    result: RunResult  # the newest of them
    runs: int
    origin: Origin  # of the runs behind it, the one furthest from a measurement made here
    quality: Badge

    @property
    def setup(self) -> Setup:
        return self.result.spec.setup

    @property
    def run_id(self) -> str:
        return self.result.id

    @property
    def created_at(self) -> str:
        return self.result.created_at


@dataclass(frozen=True, slots=True)
class Board:
    workload: Workload | None  # None: there were no runs
    entries: tuple[Entry, ...]  # the fastest first
    left_out: tuple[tuple[str, int], ...]  # why, as a code, and how many runs: see `board`


@dataclass(frozen=True, slots=True)
class _Timed:
    """A run that may be on the board."""

    result: RunResult
    device: Hardware
    rate: Estimate
    badge: Badge


@dataclass(frozen=True, slots=True)
class _Best:
    """A device's fastest setup."""

    runs: tuple[_Timed, ...]  # the newest first
    rate: Estimate


def board(runs: Sequence[RunResult], precision: Precision | None = "fp32") -> Board:
    """The devices that did this workload in `precision` (None: in any), each with its fastest setup.

    The rate is that of the setup's newest run; where there are several, up to MOST_RUNS of them, the newest,
    widen its interval to the envelope of theirs. Doubtful runs count only where a device has no others.
    Left out are: other_precision; several_devices; unfinished (failed, cancelled, interrupted); no_rate;
    unknown_device; malformed_record and schema_unreadable (core.analysis.soundness); and not_comparable with
    the runs of most devices. Raises InputError("not_comparable") for runs of several workloads.
    """
    if len({run.spec.workload for run in runs}) > 1:
        raise InputError("not_comparable", fields="workload")
    left_out: Counter[str] = Counter()
    timed = _comparable(_timed(runs, precision, left_out), left_out)
    best = sorted(_best_of_each(timed), key=lambda one: (-one.rate.value, one.runs[0].result.id))
    workload = runs[0].spec.workload if runs else None
    return Board(workload, _placed(best), tuple(sorted(left_out.items())))


def hardware(result: RunResult) -> Hardware | None:
    """The device that a run used; None where the run failed before that was known."""
    if result.environment is None:
        return None
    if result.spec.setup.device != "cpu":
        return Hardware(result.environment.device.name)
    cpu = result.environment.machine.cpu
    return Hardware(cpu.model, cores_of(cpu))


def _timed(
    runs: Iterable[RunResult], precision: Precision | None, left_out: Counter[str]
) -> tuple[_Timed, ...]:
    found = []
    for run in runs:
        one = _judged(run, precision)
        if isinstance(one, str):
            left_out[one] += 1
        else:
            found.append(one)
    return tuple(found)


def _judged(run: RunResult, precision: Precision | None) -> _Timed | str:
    """The run as it may be on the board, or why it may not."""
    if precision not in (None, run.spec.setup.precision):
        return "other_precision"
    if run.spec.setup.workers > 1 and run.spec.setup.device != "cpu":
        return "several_devices"
    if run.status not in _USABLE:
        return "unfinished"
    device = hardware(run)
    if device is None:
        return "unknown_device"
    try:
        refuse_unsound(run)
    except InputError as problem:
        return problem.code
    rate = summarise(run).samples_per_s
    return _Timed(run, device, rate, quality(run).badge) if rate else "no_rate"


def _comparable(timed: Sequence[_Timed], left_out: Counter[str]) -> tuple[_Timed, ...]:
    """The runs that may be compared with those of most devices; the faster side where two are equally many.

    Not with the fastest run: a single one on other data would then put all others off the board.
    """
    # Of one workload, what refuses a comparison is in the data and the format: one run speaks for its likes.
    likes = {(one.result.data, one.result.schema_version): one for one in timed}
    sides = [
        tuple(one for one in timed if not refused(differences(judge.result, one.result)))
        for judge in likes.values()
    ]
    if not sides:
        return ()
    chosen = max(sides, key=lambda side: (len({one.device for one in side}), max(_rates(side))))
    if len(chosen) < len(timed):
        left_out["not_comparable"] += len(timed) - len(chosen)
    return chosen


def _rates(timed: Iterable[_Timed]) -> list[float]:
    return [one.rate.value for one in timed]


def _best_of_each(timed: Sequence[_Timed]) -> list[_Best]:
    devices: dict[Hardware, list[_Timed]] = {}
    for one in timed:
        devices.setdefault(one.device, []).append(one)
    return [_best(_undoubted(runs)) for runs in devices.values()]


def _undoubted(runs: list[_Timed]) -> list[_Timed]:
    return [one for one in runs if one.badge != "doubtful"] or runs


def _best(runs: Sequence[_Timed]) -> _Best:
    """The setup whose newest run was the fastest."""
    setups: dict[tuple[Setup, int | None], list[_Timed]] = {}
    for one in sorted(runs, key=lambda one: (one.result.created_at, one.result.id), reverse=True):
        setups.setdefault(_executed(one.result), []).append(one)
    newest = max(setups.values(), key=lambda same: same[0].rate.value)[:MOST_RUNS]
    rates = [one.rate for one in newest]
    envelope = Estimate(rates[0].value, min(rate.low for rate in rates), max(rate.high for rate in rates))
    return _Best(tuple(newest), envelope)


def _executed(result: RunResult) -> tuple[Setup, int | None]:
    """How the work was executed: by how many threads on the CPU, on whichever of several equal GPUs."""
    setup = result.spec.setup
    threads = result.threads if setup.device == "cpu" else setup.threads
    return dataclasses.replace(setup, device=setup.device.split(":")[0], threads=None), threads


def _placed(best: Sequence[_Best]) -> tuple[Entry, ...]:
    before: Counter[int] = Counter()
    after: Counter[int] = Counter()
    for (i, one), (j, other) in itertools.permutations(enumerate(best), 2):
        if _surely_before(one, other):
            before[j] += 1
            after[i] += 1
    return tuple(_entry(one, 1 + before[i], len(best) - after[i]) for i, one in enumerate(best))


def _surely_before(one: _Best, other: _Best) -> bool:
    apart = one.rate.low > other.rate.high
    return apart and parity(one.runs[0].result, other.runs[0].result).cause is None


def _entry(best: _Best, place_low: int, place_high: int) -> Entry:
    return Entry(
        device=best.runs[0].device,
        place_low=place_low,
        place_high=place_high,
        rate=best.rate,
        result=best.runs[0].result,
        runs=len(best.runs),
        origin=max((one.result.origin for one in best.runs), key=_FURTHEST.index),
        quality=worst(one.badge for one in best.runs),
    )
