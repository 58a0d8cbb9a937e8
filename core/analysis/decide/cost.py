"""What my workload takes on a device: hours, energy, money, with the measurement's interval. No clock."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

from core.analysis import stats
from core.analysis.decide import cost_labels
from core.analysis.decide.candidates import Candidate, same
from core.analysis.decide.plan import Conditions, Plan, Terms
from core.analysis.decide.plan_memory import Fit, fit
from core.errors import InputError
from core.records import Estimate, Note

MONTH_S = 730.5 * 3600  # a twelfth of 365.25 days
LONGEST_RUN_S = 100 * 12 * MONTH_S
_J_PER_KWH = 3.6e6
_NOTHING = Estimate(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Money:
    """In the conditions' currency."""

    upfront: Estimate  # paid at the start, and never again; of all machines that are needed
    fixed_month: Estimate  # whatever runs: the purchase spread over its months, or the fee
    fee_month: float  # of it what isn't the purchase
    rent_run: Estimate
    electricity_run: Estimate
    waiting_run: Estimate
    runs_per_month: float

    @property
    def use_run(self) -> Estimate:
        """What one run more costs."""
        return total(self.rent_run, self.electricity_run, self.waiting_run)

    @property
    def running_month(self) -> Estimate:
        """A month's costs without the purchase: fee, rent, electricity, waiting."""
        return mapped(stats.scaled(self.use_run, self.runs_per_month), lambda cost: cost + self.fee_month)

    @property
    def month(self) -> Estimate:
        return total(stats.scaled(self.use_run, self.runs_per_month), self.fixed_month)

    @property
    def run(self) -> Estimate:
        """One run with its share of what is fixed."""
        return stats.scaled(self.month, 1 / self.runs_per_month)


@dataclass(frozen=True, slots=True)
class Costed:
    candidate: Candidate
    plan: Plan
    terms: Terms
    conditions: Conditions
    run_s: Estimate  # one run, start-up included, as somebody waits for it
    start_s: float  # of it before the first step is done; a rented machine's boot included
    machines: int  # that must work at once for the runs of a month to be done within it
    energy_run_j: Estimate | None  # None: `no_energy` says why
    no_energy: Note | None
    money: Money | None  # None: electricity is to be paid and `no_energy` says why it isn't known
    saved_run_s: Estimate | None  # against the baseline; negative: it takes longer; None: it is the baseline
    fit: Fit
    labels: tuple[Note, ...]  # what the numbers are: projected_run, extrapolated_size, ..., price_example

    @property
    def no_money(self) -> Note | None:
        return self.no_energy if self.money is None else None

    @property
    def month_s(self) -> Estimate:
        """Of one machine, however many share it."""
        return stats.scaled(self.run_s, self.plan.runs_per_month)

    @property
    def fits_month(self) -> bool:
        """Whether one device does a month's runs in a month."""
        return self.machines == 1

    @property
    def is_enough(self) -> bool:
        """Whether a month's runs can be done so: more can be rented and bought, of one's own there is one."""
        return self.fits_month or self.terms.way != "own"

    @property
    def energy_month_j(self) -> Estimate | None:
        return stats.scaled(self.energy_run_j, self.plan.runs_per_month) if self.energy_run_j else None

    @property
    def co2_run_kg(self) -> Estimate | None:
        """An estimate from the grid's factor; None where energy or factor isn't known."""
        if self.energy_run_j is None or self.conditions.grid_g is None:
            return None
        return stats.scaled(self.energy_run_j, self.conditions.grid_g / 1000 / _J_PER_KWH)

    @property
    def co2_month_kg(self) -> Estimate | None:
        return stats.scaled(self.co2_run_kg, self.plan.runs_per_month) if self.co2_run_kg else None

    @property
    def saved_month_s(self) -> Estimate | None:
        return stats.scaled(self.saved_run_s, self.plan.runs_per_month) if self.saved_run_s else None


def costed(
    candidate: Candidate, plan: Plan, terms: Terms, conditions: Conditions, baseline: Candidate | None = None
) -> Costed:
    """The plan on a candidate. `baseline`: today's machine among the candidates, which time is saved against.

    Every interval is the measured speed's, carried through; prices and a start-up, measured once, have none.
    Raises InputError: no_baseline where only `today_epoch_s` is known and no candidate stands for today's
    machine; plan_too_long.
    """
    epochs_s = stats.scaled(epoch_s(candidate, plan, baseline), plan.epochs)
    start_s = (candidate.start_s or 0.0) + (terms.boot_s if terms.way == "rent" else 0.0)
    run_s = mapped(epochs_s, lambda seconds: start_s + seconds)
    if not run_s.high <= LONGEST_RUN_S:
        raise InputError("plan_too_long", years=float(f"{run_s.value / 12 / MONTH_S:.3g}"))
    machines = _machines(run_s.value * plan.runs_per_month)
    power_w = _power_w(candidate, terms)
    energy_run_j = stats.scaled(run_s, power_w) if power_w is not None else None
    saved = None
    if baseline is not None and not same(candidate, baseline):
        saved = _saved_s(epochs_s, start_s, candidate, plan, baseline)
    return Costed(
        candidate=candidate,
        plan=plan,
        terms=terms,
        conditions=conditions,
        run_s=run_s,
        start_s=start_s,
        machines=machines,
        energy_run_j=energy_run_j,
        no_energy=candidate.no_energy if power_w is None else None,
        money=_money(run_s, energy_run_j, plan, terms, conditions),
        saved_run_s=saved,
        fit=fit(candidate, plan),
        labels=(
            *cost_labels.labels(candidate, plan, terms, conditions, baseline),
            *_several(machines, terms),
        ),
    )


