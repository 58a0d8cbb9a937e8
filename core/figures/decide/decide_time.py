"""How long a run takes on each device, with its interval and what it costs there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from core import units
from core.analysis.decide.cost import Costed
from core.figures import drawing, theme
from core.figures.decide.decide_cost import plain
from core.i18n import Translate

_FARTHEST = 20.0  # times the fastest, beyond which the axis is logarithmic
_LINE = 72  # a label of up to four lines
_AROUND = 96


@dataclass(frozen=True, slots=True)
class Times:
    options: tuple[Costed, ...]  # the fastest first
    labels: tuple[str, ...]
    logarithmic: bool


def decide_time_data(costs: Sequence[Costed], labels: Sequence[str]) -> Times:
    """`labels`: a name for each of the costs, no two the same."""
    rows = sorted(zip(costs, labels, strict=True), key=lambda row: row[0].run_s.value)
    times = [one.run_s for one, _ in rows]
    spread = max((time.high for time in times), default=1.0) / min((time.low for time in times), default=1.0)
    return Times(tuple(one for one, _ in rows), tuple(plain(label) for _, label in rows), spread > _FARTHEST)


def decide_time_figure(costs: Sequence[Costed], labels: Sequence[str], translate: Translate) -> go.Figure:
    data = decide_time_data(costs, labels)
    return drawing.figure(
        [_dot(index, data, translate) for index in range(len(data.options))],
        translate("Time of a run"),
        "",
        _AROUND + _LINE * max(len(data.options), 1),
        showlegend=False,
        yaxis_autorange="reversed",
        **_axis(data),
    )


def decide_time_title(data: Times, translate: Translate) -> str:
    if not data.options:
        return translate("No time is known yet")
    first = data.options[0]
    if len(data.options) > 1 and data.options[1].run_s.low <= first.run_s.high:
        text = translate("{first} and {second} take about as long: their intervals overlap")
        return text.format(first=data.labels[0], second=data.labels[1])
    text = translate("{label} is done first: a run takes {time}")
    if len(data.options) == 1:
        text = translate("{label}: a run takes {time}")
    return text.format(label=data.labels[0], time=units.duration(first.run_s.value))


def decide_time_alt(data: Times, translate: Translate) -> str:
    spoken = [(label, _spoken(one, translate)) for one, label in zip(data.options, data.labels, strict=True)]
    text = (
        translate(
            "One line a device with the time of a run and its 95 % interval, on a logarithmic axis: {values}."
        )
        if data.logarithmic
        else translate("One line a device with the time of a run and its 95 % interval: {values}.")
    )
    return text.format(values=drawing.listed(spoken, translate) or units.ABSENT)


def _dot(index: int, data: Times, translate: Translate) -> go.Scatter:
    one, label = data.options[index], data.labels[index]
    value, low, high = drawing.rounded((one.run_s.value, one.run_s.low, one.run_s.high))
    here = one.candidate.source == "measured"
    return go.Scatter(
        name=label,
        mode="markers",
        x=[value],
        y=[f"{drawing.wrapped(label)}<br>{_short(one, translate)}"],
        error_x=theme.whiskers(value, low, high),
        marker=theme.device_dot(one.candidate.result, here),
        hovertext=[f"{label}<br>{_spoken(one, translate)}"],
        hoverinfo="text",
    )


def _short(one: Costed, translate: Translate) -> str:
    time = units.duration(one.run_s.value)
    if one.money is None:
        return time
    text = translate("{time}, {cost} a run")
    return text.format(time=time, cost=_cost(one))


def _spoken(one: Costed, translate: Translate) -> str:
    facts = {
        "time": units.duration(one.run_s.value),
        "low": units.duration(one.run_s.low),
        "high": units.duration(one.run_s.high),
    }
    if one.money is None:
        return translate("{time}, between {low} and {high}, at an unknown cost").format(**facts)
    text = translate("{time}, between {low} and {high}, for {cost}")
    return text.format(cost=_cost(one), **facts)


def _cost(one: Costed) -> str:
    assert one.money is not None
    return units.money(one.money.run.value, plain(one.conditions.currency))


def _axis(data: Times) -> dict[str, object]:
    """Ticks of whole seconds, minutes, hours and days: decimal ones read badly as times."""
    if not data.options:
        return {}
    low, high = min(one.run_s.low for one in data.options), max(one.run_s.high for one in data.options)
    if data.logarithmic:
        ticks = [tick for tick in _FAR_TICKS if low / 6 <= tick <= high * 6] or drawing.decades(low, high)
        return {
            "xaxis_type": "log",
            "xaxis_tickvals": ticks,
            "xaxis_ticktext": [_tick(t) for t in ticks],
            "xaxis_tickangle": 0,
        }
    step = next((tick for tick in _STEPS if high / tick <= 3), high / 3)
    ticks = drawing.rounded(step * i for i in range(int(high / step) + 2))
    texts = [_tick(tick) for tick in ticks]
    return {
        "xaxis_rangemode": "tozero",
        "xaxis_tickvals": ticks,
        "xaxis_ticktext": texts,
        "xaxis_tickangle": 0,
    }


def _tick(seconds: float) -> str:
    """ "5 min", "2 h": a tick is a round number, and its zeros take the room of others."""
    text = units.duration(seconds)
    for zeros in (" 00 s", " 00 min", " 00 h"):
        text = text.removesuffix(zeros)
    return text


_DAY = 86_400
_FAR_TICKS = (1, 10, 60, 600, 3600, 6 * 3600, _DAY, 10 * _DAY, 100 * _DAY, 1000 * _DAY, 10_000 * _DAY)
_STEPS = (1, 2, 5, 10, 20, 60, 120, 300, 600, 1200, 3600, 7200, 3 * 3600, 6 * 3600, 12 * 3600, _DAY, 2 * _DAY)
