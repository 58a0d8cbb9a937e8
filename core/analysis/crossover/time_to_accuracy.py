"""How long each run trained until it knew enough: its test accuracy over seconds, images and joules.

Runs of several batch sizes don't do the same work (other steps, other losses), so no speed-up is given between
them (core.analysis.comparability). What they can be asked for alike is the time to one test accuracy: a large
batch may be fast per image and still late, as it learns less from each. Setups of one job that do the same work
reach every accuracy after the same epoch; between them only the time per image differs.

An accuracy is a share of few test images, so it has an interval of its own: Wilson's for a binomial share
(E. B. Wilson, J. Am. Stat. Assoc. 22, 1927, 209-212). The intervals of times are the blocks'; that another seed
would need more or fewer epochs isn't in them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from core.analysis import stats, timed
from core.analysis.energy import energy
from core.analysis.leaderboard import Hardware, hardware
from core.analysis.speedup import speedup
from core.errors import InputError
from core.records import Estimate, Note, Origin, RunResult, Setup
from core.records.codes import Fact

DEFAULT_TARGET = 0.9
_Z = 1.959963984540054  # of 95 %, both sides
_HOUR_S, _KWH_J = 3600.0, 3.6e6


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a model knew after an epoch."""

    epoch: int
    images: int  # trained on by then
    seconds: Estimate  # of training: the start-up and the tests are left out
    accuracy: Estimate  # 0 to 1
    test_samples: int


@dataclass(frozen=True, slots=True)
class Reached:
    """When a run's test accuracy first was at the target."""

    target: float
    after: Learnt
    earliest: int  # the first epoch whose interval holds the target
    surely: int | None  # the first whose whole interval is at or above it; None: none was
    start_up_s: float | None  # data, building and first step, paid before; None: not known
    joules: float | None  # until then, of the GPU's board or the CPU's package; None: not measured
    doubts: tuple[Note, ...]

    @property
    def epochs(self) -> int:
        return self.after.epoch

    @property
    def hours(self) -> Estimate:
        return stats.scaled(self.after.seconds, 1 / _HOUR_S)

    @property
    def kwh(self) -> float | None:
        return None if self.joules is None else self.joules / _KWH_J

    @property
    def per_hour(self) -> Estimate:
        """How often an hour of training reaches the target: 1 / hours."""
        return stats.inverse(self.hours)

    @property
    def per_kwh(self) -> float | None:
        """How often a kilowatt-hour does."""
        return 1 / self.kwh if self.kwh else None


@dataclass(frozen=True, slots=True)
class Point:
    """One setup on one device at one batch size."""

    result: RunResult
    curve: tuple[Learnt, ...]
    per_image_s: Estimate
    epoch_s: Estimate | None  # None: the size of an epoch isn't known
    outcome: Reached | Note

    @property
    def setup(self) -> tuple[Setup, Hardware | None, Origin]:
        """What it shares with the same setup's other batch sizes, and with nothing else."""
        return self.result.spec.setup, hardware(self.result), self.result.origin

    @property
    def batch_size(self) -> int:
        return self.result.spec.workload.batch_size

    @property
    def reached(self) -> Reached | None:
        return self.outcome if isinstance(self.outcome, Reached) else None

    @property
    def best_accuracy(self) -> float:
        return max(learnt.accuracy.value for learnt in self.curve)


@dataclass(frozen=True, slots=True)
class Frontier:
    """All points of one model on one data set, and who is first by which measure."""

    target: float
    points: tuple[Point, ...]  # by setup in the order of their first run, then by batch size

    @property
    def fastest_per_image(self) -> Point | None:
        return min(self.points, key=lambda point: point.per_image_s.value, default=None)

    @property
    def fastest_to_target(self) -> Point | None:
        times = [(point.reached.after.seconds.value, i) for i, point in enumerate(self.points) if point.reached]
        return self.points[min(times)[1]] if times else None


def wilson(share: float, count: int) -> Estimate:
    """A share of `count` independent trials with its 95 % interval. Raises ValueError without a trial."""
    if count < 1:
        raise ValueError("a share needs trials")
    middle = (share + _Z * _Z / (2 * count)) / (1 + _Z * _Z / count)
    half = _Z / (1 + _Z * _Z / count) * math.sqrt(share * (1 - share) / count + (_Z / (2 * count)) ** 2)
    # rounding must not leave the share outside of its interval
    return Estimate(share, min(share, max(0.0, middle - half)), max(share, min(1.0, middle + half)))


