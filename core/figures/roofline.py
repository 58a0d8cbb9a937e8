"""A device's measured limits as a roofline, with rungs of the ladder under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import plotly.graph_objects as go

from core import units, wording
from core.analysis.ladder import Rung
from core.analysis.limits import Peak, Roofline, roofline
from core.figures import drawing, theme
from core.figures.ladder import rung_label, with_limits
from core.i18n import Translate
from core.records import Precision

_AROUND = 8.0  # what is drawn on either side of the workload and the ridges, as a factor
flops_words = units.flop_rate


@dataclass(frozen=True, slots=True)
class Point:
    rung: Rung
    under: Roofline


@dataclass(frozen=True, slots=True)
class Rooflines:
    points: tuple[Point, ...]

    @property
    def peaks(self) -> tuple[Peak, ...]:
        """Each precision's, once."""
        found = {peak.precision: peak for point in self.points for peak in point.under.peaks}
        return tuple(found[precision] for precision in get_args(Precision) if precision in found)

    @property
    def span(self) -> tuple[float, float]:
        """The FLOP per byte that are drawn: the workload and every ridge with room around them."""
        across = self.points[0].under.bandwidth
        wanted = [peak.flops / across for peak in self.peaks] + [point.under.intensity for point in self.points]
        return min(wanted) / _AROUND, max(wanted) * _AROUND


def roofline_data(rungs: Sequence[Rung]) -> Rooflines:
    """The rungs, all of one device, of which everything is known that a roofline needs."""
    measured = [(rung, with_limits(rung, rungs)) for rung in rungs]
    found = [(rung, roofline(result)) for rung, result in measured if result is not None]
    return Rooflines(tuple(Point(rung, under) for rung, under in found if under is not None))


def roofline_figure(rungs: Sequence[Rung], translate: Translate) -> go.Figure:
    data = roofline_data(rungs)
    roofs = [_roof(peak, data, translate) for peak in data.peaks]
    points = [_point(index, data, translate) for index in range(len(data.points))]
    return drawing.figure(
        [*roofs, *points],
        translate("Arithmetic per byte moved (FLOP/byte)"),
        translate("Arithmetic per second (FLOP/s)"),
        drawing.HEIGHT + 60,  # a legend of several lines
        xaxis={"type": "log", "dtick": 1, "exponentformat": "SI"},
        yaxis={"type": "log", "dtick": 1, "exponentformat": "SI"},
    )


def _roof(peak: Peak, data: Rooflines, translate: Translate) -> go.Scatter:
    (left, right), across = data.span, data.points[0].under.bandwidth
    name = translate("{precision}: at most {rate}").format(
        precision=peak.precision, rate=flops_words(peak.flops)
    )
    return go.Scatter(
        name=name,
        x=drawing.rounded((left, peak.flops / across, right)),
        y=drawing.rounded((left * across, peak.flops, peak.flops)),
        mode="lines",
        line={"color": _colour(peak.precision, data), "width": 3, "dash": _DASHES[peak.precision]},
        hovertext=[name] * 3,
        hoverinfo="text",
    )


def _point(index: int, data: Rooflines, translate: Translate) -> go.Scatter:
    point = data.points[index]
    name = rung_label(point.rung, translate)
    return go.Scatter(
        name=name,
        x=drawing.rounded([point.under.intensity]),
        y=drawing.rounded([point.under.attained]),
        mode="markers",
        marker={
            "color": _colour(point.under.precision, data),
            "symbol": theme.SYMBOLS[index % len(theme.SYMBOLS)],
            "size": 12,
            "line": {"color": theme.WHISKER, "width": 1},
        },
        hovertext=[f"{name}<br>{_reached(point, translate)}"],
        hoverinfo="text",
    )


_DASHES: dict[Precision, str] = {"fp32": "solid", "tf32": "dot", "bf16": "dash"}


def _colour(precision: Precision, data: Rooflines) -> str:
    result = data.points[0].rung.result
    assert result is not None
    return theme.COLOURS[wording.kind_of(result)][get_args(Precision).index(precision)]


def roofline_title(data: Rooflines, translate: Translate) -> str:
    if not data.points:
        return translate("The device's limits were not measured")
    best = max(data.points, key=lambda point: point.under.attained)
    bound = translate("{device}: arithmetic is the limit, and {rung} reaches {pct} of it")
    if best.under.intensity < best.under.ridge:
        bound = translate("{device}: memory is the limit, and {rung} reaches {pct} of what it allows")
    return bound.format(
        device=_device(data, translate),
        rung=rung_label(best.rung, translate),
        pct=units.percent(100 * best.under.attained / best.under.roof),
    )


def roofline_alt(data: Rooflines, translate: Translate) -> str:
    if not data.points:
        return translate("The device's limits were not measured")
    text = translate(
        "Roofline of {device} on logarithmic axes: arithmetic per second over arithmetic per byte. "
        "Limits: {limits}; memory {bandwidth}/s. Reached: {values}."
    )
    return text.format(
        device=_device(data, translate),
        limits=drawing.listed(((peak.precision, flops_words(peak.flops)) for peak in data.peaks), translate),
        bandwidth=units.size(data.points[0].under.bandwidth),
        values=drawing.listed(
            ((rung_label(point.rung, translate), _reached(point, translate)) for point in data.points),
            translate,
        ),
    )


def _reached(point: Point, translate: Translate) -> str:
    return translate("{rate}, {pct} of what is possible at {intensity} FLOP/byte").format(
        rate=flops_words(point.under.attained),
        pct=units.percent(100 * point.under.attained / point.under.roof),
        intensity=units.number(point.under.intensity),
    )


def _device(data: Rooflines, translate: Translate) -> str:
    result = data.points[0].rung.result
    assert result is not None
    return wording.labels_of([result], translate)[0]
