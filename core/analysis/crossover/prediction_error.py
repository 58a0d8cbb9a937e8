"""How far predictions for other devices were off where the truth is known: with what was predicted left out.

Each model that was measured on two devices is predicted from one to the other twice: without any line of that
device but its limits, and without any line of that model but the one it is predicted from. A new prediction is
told with the error of the worst case like it; from twenty cases on with the rank that a new one lies within 95
times in 100, if it is drawn as they were (V. Vovk et al., Algorithmic Learning in a Random World, 2005).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.analysis.crossover.device_scaling import Pair, Side, pairs_of, scaled, sides_of
from core.analysis.crossover.sweep import Line
from core.analysis.leaderboard import Hardware
from core.records import Note, Precision

LeftOut = Literal["device", "workload"]

FEWEST_CASES = 5
WIDEST = 3.0  # a factor, beyond which a prediction answers nothing
_FROM_RANK = 20  # cases; with fewer the worst of them counts
_COVERED = 0.95


@dataclass(frozen=True, slots=True)
class Case:
    """One line predicted from another without having been looked at."""

    left_out: LeftOut
    source: Hardware
    device: Hardware  # that it was predicted for
    from_cpu: bool
    to_cpu: bool
    precision: Precision  # there
    model: str
    factors: tuple[tuple[int, float], ...]  # batch size, predicted / measured step

    @property
    def typical(self) -> float:
        """Half of its batch sizes were off by at most this factor."""
        return math.exp(statistics.median(abs(math.log(factor)) for _, factor in self.factors))

    @property
    def worst(self) -> float:
        """predicted / measured where it was off the most."""
        return max((factor for _, factor in self.factors), key=lambda factor: abs(math.log(factor)))

    @property
    def off_by(self) -> float:
        """That as a factor of 1 or more."""
        return math.exp(abs(math.log(self.worst)))


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is known of the error."""

    cases: tuple[Case, ...]

    def like(self, left_out: LeftOut, from_cpu: bool, to_cpu: bool) -> Calibration:
        """Those of one way to leave out, and of a change between these kinds of devices."""
        wanted = (left_out, from_cpu, to_cpu)
        return Calibration(
            tuple(case for case in self.cases if (case.left_out, case.from_cpu, case.to_cpu) == wanted)
        )

    @property
    def distinct(self) -> int:
        """Models on devices: several setups and sources of one are one case."""
        return len(self._worst_of_each)

    @property
    def typical(self) -> float | None:
        """The median case's typical factor."""
        return statistics.median(case.typical for case in self.cases) if self.cases else None

    @property
    def worst(self) -> Case | None:
        return max(self.cases, key=lambda case: case.off_by, default=None)

    @property
    def factor(self) -> float | None:
        """What a new prediction is to be multiplied with and divided by."""
        found = sorted(self._worst_of_each.values())
        if not found:
            return None
        rank = math.ceil(_COVERED * (len(found) + 1)) if len(found) >= _FROM_RANK else len(found)
        return found[min(rank, len(found)) - 1]

    def by(self, left_out: LeftOut) -> tuple[tuple[str, Calibration], ...]:
        """Each device (or model) that was left out, with its cases."""
        groups: dict[str, list[Case]] = {}
        for case in self.cases:
            if case.left_out == left_out:
                name = case.device.name if left_out == "device" else case.model
                groups.setdefault(name, []).append(case)
        return tuple((name, Calibration(tuple(cases))) for name, cases in sorted(groups.items()))

    @property
    def _worst_of_each(self) -> dict[object, float]:
        found: dict[object, float] = {}
        for case in self.cases:
            key = (case.device, case.model)
            found[key] = max(found.get(key, 1.0), case.off_by)
        return found


def leave_one_out(known: Sequence[Line]) -> Calibration:
    """Every known line predicted from the others. Raises InputError("malformed_record") as `timed` does."""
    return calibration(sides_of(known))


def calibration(sides: Sequence[Side]) -> Calibration:
    pairs = pairs_of(sides)
    cases = (_case(pair, left_out, pairs, sides) for pair in pairs for left_out in _WAYS)
    return Calibration(tuple(case for case in cases if case is not None))


_WAYS: tuple[LeftOut, ...] = ("workload", "device")


def _case(pair: Pair, left_out: LeftOut, pairs: Sequence[Pair], sides: Sequence[Side]) -> Case | None:
    here, goal = pair.source, pair.goal

    def is_seen(side: Side) -> bool:
        if left_out == "device":
            return side.target.device != goal.target.device
        return side is here or side.work != goal.work

    kept = [known for known in pairs if is_seen(known.source) and is_seen(known.goal)]
    found = scaled(here, goal.target, kept, [side for side in sides if is_seen(side)])
    if isinstance(found, Note):
        return None
    factors = tuple(
        (cell.batch_size, found.step_s(cell.batch_size) / cell.step_s.value)
        for cell in goal.line.measured
        if cell.step_s is not None and here.fit.covers(cell.batch_size)
    )
    if not factors:
        return None
    return Case(
        left_out,
        here.target.device,
        goal.target.device,
        here.target.is_cpu,
        goal.target.is_cpu,
        goal.target.setup.precision,
        goal.line.model,
        factors,
    )
