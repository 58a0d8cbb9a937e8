"""Share of unseen images that each run classifies rightly after each epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from core import units, wording
from core.figures import drawing, theme
from core.i18n import Translate
from core.records import RunResult


@dataclass(frozen=True, slots=True)
class Curve:
    index: int  # in runs
    epochs: tuple[int, ...]
    accuracy_pct: tuple[float, ...]
    test_samples: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Accuracies:
    runs: tuple[RunResult, ...]
    curves: tuple[Curve, ...]


def accuracy_data(results: Sequence[RunResult]) -> Accuracies:
    curves = (_curve(index, result) for index, result in enumerate(results))
    return Accuracies(tuple(results), tuple(curve for curve in curves if curve.epochs))


def _curve(index: int, result: RunResult) -> Curve:
    known = [
        (record.epoch, 100 * record.test_accuracy, record.test_samples)
        for record in result.epochs
        if record.test_accuracy is not None and record.epoch <= result.spec.workload.epochs
    ]
    return Curve(index, tuple(k[0] for k in known), tuple(k[1] for k in known), tuple(k[2] for k in known))


def accuracy_figure(results: Sequence[RunResult], translate: Translate) -> go.Figure:
    data = accuracy_data(results)
    labels = wording.labels_of(data.runs, translate)
    traces = [
        go.Scatter(
            name=labels[curve.index],
            x=list(curve.epochs),
            y=drawing.rounded(curve.accuracy_pct),
            mode="lines+markers",
            line=theme.line_of(curve.index, data.runs, lowest=place == 0),
            marker={"symbol": theme.symbol_of(curve.index, data.runs), "size": 9},
            text=[
                translate("{accuracy} of {count} images").format(
                    accuracy=units.percent(pct), count=f"{count:,}"
                )
                for pct, count in zip(curve.accuracy_pct, curve.test_samples, strict=True)
            ],
            hovertemplate="%{text}",
        )
        for place, curve in enumerate(data.curves)
    ]
    most = max((epoch for curve in data.curves for epoch in curve.epochs), default=0)
    return drawing.figure(
        traces,
        translate("Epoch"),
        translate("Test accuracy (%)"),
        hovermode="x unified",
        xaxis={"tickformat": "d", "dtick": 1 if most <= 12 else None},
    )


def accuracy_title(data: Accuracies, translate: Translate) -> str:
    if not data.curves:
        return translate("No test accuracy was measured")
    return translate("Test accuracy at the end: {values}").format(values=_spoken(data, translate))


def accuracy_alt(data: Accuracies, translate: Translate) -> str:
    values = _spoken(data, translate) or units.ABSENT
    return translate("Lines of test accuracy after each epoch; at the end: {values}.").format(values=values)


def _spoken(data: Accuracies, translate: Translate) -> str:
    labels = wording.labels_of(data.runs, translate)
    last = ((labels[curve.index], units.percent(curve.accuracy_pct[-1])) for curve in data.curves)
    return drawing.listed(last, translate)
