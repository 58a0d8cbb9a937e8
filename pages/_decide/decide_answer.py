"""The answer in sentences: which device is the cheapest, which the fastest, and when buying pays off."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import streamlit as st

from core import units
from core.analysis.decide.candidates import same
from core.analysis.decide.pay_off import NEVER, break_even_months, break_even_runs
from core.i18n import Translate
from pages._decide import decide_costs, decide_words
from pages._decide.decide_costs import Decision, month
from pages._decide.decide_words import device_words, money, option_words
from pages._shared.markdown import plain


def show(found: Decision, today: dt.date, translate: Translate) -> None:
    """The header and the sentences below it."""
    st.header(plain(headline(found, translate)), anchor=False)
    lines = list(_sentences(found, today, translate))
    if lines:
        st.markdown("\n".join(f"- {plain(line)}" for line in lines))


def headline(found: Decision, translate: Translate) -> str:
    """Who wins; the numbers follow, each with its band."""
    _ = translate
    cheap, fast = found.cheapest, found.fastest
    if cheap is None:
        return _("{fast} is the fastest; no cost is known.").format(fast=option_words(fast, _))
    facts = {"cheap": option_words(cheap, _), "fast": option_words(fast, _)}
    if len(found.options) == 1:
        return _("One choice so far: {cheap}.").format(**facts)
    if cheap is fast:
        return _("{cheap} is the cheapest and the fastest.").format(**facts)
    if same(cheap.candidate, fast.candidate):
        return _("The fastest device is also the cheapest: {cheap}.").format(**facts)
    return _("{cheap} is the cheapest, {fast} the fastest.").format(**facts)


def _winners(found: Decision, translate: Translate) -> Iterator[str]:
    _ = translate
    cheap, fast = found.cheapest, found.fastest
    if cheap is None:
        text = _("{fast} is the fastest at {time} a run; no cost is known.")
        yield text.format(fast=option_words(fast, _), time=decide_words.time(fast.run_s))
        return
    both = [cheap] if same(cheap.candidate, fast.candidate) or fast.money is None else [cheap, fast]
    for one in both:
        amount = money(month(one), one.conditions.currency)
        text = _("{cheap}: {money} a month, {time} a run.")
        yield text.format(cheap=option_words(one, _), money=amount, time=decide_words.time(one.run_s))


def _sentences(found: Decision, today: dt.date, translate: Translate) -> Iterator[str]:
    yield from _winners(found, translate)
    yield from _told_apart(found, translate)
    yield from _against_staying(found, translate)
    yield from _how_much_faster(found, translate)
    yield from _buying(found, today, translate)
    unknown = [one for one in found.options if one.money is None]
    if unknown:
        text = translate("What it costs isn't known for: {names}. {reason}")
        first = unknown[0].no_money
        names = translate("; ").join(option_words(one, translate) for one in unknown)
        yield text.format(names=names, reason=decide_words.note(first, translate) if first else "").strip()


def _told_apart(found: Decision, translate: Translate) -> Iterator[str]:
    cheap = found.cheapest
    if cheap is None:
        return
    close = [one for one in found.priced if one is not cheap and decide_costs.overlap(month(one), month(cheap))]
    if close:
        text = translate("Noise decides between it and {names}: their intervals of cost overlap.")
        yield text.format(names=translate("; ").join(option_words(one, translate) for one in close))


def _against_staying(found: Decision, translate: Translate) -> Iterator[str]:
    _, stay, cheap = translate, found.stay, found.cheapest
    if stay is None or stay.money is None or cheap is None or len(found.options) == 1:
        return
    if not stay.is_enough:
        text = _("One {stay} isn't enough: it needs {time} for the runs of a month.")
        yield text.format(stay=device_words(stay.candidate, _), time=decide_words.time(stay.month_s))
        return
    facts = {
        "stay": device_words(stay.candidate, _),
        "money": money(month(stay), stay.conditions.currency),
        "other": option_words(cheap, _),
    }
    if cheap is stay:
        others = [one for one in found.priced if one is not stay]
        if not others:
            return
        second = min(others, key=lambda one: month(one).value)
        text = _("Staying with {stay} is the cheapest. The next is {other} at {money} a month.")
        facts |= {"other": option_words(second, _), "money": money(month(second), second.conditions.currency)}
        yield text.format(**facts)
        if not same(found.fastest.candidate, stay.candidate):
            yield decide_words.cheaper_from(second, stay, break_even_runs(second, stay), _)
        return
    factor = decide_costs.quotient(month(stay), month(cheap))
    if factor is None:
        yield _("Staying with {stay} costs {money} a month.").format(**facts)
    else:
        text = _("Staying with {stay} costs {money} a month, {ratio} as much ({band}).")
        yield text.format(**facts, ratio=units.ratio(factor), band=units.interval(factor))
    yield decide_words.cheaper_from(cheap, stay, break_even_runs(cheap, stay), _)


def _how_much_faster(found: Decision, translate: Translate) -> Iterator[str]:
    fast = found.fastest
    stay = next((one for one in found.options if same(one.candidate, found.today)), None)
    if stay is None or same(fast.candidate, found.today):
        return
    factor = decide_costs.quotient(stay.run_s, fast.run_s)
    if factor is not None:
        text = (
            translate("A run on {fast} is done {ratio} as fast as on {stay} ({band}), start-up included.")
            if factor.low > 1
            else translate(
                "Whether a run is done sooner on {fast} than on {stay} can't be told: {ratio} ({band})."
            )
        )
        yield text.format(
            fast=option_words(fast, translate),
            stay=device_words(found.today, translate),
            ratio=units.ratio(factor),
            band=units.interval(factor),
        )


def _buying(found: Decision, today: dt.date, translate: Translate) -> Iterator[str]:
    """Of each device that could be bought: against renting it, and against staying."""
    for one in found.bought():
        evens = [(other, break_even_months(one, other)) for other in found.rivals(one)]
        never = [other for other, even in evens if even == NEVER]
        if len(never) > 1:
            yield decide_words.never_pays_off(one, never, translate)
        for other, even in evens:
            if len(never) < 2 or other not in never:
                yield decide_words.pays_off(one, other, even, today, translate)
