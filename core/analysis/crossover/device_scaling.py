"""A line carried over to another device by what both were measured to do at most. Knows not how far it errs.

One step of b images takes t(b) = o + c*b. On the device D, from a line measured here:

    c(D) = roof(D) / efficiency(D)          roof = max(FLOP / peak, bytes / bandwidth) of one image
    o(D) = n * launch(D) + update / bandwidth(D)    update: bytes that the weights' update moves in a step

The roof is that of S. Williams, A. Waterman, D. Patterson, Roofline, CACM 52(4), 2009. `efficiency` is roof / c
as the line here reaches it, times how much better or worse the other device was seen to reach its own: the
median over the models measured on both, else over those measured there, else over devices of those kinds.

`n` is a step's fixed rest in launches of the smallest kernel, on a CPU in seconds. Between a CPU and an
accelerator it is that of the same model on a device of the other kind, else the median of the other
models there. Of a line with two regimes, o is the first's, c the last's. (G. Yu et al., Habitat, USENIX ATC
2021, scales each operation by such limits; records hold no list of operations, so the whole step is scaled.)
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from core.analysis import limits as of
from core.analysis.crossover.step_fit import StepFit, fit
from core.analysis.crossover.sweep import Line
from core.analysis.leaderboard import Hardware, hardware
from core.records import Note, RunResult, Setup

Work = tuple[str, str, str]  # task, model, dataset


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a device can do at most, in one precision."""

    peak: float  # FLOP per second
    bandwidth: float  # bytes per second
    launch_s: float | None  # None: a CPU


@dataclass(frozen=True, slots=True)
class Target:
    """A device in one setup."""

    device: Hardware
    setup: Setup
    bounds: Bounds

    @property
    def is_cpu(self) -> bool:
        return self.setup.device == "cpu"


@dataclass(frozen=True, slots=True)
class Side:
    """A measured line with what its step is made of, on a device whose limits are known."""

    line: Line
    fit: StepFit
    target: Target  # what it was measured on
    image_flops: float
    image_bytes: float
    update_bytes: float

    @property
    def work(self) -> Work:
        return self.line.task, self.line.model, self.line.dataset

    @property
    def per_sample_s(self) -> float:
        return self.fit.regimes[-1].per_sample_s

    @property
    def fixed(self) -> float:
        """n: what a step costs beside the update, whatever its batch size; in launches, on a CPU in seconds."""
        bounds = self.target.bounds
        rest_s = max(self.fit.regimes[0].overhead_s - self.update_bytes / bounds.bandwidth, 0.0)
        return rest_s / (bounds.launch_s or 1.0)

    def roof_s(self, bounds: Bounds) -> float:
        """Seconds of one more image at least."""
        return max(self.image_flops / bounds.peak, self.image_bytes / bounds.bandwidth)

    @property
    def efficiency(self) -> float:
        return self.roof_s(self.target.bounds) / self.per_sample_s


@dataclass(frozen=True, slots=True)
class Pair:
    """One workload on two devices."""

    source: Side
    goal: Side


@dataclass(frozen=True, slots=True)
class Scaled:
    """t(b) = overhead_s + per_sample_s * b on another device."""

    overhead_s: float
    per_sample_s: float

    def step_s(self, batch_size: float) -> float:
        return self.overhead_s + self.per_sample_s * batch_size


def target_of(run: RunResult) -> Target | Note:
    """The device of a run with its limits, or which one is missing. Raises InputError("malformed_record")."""
    device, setup = hardware(run), run.spec.setup
    name = device.name if device else setup.device
    if device is None or run.limits is None:
        return Note("prediction_without_limits", {"device": name})
    peak, bandwidth = of.peak_flops(run.limits, setup.precision), of.bandwidth(run.limits)
    launch = None if setup.device == "cpu" else of.fastest(run.limits, "launch")
    if peak is None or bandwidth is None or (launch is None and setup.device != "cpu"):
        return Note("prediction_without_limits", {"device": name})
    return Target(device, setup, Bounds(peak, bandwidth, 1 / of.per_second(launch) if launch else None))


