"""A step's time on a device that isn't here, with an error band that known lines vouch for, or why not."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from core.analysis.crossover.device_scaling import Scaled, Side, pairs_of, scaled, side_of, sides_of, target_of
from core.analysis.crossover.prediction_error import (
    FEWEST_CASES,
    WIDEST,
    Calibration,
    LeftOut,
    calibration,
)
from core.analysis.crossover.step_fit import StepFit
from core.analysis.crossover.sweep import Line
from core.analysis.leaderboard import Hardware
from core.records import Estimate, Note, RunResult, Setup

_STEPS = 400  # in which a crossing is looked for, evenly on a logarithmic axis
_HALVINGS = 40


@dataclass(frozen=True, slots=True)
class Prediction:
    """Never measured: label it predicted wherever a number of it appears."""

    here: Line
    fit: StepFit  # of the line here
    device: Hardware
    setup: Setup
    scaled: Scaled
    factor: float  # the band: each step time divided by and multiplied with it
    errors: Calibration  # the cases that vouch for it
    crossing: Estimate | Note  # batch size from which on the faster one changes; its ends are the band's
    faster_above: Literal["here", "there"] | None  # beyond the crossing; without one, at every batch size

    @property
    def span(self) -> tuple[int, int]:
        """The batch sizes measured here, which it holds for."""
        return self.fit.batches[0], self.fit.batches[-1]

    def step_s(self, batch_size: float) -> Estimate:
        """Seconds of a step."""
        value = self.scaled.step_s(batch_size)
        return Estimate(value, value / self.factor, value * self.factor)


@dataclass(frozen=True, slots=True)
class Known:
    """What predictions rest on and were tested with."""

    lines: tuple[Line, ...]
    sides: tuple[Side, ...]
    errors: Calibration


def learn(known: Sequence[Line]) -> Known:
    """What known lines teach, once for several predictions. Raises InputError("malformed_record")."""
    sides = sides_of(known)
    return Known(tuple(known), sides, calibration(sides))


def predict(here: Line, target: RunResult, known: Sequence[Line] | Known) -> Prediction | Note:
    """`here`, as it would be on the device of `target` in its precision and with its threads: of that run only
    the limits are looked at.

    `known`: what the error is learnt from, also how far other devices and models get. A line of this model on
    that device is left aside. Raises InputError("malformed_record") for limits that can't have been measured.
    """
    learnt = known if isinstance(known, Known) else learn(known)
    there, source = target_of(target), side_of(here, learnt.lines)
    if isinstance(there, Note):
        return there
    if isinstance(source, Note):
        return source
    others = [side for side in learnt.sides if not _is(side, source)]
    own = any(side.target.device == there.device and side.work != source.work for side in others)
    left_out: LeftOut = "workload" if own else "device"
    errors = learnt.errors.like(left_out, source.target.is_cpu, there.is_cpu)
    refusal = _untrusted(errors, there.device)
    if refusal is not None:
        return refusal
    seen = [
        source,
        *(side for side in others if (side.target.device, side.work) != (there.device, source.work)),
    ]
    found = scaled(source, there, pairs_of(seen), seen)
    if isinstance(found, Note):
        return found
    factor = errors.factor
    assert factor is not None
    asked = there.setup
    setup = replace(here.setup, device=asked.device, precision=asked.precision, threads=asked.threads)
    crossing, faster = _crossing(source.fit, found, factor)
    return Prediction(here, source.fit, there.device, setup, found, factor, errors, crossing, faster)


def _is(side: Side, other: Side) -> bool:
    mine, others = side.line, other.line
    return (mine.device, mine.setup, side.work) == (others.device, others.setup, other.work)


def _untrusted(errors: Calibration, device: Hardware) -> Note | None:
    factor = errors.factor
    if factor is None or errors.distinct < FEWEST_CASES:
        return Note(
            "prediction_uncalibrated",
            {"device": device.name, "cases": errors.distinct, "needed": FEWEST_CASES},
        )
    if factor > WIDEST:
        return Note(
            "prediction_too_wild",
            {"device": device.name, "cases": errors.distinct, "factor": factor, "most": WIDEST},
        )
    return None


def _crossing(
    fit: StepFit, there: Scaled, factor: float
) -> tuple[Estimate | Note, Literal["here", "there"] | None]:
    """Where the predicted line meets the measured one, within what was measured."""
    low, high = float(fit.batches[0]), float(fit.batches[-1])
    grid = [low * (high / low) ** (step / _STEPS) for step in range(_STEPS)] + [high]

    def ahead(times: float) -> Callable[[float], bool]:
        return lambda batch: fit.step_s(batch) > times * there.step_s(batch)

    signs = {ahead(times)(batch) for times in (1 / factor, factor) for batch in grid}
    if len(signs) == 1:
        return Note("prediction_never_crosses"), "there" if signs == {True} else "here"
    found = [_change(ahead(times), grid) for times in (1.0, 1 / factor, factor)]
    roots = [root for root in found if root is not None]
    if len(roots) < len(found):
        return Note("prediction_crossing_unsure"), None
    return Estimate(roots[0], min(roots), max(roots)), "there" if ahead(1.0)(high) else "here"


def _change(of: Callable[[float], bool], grid: Sequence[float]) -> float | None:
    """Where it changes, if once; None else."""
    changes = [(a, b) for a, b in itertools.pairwise(grid) if of(a) != of(b)]
    if len(changes) != 1:
        return None
    left, right = changes[0]
    for _ in range(_HALVINGS):
        middle = math.sqrt(left * right)
        left, right = (middle, right) if of(middle) == of(left) else (left, middle)
    return left
