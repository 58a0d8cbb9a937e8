"""The plan on every device in every way it has a price for; what if is put into it. Draws nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.analysis import stats
from core.analysis.decide.candidates import Candidate, key, same
from core.analysis.decide.cost import Costed, costed
from core.analysis.decide.plan import Conditions, Plan, Terms
from core.analysis.decide.plan_checks import checked_plan
from core.records import Estimate
from core.runs.prices import PriceTable
from pages._decide.decide_controls import WhatIf


@dataclass(frozen=True)
class Decision:
    """What the page answers from. `stay`: today's machine as it is; None: it has no price as one's own."""

    plan: Plan
    conditions: Conditions
    today: Candidate
    options: tuple[Costed, ...]  # every device in every way, in the order of devices
    what_if: WhatIf

    @property
    def stay(self) -> Costed | None:
        ways = {one.terms.way: one for one in self.options if same(one.candidate, self.today)}
        return ways.get("own")

    @property
    def cheapest(self) -> Costed | None:
        """By the month."""
        return min(self.priced, key=lambda one: month(one).value, default=None)

    @property
    def fastest(self) -> Costed:
        """By the run; of one device the cheaper way."""
        return min(self.options, key=lambda one: (one.run_s.value, month(one).value if one.money else 0.0))

    @property
    def priced(self) -> tuple[Costed, ...]:
        return tuple(one for one in self.options if one.money is not None)

    def terms_of(self, device: str) -> tuple[Terms, ...]:
        """By the device's key, with what if in them."""
        return tuple(one.terms for one in self.options if key(one.candidate.device) == device)

    def bought(self) -> tuple[Costed, ...]:
        return tuple(one for one in self.options if one.terms.way == "buy")


def month(one: Costed) -> Estimate:
    assert one.money is not None
    return one.money.month


def decide(
    found: Sequence[Candidate], today: Candidate, plan: Plan, table: PriceTable, what_if: WhatIf
) -> Decision | None:
    """None: no device has a price. Raises InputError as `costed` and the checks do."""
    plan = checked_plan(replace(plan, runs_per_month=plan.runs_per_month * what_if.runs))
    conditions = replace(table.conditions, per_kwh=table.conditions.per_kwh * what_if.electricity)
    moved = [one if same(one, today) else _faster(one, what_if.speed) for one in found]
    options = tuple(
        costed(one, plan, _dearer(terms, what_if.price), conditions, today)
        for one in moved
        for terms in table.of(key(one.device))
    )
    return Decision(plan, conditions, today, options, what_if) if options else None


def quotient(a: Estimate, b: Estimate) -> Estimate | None:
    """a / b, the widest that both intervals allow; None where that has no bounds."""
    if min(b.low, a.low) <= 0:
        return None
    return Estimate(a.value / b.value, a.low / b.high, a.high / b.low)


def overlap(a: Estimate, b: Estimate) -> bool:
    return a.low <= b.high and b.low <= a.high


def _faster(one: Candidate, factor: float) -> Candidate:
    return replace(one, seconds_per_image=stats.scaled(one.seconds_per_image, 1 / factor))


def _dearer(terms: Terms, factor: float) -> Terms:
    return replace(
        terms,
        per_hour=terms.per_hour * factor,
        monthly_fee=terms.monthly_fee * factor,
        purchase=terms.purchase * factor,
    )
