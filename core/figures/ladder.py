"""Images per second of each rung of a device's ladder, in the ladder's order, with the device's limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import plotly.graph_objects as go

from core import units, wording
from core.analysis import ladder as ladders
from core.analysis import limits as device_limits
from core.analysis.ladder import Ladder, Rung
from core.analysis.summary import summarise
from core.figures import drawing, theme
from core.i18n import Translate
from core.records import Estimate, Precision, RunResult

_BAR_HEIGHT = 46  # a label of three lines
_AROUND = 120  # axis, axis title and a legend of two lines
_MARGIN = 1.04  # so that the last line isn't on the edge
_FARTHEST = 4.0  # a limit further off than that many times the fastest rung would squeeze the bars into stumps


@dataclass(frozen=True, slots=True)
class Bar:
    rung: Rung
    samples_per_s: Estimate
    gain: Estimate | None  # over the article's loop; None for that loop, or where it is withheld


@dataclass(frozen=True, slots=True)
class Limit:
    """What the device could do if nothing but `kind` held it up."""

    kind: Literal["peak", "products"]  # its measured arithmetic peak; the products of this step alone
    precision: Precision
    samples_per_s: float


@dataclass(frozen=True, slots=True)
class LadderBars:
    bars: tuple[Bar, ...]
    limits: tuple[Limit, ...]
    best: int | None  # the bar of the fastest rung whose work was the same

    def drawn(self, limit: Limit) -> bool:
        """Whether a limit is near enough to be drawn beside the bars."""
        fastest = max((bar.samples_per_s.value for bar in self.bars), default=0.0)
        return limit.samples_per_s <= _FARTHEST * fastest


def ladder_data(ladder: Ladder) -> LadderBars:
    """The rungs that have a rate with an interval. Raises InputError for impossible samples."""
    bars = []
    for rung in ladder.rungs:
        rate = summarise(rung.result).samples_per_s if rung.result is not None else None
        if rate is not None:
            against = rung.against_loader
            bars.append(Bar(rung, rate, against.speedup if against else None))
    best = ladders.best(ladder)
    place = next((i for i, bar in enumerate(bars) if best is not None and bar.rung == best), None)
    return LadderBars(tuple(bars), _limits([bar.rung for bar in bars]), place)


def _limits(rungs: Sequence[Rung]) -> tuple[Limit, ...]:
    """Of each precision that was used, both limits, where they are known."""
    found = []
    for precision in get_args(Precision):
        limited = (with_limits(rung, rungs) for rung in rungs if rung.setup.precision == precision)
        result = next(filter(None, limited), None)
        if result is None or result.limits is None:
            continue
        peak, flops = device_limits.peak_flops(result.limits, precision), result.limits.flops_per_sample
        floor = device_limits.floor_step_s(result)
        found += [Limit("peak", precision, peak / flops)] if peak and flops else []
        found += [Limit("products", precision, result.spec.workload.batch_size / floor)] if floor else []
    return tuple(found)


def with_limits(rung: Rung, rungs: Sequence[Rung]) -> RunResult | None:
    """The rung's result with the device's limits, its own or the newest measured with another."""
    if rung.result is None or rung.result.limits is not None:
        return rung.result
    known = [other.result for other in rungs if other.result is not None and other.result.limits is not None]
    newest = max(known, key=lambda result: result.created_at, default=None)
    return replace(rung.result, limits=newest.limits) if newest else rung.result


def rung_label(rung: Rung, translate: Translate) -> str:
    """The rung's name, with what isn't said by it: "Compiled step · bf16"."""
    also = [translate("compiled")] if rung.setup.step == "compiled_graph" else []
    if rung.setup.precision not in ("fp32", rung.name):
        also.append(rung.setup.precision)
    name = wording.rung_words(rung.name, translate)
    return " · ".join([name, translate(", ").join(also)] if also else [name])


def ladder_figure(ladder: Ladder, translate: Translate) -> go.Figure:
    data = ladder_data(ladder)
    labels = _labels(data, translate)
    traces = [
        _bars(precision, data, labels, translate)
        for precision in get_args(Precision)
        if any(bar.rung.setup.precision == precision for bar in data.bars)
    ]
    near = [limit for limit in data.limits if data.drawn(limit)]
    return drawing.figure(
        traces,
        translate("Images per second"),
        "",
        _AROUND + _BAR_HEIGHT * max(len(data.bars), 1),
        barmode="overlay",  # one bar a rung: grouped, each would leave room for the other precisions
        bargap=0.25,
        showlegend=len(traces) > 1 or bool(near),
        yaxis={"autorange": "reversed", "categoryorder": "array", "categoryarray": list(labels)},
        xaxis_range=[0, _MARGIN * max((*_ends(data), *(limit.samples_per_s for limit in near)), default=1)],
        shapes=[_line(limit, data, translate) for limit in near],
    )


def _ends(data: LadderBars) -> list[float]:
    return [bar.samples_per_s.high for bar in data.bars]


def _labels(data: LadderBars, translate: Translate) -> tuple[str, ...]:
    """Name, rate and gain; no two are the same, as they are the categories of an axis.

    Written on the bars, the numbers would be crossed by the lines of the limits on a narrow screen.
    """
    plain = [f"{drawing.wrapped(rung_label(bar.rung, translate))}<br>{_short(bar)}" for bar in data.bars]
    return tuple(
        label if plain.count(label) == 1 else f"{label} ({plain[: i + 1].count(label)})"
        for i, label in enumerate(plain)
    )


def _short(bar: Bar) -> str:
    """ "164,000 · 2.8×"."""
    rate = units.number(bar.samples_per_s.value)
    return f"{rate} · {units.ratio(bar.gain)}" if bar.gain else rate


def _bars(precision: Precision, data: LadderBars, labels: Sequence[str], translate: Translate) -> go.Bar:
    chosen = [
        (bar, label)
        for bar, label in zip(data.bars, labels, strict=True)
        if bar.rung.setup.precision == precision
    ]
    rates = [bar.samples_per_s for bar, _ in chosen]
    return go.Bar(
        name=precision,
        orientation="h",
        x=drawing.rounded(rate.value for rate in rates),
        y=[label for _, label in chosen],
        error_x={
            "array": drawing.rounded(rate.high - rate.value for rate in rates),
            "arrayminus": drawing.rounded(rate.value - rate.low for rate in rates),
            "color": theme.WHISKER,
            "thickness": 2,
        },
        marker={"color": _colour(precision, data)},
        hovertext=[f"{rung_label(bar.rung, translate)}<br>{_spoken(bar, translate)}" for bar, _ in chosen],
        hoverinfo="text",
    )


def _colour(precision: Precision, data: LadderBars) -> str:
    result = data.bars[0].rung.result
    assert result is not None
    return theme.COLOURS[wording.kind_of(result)][get_args(Precision).index(precision)]


def _line(limit: Limit, data: LadderBars, translate: Translate) -> dict[str, object]:
    x = drawing.rounded([limit.samples_per_s])[0]
    return {
        "type": "line",
        "xref": "x",
        "yref": "paper",
        "x0": x,
        "x1": x,
        "y0": 0,
        "y1": 1,
        "line": {
            "color": _colour(limit.precision, data),
            "dash": "dash" if limit.kind == "peak" else "dot",
            "width": 3,
        },
        "name": limit_words(limit, translate),
        "showlegend": True,
    }


def limit_words(limit: Limit, translate: Translate) -> str:
    """A limit as a legend has it: "arithmetic peak, fp32"."""
    if limit.kind == "peak":
        return translate("arithmetic peak, {precision}").format(precision=limit.precision)
    return translate("products alone, {precision}").format(precision=limit.precision)


def ladder_title(data: LadderBars, translate: Translate) -> str:
    if not data.bars:
        return translate("No rung was measured")
    device = _device(data, translate)
    if data.best is None:
        return translate("{device}: no rung did the same work for certain").format(device=device)
    best = data.bars[data.best]
    if best.gain is None or best.gain.low <= 1:
        return translate("{device}: no rung is surely faster than the article's loop").format(device=device)
    text = translate("{device}: {rung} is {ratio} as fast as the article's loop ({interval})")
    return text.format(
        device=device,
        rung=rung_label(best.rung, translate),
        ratio=units.ratio(best.gain),
        interval=units.interval(best.gain),
    )


def ladder_alt(data: LadderBars, translate: Translate) -> str:
    bars = drawing.listed(
        ((rung_label(bar.rung, translate), _spoken(bar, translate)) for bar in data.bars), translate
    )
    limits = drawing.listed(
        ((limit_words(limit, translate), units.rate(limit.samples_per_s, translate)) for limit in data.limits),
        translate,
    )
    text = translate(
        "Bars of images per second for each rung of {device}, from the plainest loop on, with 95 % intervals: "
        "{values}. Limits: {limits}."
    )
    device = _device(data, translate) if data.bars else units.ABSENT
    return text.format(device=device, values=bars or units.ABSENT, limits=limits or units.ABSENT)


def _device(data: LadderBars, translate: Translate) -> str:
    result = data.bars[0].rung.result
    assert result is not None
    return wording.labels_of([result], translate)[0]


def _spoken(bar: Bar, translate: Translate) -> str:
    rate = bar.samples_per_s
    said = translate("{rate}, between {low} and {high}").format(
        rate=units.rate(rate.value, translate), low=units.number(rate.low), high=units.number(rate.high)
    )
    if bar.gain is None:
        return said
    return translate("{rate}; {ratio} as fast as the article's loop, {interval}").format(
        rate=said, ratio=units.ratio(bar.gain), interval=units.interval(bar.gain)
    )
