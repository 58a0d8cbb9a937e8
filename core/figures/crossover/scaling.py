"""Images per second by the number of workers, beside what the workers would do if nothing held them up."""

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


@dataclass(frozen=True, slots=True)
class ScalingRates:
    lines: tuple[Drawn, ...]


def scaling_data(found: Iterable[Scaling]) -> ScalingRates:
    return ScalingRates(workers.drawn(found, lambda point: point.samples_per_s))


def scaling_figure(found: Iterable[Scaling], translate: Translate) -> go.Figure:
    lines = scaling_data(found).lines
    titles = translate("Workers"), translate("Images per second")
    if not lines:
        return drawing.figure([], *titles)

    traces = [
        workers.trace(line, index, 1.0, lambda rate: _spoken(rate, translate), translate)
        for index, line in enumerate(lines)
    ]
    ideal = translate("ideal: as many times as fast as there are workers")
    based = [ends for line in lines if (ends := _ideal(line))]
    kept = [workers.ideal(ends, ideal, keyed=index == 0) for index, ends in enumerate(based)]
    return drawing.figure(
        [*traces, *kept],
        *titles,
        workers.HEIGHT,
        yaxis_rangemode="tozero",
        yaxis_tickformat=",",
        **workers.axis(lines),
    )


def _ideal(line: Drawn) -> list[tuple[float, float]]:
    """From one worker on; nothing where that wasn't measured."""
    first, rate = line.points[0]
    most = line.points[-1][0].workers
    return [(1, rate.value), (most, most * rate.value)] if first.workers == 1 else []


def scaling_title(data: ScalingRates, translate: Translate) -> str:
    if not data.lines:
        return translate("Nothing was measured with several workers")
    (first, one), (last, most) = data.lines[0].points[0], data.lines[0].last
    if first.workers != 1:
        text = translate("{several} process {rate}")
        return text.format(
            several=workers_words(last.workers, translate), rate=units.rate(most.value, translate)
        )
    return translate("From {one} with one worker to {rate} with {n}").format(
        one=units.rate(one.value, translate), rate=units.rate(most.value, translate), n=last.workers
    )


def scaling_alt(data: ScalingRates, translate: Translate) -> str:
    text = translate(
        "Lines of images per second over the number of workers with 95 % intervals, beside a dotted line of as "
        "many times the speed as there are workers: {values}."
    )
    return text.format(values=workers.spoken(data.lines, lambda rate: _spoken(rate, translate), translate))


def _spoken(rate: Estimate, translate: Translate) -> str:
    return translate("{rate}, between {low} and {high}").format(
        rate=units.rate(rate.value, translate), low=units.number(rate.low), high=units.number(rate.high)
    )
