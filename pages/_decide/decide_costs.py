"""The plan on every device in every way it has a price for; what if is put into it. Draws nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.analysis import stats
from core.analysis.decide.candidates import Candidate, key, same
from core.analysis.decide.cost import Costed, costed
from core.analysis.decide.plan import Conditions, Plan, Terms
from core.analysis.decide.plan_checks import checked_plan
from core.errors import InputError
from core.records import Estimate, Note
from core.runs.files.prices import PriceTable
from pages._decide.decide_controls import WhatIf


@dataclass(frozen=True)
class Decision:
    """What the page answers from. `stay`: today's machine as it is; None: it has no price as one's own."""

    plan: Plan
    conditions: Conditions
    today: Candidate
    options: tuple[Costed, ...]  # every device in every way, in the order of devices
    what_if: WhatIf
    refused: tuple[tuple[Candidate, Note], ...] = ()  # left out, and why

    @property
    def stay(self) -> Costed | None:
        ways = {one.terms.way: one for one in self.options if same(one.candidate, self.today)}
        return ways.get("own")

    @property
    def cheapest(self) -> Costed | None:
        """By the month, of those that can do the month's runs; of none such, of all."""
        return min(self.priced, key=rank, default=None)

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

    def rivals(self, bought: Costed) -> tuple[Costed, ...]:
        """What buying is held against: renting the same device, and staying with another one."""
        mine = [one for one in self.options if same(one.candidate, bought.candidate)]
        at_hand = any(one.terms.way == "own" for one in mine)
        stay = [self.stay] if self.stay is not None and self.stay.is_enough and not at_hand else []
        against = [*(one for one in mine if one.terms.way == "rent"), *stay]
        return tuple(one for one in against if bought.money is not None and one.money is not None)


def rank(one: Costed) -> tuple[bool, bool, float]:
    """The cheapest first, then what isn't enough, last what it isn't known of."""
    return one.money is None, not one.is_enough, month(one).value if one.money else 0.0


def month(one: Costed) -> Estimate:
    assert one.money is not None
    return one.money.month


def decide(
    found: Sequence[Candidate], today: Candidate, plan: Plan, table: PriceTable, what_if: WhatIf
) -> Decision | None:
    """None: no device has a price. What core refuses of one device is told and leaves the others.

    Raises InputError as the checks do, and as `costed` does where it refuses all devices.
    """
    plan = checked_plan(replace(plan, runs_per_month=plan.runs_per_month * what_if.runs))
    conditions = replace(table.conditions, per_kwh=table.conditions.per_kwh * what_if.electricity)
    moved = [one if same(one, today) else _faster(one, what_if.speed) for one in found]
    options: list[Costed] = []
    refused: list[tuple[Candidate, InputError]] = []
    for one in moved:
        terms = [_dearer(terms, what_if.price) for terms in table.of(key(one.device))]
        try:
            options += [costed(one, plan, each, conditions, today) for each in terms]
        except InputError as problem:
            refused.append((one, problem))
    if refused and not options:
        raise refused[0][1]
    told = tuple((one, problem.note) for one, problem in refused)
    return Decision(plan, conditions, today, tuple(options), what_if, told) if options else None


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
