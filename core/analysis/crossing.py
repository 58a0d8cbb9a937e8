"""From which batch size on one setup is faster than another, with its interval, or why that can't be said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.analysis.step_fit import StepFit
from core.analysis.sweep import Line
from core.records import Estimate, Note


@dataclass(frozen=True, slots=True)
class Bracket:
    """What was measured directly, without any fit: the crossing lies between these batch sizes."""

    below: int | None  # the largest at which the one that is faster at small batches is surely faster
    above: int | None  # the smallest at which the other is surely faster


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where two lines cross. Either `batch_size`, or `reason` says why there is none."""

    batch_size: Estimate | None
    faster_above: (
        Literal["baseline", "candidate"] | None
    )  # beyond the crossing; without one, at every batch size
    reason: Note | None
    extrapolated: bool  # it lies outside of what was measured on both
    bracket: Bracket
    confirmed: bool | None  # whether the direct measurements on both sides agree; None: not on both sides
    fits: tuple[StepFit | Note, StepFit | Note]  # of the baseline and the candidate
    doubts: tuple[Note, ...]  # e.g. unlike software


def crossing(baseline: Line, candidate: Line) -> Crossing:
    """The crossing of two lines of one model."""
    raise NotImplementedError