def curve(result: RunResult) -> tuple[Learnt, ...]:
    """What was known after each of the workload's epochs that was tested; () without a rate.

    Raises InputError("malformed_record") as core.analysis.timed does.
    """
    per_image = stats.median_interval(timed.seconds_per_sample(result)) if result.blocks else None
    if per_image is None:
        return ()
    learnt, images = [], 0
    for record in sorted(result.epochs, key=lambda record: record.epoch):
        images += record.samples
        proper = record.epoch <= result.spec.workload.epochs and record.test_samples > 0
        if record.test_accuracy is not None and proper:
            accuracy = wilson(record.test_accuracy, record.test_samples)
            seconds = stats.scaled(per_image, images)
            learnt.append(Learnt(record.epoch, images, seconds, accuracy, record.test_samples))
    return tuple(learnt)


def reached(result: RunResult, target: float) -> Reached | Note:
    """When the target, 0 to 1, was first reached; else a note: that it wasn't, or why that isn't known.

    Raises InputError("bad_accuracy"), and "malformed_record" as core.analysis.timed does.
    """
    if not 0 < target <= 1:
        raise InputError("bad_accuracy", value=str(target))
    if result.spec.workload.task != "train":
        return Note("accuracy_needs_training", {"task": result.spec.workload.task})
    return _reached(result, curve(result), target)


def frontier(results: Iterable[RunResult], target: float = DEFAULT_TARGET) -> Frontier:
    """Every setup on every device at every batch size, each once: of its runs the newest that reached the
    target, else the one that knew most. Runs without a rate or an accuracy are left out.

    The results are of one model, data set and learning rate. Raises InputError as `reached` does.
    """
    if not 0 < target <= 1:
        raise InputError("bad_accuracy", value=str(target))
    setups: dict[object, dict[int, list[Point]]] = {}
    for result in results:
        found = _point(result, target)
        if found is not None:
            setups.setdefault(found.setup, {}).setdefault(found.batch_size, []).append(found)
    points = [max(sizes[size], key=_welcome) for sizes in setups.values() for size in sorted(sizes)]
    return Frontier(target, tuple(points))


def per_image_gain(point: Point, other: Point) -> Estimate | None:
    """How many times as fast per image `point` is as `other`, which may have another batch size."""
    return speedup(other.result, point.result)[0]


def time_ratio(late: Point, early: Point) -> Estimate | None:
    """How many times as long `late` takes to the target as `early`. None where one never got there."""
    ratio = per_image_gain(early, late)
    if late.reached is None or early.reached is None or ratio is None:
        return None
    return stats.scaled(ratio, late.reached.after.images / early.reached.after.images)


def _point(result: RunResult, target: float) -> Point | None:
    per_image = stats.median_interval(timed.seconds_per_sample(result)) if result.blocks else None
    known = curve(result) if result.spec.workload.task == "train" else ()
    if per_image is None or not known:
        return None
    whole = timed.samples_per_epoch(result)
    epoch_s = stats.scaled(per_image, whole) if whole else None
    return Point(result, known, per_image, epoch_s, _reached(result, known, target))


def _welcome(point: Point) -> tuple[bool, float, str, str]:
    knows = 0.0 if point.reached else point.best_accuracy
    return point.reached is not None, knows, point.result.created_at, point.result.id


def _reached(result: RunResult, known: Sequence[Learnt], target: float) -> Reached | Note:
    if not known:
        tested = any(record.test_accuracy is not None for record in result.epochs)
        return Note("too_few_blocks") if tested else Note("accuracy_unknown")
    after = next((learnt for learnt in known if learnt.accuracy.value >= target), None)
    if after is None:
        best = max(learnt.accuracy.value for learnt in known)
        return Note("accuracy_not_reached", {"target_pct": 100 * target, "best_pct": 100 * best})
    earliest = next(learnt.epoch for learnt in known if learnt.accuracy.high >= target)
    surely = next((learnt.epoch for learnt in known if learnt.accuracy.low >= target), None)
    cold, spent = result.cold_start, energy(result)
    return Reached(
        target,
        after,
        earliest,
        surely,
        cold.data_s + cold.build_s + cold.first_step_s if cold else None,
        spent.joules_per_1000_samples * after.images / 1000 if spent else None,
        tuple(_doubts(result, after, target)),
    )


def _doubts(result: RunResult, after: Learnt, target: float) -> Iterator[Note]:
    whole, accuracy = timed.samples_per_epoch(result), after.accuracy
    if whole is not None and after.images < after.epoch * whole:
        yield Note("accuracy_within_epoch")
    if accuracy.low >= target:
        return
    low_pct, high_pct = 100 * accuracy.low, 100 * accuracy.high
    facts: dict[str, Fact] = {"low_pct": low_pct, "high_pct": high_pct, "images": after.test_samples}
    yield Note("accuracy_uncertain", {"target_pct": 100 * target, **facts})
