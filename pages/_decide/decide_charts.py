"""The charts of a decision: cost against runs a month, the time of a run, and what a cost hangs on."""

from __future__ import annotations

import streamlit as st

from core.analysis.decide.sensitivity import monthly_swings
from core.figures.charts import Chart
from core.figures.decide import decide_cost, decide_sensitivity, decide_time
from core.i18n import Translate
from pages._decide.decide_costs import Decision, month
from pages._decide.decide_words import option_words
from pages._shared.markdown import plain

_OF = "decide_swings_of"


def show(found: Decision, translate: Translate) -> None:
    """Those that there is something to draw of."""
    labels = [option_words(one, translate) for one in found.options]
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
    """Of one of the options, at first the cheapest to rent or buy: its price is what there is to decide on."""
    names = {f"{one.terms.way} {one.candidate.result.id}": one for one in found.priced}
    if not names:
        return
    offered = [name for name, one in names.items() if one.terms.way != "own"] or list(names)
    first = min(offered, key=lambda name: month(names[name]).value)
    words = {name: option_words(one, translate) for name, one in names.items()}
    if st.session_state.get(_OF) not in names:
        st.session_state[_OF] = first
    chosen = names[
        st.selectbox(
            translate("What its cost hangs on"),
            list(names),
            format_func=words.__getitem__,
            key=_OF,
            persist_state="session",
        )
    ]
    moved = monthly_swings(chosen.candidate, found.plan, chosen.terms, found.conditions, found.today)
    if not moved:
        return
    currency = found.conditions.currency
    data = decide_sensitivity.decide_sensitivity_data(moved, "cost", currency)
    figure = decide_sensitivity.decide_sensitivity_figure(moved, "cost", currency, translate)
    title = decide_sensitivity.decide_sensitivity_title(data, translate)
    _draw(Chart("sensitivity", title, decide_sensitivity.decide_sensitivity_alt(data, translate), figure))
    st.caption(translate("Each input moved by itself; the speed to the ends of its interval."))


def _draw(chart: Chart) -> None:
    st.markdown(f"**{plain(chart.title)}**")
    st.plotly_chart(chart.figure, key=f"decide_{chart.key}", alt=chart.alt, config={"displayModeBar": False})
