"""Charts for a web page of its own: what plotly.js draws them from, and plotly.js. Knows no page."""

from __future__ import annotations

import functools

from plotly.offline import get_plotlyjs

from core.figures.charts import Chart


@functools.cache
def plotly_js() -> str:
    """The source of plotly.js, some five million characters, in the release that fits the figures."""
    return str(get_plotlyjs())


def figure_json(chart: Chart) -> str:
    """A chart's data and layout as JSON text."""
    return str(chart.figure.to_json())
