"""Costs and devices in words for the Decide page: no number without its band, no device without its origin."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from core import units
from core.analysis import stats
from core.analysis.decide.candidates import Candidate, key
from core.analysis.decide.cost import Costed
from core.analysis.decide.pay_off import BreakEven, reached_on
from core.analysis.decide.plan import Way
from core.i18n import Translate
from core.messages import sentence
from core.records import Estimate, Note
from core.wording import device_of, kind_of

LATEST = dt.timedelta(hours=14)  # where the day begins first


def device_words(one: Candidate, translate: Translate) -> str:
    """ "GPU H200 · recorded"; a processor by its full name, as there may be two."""
    name = device_of(one.result) if kind_of(one.result) == "gpu" else key(one.device)
    sources = {
        "measured": "",
        "recorded": translate("recorded"),
        "imported": translate("imported"),
        "predicted": translate("predicted"),
    }
    return " · ".join(part for part in (name, sources[one.source]) if part)


def way_words(way: Way, translate: Translate) -> str:
    words: dict[Way, str] = {
        "own": translate("owned"),
        "rent": translate("rented"),
        "buy": translate("bought"),
    }
    return words[way]


def option_words(one: Costed, translate: Translate) -> str:
    return named(device_words(one.candidate, translate), one.terms.way, translate)


def named(device: str, way: Way, translate: Translate) -> str:
    return translate("{device} ({way})").format(device=device, way=way_words(way, translate))


def money(value: Estimate, currency: str) -> str:
    """With its band; an amount that no measurement touches has none."""
    return _banded(f"{units.number(value.value)} {currency}", band(value))


def band(value: Estimate) -> str:
    """ "" where its ends can't be told apart."""
    return _ends(units.number(value.low), units.number(value.high))


def time(value: Estimate) -> str:
    return _banded(units.duration(value.value), time_band(value))


def time_band(value: Estimate) -> str:
    return _ends(units.duration(value.low), units.duration(value.high))


def energy(value: Estimate) -> str:
    return _banded(units.joules(value.value), _ends(units.joules(value.low), units.joules(value.high)))


def weight(kilograms: Estimate) -> str:
    scale, unit = (1, "kg") if kilograms.value >= 1 else (1000, "g")
    scaled = stats.scaled(kilograms, scale)
    return _banded(f"{units.number(scaled.value)} {unit}", band(scaled))


def _ends(low: str, high: str) -> str:
    return "" if low == high else f"{low}–{high}"


def _banded(text: str, ends: str) -> str:
    return f"{text} ({ends})" if ends else text


def pays_off(one: Costed, other: Costed, even: BreakEven, today: dt.date, translate: Translate) -> str:
    """When buying the one has cost less than the other."""
    _ = translate
    texts = {
        "from": _(
            "Buying {device} pays off against {other} after {months} months ({band}), by {date}, "
            "at {runs} runs a month."
        ),
        "until": _("Buying {device} costs less than {other} for the first {months} months ({band}) only."),
        "always": _("Buying {device} costs less than {other} from the first day on, at {runs} runs a month."),
        "never": _("Buying {device} never pays off against {other} at {runs} runs a month."),
        "unknown": _("Whether buying {device} pays off against {other} isn't known."),
    }
    known = even.value is not None
    day = reached_on(today, even.value) if even.value is not None else None
    said = texts[even.code].format(
        device=device_words(one.candidate, _),
        other=option_words(other, _),
        months=units.number(even.value) if known else "",
        band=_even_band(even, _) if known else "",
        date=f"{day:%Y-%m}" if day else units.ABSENT,
        runs=units.number(one.plan.runs_per_month),
    )
    return " ".join([said, *_also(even, _)])


def cheaper_from(one: Costed, other: Costed, even: BreakEven, translate: Translate) -> str:
    """From how many runs a month on the one costs less than the other."""
    _ = translate
    texts = {
        "from": _("{device} costs less than {other} from {runs} runs a month on ({band})."),
        "until": _("{device} costs less than {other} up to {runs} runs a month ({band})."),
        "always": _("{device} costs less than {other} however many runs a month there are."),
        "never": _("{device} costs more than {other} however many runs a month there are."),
        "unknown": _("From how many runs a month on {device} costs less than {other} isn't known."),
    }
    at_once = even.code == "until" and even.value == 0  # dearer from the first run on
    said = texts["never" if at_once else even.code].format(
        device=option_words(one, _),
        other=option_words(other, _),
        runs=units.number(even.value) if even.value is not None else "",
        band=_even_band(even, _) if even.value is not None else "",
    )
    return " ".join([said, *_reason(even, _)])


def note(found: Note, translate: Translate) -> str:
    return sentence(found.code, found.facts, translate)


def _even_band(even: BreakEven, translate: Translate) -> str:
    if even.low is None:
        return units.ABSENT
    if even.high is None:
        return translate("{low} or more, perhaps never").format(low=units.number(even.low))
    return f"{units.number(even.low)}–{units.number(even.high)}"


def _also(even: BreakEven, translate: Translate) -> Iterator[str]:
    if even.code == "never" and even.low is not None:
        yield translate("At the best end of the intervals it does after {months} months.").format(
            months=units.number(even.low)
        )
    yield from _reason(even, translate)


def _reason(even: BreakEven, translate: Translate) -> Iterator[str]:
    if even.reason is not None:
        yield note(even.reason, translate)
