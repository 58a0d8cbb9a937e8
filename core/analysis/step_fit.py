"""How long a step takes by its batch size: t(b) = a + c*b, in one regime or in two that meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.records import Note

Points = Sequence[tuple[int, Sequence[float]]]  # batch size, seconds of a step (one for each timed block)


@dataclass(frozen=True, slots=True)
class Regime:
    """t(b) = overhead_s + per_sample_s * b, for batches of `low` to `high` images."""

    overhead_s: float  # a: what a step costs whatever its batch size
    per_sample_s: float  # c
    low: float
    high: float  # math.inf for the last


@dataclass(frozen=True, slots=True)
class StepFit:
    """One device's line, with how well it describes what was measured."""

    regimes: tuple[Regime, ...]  # one, or two that meet
    batches: tuple[int, ...]  # what it rests on
    misfit: float | None  # typical |measured/fitted - 1| of the points; None: no more points than parameters
    held_out: tuple[tuple[int, float], ...]  # batch size, predicted from the others / measured - 1
    doubts: tuple[Note, ...]  # negative overhead or slope, misfit beyond trust

    def step_s(self, batch_size: float) -> float:
        """Seconds of a step by the fit."""
        raise NotImplementedError

    def covers(self, batch_size: float) -> bool:
        """Whether it lies in what was measured: beyond, it is extrapolated."""
        return self.batches[0] <= batch_size <= self.batches[-1]


def fit(points: Points) -> StepFit | Note:
    """The fit, or why there is none."""
    raise NotImplementedError
