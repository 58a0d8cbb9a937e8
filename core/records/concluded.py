"""What is concluded from runs: values with intervals, doubts, verdicts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from core.records.codes import Fact, ParityCause
from core.records.result import RunResult


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval, in the unit its holder names."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Caveat:
    """A doubt about a number, recomputed from raw data wherever the number is shown."""

    code: str
    grave: bool = False
    facts: dict[str, Fact] = field(default_factory=dict)
    informative: bool = False  # says something about the number without making it worth less


@dataclass(frozen=True, slots=True)
class Parity:
    """Whether two runs did the same work: how far losses and final accuracy part, against tolerances."""

    code: Literal["same", "parted", "not_checked"]
    steps: int  # loss pairs compared
    worst: float | None  # largest relative difference of a loss
    tolerance: float | None
    cause: ParityCause | None = None  # the likely one, where they part
    accuracy_gap: float | None = None  # between the final test accuracies, each 0 to 1; None: not compared
    accuracy_tolerance: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    code: Literal["faster", "slower", "no_difference", "withheld"]
    reason: str | None = None  # message code, for withheld


@dataclass(frozen=True, slots=True)
class Comparison:
    """Candidate against baseline; speed-up > 1: the candidate is faster."""

    baseline: RunResult
    candidate: RunResult
    speedup: Estimate | None  # None: withheld, the verdict says why
    pairs: int  # block pairs the estimate rests on
    parity: Parity
    verdict: Verdict
    caveats: tuple[Caveat, ...]
