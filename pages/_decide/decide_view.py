"""The Decide page below its controls: the answer first, then cards, charts, accuracy, prices and files."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from core import units
from core.errors import CrossoverError
from core.i18n import Translate
from pages._decide import (
    decide_accuracy,
    decide_answer,
    decide_cards,
    decide_price_table,
    decide_prices,
    decide_runs,
    decide_take_away,
    decide_words,
)
from pages._decide.decide_controls import Choice, WhatIf
from pages._decide.decide_costs import Decision
from pages._decide.decide_runs import Found
from pages._decide.decide_words import device_words
from pages._shared import doubts, notices
from pages._shared.markdown import plain

_COMPARE, _CROSSOVER = "pages/compare.py", "pages/crossover.py"


def show(decision: Decision, found: Found, choice: Choice, goal: float, translate: Translate) -> None:
    """Everything that there is to say of these devices."""
    _ = translate
    _first(decision, found, _)
    decide_answer.show(decision, datetime.now(UTC).date(), _)
    decide_cards.show(decision, _)
    decide_cards.labels(decision, _)
    runs = {one.candidate.result.id: one.candidate for one in decision.options}.values()
    doubts.show([one.result for one in runs], [plain(device_words(one, _)) for one in runs], [], _)
    if decision.priced:
        from pages._decide import decide_charts  # brings Plotly: not before there is something to draw

        decide_charts.show(decision, _)
    prices(found, _)
    try:
        decide_accuracy.show(decide_runs.learners(choice), goal, decision, _)
    except CrossoverError as problem:
        notices.problem(problem.note)
    decide_take_away.show(decision, _)


def prices(found: Found, translate: Translate) -> None:
    """The table that all of it hangs on; it can be mended also where there is no answer."""
    decide_price_table.show(decide_prices.held(), found.candidates, translate)


def no_answer(found: Found, translate: Translate) -> None:
    """No device has a price, or the workload was refused, which is told above."""
    if not decide_prices.held().terms:
        st.info(translate("No device has a price: add one below."), icon=":material/price_change:")
    prices(found, translate)


def missing(found: Found, decision: Decision | None, translate: Translate) -> None:
    """Devices and runs that the answer lacks, and why."""
    refused = decision.refused if decision else ()
    problems = [*found.problems, *((device_words(one, translate), note) for one, note in refused)]
    for device, reason in problems:
        notices.problem(decide_words.left_out(device, reason, translate))


def nothing_yet(translate: Translate) -> None:
    """No device was measured with this model."""
    _ = translate
    with st.container(border=True):
        st.markdown("#### " + _("No device has been measured with this model yet"))
        st.markdown(
            _(
                "Choose another model at the side, or measure this one: Compare times one batch size on each "
                "device, Crossover all of them. Runs of other machines can be added from files on Results."
            )
        )
        with st.container(horizontal=True):
            st.page_link(_COMPARE, label=_("Measure something"), icon=":material/play_arrow:")
            st.page_link(_CROSSOVER, label=_("Measure batch sizes"), icon=":material/timeline:")


def _first(decision: Decision, found: Found, translate: Translate) -> None:
    """What must be known before the answer is read."""
    _ = translate
    if decide_prices.are_examples(one.terms for one in decision.options):
        st.info(
            _("These are example prices, nobody's offer: put in yours below."), icon=":material/price_change:"
        )
    if decision.what_if != WhatIf():
        moved = decision.what_if
        text = _(
            "What if: prices × {price}, electricity × {electricity}, runs × {runs}, speed of the others × "
            "{speed}. All numbers here are with these, and not as you entered them."
        )
        facts = {name: units.number(getattr(moved, name)) for name in ("price", "electricity", "runs", "speed")}
        st.warning(text.format(**facts), icon=":material/tune:")
    if len(found.candidates) == 1:
        text = _(
            "Only one device has been measured with this model, so there is nothing to compare it with. "
            "Measure another one, or add a file from another machine on Results."
        )
        st.info(text, icon=":material/devices:")
    elif all(one.source != "measured" for one in found.candidates):
        st.info(
            _("Nothing of this was measured on this machine: all speeds are other machines'."),
            icon=":material/history:",
        )
    if found.left_out:
        text = _("{n} older or elsewhere measured results of the same devices are left out.")
        st.caption(text.format(n=found.left_out))
