"""What it takes on each device until the model knows enough: hours, money and energy to a test accuracy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from core import units
from core.analysis.crossover.time_to_accuracy import Frontier, Point, frontier
from core.analysis.decide.candidates import candidates, key
from core.analysis.decide.cost import costed
from core.i18n import Translate
from core.records import RunResult
from pages._decide import decide_words
from pages._decide.decide_costs import Decision
from pages._decide.decide_words import option_words
from pages._shared.markdown import plain

_COMPARE = "pages/compare.py"


def show(runs: Sequence[RunResult], goal: float, found: Decision, translate: Translate) -> None:
    """`runs`: those that were tested. Raises InputError as `frontier` does."""
    _ = translate
    st.subheader(_("To reach an accuracy"), anchor=False)
    known = frontier(runs, goal)
    points = _first_there(known)
    lines = [line for point in points for line in _lines(point, found, _)]
    if not lines:
        _nothing(known, _)
        return
    text = _(
        "Until a test accuracy of {goal} was reached, of each device the batch size that was the first to get "
        "there: a large batch can be fast per image and still late."
    )
    st.markdown(plain(text.format(goal=units.percent(100 * goal))))
    head = [_("Device"), _("Time"), _("Cost"), _("Energy")]
    st.markdown("\n".join([_row(head), "|---|--:|--:|--:|", *lines]))
    doubts = [note for point in points if point.reached for note in point.reached.doubts]
    for said in dict.fromkeys(decide_words.note(note, _) for note in doubts):
        st.caption(plain(said))


def _first_there(known: Frontier) -> list[Point]:
    """Of each device the point that reached the goal in the least time."""
    best: dict[object, Point] = {}
    for point in sorted((one for one in known.points if one.reached), key=_seconds):
        best.setdefault(point.setup[1:], point)
    return list(best.values())


def _seconds(point: Point) -> float:
    return point.reached.after.seconds.value if point.reached else math.inf


def _lines(point: Point, found: Decision, translate: Translate) -> Sequence[str]:
    """A line for each way that the device has a price for."""
    done, data = point.reached, point.result.data
    ones = candidates([point.result])
    if done is None or data is None or not ones:
        return ()
    one = ones[0]
    plan = replace(
        found.plan,
        images=data.train_samples,
        epochs=done.epochs,
        side=None,
        batch_size=None,
        today_epoch_s=None,
    )
    lines = []
    for terms in found.terms_of(key(one.device)):
        cost = costed(one, plan, terms, found.conditions)
        spent = cost.energy_run_j
        money = cost.money
        amount = None
        if money is not None:
            amount = decide_words.money(money.use_run, found.conditions.currency)
        name = translate("{option} · batch {batch} · epochs {epochs}").format(
            option=option_words(cost, translate), epochs=done.epochs, batch=one.batch_size
        )
        cells = [
            plain(name),
            decide_words.time(cost.run_s),
            plain(amount) if amount else units.ABSENT,
            decide_words.energy(spent) if spent else units.ABSENT,
        ]
        lines.append(_row(cells))
    return lines


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(f":small[{cell}]" for cell in cells) + " |"


def _nothing(known: Frontier, translate: Translate) -> None:
    _ = translate
    if known.points:
        best = max(point.best_accuracy for point in known.points)
        text = _("No run reached that. The most that was reached is {best}: lower it at the side.")
        st.markdown(plain(text.format(best=units.percent(100 * best))))
        return
    st.markdown(_("No run of this model was tested yet. Compare tests after each epoch."))
    st.page_link(_COMPARE, label=_("Measure something"), icon=":material/play_arrow:")
