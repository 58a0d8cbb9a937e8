"""The scaffold that all figures share: layout, rounding, lists in words. Knows no record."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import plotly.graph_objects as go

from core.i18n import Translate

HEIGHT = 320
_BAR_HEIGHT = 72  # a bar and its label of up to three lines
_AROUND = 96  # axis, axis title and legend


def figure(traces: Iterable[Any], x_title: str, y_title: str, height: int = HEIGHT, **layout: Any) -> go.Figure:
    """Traces in a bare layout that Streamlit can theme: no template, no background, no font."""
    return go.Figure(
        list(traces),
        {
            "template": "none",  # the default one weighs 6 kB in each figure
            "height": height,
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "legend": {"orientation": "h", "x": 0, "yref": "container", "y": 0, "yanchor": "bottom"},
            "xaxis": {"title": {"text": x_title}, "automargin": True},
            "yaxis": {"title": {"text": y_title}, "automargin": True},
        },
    ).update_layout(**layout)


def bars_height(bars: int) -> int:
    """Room for that many horizontal bars."""
    return _AROUND + _BAR_HEIGHT * max(bars, 1)


def wrapped(label: str) -> str:
    """A label for the vertical axis: one part a line, so that a narrow screen keeps room for the bars."""
    return label.replace(" · ", "<br>")


def rounded(values: Iterable[float]) -> list[float]:
    """Six significant digits: more can't be seen, and each costs a byte."""
    return [float(f"{value:.6g}") for value in values]


def decades(low: float, high: float) -> list[float]:
    """Ticks of a logarithmic axis: powers of ten; with the 2 and 5 between where there would be few.

    Plotly writes those as bare digits.
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1, 2, 5) if last - first <= 2 else (1,)
    return rounded(step * 10.0**power for power in range(first, last + 1) for step in steps)


def listed(items: Iterable[tuple[str, str]], translate: Translate) -> str:
    """Values with whose they are: "4.1 s (CPU), 0.9 s (GPU H200)"."""
    entry = translate("{value} ({label})")
    return translate(", ").join(entry.format(value=value, label=label) for label, value in items)