def epoch_s(candidate: Candidate, plan: Plan, baseline: Candidate | None) -> Estimate:
    """Seconds of one epoch: of today's machine as it was told, else by images, else by the ratio to today's."""
    told = plan.today_epoch_s
    if told is not None and same(candidate, baseline):
        return Estimate(told, told, told)
    if plan.images is not None:
        images = plan.images * candidate.size_factor(plan.side)
        return stats.scaled(candidate.seconds_per_image, images)
    if told is None or baseline is None:
        raise InputError("no_baseline")
    # A told time is of the wanted image size on both sides: it cancels.
    ratio = _quotient(candidate.seconds_per_image, baseline.seconds_per_image)
    return stats.scaled(ratio, told)


def month_at(found: Costed, runs_per_month: float) -> Estimate | None:
    """A month's cost with another number of runs; None: unknown, or more than what is owned can do."""
    plan = dataclasses.replace(found.plan, runs_per_month=runs_per_month)
    if found.terms.way == "own" and _machines(found.run_s.value * runs_per_month) > 1:
        return None
    money = _money(found.run_s, found.energy_run_j, plan, found.terms, found.conditions)
    return money.month if money else None


def mapped(estimate: Estimate, function: Callable[[float], float]) -> Estimate:
    """Through a function that never falls."""
    return Estimate(function(estimate.value), function(estimate.low), function(estimate.high))


def total(*estimates: Estimate) -> Estimate:
    """The sum of estimates that rise and fall together."""
    return Estimate(
        sum(one.value for one in estimates),
        sum(one.low for one in estimates),
        sum(one.high for one in estimates),
    )


def _quotient(a: Estimate, b: Estimate) -> Estimate:
    """The widest that both intervals allow."""
    return Estimate(a.value / b.value, a.low / b.high, a.high / b.low)


def _machines(month_s: float) -> int:
    return max(1, math.ceil(month_s / MONTH_S - 1e-9))


def _several(machines: int, terms: Terms) -> tuple[Note, ...]:
    if machines == 1:
        return ()
    code = "month_too_short" if terms.way == "own" else "several_machines"
    return (Note(code, {"machines": machines}),)


def _power_w(candidate: Candidate, terms: Terms) -> float | None:
    """Of the device and the machine around it, while a run lasts."""
    device_w = candidate.power_w if candidate.power_w is not None else terms.assumed_w
    return None if device_w is None else device_w + terms.rest_w


def _saved_s(
    epochs_s: Estimate, start_s: float, candidate: Candidate, plan: Plan, baseline: Candidate
) -> Estimate:
    today = stats.scaled(epoch_s(baseline, plan, baseline), plan.epochs)
    lead_s = (baseline.start_s or 0.0) - start_s
    if plan.images is None:  # both hang on one ratio, and the told time has no interval
        ends = [today.value - epochs_s.high, today.value - epochs_s.low]
    else:
        ends = [today.low - epochs_s.high, today.high - epochs_s.low]
    return Estimate(today.value - epochs_s.value + lead_s, ends[0] + lead_s, ends[1] + lead_s)


def _money(
    run_s: Estimate, energy_run_j: Estimate | None, plan: Plan, terms: Terms, conditions: Conditions
) -> Money | None:
    waiting = stats.scaled(run_s, conditions.hour_value / 3600)
    if terms.way == "rent":
        rent = mapped(run_s, lambda seconds: _paid_s(seconds, terms) / 3600 * terms.per_hour)
        fee = terms.monthly_fee
        fixed = Estimate(fee, fee, fee)
        return Money(_NOTHING, fixed, fee, rent, _NOTHING, waiting, plan.runs_per_month)
    if energy_run_j is None and conditions.per_kwh > 0:
        return None
    electricity = stats.scaled(energy_run_j or _NOTHING, conditions.per_kwh / _J_PER_KWH)
    upfront = _NOTHING
    if terms.way == "buy":
        share = terms.purchase * terms.share_pct / 100
        upfront = mapped(run_s, lambda seconds: share * _machines(seconds * plan.runs_per_month))
    fixed = stats.scaled(upfront, 1 / terms.months)
    return Money(upfront, fixed, 0.0, _NOTHING, electricity, waiting, plan.runs_per_month)


def _paid_s(seconds: float, terms: Terms) -> float:
    """What is billed of a run: every started unit, and the time that is rented and not used."""
    rented = seconds * 100 / terms.used_pct
    return math.ceil(rented / terms.unit_s - 1e-9) * terms.unit_s
