"""What the figures over batch sizes share: axes, a line's look and name, a fit's curve. Knows no figure."""

from __future__ import annotations

import math
import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from core import units, wording
from core.analysis.crossover.sweep import Line
from core.figures import drawing, theme
from core.i18n import Translate
from core.records import Estimate

HEIGHT = drawing.HEIGHT + 80  # with a legend of a few lines
EXTRAPOLATED = "dot"
BREAK_EVEN = "#DB2777"  # its colour wherever it is drawn; at least 3:1 on both backgrounds
_DASHES = ("solid", "dash", "dashdot")  # of what was measured
_LONGEST_NAME = 60  # an imported record may say what it likes
_LEGEND = 40  # characters in a line of the legend, for a narrow screen
_MOST_TICKS = 6
_CURVE = 24  # points of a curve

Drawn = tuple[list[float | None], list[float | None]]


@dataclass(frozen=True, slots=True)
class Look:
    colour: str
    dash: str
    symbol: str


def looks(lines: Sequence[Line]) -> tuple[Look, ...]:
    """Told apart by colour (of their kind of device), by dash and by symbol."""
    kinds: list[wording.Kind] = ["cpu" if line.setup.device == "cpu" else "gpu" for line in lines]
    return tuple(
        Look(
            theme.COLOURS[kind][kinds[:i].count(kind) % len(theme.COLOURS[kind])],
            _DASHES[i % len(_DASHES)],
            theme.SYMBOLS[i % len(theme.SYMBOLS)],
        )
        for i, kind in enumerate(kinds)
    )


def plain(name: str) -> str:
    """A name from outside, without what Plotly would read as HTML."""
    return name.replace("<", "").replace(">", "")[:_LONGEST_NAME]


def labelled(name: str, lines: Iterable[Line], translate: Translate) -> str:
    """A line's name, with where its runs are from unless they were measured here."""
    words = [wording.origin_word(origin, translate) for origin in sorted({line.origin for line in lines})]
    here = wording.origin_word("measured", translate)
    missing = [word for word in words if word not in name] if words != [here] else []
    return " · ".join([plain(name), *missing])


def spoken(step: Estimate, words: Callable[[float], str], translate: Translate) -> str:
    """A value with its interval."""
    text = translate("{value}, between {low} and {high}")
    return text.format(value=words(step.value), low=words(step.low), high=words(step.high))


def count(batch_size: float) -> str:
    """A batch size that was measured in all its digits; one that was computed in three, without a fraction."""
    if not math.isfinite(batch_size):
        return "∞"
    if batch_size == round(batch_size):
        return f"{batch_size:,.0f}"
    return units.number(round(batch_size) if batch_size >= 10 else batch_size, 3 if batch_size >= 10 else 2)


def labels(names: Sequence[str], lines: Sequence[Line], translate: Translate) -> tuple[str, ...]:
    """The name of each line."""
    return tuple(labelled(name, [line], translate) for name, line in zip(names, lines, strict=True))


