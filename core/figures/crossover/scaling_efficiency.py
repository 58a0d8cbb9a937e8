"""Efficiency by the number of workers: what share of as many times the speed is left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import plotly.graph_objects as go

from core import units
from core.analysis.crossover.scaling import Scaling
from core.figures import drawing
from core.figures.crossover import workers
from core.figures.crossover.workers import Drawn
from core.i18n import Translate
from core.records import Estimate
from core.scaling_words import workers_words

_TOP_PCT = 110.0


@dataclass(frozen=True, slots=True)
class ScalingEfficiency:
    lines: tuple[Drawn, ...]


def scaling_efficiency_data(found: Iterable[Scaling]) -> ScalingEfficiency:
    return ScalingEfficiency(workers.drawn(found, lambda point: point.efficiency))


def scaling_efficiency_figure(found: Iterable[Scaling], translate: Translate) -> go.Figure:
    lines = scaling_efficiency_data(found).lines
    titles = translate("Workers"), translate("Efficiency (%)")
    if not lines:
        return drawing.figure([], *titles)

    traces = [
        workers.trace(line, index, 100.0, lambda part: _spoken(part, translate), translate)
        for index, line in enumerate(lines)
    ]
    most = max(line.points[-1][0].workers for line in lines)
    ideal = workers.ideal([(1, 100.0), (most, 100.0)], translate("ideal: 100 %"), keyed=True)
    top = max([_TOP_PCT, *(105 * part.high for line in lines for _point, part in line.points)])
    return drawing.figure(
        [*traces, ideal], *titles, workers.HEIGHT, yaxis_range=drawing.rounded([0, top]), **workers.axis(lines)
    )


def scaling_efficiency_title(data: ScalingEfficiency, translate: Translate) -> str:
    if not data.lines:
        return translate("No efficiency is known")
    point, part = data.lines[0].last
    text = translate("{workers} are {share} efficient ({interval})")
    return text.format(
        workers=workers_words(point.workers, translate),
        share=units.share(part),
        interval=units.share_interval(part),
    )


def scaling_efficiency_alt(data: ScalingEfficiency, translate: Translate) -> str:
    text = translate(
        "Lines of efficiency over the number of workers with 95 % intervals, below a dotted line at 100 %: "
        "{values}."
    )
    return text.format(values=workers.spoken(data.lines, lambda part: _spoken(part, translate), translate))


def _spoken(part: Estimate, translate: Translate) -> str:
    if part.low == part.high:  # of one worker, which is what the others are set against
        return units.percent(100 * part.value)
    return translate("{share} ({interval})").format(
        share=units.share(part), interval=units.share_interval(part)
    )
