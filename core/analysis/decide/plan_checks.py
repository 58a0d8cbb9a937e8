"""Refuses what a person can't have meant: prices below 0, text, days to come. Pure; today is an argument.

The names in refusals are field names of Plan, Terms and Conditions; `core.messages.decide.FIELDS` has them
in words.
"""

from __future__ import annotations

import dataclasses
import math
from datetime import date
from typing import TypeVar

from core.analysis.decide.plan import Conditions, Plan, Terms
from core.errors import InputError

# From, to. Beyond them a number is a slip of the pen, and their products stay finite.
RANGES: dict[str, tuple[float, float]] = {
    "images": (1, 1e12),
    "epochs": (1, 1e6),
    "runs_per_month": (0.01, 1e6),
    "side": (1, 100_000),
    "batch_size": (1, 1e9),
    "today_epoch_s": (1e-6, 1e9),
    "per_hour": (0, 1e6),
    "unit_s": (1, 31 * 86_400),
    "boot_s": (0, 86_400),
    "used_pct": (1, 100),
    "monthly_fee": (0, 1e9),
    "purchase": (0, 1e9),
    "months": (1, 600),
    "share_pct": (0.1, 100),
    "rest_w": (0, 100_000),
    "assumed_w": (0.1, 100_000),
    "per_kwh": (0, 1000),
    "grid_g": (0, 5000),
    "hour_value": (0, 1e6),
}
_WHOLE = ("images", "epochs", "side", "batch_size")
TEXTS = {"device": 200, "name": 40, "source": 300, "currency": 8}  # most characters
_SHOWN = 40  # characters of a value that a sentence quotes

R = TypeVar("R", Plan, Terms, Conditions)


def amount(name: str, value: object) -> float:
    """A number for the field called `name`, from a number or from text as typed ("0.25", "1e6").

    Raises InputError: not_a_number (name, value), out_of_range (name, low, high, value), not_whole.
    """
    number = _number(name, value)
    low, high = RANGES[name]
    if not low <= number <= high:
        raise InputError(
            "out_of_range", name=name, low=f"{low:,.12g}", high=f"{high:,.15g}", value=_quoted(value)
        )
    if name in _WHOLE and number != int(number):
        raise InputError("not_whole", name=name, value=_quoted(value))
    return number


def day(text: str, today: date) -> str:
    """A date as ISO text, "" for none. Raises InputError: date_unreadable (value), date_in_future (value)."""
    if not text.strip():
        return ""
    try:
        found = date.fromisoformat(text.strip())
    except ValueError as error:
        raise InputError("date_unreadable", value=_quoted(text)) from error
    if found > today:
        raise InputError("date_in_future", value=found.isoformat())
    return found.isoformat()


def checked_plan(plan: Plan) -> Plan:
    """Raises InputError: not_a_number, not_whole, out_of_range, plan_without_images."""
    if plan.images is None and plan.today_epoch_s is None:
        raise InputError("plan_without_images")
    return _checked(plan)


def checked_terms(terms: Terms, today: date) -> Terms:
    """Raises InputError as `amount` and `day` do; price_missing, text_too_long (name, limit), odd_text."""
    needed = {"rent": "per_hour", "buy": "purchase"}.get(terms.way)
    terms = dataclasses.replace(_checked(terms), date=day(terms.date, today))
    if needed is not None and getattr(terms, needed) == 0:
        raise InputError("price_missing", name=needed)
    return terms


def checked_conditions(conditions: Conditions, today: date) -> Conditions:
    """Raises InputError as `checked_terms` does."""
    if not conditions.currency.strip():
        raise InputError("currency_missing")
    return dataclasses.replace(_checked(conditions), date=day(conditions.date, today))


def _checked(record: R) -> R:
    for field in dataclasses.fields(record):
        name, value = field.name, getattr(record, field.name)
        if name in RANGES and not (value is None and field.default is None):
            amount(name, value)
        if name in TEXTS:
            _refuse_text(name, value)
    return record


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise InputError("not_a_number", name=name, value=_quoted(value))
    try:
        # Python's own reading takes 1_000 and digits of other scripts
        number = float(value) if not isinstance(value, str) or _is_plain(value) else math.nan
    except OverflowError:
        number = math.inf
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise InputError("not_a_number", name=name, value=_quoted(value))
    return number


def _is_plain(text: str) -> bool:
    return text.isascii() and "_" not in text


def _refuse_text(name: str, text: str) -> None:
    if len(text) > TEXTS[name]:
        raise InputError("text_too_long", name=name, limit=TEXTS[name])
    if not text.isprintable():
        raise InputError("odd_text", name=name)


def _quoted(value: object) -> str:
    if isinstance(value, float):
        text = f"{value:.15g}"
    else:
        text = str(value) if not isinstance(value, int) or abs(value) < 10**30 else f"{str(value)[:10]}…"
    plain = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    return plain if len(plain) <= _SHOWN else plain[: _SHOWN - 1] + "…"
