"""What a decision hangs on: for each input a bar from the result with less of it to that with more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import plotly.graph_objects as go

from core import units
from core.analysis.decide.sensitivity import Input, Swing
from core.figures import drawing, theme
from core.figures.decide.decide_cost import plain
from core.i18n import Translate

Of = Literal["cost", "break_even"]
_LINE = 52
_AROUND = 130  # axis, axis title and legend
_LESS, _MORE = "#0891B2", "#B45309"


@dataclass(frozen=True, slots=True)
class Sensitivity:
    swings: tuple[Swing, ...]  # the widest first
    of: Of
    currency: str


def decide_sensitivity_data(swings: Sequence[Swing], of: Of, currency: str) -> Sensitivity:
    return Sensitivity(tuple(swings), of, plain(currency))


def decide_sensitivity_figure(
    swings: Sequence[Swing], of: Of, currency: str, translate: Translate
) -> go.Figure:
    data = decide_sensitivity_data(swings, of, currency)
    axis = (
        translate("Months until it pays off")
        if of == "break_even"
        else translate("Cost per month ({currency})").format(currency=data.currency)
    )
    less = _bars(data, translate("With less of it"), "down", translate)
    more = _bars(data, translate("With more of it"), "up", translate)
    return drawing.figure(
        [less, more] if swings else [],
        axis,
        "",
        _AROUND + _LINE * max(len(swings), 1),
        barmode="overlay",
        yaxis_autorange="reversed",
    )


def decide_sensitivity_title(data: Sensitivity, translate: Translate) -> str:
    if not data.swings:
        return translate("No input changes the result")
    first = data.swings[0]
    text = (
        translate("{input} changes the cost per month most: {ends}")
        if data.of == "cost"
        else translate("{input} changes the months most: {ends}")
    )
    return text.format(input=_name(first.input, translate), ends=_ends(first, data, translate))


def decide_sensitivity_alt(data: Sensitivity, translate: Translate) -> str:
    if not data.swings:
        return translate("No input changes the result")
    spoken = [(_moved(swing, translate), _ends(swing, data, translate)) for swing in data.swings]
    text = (
        translate("Bars around a cost per month of {base}, one an input moved by itself: {values}.")
        if data.of == "cost"
        else translate("Bars around {base} months until it pays off, one an input moved by itself: {values}.")
    )
    return text.format(
        base=_value(data.swings[0].base, data, translate), values=drawing.listed(spoken, translate)
    )


def _bars(data: Sensitivity, name: str, end: Literal["down", "up"], translate: Translate) -> go.Bar:
    ends = [swing.down if end == "down" else swing.up for swing in data.swings]
    rows = [(swing, value) for swing, value in zip(data.swings, ends, strict=True) if value is not None]
    return go.Bar(
        name=name,
        orientation="h",
        base=drawing.rounded(swing.base for swing, _ in rows),
        x=drawing.rounded(value - swing.base for swing, value in rows),
        y=[_row(swing, translate) for swing, _ in rows],
        marker={
            "color": _LESS if end == "down" else _MORE,
            "pattern": {"shape": "" if end == "down" else "/"},
            "line": {"width": 1, "color": theme.WHISKER},
        },
        hovertext=[f"{_moved(swing, translate)}<br>{_ends(swing, data, translate)}" for swing, _ in rows],
        hoverinfo="text",
    )


def _row(swing: Swing, translate: Translate) -> str:
    return f"{_name(swing.input, translate)}<br>{_by(swing)}"


def _moved(swing: Swing, translate: Translate) -> str:
    return translate("{input} {change}").format(input=_name(swing.input, translate), change=_by(swing))


def _by(swing: Swing) -> str:
    """ "±20 %", or both ends where they aren't alike."""
    if abs(swing.down_pct + swing.up_pct) < 0.05:
        return f"±{units.percent(float(f'{swing.up_pct:.2g}'))}"
    up = units.percent(float(f"{swing.up_pct:.2g}"))
    return f"{units.number(float(f'{swing.down_pct:.2g}'))} / +{up}"


def _ends(swing: Swing, data: Sensitivity, translate: Translate) -> str:
    text = translate("from {low} to {high}")
    return text.format(low=_value(swing.down, data, translate), high=_value(swing.up, data, translate))


def _value(value: float | None, data: Sensitivity, translate: Translate) -> str:
    if value is None:
        return translate("never")
    return units.number(value) if data.of == "break_even" else units.money(value, data.currency)


def _name(name: Input, translate: Translate) -> str:
    names: dict[Input, str] = {
        "price": translate("Price"),
        "electricity": translate("Electricity price"),
        "power": translate("Power"),
        "runs": translate("Runs per month"),
        "speed": translate("Seconds per image"),
        "utilisation": translate("Utilisation"),
        "months": translate("Months of use"),
        "start_up": translate("Start-up"),
        "waiting": translate("Value of waiting"),
    }
    return names[name]
