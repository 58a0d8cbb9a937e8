"""In what two runs differ, in words and with both values. Knows not how that was found."""

from __future__ import annotations

from core import units
from core.analysis.comparability import Difference
from core.i18n import Translate
from core.messages import sentence
from core.messages.fields import FIELDS, field_words
from core.records import Fact


def difference_sentence(difference: Difference, translate: Translate) -> str:
    """In what two runs differ, with both values, and what that means."""
    field = field_words(difference.field, translate)
    if difference.field in FIELDS:  # and not a name, which stays as it is written
        field = field[:1].upper() + field[1:]
    a, b = (_value(difference.field, value, translate) for value in (difference.a, difference.b))
    return sentence(difference.code, {"field": field, "a": a, "b": b}, translate)


def _value(field: str, value: Fact, translate: Translate) -> str:
    if value is None:
        return translate("none")
    if field == "on_battery":
        return translate("battery") if value else translate("mains")
    if isinstance(value, bool):
        return translate("on") if value else translate("off")
    if isinstance(value, str):
        return value
    if field.endswith("_bytes"):
        return units.size(value)
    if field.endswith("_w"):
        return units.watts(value)
    if field.endswith("_hz"):
        return f"{units.number(value / 1e9)} GHz"
    return units.number(value, 9)
