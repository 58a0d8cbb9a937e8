"""A card for each device in each way that it can be had, and what all of their numbers rest on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from core import units
from core.analysis.decide.candidates import same
from core.analysis.decide.cost import Costed
from core.i18n import Translate
from core.records import Estimate
from core.wording import setup_words
from pages._decide import decide_words
from pages._decide.decide_costs import Decision, rank
from pages._decide.decide_words import device_words, money, offer_words, option_words
from pages._shared import doubts
from pages._shared.markdown import plain

_RESULTS = "results"  # the page's name in its address, beside this one's
_COMPARE = "."  # the first page
_CARD_PX = 320  # so that both figures stand beside each other, and a row of the table on one line
_BADGES = {  # labels that stand on the card itself, and their colours; all are told in full below
    "projected_run": "blue",
    "time_by_ratio": "blue",
    "extrapolated_size": "orange",
    "speed_recorded": "violet",
    "speed_imported": "violet",
    "speed_predicted": "orange",
    "speed_doubtful": "red",
    "month_too_short": "red",
    "time_told": "gray",
    "price_example": "orange",
    "power_assumed": "gray",
}


def show(found: Decision, translate: Translate) -> None:
    """Each device in each way, the cheapest first."""
    ordered = sorted(found.options, key=rank)
    grid = st.grid("auto", min_column_width=_CARD_PX)
    for one in ordered:
        with grid, st.container(border=True, height="stretch"):
            _card(one, found, translate)


def labels(found: Decision, translate: Translate) -> None:
    """What the numbers are and leave out, each sentence once with those that it holds for."""
    _ = translate
    told: dict[str, list[Costed]] = {}
    for one in found.options:
        for label in one.labels:
            told.setdefault(plain(decide_words.note(label, _)), []).append(one)
    with st.expander(_("What these numbers rest on"), icon=":material/fact_check:"):
        lines = [
            f"- {text}"
            if len(whose) == len(found.options)
            else f"- {doubts.named(_whose(whose, found, _), text, _)}"
            for text, whose in told.items()
        ]
        st.markdown("\n".join(lines))
        st.caption(
            _(
                "What these numbers leave out: the intervals are those of the measured speed alone. "
                "Start-up and power were measured once or assumed and have none; nor have prices. Testing "
                "between epochs, the work to set a machine up, and failed runs aren't counted."
            )
        )


def _whose(options: Sequence[Costed], found: Decision, translate: Translate) -> str:
    """A device by its name alone where it holds in every way of having it."""
    names: dict[str, None] = {}
    for one in options:
        ways = [other for other in found.options if same(other.candidate, one.candidate)]
        whole = all(any(way is other for other in options) for way in ways)
        words = device_words(one.candidate, translate) if whole else option_words(one, translate)
        names[plain(words)] = None
    return translate("; ").join(names)


def _card(one: Costed, found: Decision, translate: Translate) -> None:
    _ = translate
    st.markdown(f"**{plain(device_words(one.candidate, _))}** · {plain(offer_words(one.terms, _))}")
    badges = [_badge(one, found, _), *_label_badges(one, _)]
    st.markdown(" ".join(badge for badge in badges if badge) or " ")
    currency = one.conditions.currency
    with st.container(horizontal=True, gap="medium"):
        if one.money is not None:
            value = one.money.month
            _metric(
                _("Cost a month"), plain(units.money(value.value, currency)), decide_words.money_band(value)
            )
        else:
            st.metric(_("Cost a month"), units.ABSENT, delta=_("not known"), **_QUIET)
        _metric(_("Time a run"), units.duration(one.run_s.value), decide_words.time_band(one.run_s))
    head, *rows = (f"| :small[{name}] | :small[{_whole(value)}] |" for name, value in _rows(one, _))
    st.markdown("\n".join([head, "|:--|--:|", *rows]))
    st.caption(_rests_on(one, _))


_QUIET: dict[str, Any] = {"delta_color": "off", "delta_arrow": "off", "width": "content"}


def _whole(text: str) -> str:
    """A narrow cell breaks before the band, and nowhere within a number and its unit."""
    return text.replace(" ", "\u00a0").replace("\u00a0(", " (") if "(" in text else text


def _metric(label: str, value: str, range_text: str) -> None:
    st.metric(label, value, delta=range_text or None, **_QUIET)


def _badge(one: Costed, found: Decision, translate: Translate) -> str:
    cheapest, fastest, today = translate("cheapest"), translate("fastest"), translate("today")
    parts = []
    if one is found.cheapest and len(found.options) > 1:
        parts.append(f":green-badge[{cheapest}]")
    if one.run_s.value <= found.fastest.run_s.value and len(found.options) > 1:
        parts.append(f":green-badge[{fastest}]")
    if same(one.candidate, found.today) and one.terms.way == "own":
        parts.append(f":blue-badge[{today}]")
    return " ".join(parts)


def _label_badges(one: Costed, translate: Translate) -> Iterator[str]:
    _ = translate
    words = {
        "projected_run": _("projected"),
        "time_by_ratio": _("projected"),
        "extrapolated_size": _("extrapolated"),
        "speed_recorded": _("recorded"),
        "speed_imported": _("imported"),
        "speed_predicted": _("predicted"),
        "speed_doubtful": _("doubtful"),
        "month_too_short": _("too slow for a month's runs"),
        "time_told": _("time as you gave it"),
        "price_example": _("example price"),
        "power_assumed": _("power assumed"),
    }
    for code in dict.fromkeys(label.code for label in one.labels):
        if code in words:
            yield f":{_BADGES[code]}-badge[{words[code]}]"


def _rows(one: Costed, translate: Translate) -> Iterator[tuple[str, str]]:
    _, currency = translate, one.conditions.currency
    yield _("Cost a run"), plain(money(one.money.run, currency)) if one.money else units.ABSENT
    if one.money is not None and one.money.upfront.value:
        yield _("Paid at the start"), plain(money(one.money.upfront, currency))
    yield _("Time a month"), decide_words.time(one.month_s)
    if one.saved_month_s is not None:
        saved = one.saved_month_s
        lost = Estimate(-saved.value, -saved.high, -saved.low)
        if saved.low <= 0 <= saved.high:
            yield _("Time saved a month"), _("no reliable difference")
        elif saved.value < 0:
            yield _("Time lost a month"), decide_words.time(lost)
        else:
            yield _("Time saved a month"), decide_words.time(saved)
    energy = one.energy_month_j
    yield _("Energy a month"), decide_words.energy(energy) if energy else _("not known")
    carbon = one.co2_month_kg
    yield _("CO2 a month (estimate)"), decide_words.weight(carbon) if carbon else _("not known")
    fits = {"yes": _("fits"), "no": _("doesn't fit"), "unknown": _("not known")}
    yield _("In memory"), fits[one.fit.code]
    if one.machines > 1:
        yield _("At once"), _("{n} machines").format(n=one.machines)


def _rests_on(one: Costed, translate: Translate) -> str:
    _, run = translate, one.candidate.result
    work = run.spec.workload
    name = run.environment.device.name if run.environment else None
    text = _("Batch {batch}, {setup}, measured on {date}.").format(
        batch=one.candidate.batch_size, setup=setup_words(run.spec.setup, name, _), date=run.created_at[:10]
    )
    asked = urlencode({"model": work.model, "dataset": work.dataset, "batch_size": one.candidate.batch_size})
    shown, measured = _("The run"), _("Measure it here")
    links = (
        f"[{shown}]({_RESULTS}?{urlencode({'run': run.id})})",
        f"[{measured}]({_COMPARE}?{asked})",
    )
    known = [] if one.fit.reason.code == "memory_fitted" else [plain(decide_words.note(one.fit.reason, _))]
    return " ".join([*known, plain(text), " · ".join(links)])
