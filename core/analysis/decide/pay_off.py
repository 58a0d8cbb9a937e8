"""From when, or from how much use, one way to compute costs less than another. Knows only two costs."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from core.analysis.decide.candidates import same
from core.analysis.decide.cost import MONTH_S, Costed, Money
from core.records import Estimate, Note

LONGEST_MONTHS = 1200.0  # a saving that needs a century is none
MOST_RUNS = 1e6  # a month
_DAYS = 30.4375  # of a month


@dataclass(frozen=True, slots=True)
class BreakEven:
    """When the first of two costs less than the other, in months or in runs a month.

    from: above `value`; until: below it; always, never: whatever the number; unknown: `reason` says why.
    """

    code: Literal["from", "until", "always", "never", "unknown"]
    value: float | None = None
    low: float | None = None  # of `never`: at best from here on; None: not even then
    high: float | None = None  # None: perhaps never
    sure: bool = True  # whether the code holds all over the interval
    reason: Note | None = None  # what is to be said of it


NEVER = BreakEven("never")  # wherever in the intervals both speeds are


def break_even_months(one: Costed, other: Costed) -> BreakEven:
    """How many months of the plan until the one has cost less: buying against renting or staying.

    (paid first by the one - by the other) / (the other's month - the one's). The interval holds whatever both
    speeds may be within theirs; of one device with two prices, its one speed.
    """
    if one.money is None or other.money is None:
        return _unknown(one, other)
    lead = _difference(one.money.upfront, other.money.upfront, one, other)
    saving = _difference(other.money.running_month, one.money.running_month, one, other)
    found = _crossing(lead, saving, LONGEST_MONTHS)
    late = found.code == "from" and found.value is not None and found.value > one.terms.months
    if late and one.terms.way == "buy":
        return dataclasses.replace(found, reason=Note("after_use", {"months": one.terms.months}))
    return found


def break_even_runs(one: Costed, other: Costed) -> BreakEven:
    """From how many runs a month on the one costs less a month, its purchase spread over its months of use.

    With one machine each. A purchase that all hours of a month can't earn back against renting is never earned
    back: of two machines with two months' hours the same holds.
    """
    if one.money is None or other.money is None:
        return _unknown(one, other)
    lead = _difference(_fixed_of_one(one, one.money), _fixed_of_one(other, other.money), one, other)
    saving = _difference(other.money.use_run, one.money.use_run, one, other)
    found = _crossing(lead, saving, MOST_RUNS)
    most = min(
        (MONTH_S / side.run_s.value for side in (one, other) if side.terms.way != "rent"), default=MOST_RUNS
    )
    if found.value is None or found.value <= most:
        return found
    reason = Note("over_capacity", {"runs": float(f"{most:.3g}")})
    ways = (one.terms.way, other.terms.way)
    if found.code == "from" and ways == ("buy", "rent"):
        return BreakEven("never", reason=reason)
    if found.code == "until" and ways == ("rent", "buy"):
        return BreakEven("always", reason=reason)
    return dataclasses.replace(found, reason=reason)


def reached_on(today: date, months: float) -> date | None:
    """The day so many months on; None: beyond the calendar."""
    try:
        return today + timedelta(days=months * _DAYS)
    except OverflowError:
        return None


def _unknown(one: Costed, other: Costed) -> BreakEven:
    return BreakEven("unknown", reason=(one if one.money is None else other).no_money)


def _fixed_of_one(costed: Costed, money: Money) -> Estimate:
    """A month's fixed cost of one machine: the fee, or the purchase spread."""
    terms = costed.terms
    fixed = money.fee_month
    if terms.way == "buy":
        fixed = terms.purchase * terms.share_pct / 100 / terms.months
    return Estimate(fixed, fixed, fixed)


def _difference(a: Estimate, b: Estimate, one: Costed, other: Costed) -> Estimate:
    """a - b over both speeds' intervals; over one where it is the same device's."""
    value = a.value - b.value
    if same(one.candidate, other.candidate):
        ends = a.low - b.low, a.high - b.high
    else:
        ends = a.low - b.high, a.high - b.low
    return Estimate(value, min(value, *ends), max(value, *ends))  # started units are steps: it may lie outside


def _crossing(lead: Estimate, saving: Estimate, most: float) -> BreakEven:
    """Where lead = saving * x: what the one is behind at 0, and gains with each x."""
    found = _at(lead.value, saving.value, most)
    corners = [_at(*ends, most) for ends in itertools.product((lead.low, lead.high), (saving.low, saving.high))]
    sure = all(corner.code == found.code for corner in corners)
    wanted = "from" if found.code == "never" else found.code
    values = [corner.value for corner in corners if corner.code == wanted and corner.value is not None]
    low, high = min(values, default=None), max(values, default=None)
    return BreakEven(found.code, found.value, low, high if sure else None, sure)


def _at(lead: float, saving: float, most: float) -> BreakEven:
    if lead > 0:
        if saving <= 0 or lead > saving * most:
            return BreakEven("never")
        return BreakEven("from", lead / saving)
    if saving >= 0:
        return BreakEven("always" if lead < 0 or saving > 0 else "never")
    if -lead > -saving * most:
        return BreakEven("always")
    return BreakEven("until", lead / saving)
