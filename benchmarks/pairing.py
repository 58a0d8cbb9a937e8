"""Taking turns, and the line that tells what came of it. It must not know what is measured."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_NAME_WIDTH = 66
HEADER = f"{'':{_NAME_WIDTH}} {'min':>9} {'median':>9} {'max':>9}    n  goal"


class BrokenError(Exception):
    """A benchmark couldn't measure what it promises to."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What the median has to reach."""

    bound: float
    at_most: bool = True

    def met(self, value: float) -> bool:
        return value <= self.bound if self.at_most else value >= self.bound

    def __str__(self) -> str:
        return f"{'<=' if self.at_most else '>='} {self.bound:g}"


def at_most(bound: float) -> Goal:
    return Goal(bound)


def at_least(bound: float) -> Goal:
    return Goal(bound, at_most=False)


@dataclass(frozen=True, slots=True)
class Row:
    """One thing measured: a value for each repeat, in `unit` ("x": a ratio)."""

    name: str
    values: tuple[float, ...]
    goal: Goal | None = None  # None: for information
    unit: str = "x"
    remark: str = ""

    def __post_init__(self) -> None:
        if not self.values or not all(map(math.isfinite, self.values)):
            raise BrokenError(f"{self.name}: no finite numbers: {self.values}")

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def met(self) -> bool:
        return self.goal is None or self.goal.met(self.median)

    def __str__(self) -> str:
        numbers = (min(self.values), self.median, max(self.values))
        shown = " ".join(f"{_short(number):>9}" for number in numbers)
        verdict = "" if self.goal is None else f"  {self.goal} {self.unit}: {'met' if self.met else 'MISSED'}"
        name = self.name if self.unit == "x" else f"{self.name}, {self.unit}"
        line = f"{name:{_NAME_WIDTH}} {shown} {len(self.values):4d}{verdict}"
        return f"{line}  ({self.remark})" if self.remark else line


def take_turns(a: Callable[[], float], b: Callable[[], float], pairs: int) -> list[tuple[float, float]]:
    """`pairs` measurements of each, neighbours in time, A B B A: what drifts slowly hits both alike."""
    measured = []
    for turn in range(pairs):
        if turn % 2 == 0:
            first = a()
            measured.append((first, b()))
        else:
            second = b()
            measured.append((a(), second))
    return measured


def ratios(pairs: Sequence[tuple[float, float]]) -> tuple[float, ...]:
    """a / b of each pair."""
    return tuple(a / b for a, b in pairs)


def _short(number: float) -> str:
    """Four significant digits, no exponent."""
    if number == 0:
        return "0"
    return f"{number:.{min(4, max(0, 3 - math.floor(math.log10(abs(number)))))}f}"
