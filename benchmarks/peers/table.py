"""What came of a case, as rows with their goals. It must not know how anything was measured."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks.pairing import Goal, Row, at_least, at_most, ratios

Pairs = list[tuple[float, float]]  # images per second: ours, and the neighbour's in time

ARTICLE, LIGHTNING, SKLEARN, TINYGRAD = "the article's loop", "Lightning", "scikit-learn", "tinygrad"
_EXCUSED = (TINYGRAD,)  # it needs a compiler, which no package manager of Python's installs


@dataclass(frozen=True)
class Measured:
    """One of ours beside one of theirs. `how` says how that one trains which the record is about."""

    how: str
    pairs: Pairs


@dataclass(frozen=True)
class Outcome:
    """What came of one case."""

    model: str
    batch: int
    setup: str  # ours
    peers: dict[str, Measured]
    gone: dict[str, str] = field(default_factory=dict)  # why a peer isn't among them
    bf16: Measured | None = None  # ours in bf16, beside the article's loop in fp32


def rows(outcome: Outcome) -> Iterator[Row]:
    """The goals first, then for information what each of them made."""
    where = f"{outcome.model}, batch {outcome.batch}"
    gains = {name: ratios(peer.pairs) for name, peer in outcome.peers.items()}
    if gains:
        fastest = min(gains, key=lambda name: statistics.median(gains[name]))
        remark = f"{fastest}; ours: {outcome.setup}"
        yield Row(f"{where}: ours / fastest peer", gains[fastest], at_least(1.0), remark=remark)
    for name, gain in gains.items():
        if (goal := _goal(outcome, name)) is not None:
            yield Row(f"{where}: ours / {name}", gain, goal)
    if outcome.bf16 is not None:
        gain = ratios(outcome.bf16.pairs)
        yield Row(f"{where}: ours in bf16 / {ARTICLE}", gain, at_least(3.0), remark=outcome.bf16.how)
    for name, reason in outcome.gone.items():  # a goal of its own, or a comparison without them would be met
        allowed = None if name in _EXCUSED else at_most(0)
        yield Row(f"{where}: {name}", (1.0,), allowed, "not measured", reason)
    yield from _images(where, outcome)


def _goal(outcome: Outcome, name: str) -> Goal | None:
    if outcome.model != "mlp":
        return None
    if name == ARTICLE and outcome.batch >= 64:
        return at_least(2.0 if outcome.batch >= 256 else 1.5)
    return at_least(3.0) if name in (LIGHTNING, SKLEARN) else None


def _images(where: str, outcome: Outcome) -> Iterator[Row]:
    ours = tuple(mine for peer in outcome.peers.values() for mine, _ in peer.pairs)
    if ours:
        yield Row(f"{where}: ours", ours, unit="images/s")
    for name, peer in outcome.peers.items():
        theirs = tuple(their for _, their in peer.pairs)
        yield Row(f"{where}: {name}", theirs, unit="images/s", remark=peer.how)