def wrapped(text: str, most: int = _LEGEND) -> str:
    """In lines of `most` characters, which a narrow screen has room for; of Chinese ones half as many."""
    wide = any(unicodedata.east_asian_width(character) in "WF" for character in text)
    return "<br>".join(textwrap.wrap(text, most // 2 if wide else most))


def hover(name: str, batch_size: float, said: str, translate: Translate) -> str:
    text = translate("{label}, batch {batch}: {values}")
    return text.format(label=name, batch=count(batch_size), values=said)


def around(low: float, high: float, room: float = 1.4) -> tuple[float, float]:
    """With room on either side, as a factor."""
    return low / room, high * room


def x_axis(low: float, high: float) -> dict[str, Any]:
    """A logarithmic axis of batch sizes, ticks at powers of two in plain numbers."""
    ticks = powers_of_two(low, high)
    return log_axis("xaxis", low, high, ticks, [count(tick) for tick in ticks])


# Plotly would scroll a legend that takes half of the height, which on a narrow screen one of five lines does
LEGEND: dict[str, Any] = {"legend_maxheight": 1}


def log_axis(
    name: str, low: float, high: float, ticks: Sequence[float], words: Sequence[str]
) -> dict[str, Any]:
    return {
        f"{name}_type": "log",
        f"{name}_range": drawing.rounded((math.log10(low), math.log10(high))),
        f"{name}_tickvals": list(ticks),
        f"{name}_ticktext": list(words),
    }


def powers_of_two(low: float, high: float) -> list[float]:
    first, last = math.ceil(math.log2(low)), math.floor(math.log2(high))
    step = max(1, math.ceil((last - first + 1) / _MOST_TICKS))
    return [2.0**power for power in range(first, last + 1) if power % step == 0]


def curve(
    measured: tuple[float, float], drawn: tuple[float, float], value: Callable[[float], float]
) -> tuple[Drawn, Drawn]:
    """A fit's curve over the batch sizes that are drawn: within those that were measured, and extrapolated."""
    (first, last), (low, high) = measured, drawn
    inside = _points(max(first, low), min(last, high), value)
    below, above = _points(low, min(first, high), value), _points(max(last, low), high, value)
    return inside, (below[0] + [None] + above[0], below[1] + [None] + above[1])


def _points(low: float, high: float, value: Callable[[float], float]) -> Drawn:
    if low >= high:
        return [], []
    at = [low * (high / low) ** (i / _CURVE) for i in range(_CURVE + 1)]
    found = [(size, value(size)) for size in at]
    shown = [(size, one) for size, one in found if one > 0]  # nothing else has a place on a logarithmic axis
    return [*drawing.rounded(size for size, _ in shown)], [*drawing.rounded(one for _, one in shown)]


def key(name: str, look: Look, **style: Any) -> go.Scatter:
    """A line's entry in the legend: line and symbol at once."""
    return go.Scatter(
        name=wrapped(name),
        legendgroup=name,
        x=[None],
        y=[None],
        mode="lines+markers",
        line={"color": look.colour, "dash": look.dash, "width": 2},
        marker={"color": look.colour, "symbol": look.symbol, "size": 9},
        **style,
    )


def points(
    name: str, look: Look, measured: Sequence[tuple[int, Estimate]], hovers: Sequence[str]
) -> go.Scatter:
    """What was measured at each batch size, with its interval."""
    values = [value for _, value in measured]
    return go.Scatter(
        name=name,
        legendgroup=name,
        showlegend=False,
        x=[size for size, _ in measured],
        y=drawing.rounded(one.value for one in values),
        mode="markers",
        marker={"color": look.colour, "symbol": look.symbol, "size": 9},
        error_y={
            "array": drawing.rounded(one.high - one.value for one in values),
            "arrayminus": drawing.rounded(one.value - one.low for one in values),
            "color": theme.WHISKER,
            "thickness": 2,
        },
        hovertext=list(hovers),
        hoverinfo="text",
    )


def curves(name: str, look: Look, inside: Drawn, outside: Drawn) -> list[go.Scatter]:
    """A fit's two parts: dotted where it is extrapolated."""
    return [
        go.Scatter(
            name=name,
            legendgroup=name,
            showlegend=False,
            x=x,
            y=y,
            mode="lines",
            line={"color": look.colour, "dash": dash, "width": 2},
            hoverinfo="skip",
        )
        for (x, y), dash in ((inside, look.dash), (outside, EXTRAPOLATED))
        if any(size is not None for size in x)
    ]


def mark_key(name: str, symbol: str) -> go.Scatter:
    """The entry in the legend of a mark that every line may have."""
    return go.Scatter(
        name=wrapped(name),
        x=[None],
        y=[None],
        mode="markers",
        marker={"color": theme.WHISKER, "symbol": symbol, "size": 12},
    )


def extrapolated_key(translate: Translate) -> go.Scatter:
    return go.Scatter(
        name=translate("extrapolated"),
        x=[None],
        y=[None],
        mode="lines",
        line={"color": theme.WHISKER, "dash": EXTRAPOLATED, "width": 2},
    )
