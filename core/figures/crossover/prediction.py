"""A step's predicted time on another device, with its band, beside the line measured here."""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go

from core import units
from core.analysis.crossover.prediction import Prediction
from core.figures import drawing
from core.figures.crossover import batches
from core.i18n import Translate
from core.records import Estimate

_POINTS = 24
_BAND = "rgba(120, 128, 140, 0.3)"  # seen on both backgrounds
_MEASURED = batches.Look("#3B82F6", "solid", "circle")
_PREDICTED = batches.Look("#16A34A", "dash", "diamond")


@dataclass(frozen=True, slots=True)
class Predicted:
    here: str  # what the two are called
    there: str
    prediction: Prediction
    sizes: tuple[float, ...]
    steps: tuple[Estimate, ...]  # predicted, at these sizes


def prediction_data(prediction: Prediction, here: str, there: str) -> Predicted:
    low, high = prediction.span
    sizes = tuple(low * (high / low) ** (i / _POINTS) for i in range(_POINTS + 1))
    named = batches.plain(here), batches.plain(there)
    return Predicted(*named, prediction, sizes, tuple(prediction.step_s(size) for size in sizes))


def prediction_figure(data: Predicted, translate: Translate) -> go.Figure:
    low, high = data.prediction.span
    cells = data.prediction.here.measured
    known = [(cell.batch_size, cell.step_s) for cell in cells if cell.step_s is not None]
    steps = [*(step for _, step in known), *data.steps]
    left, right = batches.around(low, high)
    bottom, top = batches.around(min(step.low for step in steps), max(step.high for step in steps))
    ticks = [tick for tick in drawing.decades(bottom, top) if bottom <= tick <= top]
    hover = [_spoken(data.here, size, step, translate) for size, step in known]
    here_name = translate("{label}, measured").format(label=data.here)
    inside, _ = batches.curve((low, high), (low, high), data.prediction.fit.step_s)
    return drawing.figure(
        [
            *_band(data, translate),
            batches.key(here_name, _MEASURED),
            *batches.curves(here_name, _MEASURED, inside, ([], [])),
            batches.points(here_name, _MEASURED, known, hover),
        ],
        translate("Batch size (images)"),
        translate("Time of a step"),
        drawing.HEIGHT + 60,  # a legend of several lines
        **batches.x_axis(left, right),
        **batches.log_axis("yaxis", bottom, top, ticks, [units.duration(tick) for tick in ticks]),
    )


def _band(data: Predicted, translate: Translate) -> list[go.Scatter]:
    sizes = drawing.rounded(data.sizes)
    hover = [_spoken(data.there, *item, translate) for item in zip(data.sizes, data.steps, strict=True)]
    return [
        go.Scatter(
            name=batches.wrapped(translate("how far off such predictions were")),
            x=sizes + sizes[::-1],
            y=drawing.rounded([step.high for step in data.steps] + [step.low for step in data.steps][::-1]),
            mode="lines",
            line={"width": 0},
            fill="toself",
            fillcolor=_BAND,
            hoverinfo="skip",
        ),
        go.Scatter(
            name=batches.wrapped(translate("{label}, predicted").format(label=data.there)),
            x=sizes,
            y=drawing.rounded(step.value for step in data.steps),
            mode="lines",
            line={"color": _PREDICTED.colour, "dash": _PREDICTED.dash, "width": 3},
            hovertext=hover,
            hoverinfo="text",
        ),
    ]


def prediction_title(data: Predicted, translate: Translate) -> str:
    text = translate("{there}, predicted: {time} for a step of {batch} images, within a factor of {factor}")
    size = data.prediction.span[1]
    return text.format(
        there=data.there,
        time=units.duration(data.prediction.step_s(size).value),
        batch=batches.count(size),
        factor=units.number(data.prediction.factor),
    )


def prediction_alt(data: Predicted, translate: Translate) -> str:
    text = translate(
        "Time of a step by batch size on logarithmic axes: {here} as measured, {there} as predicted, with its "
        "band. Predicted: {values}."
    )
    ends = [data.prediction.span[0], data.prediction.span[1]]
    spoken = (_spoken(data.there, size, data.prediction.step_s(size), translate) for size in ends)
    return text.format(here=data.here, there=data.there, values=translate(", ").join(spoken))


def _spoken(name: str, size: float, step: Estimate, translate: Translate) -> str:
    text = translate("{label} with batches of {batch}: {time}")
    time = batches.spoken(step, units.duration, translate)
    return text.format(label=name, batch=batches.count(size), time=time)