def side_of(line: Line, known: Iterable[Line] = ()) -> Side | Note:
    """A line with what is needed to carry it over, or why it can't be. Limits that weren't measured with it are
    taken from a `known` line of the same device and setup, an image's FLOP from any of the same model."""
    others = [line, *known]
    limited = _newest(run for other in others if _same_device(other, line) for run in _limited(other))
    if limited is None:
        return Note("prediction_without_limits", {"device": line.device.name})
    target = target_of(limited)
    if isinstance(target, Note):
        return target
    alike = [other for other in others if _work(other) == _work(line)]
    counted = next(
        (run.limits.flops_per_sample for other in alike for run in _limited(other) if run.limits), None
    )
    example = line.example
    if not counted or example is None or example.data is None:
        return Note("prediction_without_flops", {"model": line.model})
    found = fit(tuple((cell.batch_size, cell.step_times) for cell in line.measured))
    if isinstance(found, Note):
        return found
    image = float(math.prod(example.data.shape))
    own = dataclasses.replace(target, setup=line.setup)
    return Side(line, found, own, counted, image, of.update_bytes(example) or 0.0)


def sides_of(lines: Sequence[Line]) -> tuple[Side, ...]:
    """Those that can be carried over, each device, setup and model once: the newest."""
    newest: dict[object, Line] = {}
    for line in sorted(lines, key=_age):
        newest[(line.device, line.setup, _work(line))] = line
    found = (side_of(line, lines) for line in newest.values())
    return tuple(side for side in found if isinstance(side, Side))


def pairs_of(sides: Sequence[Side]) -> tuple[Pair, ...]:
    """Every workload on every two devices, both ways; what is executed otherwise is no pair."""
    return tuple(
        Pair(source, goal)
        for source, goal in itertools.permutations(sides, 2)
        if source.work == goal.work
        and source.target.device != goal.target.device
        and _way(source) == _way(goal)
    )


def scaled(here: Side, there: Target, pairs: Sequence[Pair], sides: Sequence[Side]) -> Scaled | Note:
    """The line on another device, by pairs and sides that must not hold what is to be predicted."""
    if here.per_sample_s <= 0:
        return Note("prediction_without_slope", {"device": here.target.device.name})
    fixed = _fixed(here, there, sides)
    if fixed is None:
        return Note("prediction_without_overhead", {"device": there.device.name})
    update_s = here.update_bytes / there.bounds.bandwidth
    overhead_s = fixed * (there.bounds.launch_s or 1.0) + update_s
    per_sample_s = here.roof_s(there.bounds) / (here.efficiency * _reaches(here, there, pairs))
    return Scaled(overhead_s, per_sample_s)


def _fixed(here: Side, there: Target, sides: Sequence[Side]) -> float | None:
    if here.target.is_cpu == there.is_cpu:
        return here.fixed
    kind = [side for side in sides if side.target.is_cpu == there.is_cpu and _way(side) == _way(here)]
    same = [side.fixed for side in kind if side.work == here.work]
    found = same or [side.fixed for side in kind]
    return statistics.median(found) if found else None


def _reaches(here: Side, there: Target, pairs: Sequence[Pair]) -> float:
    """The other device's share of its roof over this one's, as the nearest pairs have it; 1 without any."""
    kinds = [
        pair
        for pair in pairs
        if min(pair.source.per_sample_s, pair.goal.per_sample_s) > 0
        and _like(pair.source.target, here.target)
        and _like(pair.goal.target, there)
        and _way(pair.source) == _way(here)
    ]
    nearest: tuple[Callable[[Pair], bool], ...] = (
        lambda pair: (
            pair.source.target.device == here.target.device and pair.goal.target.device == there.device
        ),
        lambda pair: pair.goal.target.device == there.device,
        lambda pair: True,
    )
    for near in nearest:
        if found := [pair.goal.efficiency / pair.source.efficiency for pair in kinds if near(pair)]:
            return statistics.median(found)
    return 1.0


def _like(one: Target, other: Target) -> bool:
    return one.is_cpu == other.is_cpu and one.setup.precision == other.setup.precision


def _way(side: Side) -> tuple[object, ...]:
    """How a step is executed, without what belongs to a device."""
    setup = side.line.setup
    return setup.data_path, setup.fused, setup.step, setup.steps_per_call, setup.synchronous


def _same_device(one: Line, other: Line) -> bool:
    """Whether what was measured of the device with one holds for the other."""
    return one.device == other.device and all(
        getattr(one.setup, name) == getattr(other.setup, name)
        for name in ("device", "precision", "threads", "workers")
    )


def _limited(line: Line) -> list[RunResult]:
    return [cell.result for cell in line.cells if cell.result is not None and cell.result.limits is not None]


def _newest(runs: Iterable[RunResult]) -> RunResult | None:
    return max(runs, key=lambda run: (run.created_at, run.id), default=None)


def _age(line: Line) -> str:
    return line.example.created_at if line.example else ""


def _work(line: Line) -> Work:
    return line.task, line.model, line.dataset
