"""What a result hangs on: each input moved by itself, and the result at both ends. Draws nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from core.analysis.decide.candidates import Candidate, same
from core.analysis.decide.cost import costed
from core.analysis.decide.pay_off import break_even_months
from core.analysis.decide.plan import Conditions, Plan, Terms

Input = Literal[
    "price", "electricity", "power", "runs", "speed", "utilisation", "months", "start_up", "waiting"
]


@dataclass(frozen=True, slots=True)
class Swing:
    """One input moved down and up, and the result then."""

    input: Input
    down_pct: float  # how far it was moved: -20.0; speed: the seconds per image, to their interval's ends
    up_pct: float
    base: float  # the result with nothing moved
    down: float | None  # with the input moved down; None: there is no result then, as with "never"
    up: float | None

    @property
    def width(self) -> float:
        ends = [self.base if end is None else end for end in (self.down, self.up)]
        return (
            max(abs(end - self.base) for end in ends)
            if None in (self.down, self.up)
            else abs(ends[1] - ends[0])
        )


@dataclass(frozen=True, slots=True)
class _Case:
    candidate: Candidate
    terms: Terms
    plan: Plan
    conditions: Conditions


Result = Callable[[_Case], float | None]


def monthly_swings(
    candidate: Candidate,
    plan: Plan,
    terms: Terms,
    conditions: Conditions,
    baseline: Candidate | None = None,
    change_pct: float = 20.0,
) -> tuple[Swing, ...]:
    """Of the monthly cost, the widest first; inputs without effect are left out. (): it has no cost."""

    def cost(case: _Case) -> float | None:
        money = costed(case.candidate, case.plan, case.terms, case.conditions, baseline).money
        return money.month.value if money else None

    return _swings(_Case(candidate, terms, plan, conditions), cost, change_pct)


def break_even_swings(
    one: tuple[Candidate, Terms],
    other: tuple[Candidate, Terms],
    plan: Plan,
    conditions: Conditions,
    baseline: Candidate | None = None,
    change_pct: float = 20.0,
) -> tuple[Swing, ...]:
    """Of the months until the one has cost less than the other; the one's own inputs move on its side only.

    Of one device had in two ways speed, power and start-up move for both. (): it never has, or at once.
    """

    def months(case: _Case) -> float | None:
        mine = costed(case.candidate, case.plan, case.terms, case.conditions, baseline)
        their = case.candidate if same(other[0], case.candidate) else other[0]
        found = break_even_months(mine, costed(their, case.plan, other[1], case.conditions, baseline))
        return found.value if found.code == "from" else None

    return _swings(_Case(*one, plan, conditions), months, change_pct)


def _swings(case: _Case, result: Result, change_pct: float) -> tuple[Swing, ...]:
    base = result(case)
    if base is None:
        return ()
    found = [_swing(name, move, case, result, base, change_pct / 100) for name, move in _MOVES.items()]
    found.append(_speed(case, result, base))
    moving = [swing for swing in found if (swing.down, swing.up) != (base, base)]
    return tuple(sorted(moving, key=lambda swing: -swing.width))


def _swing(
    name: Input, move: Callable[[_Case, float], _Case], case: _Case, result: Result, base: float, share: float
) -> Swing:
    down, up = move(case, 1 - share), move(case, 1 + share)
    capped = name == "utilisation" and _used(case) * (1 + share) > 100
    up_pct = 100 * (100 / _used(case) - 1) if capped else 100 * share
    return Swing(name, -100 * share, up_pct, base, result(down), result(up))


def _speed(case: _Case, result: Result, base: float) -> Swing:
    known = case.candidate.seconds_per_image

    def at(seconds: float) -> float | None:
        moved = dataclasses.replace(known, value=seconds)
        return result(
            dataclasses.replace(case, candidate=dataclasses.replace(case.candidate, seconds_per_image=moved))
        )

    ends = [100 * (seconds / known.value - 1) for seconds in (known.low, known.high)]
    return Swing("speed", ends[0], ends[1], base, at(known.low), at(known.high))


def _price(case: _Case, factor: float) -> _Case:
    terms = case.terms
    moved = dataclasses.replace(
        terms,
        per_hour=terms.per_hour * factor,
        purchase=terms.purchase * factor,
        monthly_fee=terms.monthly_fee * factor,
    )
    return dataclasses.replace(case, terms=moved)


def _electricity(case: _Case, factor: float) -> _Case:
    moved = dataclasses.replace(case.conditions, per_kwh=case.conditions.per_kwh * factor)
    return dataclasses.replace(case, conditions=moved)


def _waiting(case: _Case, factor: float) -> _Case:
    moved = dataclasses.replace(case.conditions, hour_value=case.conditions.hour_value * factor)
    return dataclasses.replace(case, conditions=moved)


def _power(case: _Case, factor: float) -> _Case:
    power_w, assumed_w = case.candidate.power_w, case.terms.assumed_w
    candidate = dataclasses.replace(case.candidate, power_w=_times(power_w, factor))
    terms = dataclasses.replace(
        case.terms, rest_w=case.terms.rest_w * factor, assumed_w=_times(assumed_w, factor)
    )
    return dataclasses.replace(case, candidate=candidate, terms=terms)


def _runs(case: _Case, factor: float) -> _Case:
    moved = dataclasses.replace(case.plan, runs_per_month=case.plan.runs_per_month * factor)
    return dataclasses.replace(case, plan=moved)


def _months(case: _Case, factor: float) -> _Case:
    return dataclasses.replace(case, terms=dataclasses.replace(case.terms, months=case.terms.months * factor))


def _start_up(case: _Case, factor: float) -> _Case:
    candidate = dataclasses.replace(case.candidate, start_s=_times(case.candidate.start_s, factor))
    terms = dataclasses.replace(case.terms, boot_s=case.terms.boot_s * factor)
    return dataclasses.replace(case, candidate=candidate, terms=terms)


def _utilisation(case: _Case, factor: float) -> _Case:
    terms = case.terms
    moved = dataclasses.replace(
        terms,
        used_pct=min(100.0, terms.used_pct * factor),
        share_pct=min(100.0, terms.share_pct * factor),
    )
    return dataclasses.replace(case, terms=moved)


def _used(case: _Case) -> float:
    return case.terms.used_pct if case.terms.way == "rent" else case.terms.share_pct


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


_MOVES: dict[Input, Callable[[_Case, float], _Case]] = {
    "price": _price,
    "electricity": _electricity,
    "power": _power,
    "runs": _runs,
    "utilisation": _utilisation,
    "months": _months,
    "start_up": _start_up,
    "waiting": _waiting,
}
