"""Training loss over the images seen, every run in one picture: did they do the same work?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import plotly.graph_objects as go

from core import units, wording
from core.analysis import timed
from core.analysis.parity import parity
from core.figures import drawing, theme
from core.i18n import Translate
from core.records import RunResult


@dataclass(frozen=True, slots=True)
class Curve:
    index: int  # in runs
    images: tuple[float, ...]  # seen by the middle of each block
    losses: tuple[float, ...]  # mean over the block


@dataclass(frozen=True, slots=True)
class Losses:
    runs: tuple[RunResult, ...]
    curves: tuple[Curve, ...]
    agreement: Literal["same", "parted", "not_checked"]  # of all runs with the first one


def loss_data(results: Sequence[RunResult]) -> Losses:
    curves = (_curve(index, result) for index, result in enumerate(results))
    return Losses(tuple(results), tuple(curve for curve in curves if curve.losses), _agreement(results))


def _curve(index: int, result: RunResult) -> Curve:
    points = [
        (images, block.loss)
        for images, block in zip(timed.images_seen(result), timed.proper_blocks(result), strict=True)
        if block.loss is not None
    ]
    return Curve(index, tuple(images for images, _ in points), tuple(loss for _, loss in points))


def _agreement(results: Sequence[RunResult]) -> Literal["same", "parted", "not_checked"]:
    if len({result.spec.workload for result in results}) != 1 or len(results) < 2:
        return "not_checked"
    codes = {parity(results[0], other).code for other in results[1:]}
    if "parted" in codes:
        return "parted"
    return "not_checked" if "not_checked" in codes else "same"


def loss_figure(results: Sequence[RunResult], translate: Translate) -> go.Figure:
    data = loss_data(results)
    labels = wording.labels_of(data.runs, translate)
    traces = [
        go.Scatter(
            name=labels[curve.index],
            x=drawing.rounded(curve.images),
            y=drawing.rounded(curve.losses),
            mode="lines",
            line=theme.line_of(curve.index, data.runs, lowest=place == 0),
            text=[units.number(loss, 4) for loss in curve.losses],
            hovertemplate="%{text}",
        )
        for place, curve in enumerate(data.curves)
    ]
    return drawing.figure(traces, translate("Images seen"), translate("Training loss"), hovermode="x unified")


def loss_title(data: Losses, translate: Translate) -> str:
    if not data.curves:
        return translate("No training loss was measured")
    if data.agreement == "same":
        return translate("The losses agree: the runs did the same work")
    if data.agreement == "parted":
        return translate("The losses part: the runs did not do the same work")
    return translate("The loss goes from {values}").format(values=_spoken(data, translate))


def loss_alt(data: Losses, translate: Translate) -> str:
    values = _spoken(data, translate) or units.ABSENT
    return translate("Lines of the mean training loss over the images seen: {values}.").format(values=values)


def _spoken(data: Losses, translate: Translate) -> str:
    labels = wording.labels_of(data.runs, translate)
    span = translate("{first} to {last}")
    spans = (
        (labels[c.index], span.format(first=units.number(c.losses[0]), last=units.number(c.losses[-1])))
        for c in data.curves
    )
    return drawing.listed(spans, translate)
