"""What a decision rests on: my workload, the prices of a device, what electricity and waiting cost.

Values that a person enters, each to be passed through `plan_checks` first. Knows no measurement.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

Way = Literal["own", "rent", "buy"]  # own: it is here already and paid for; only electricity is
Offer = tuple[str, Way, str]  # what tells terms apart: device, way, name

EXAMPLE_SOURCE = "example value, not a quote"  # the source of a price that nobody looked up
EXAMPLE_DATE = "2026-11-29"


@dataclass(frozen=True, slots=True)
class Plan:
    """My workload. Of `images` and `today_epoch_s` at least one is given."""

    images: int | None = None  # of one epoch
    epochs: int = 10
    runs_per_month: float = 20.0
    side: int | None = None  # pixels along each side of an image; None: as it was measured
    batch_size: int | None = None  # None: on each device the fastest that was measured
    today_epoch_s: float | None = None  # of one epoch on today's machine, as it was timed outside


@dataclass(frozen=True, slots=True)
class Terms:
    """What a device costs when it is had in one way. Prices are in the currency of `Conditions`."""

    device: str  # core.analysis.decide.candidates.key of its hardware
    way: Way = "own"
    name: str = ""  # of the offer, where there are several of one device in one way
    per_hour: float = 0.0  # rent; electricity is in it
    unit_s: float = 1.0  # rent: each started unit is paid whole, run by run
    boot_s: float = 0.0  # rent: paid in each run before anything computes
    used_pct: float = 100.0  # rent: of the time that is paid, what is used; the rest is paid, too
    monthly_fee: float = 0.0  # rent: whether anything runs or not, as storage costs
    purchase: float = 0.0  # buy: of one machine
    months: float = 36.0  # buy: how long it will be used
    share_pct: float = 100.0  # buy: of the purchase, what this work bears; the rest is other work's
    rest_w: float = 0.0  # own, buy: of the machine around the measured device; 0: only what was measured
    assumed_w: float | None = (
        None  # of the device where its energy wasn't measured; None: then it stays unknown
    )
    date: str = ""  # of the prices, ISO 8601; "": not known
    source: str = ""

    @property
    def offer(self) -> Offer:
        return self.device, self.way, self.name


@dataclass(frozen=True, slots=True)
class Conditions:
    """What is the same for all devices."""

    currency: str = "EUR"
    per_kwh: float = 0.30
    grid_g: float | None = None  # CO2 for each kWh, in grams; None: no estimate
    hour_value: float = 0.0  # of an hour that somebody waits for a run
    date: str = ""
    source: str = ""


def edited(terms: Terms, **changes: Any) -> Terms:
    """With other values. An example's date and source go once a price isn't the example's any more."""
    new = dataclasses.replace(terms, **changes)
    priced = dataclasses.replace(new, name=terms.name, date=terms.date, source=terms.source) != terms
    if priced and terms.source == new.source == EXAMPLE_SOURCE:
        return dataclasses.replace(new, source="", date="" if new.date == terms.date else new.date)
    return new
