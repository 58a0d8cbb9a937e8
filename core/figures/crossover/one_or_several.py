"""One bigger device beside several smaller ones: images per second of both at each batch size."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import plotly.graph_objects as go

from core import units
from core.analysis.crossover.scaling import OneOrSeveral
from core.figures import drawing, theme
from core.i18n import Translate
from core.records import Estimate, RunResult
from core.scaling_words import one_or_several_names
from core.wording import kind_of

_ROW = 84  # two bars and their label
_AROUND = 120  # axis, axis title and a legend of two lines
_PATTERN = "/"  # of the several: not colour alone
_WHOLE = 7


@dataclass(frozen=True, slots=True)
class OneOrSeveralBars:
    pairs: tuple[OneOrSeveral, ...]  # of which both rates are known; of one pair of names

    @property
    def told(self) -> OneOrSeveral:
        """What the title is about: the largest batch of those with a ratio, if there are any."""
        return ([pair for pair in self.pairs if pair.ratio is not None] or list(self.pairs))[-1]


def one_or_several_data(found: Iterable[OneOrSeveral]) -> OneOrSeveralBars:
    return OneOrSeveralBars(
        tuple(pair for pair in found if pair.one_samples_per_s and pair.several_samples_per_s)
    )


def one_or_several_figure(found: Iterable[OneOrSeveral], translate: Translate) -> go.Figure:
    data = one_or_several_data(found)
    title = translate("Images per second")
    if not data.pairs:
        return drawing.figure([], title, "")
    one, several = one_or_several_names(data.pairs[0], translate)
    traces = [
        _bars(one, data, lambda pair: (pair.one, pair.one_samples_per_s), 0, translate),
        _bars(several, data, lambda pair: (pair.several, pair.several_samples_per_s), 1, translate),
    ]
    return drawing.figure(
        traces,
        title,
        "",
        _AROUND + _ROW * len(data.pairs),
        barmode="group",
        bargap=0.3,
        xaxis_rangemode="tozero",
        xaxis_tickformat=",",
        yaxis_autorange="reversed",
        yaxis_type="category",
    )


def _bars(
    name: str,
    data: OneOrSeveralBars,
    side: Callable[[OneOrSeveral], tuple[RunResult, Estimate | None]],
    place: int,
    translate: Translate,
) -> go.Bar:
    known = [(pair, run, rate) for pair in data.pairs for run, rate in [side(pair)] if rate is not None]
    label = drawing.wrapped(name)
    return go.Bar(
        name=name,
        orientation="h",
        x=drawing.rounded(rate.value for _pair, _run, rate in known),
        y=[_row(pair, translate) for pair, _run, _rate in known],
        error_x={
            "array": drawing.rounded(rate.high - rate.value for _pair, _run, rate in known),
            "arrayminus": drawing.rounded(rate.value - rate.low for _pair, _run, rate in known),
            "color": theme.WHISKER,
            "thickness": 2,
        },
        marker={
            "color": theme.COLOURS[kind_of(known[0][1])][place],
            "pattern": {"shape": _PATTERN if place else "", "size": 8, "solidity": 0.25},
        },
        hovertext=[f"{label}<br>{_spoken(rate, translate)}" for _pair, _run, rate in known],
        hoverinfo="text",
    )


def _row(pair: OneOrSeveral, translate: Translate) -> str:
    return translate("batch {n}").format(n=units.number(pair.batch_size, _WHOLE))


def one_or_several_title(data: OneOrSeveralBars, translate: Translate) -> str:
    if not data.pairs:
        return translate("Nothing was measured of both at the same batch size")
    pair = data.told
    one, several = one_or_several_names(pair, translate)
    sentences = {
        "several": translate("Batch {batch}: {several} is {ratio} as fast as {one} ({interval})"),
        "one": translate("Batch {batch}: {several} is only {ratio} as fast as {one} ({interval})"),
        "no_difference": translate(
            "Batch {batch}: no reliable difference between {several} and {one} (ratio {interval})"
        ),
        "unknown": translate("Batch {batch}: no ratio is given for {several} and {one}"),
    }
    return sentences[pair.winner].format(
        batch=units.number(pair.batch_size, _WHOLE),
        one=one,
        several=several,
        ratio=units.ratio(pair.ratio),
        interval=units.interval(pair.ratio),
    )


def one_or_several_alt(data: OneOrSeveralBars, translate: Translate) -> str:
    text = translate(
        "Bars of images per second with 95 % intervals, at each batch size one for {one} and one for "
        "{several}: {values}."
    )
    one, several = (
        one_or_several_names(data.pairs[0], translate) if data.pairs else (units.ABSENT, units.ABSENT)
    )
    against = translate("{one} against {several}")
    values = drawing.listed(
        (
            (
                _row(pair, translate),
                against.format(
                    one=_spoken(pair.one_samples_per_s, translate),
                    several=_spoken(pair.several_samples_per_s, translate),
                ),
            )
            for pair in data.pairs
        ),
        translate,
    )
    return text.format(one=one, several=several, values=values or units.ABSENT)


def _spoken(rate: Estimate | None, translate: Translate) -> str:
    if rate is None:
        return units.ABSENT
    return translate("{rate}, between {low} and {high}").format(
        rate=units.rate(rate.value, translate), low=units.number(rate.low), high=units.number(rate.high)
    )
