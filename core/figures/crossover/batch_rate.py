"""Images per second of each setup by batch size, with the fit's curve and the batch size that is enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from core import units
from core.analysis.crossover import step_fit
from core.analysis.crossover.knee import Knee
from core.analysis.crossover.step_fit import StepFit
from core.analysis.crossover.sweep import Line
from core.figures import drawing, theme
from core.figures.crossover import batches
from core.i18n import Translate
from core.records import Estimate, Note

_ROOM = 2.0  # above and below, as a factor
_SYMBOLS = {False: "star", True: "triangle-up"}  # by whether the best batch is the largest measured


@dataclass(frozen=True, slots=True)
class Rates:
    """One line of the figure."""

    line: Line
    name: str
    knee: Knee | Note
    fit: StepFit | Note

    @property
    def measured(self) -> tuple[tuple[int, Estimate], ...]:
        rates = ((cell.batch_size, cell.rate) for cell in self.line.measured)
        return tuple((size, rate) for size, rate in rates if rate is not None)


@dataclass(frozen=True, slots=True)
class BatchRates:
    rates: tuple[Rates, ...]  # of the lines of which anything was measured

    @property
    def span(self) -> tuple[float, float]:
        """The batch sizes that are drawn."""
        sizes = [size for one in self.rates for size, _ in one.measured]
        return batches.around(min(sizes), max(sizes))


def batch_rate_data(lines: Sequence[Line], names: Sequence[str], knees: Sequence[Knee | Note]) -> BatchRates:
    given = zip(lines, names, knees, strict=True)
    return BatchRates(tuple(Rates(line, name, knee, _fit(line)) for line, name, knee in given if line.measured))


def _fit(line: Line) -> StepFit | Note:
    return step_fit.fit([(cell.batch_size, cell.step_times) for cell in line.measured])


def batch_rate_figure(
    lines: Sequence[Line], names: Sequence[str], knees: Sequence[Knee | Note], translate: Translate
) -> go.Figure:
    data = batch_rate_data(lines, names, knees)
    titles = translate("Batch size (images in a step)"), translate("Images per second")
    if not data.rates:
        return drawing.figure([], *titles)
    known = [value for one in data.rates for _, rate in one.measured for value in (rate.low, rate.high)]
    low, high = batches.around(min(known), max(known), _ROOM)
    ticks = drawing.decades(low, high)
    return drawing.figure(
        _traces(data, translate),
        titles[0],
        titles[1],
        batches.HEIGHT,
        **batches.LEGEND,
        **batches.x_axis(*data.span),
        **batches.log_axis("yaxis", low, high, ticks, [units.number(tick) for tick in ticks]),
    )


def _traces(data: BatchRates, translate: Translate) -> list[go.Scatter]:
    traces, beyond = [], False
    looks, names = batches.looks([one.line for one in data.rates]), _names(data, translate)
    for one, name, look in zip(data.rates, names, looks, strict=True):
        traces.append(batches.key(name, look))
        if isinstance(fit := one.fit, StepFit):
            inside, outside = batches.curve((fit.batches[0], fit.batches[-1]), data.span, _rate(fit))
            traces += batches.curves(name, look, inside, outside)
            beyond = beyond or any(outside[0])
        hovers = [_hover(name, size, rate, translate) for size, rate in one.measured]
        traces.append(batches.points(name, look, one.measured, hovers))
    for one, name, look in zip(data.rates, names, looks, strict=True):
        if isinstance(one.knee, Knee):
            traces.append(_mark(one.knee, name, look, translate))
    return [*traces, *_mark_keys(data, translate), *([batches.extrapolated_key(translate)] if beyond else [])]


def _names(data: BatchRates, translate: Translate) -> tuple[str, ...]:
    return batches.labels([one.name for one in data.rates], [one.line for one in data.rates], translate)


def _rate(fit: StepFit) -> Callable[[float], float]:
    return lambda batch_size: batch_size / fit.step_s(batch_size)


def _hover(name: str, batch_size: int, rate: Estimate, translate: Translate) -> str:
    said = batches.spoken(rate, lambda value: units.rate(value, translate), translate)
    return batches.hover(name, batch_size, said, translate)


def _mark(knee: Knee, name: str, look: batches.Look, translate: Translate) -> go.Scatter:
    text = translate("{label}: best batch {batch}, {pct} of the most measured")
    if knee.largest:
        text = translate("{label}: fastest at the largest batch, {batch}; a larger one may be faster")
    said = text.format(label=name, batch=batches.count(knee.batch_size), pct=units.percent(knee.reaches_pct))
    return go.Scatter(
        name=name,
        legendgroup=name,
        showlegend=False,
        x=[knee.batch_size],
        y=drawing.rounded([knee.rate.value]),
        mode="markers",
        marker={
            "color": look.colour,
            "symbol": _SYMBOLS[knee.largest],
            "size": 17,
            "line": {"color": theme.WHISKER, "width": 1},
        },
        hovertext=[said],
        hoverinfo="text",
    )


def _mark_keys(data: BatchRates, translate: Translate) -> list[go.Scatter]:
    found = {one.knee.largest for one in data.rates if isinstance(one.knee, Knee)}
    names = {False: translate("best batch"), True: translate("still rising at the largest batch")}
    return [batches.mark_key(names[largest], _SYMBOLS[largest]) for largest in sorted(found)]


def batch_rate_title(data: BatchRates, translate: Translate) -> str:
    if not data.rates:
        return translate("Nothing was measured")
    named = list(zip(_names(data, translate), data.rates, strict=True))
    best = [(name, _best(one.knee, translate)) for name, one in named if isinstance(one.knee, Knee)]
    if best:
        return translate("Best batch: {values}").format(values=drawing.listed(best, translate))
    name, size, rate = max(
        ((name, *max(one.measured, key=_value)) for name, one in named), key=lambda item: item[2].value
    )
    text = translate("{label} reaches {rate} at batch {batch}")
    return text.format(label=name, rate=units.rate(rate.value, translate), batch=batches.count(size))


def _value(measured: tuple[int, Estimate]) -> float:
    return measured[1].value


def _best(knee: Knee, translate: Translate) -> str:
    size = batches.count(knee.batch_size)
    return translate("{batch} or larger").format(batch=size) if knee.largest else size


def batch_rate_alt(data: BatchRates, translate: Translate) -> str:
    values = drawing.listed(
        ((name, _ends(one, translate)) for name, one in zip(_names(data, translate), data.rates, strict=True)),
        translate,
    )
    text = translate(
        "Images per second over the batch size, both on logarithmic axes, as points with 95 % intervals and a "
        "fitted curve for each setup, dotted where it is extrapolated: {values}. {finding}."
    )
    return text.format(values=values or units.ABSENT, finding=batch_rate_title(data, translate))


def _ends(one: Rates, translate: Translate) -> str:
    spoken = [
        translate("{value} at batch {batch}").format(
            value=units.rate(rate.value, translate), batch=batches.count(size)
        )
        for size, rate in dict.fromkeys((one.measured[0], one.measured[-1]))
    ]
    return translate(", ").join(spoken)
