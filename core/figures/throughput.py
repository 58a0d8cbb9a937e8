"""Images per second of each setup, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from core import units, wording
from core.analysis.summary import summarise
from core.figures import drawing, theme
from core.i18n import Translate
from core.records import Estimate, RunResult


@dataclass(frozen=True, slots=True)
class Rate:
    index: int  # in runs
    samples_per_s: Estimate


@dataclass(frozen=True, slots=True)
class Throughput:
    runs: tuple[RunResult, ...]
    rates: tuple[Rate, ...]


def throughput_data(results: Sequence[RunResult]) -> Throughput:
    rates = ((i, summarise(result).samples_per_s) for i, result in enumerate(results))
    return Throughput(tuple(results), tuple(Rate(i, rate) for i, rate in rates if rate is not None))


def throughput_figure(results: Sequence[RunResult], translate: Translate) -> go.Figure:
    data = throughput_data(results)
    labels = wording.labels_of(data.runs, translate)
    traces = [_bar(rate, data, labels[rate.index], translate) for rate in data.rates]
    return drawing.figure(
        traces,
        translate("Images per second"),
        "",
        drawing.bars_height(len(traces)),
        showlegend=False,
        yaxis_autorange="reversed",
        xaxis_rangemode="tozero",
    )


def _bar(rate: Rate, data: Throughput, label: str, translate: Translate) -> go.Bar:
    value, low, high = drawing.rounded(
        (rate.samples_per_s.value, rate.samples_per_s.low, rate.samples_per_s.high)
    )
    return go.Bar(
        name=label,
        orientation="h",
        x=[value],
        y=[drawing.wrapped(label)],
        error_x=theme.whiskers(value, low, high),
        marker={"color": theme.colour_of(rate.index, data.runs)},
        text=[units.rate(value, translate)],
        insidetextanchor="start",  # away from the interval at the bar's end
        hovertext=[f"{label}<br>{_spoken(rate, translate)}"],
        hoverinfo="text",
    )


def throughput_title(data: Throughput, translate: Translate) -> str:
    if not data.rates:
        return translate("No throughput was measured")
    labels = wording.labels_of(data.runs, translate)
    best, *others = sorted(data.rates, key=lambda rate: -rate.samples_per_s.value)
    rate = units.rate(best.samples_per_s.value, translate)
    if not others:
        return translate("{label} processes {rate}").format(label=labels[best.index], rate=rate)
    if best.samples_per_s.low > others[0].samples_per_s.high:
        return translate("{label} is fastest: {rate}").format(label=labels[best.index], rate=rate)
    return translate("{first} and {second} are close: their intervals overlap").format(
        first=labels[best.index], second=labels[others[0].index]
    )


def throughput_alt(data: Throughput, translate: Translate) -> str:
    labels = wording.labels_of(data.runs, translate)
    spoken = ((labels[rate.index], _spoken(rate, translate)) for rate in data.rates)
    values = drawing.listed(spoken, translate)
    return translate("Bars of images per second with 95 % intervals: {values}.").format(
        values=values or units.ABSENT
    )


def _spoken(rate: Rate, translate: Translate) -> str:
    known = rate.samples_per_s
    return translate("{rate}, between {low} and {high}").format(
        rate=units.rate(known.value, translate), low=units.number(known.low), high=units.number(known.high)
    )
