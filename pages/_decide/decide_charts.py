"""The charts of a decision: cost against runs a month, the time of a run, and what a cost hangs on."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.analysis.decide.cost import Costed
from core.analysis.decide.pay_off import break_even_months
from core.analysis.decide.sensitivity import Swing, break_even_swings, monthly_swings
from core.figures.charts import Chart
from core.figures.decide import decide_cost, decide_sensitivity, decide_time
from core.figures.decide.decide_sensitivity import Of
from core.i18n import Translate
from pages._decide.decide_costs import Decision, month
from pages._decide.decide_words import option_words
from pages._shared.markdown import plain

_WHAT, _OF, _OF_MONTHS = "decide_swings", "decide_swings_of", "decide_swings_of_months"


def show(found: Decision, translate: Translate) -> None:
    """Those that there is something to draw of."""
    labels = _distinct([option_words(one, translate) for one in found.options])
    if found.priced:
        data = decide_cost.decide_cost_data(found.options, labels)
        figure = decide_cost.decide_cost_figure(found.options, labels, translate)
        title, alt = (
            decide_cost.decide_cost_title(data, translate),
            decide_cost.decide_cost_alt(data, translate),
        )
        _draw(Chart("cost", title, alt, figure))
    left, right = st.columns(2)
    with left:
        times = decide_time.decide_time_data(found.options, labels)
        figure = decide_time.decide_time_figure(found.options, labels, translate)
        title, alt = (
            decide_time.decide_time_title(times, translate),
            decide_time.decide_time_alt(times, translate),
        )
        _draw(Chart("time", title, alt, figure))
    with right:
        _swings(found, translate)


def _swings(found: Decision, translate: Translate) -> None:
    """Of the cost of one option, or of the months until buying one has paid off."""
    _ = translate
    whats: dict[Of, str] = {"cost": _("The cost per month"), "break_even": _("When buying pays off")}
    rivals = [(one, other) for one in found.bought() for other in found.rivals(one)]
    what: Of = "cost"
    if rivals:
        what = st.radio(
            _("What moves the answer"),
            list(whats),
            format_func=whats.__getitem__,
            horizontal=True,
            key=_WHAT,
            persist_state="session",
        )
    if what == "cost":
        _swings_of_cost(found, _)
    else:
        _swings_of_break_even(rivals, found, _)


def _swings_of_cost(found: Decision, translate: Translate) -> None:
    """At first of the cheapest to rent or buy: its price is what there is to decide on."""
    options = {_id(one): one for one in found.priced}
    if not options:
        return
    offered = [name for name, one in options.items() if one.terms.way != "own"] or list(options)
    first = min(offered, key=lambda name: month(options[name]).value)
    words = {name: option_words(one, translate) for name, one in options.items()}
    chosen = options[_selected(_OF, words, first, translate("What its cost hangs on"))]
    moved = monthly_swings(chosen.candidate, found.plan, chosen.terms, found.conditions, found.today)
    _bars(moved, "cost", found, translate)


def _swings_of_break_even(
    rivals: Sequence[tuple[Costed, Costed]], found: Decision, translate: Translate
) -> None:
    """At first of a purchase that pays off."""
    _ = translate
    pairs = {f"{_id(one)} {_id(other)}": (one, other) for one, other in rivals}
    text = _("{device} against {other}")
    words = {
        name: text.format(device=option_words(one, _), other=option_words(other, _))
        for name, (one, other) in pairs.items()
    }
    paying = [name for name, pair in pairs.items() if break_even_months(*pair).code == "from"]
    chosen = pairs[_selected(_OF_MONTHS, words, [*paying, *pairs][0], _("Which purchase"))]
    mine, their = ((one.candidate, one.terms) for one in chosen)
    moved = break_even_swings(mine, their, found.plan, found.conditions, found.today)
    if not moved:
        st.caption(_("It pays off never, or at once: there is no number of months that could move."))
    _bars(moved, "break_even", found, _)


def _selected(key: str, words: dict[str, str], first: str, label: str) -> str:
    if st.session_state.get(key) not in words:
        st.session_state[key] = first
    chosen: str = st.selectbox(
        label, list(words), format_func=words.__getitem__, key=key, persist_state="session"
    )
    return chosen


def _bars(moved: Sequence[Swing], of: Of, found: Decision, translate: Translate) -> None:
    if not moved:
        return
    currency = found.conditions.currency
    data = decide_sensitivity.decide_sensitivity_data(moved, of, currency)
    figure = decide_sensitivity.decide_sensitivity_figure(moved, of, currency, translate)
    title = decide_sensitivity.decide_sensitivity_title(data, translate)
    _draw(Chart("sensitivity", title, decide_sensitivity.decide_sensitivity_alt(data, translate), figure))
    st.caption(translate("Each input moved by itself; the speed to the ends of its interval."))


def _id(one: Costed) -> str:
    return f"{one.terms.way} {one.terms.name} {one.candidate.result.id}"


def _distinct(labels: Sequence[str]) -> list[str]:
    """They are categories of an axis: equal ones would be drawn as one."""
    return [
        label if labels.count(label) == 1 else f"{label} ({labels[: i + 1].count(label)})"
        for i, label in enumerate(labels)
    ]


def _draw(chart: Chart) -> None:
    st.markdown(f"**{plain(chart.title)}**")
    st.plotly_chart(chart.figure, key=f"decide_{chart.key}", alt=chart.alt, config={"displayModeBar": False})
