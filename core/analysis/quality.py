"""One badge for a run or a comparison, from its caveats. It adds no doubt of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from core.analysis.caveats import of_run
from core.records import Caveat, Comparison, RunResult

Badge = Literal["good", "usable", "doubtful"]
_ORDER: tuple[Badge, ...] = ("good", "usable", "doubtful")


@dataclass(frozen=True, slots=True)
class Quality:
    badge: Badge
    reasons: tuple[Caveat, ...]  # the gravest first, the merely informative last


def worst(badges: Iterable[Badge]) -> Badge:
    """The one that counts where several are shown as one; "good" for none."""
    return max(badges, key=_ORDER.index, default="good")


def quality(of: RunResult | Comparison) -> Quality:
    """doubtful: a grave caveat, or no speed-up is given; usable: one that touches what the number is worth;
    good: none, or informative ones only."""
    found = list(of.caveats if isinstance(of, Comparison) else of_run(of))
    if isinstance(of, Comparison) and of.verdict.code == "withheld" and of.verdict.reason is not None:
        told = any(caveat.code == of.verdict.reason and caveat.grave for caveat in found)
        found += [] if told else [Caveat(of.verdict.reason, grave=True)]
    reasons = tuple(sorted(found, key=lambda caveat: (not caveat.grave, caveat.informative)))
    if any(caveat.grave for caveat in reasons):
        return Quality("doubtful", reasons)
    return Quality("usable" if any(not caveat.informative for caveat in reasons) else "good", reasons)
