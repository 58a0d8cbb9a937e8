"""Costs and devices in words for the Decide page: no number without its band, no device without its origin."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from core import units
from core.analysis import stats
from core.analysis.decide.candidates import Candidate
from core.analysis.decide.cost import Costed
from core.analysis.decide.pay_off import BreakEven, reached_on
from core.analysis.decide.plan import Terms, Way
from core.i18n import Translate
from core.messages import sentence
from core.records import Estimate, Note
from core.wording import device_of, kind_of, processor_words

_J_PER_KWH = 3.6e6
LATEST = dt.timedelta(hours=14)  # where the day begins first


def device_words(one: Candidate, translate: Translate) -> str:
    """ "GPU H200 · recorded"; a processor by its model, as there may be two."""
    if kind_of(one.result) == "gpu":
        names = [device_of(one.result)]
    else:
        names = processor_words(one.device.name, one.device.cores, translate)
    sources = {
        "measured": "",
        "recorded": translate("recorded"),
        "imported": translate("imported"),
        "predicted": translate("predicted"),
    }
    return " · ".join(part for part in (*names, sources[one.source]) if part)


def way_words(way: Way, translate: Translate) -> str:
    words: dict[Way, str] = {
        "own": translate("owned"),
        "rent": translate("rented"),
        "buy": translate("bought"),
    }
    return words[way]


def option_words(one: Costed, translate: Translate) -> str:
    return named(device_words(one.candidate, translate), one.terms, translate)


def named(device: str, terms: Terms, translate: Translate) -> str:
    """ "GPU H200 (rented)", "GPU H200 (rented, the cheap cloud)"."""
    return translate("{device} ({way})").format(device=device, way=offer_words(terms, translate))


def offer_words(terms: Terms, translate: Translate) -> str:
    way = way_words(terms.way, translate)
    return translate(", ").join([way, terms.name] if terms.name else [way])


def money(value: Estimate, currency: str) -> str:
    """With its band; an amount that no measurement touches has none."""
    return _banded(units.money(value.value, currency), money_band(value))


def money_band(value: Estimate) -> str:
    """ "" where its ends can't be told apart, or both are less than anybody would pay for by itself."""
    ends = [units.money(end, "").strip() for end in (value.low, value.high)]
    return _ends(*ends)


def band(value: Estimate) -> str:
    """ "" where its ends can't be told apart."""
    return _ends(units.number(value.low), units.number(value.high))


def time(value: Estimate) -> str:
    return _banded(units.duration(value.value), time_band(value))


def time_band(value: Estimate) -> str:
    return _ends(units.duration(value.low), units.duration(value.high))


def energy(value: Estimate) -> str:
    """As it is bought; a card in joules can't be held against one in kilowatt-hours."""
    scale, unit = (1 / _J_PER_KWH, "kWh") if value.value >= _J_PER_KWH / 10 else (1000 / _J_PER_KWH, "Wh")
    return _amount(stats.scaled(value, scale), unit)


def weight(kilograms: Estimate) -> str:
    scale, unit = (1, "kg") if kilograms.value >= 1 else (1000, "g")
    return _amount(stats.scaled(kilograms, scale), unit)


def _amount(value: Estimate, unit: str) -> str:
    return _banded(f"{units.number(value.value)} {unit}", band(value))


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
        "late": _(
            "Buying {device} doesn't pay off against {other} while it is used: that takes {months} months "
            "({band}) at {runs} runs a month."
        ),
        "until": _("Buying {device} costs less than {other} for the first {months} months ({band}) only."),
        "always": _("Buying {device} costs less than {other} from the first day on, at {runs} runs a month."),
        "never": _("Buying {device} never pays off against {other} at {runs} runs a month."),
        "unknown": _("Whether buying {device} pays off against {other} isn't known."),
    }
    known = even.value is not None
    day = reached_on(today, even.value) if even.value is not None else None
    late = even.reason is not None and even.reason.code == "after_use"
    said = texts["late" if late else even.code].format(
        device=_bought(one, _),
        other=option_words(other, _),
        months=units.number(even.value) if known else "",
        band=_even_band(even, _) if known else "",
        date=f"{day:%Y-%m}" if day else units.ABSENT,
        runs=units.number(one.plan.runs_per_month),
    )
    return " ".join([said, *_also(even, _)])


def never_pays_off(one: Costed, others: Sequence[Costed], translate: Translate) -> str:
    """The same of several."""
    text = translate("Buying {device} never pays off at {runs} runs a month: not against {others}.")
    return text.format(
        device=_bought(one, translate),
        runs=units.number(one.plan.runs_per_month),
        others=translate("; ").join(option_words(other, translate) for other in others),
    )


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


def left_out(device: str, reason: Note, translate: Translate) -> Note:
    """`device`: "" where the reason says what it is of."""
    if not device:
        return reason
    return Note("device_left_out", {"device": device, "reason": note(reason, translate)})


def _bought(one: Costed, translate: Translate) -> str:
    device = device_words(one.candidate, translate)
    return translate(", ").join([device, one.terms.name] if one.terms.name else [device])


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
