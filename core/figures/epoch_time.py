"""Seconds of each epoch on each setup, measured or projected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from core import units, wording
from core.analysis import timed
from core.analysis.summary import summarise
from core.figures import drawing, theme
from core.i18n import Translate
from core.records import RunResult


@dataclass(frozen=True, slots=True)
class Epoch:
    epoch: int
    seconds: float
    measured: bool  # False: projected from the median rate


@dataclass(frozen=True, slots=True)
class Series:
    index: int  # in runs
    epochs: tuple[Epoch, ...]
    typical_s: float  # measured where an epoch was, else projected
    projected: bool


@dataclass(frozen=True, slots=True)
class EpochTimes:
    runs: tuple[RunResult, ...]
    series: tuple[Series, ...]


def epoch_time_data(results: Sequence[RunResult]) -> EpochTimes:
    found = (_series(index, result) for index, result in enumerate(results))
    return EpochTimes(tuple(results), tuple(series for series in found if series is not None))


def _series(index: int, result: RunResult) -> Series | None:
    summary = summarise(result)
    if summary.epoch_s is None:
        return None
    measured = {epoch.epoch: epoch.seconds for epoch in timed.measured_epochs(result)}
    epochs = tuple(
        Epoch(epoch, measured.get(epoch, summary.epoch_s.value), epoch in measured)
        for epoch in range(1, result.spec.workload.epochs + 1)
    )
    typical = summary.epoch_s.value if summary.epoch_measured_s is None else summary.epoch_measured_s
    return Series(index, epochs, typical, summary.projected)


def epoch_time_figure(results: Sequence[RunResult], translate: Translate) -> go.Figure:
    data = epoch_time_data(results)
    labels = wording.labels_of(data.runs, translate)
    traces = [trace for series in data.series for trace in _bars(series, data, labels[series.index], translate)]
    return drawing.figure(
        traces,
        translate("Epoch"),
        translate("Time per epoch (s)"),
        barmode="group",
        xaxis={"tickformat": "d", "dtick": 1 if _longest(data) <= 12 else None},
    )


def _longest(data: EpochTimes) -> int:
    return max((len(series.epochs) for series in data.series), default=0)


def _bars(series: Series, data: EpochTimes, label: str, translate: Translate) -> Iterator[go.Bar]:
    projected = translate("{label}, projected").format(label=label)
    for measured, name, pattern in ((True, label, ""), (False, projected, "/")):
        epochs = [epoch for epoch in series.epochs if epoch.measured == measured]
        if epochs:
            yield go.Bar(
                name=name,
                x=[epoch.epoch for epoch in epochs],
                y=drawing.rounded(epoch.seconds for epoch in epochs),
                offsetgroup=str(series.index),  # measured and projected bars of a setup share one place
                marker={"color": theme.colour_of(series.index, data.runs), "pattern": {"shape": pattern}},
                hovertext=[f"{name}<br>{units.duration(epoch.seconds)}" for epoch in epochs],
                hoverinfo="text",
            )


def epoch_time_title(data: EpochTimes, translate: Translate) -> str:
    if not data.series:
        return translate("No epoch time was measured")
    return translate("One epoch takes {values}").format(values=_spoken(data, translate))


def epoch_time_alt(data: EpochTimes, translate: Translate) -> str:
    values = _spoken(data, translate) or units.ABSENT
    return translate("Bars of seconds for each epoch; projected ones are hatched. One epoch: {values}.").format(
        values=values
    )


def _spoken(data: EpochTimes, translate: Translate) -> str:
    labels = wording.labels_of(data.runs, translate)
    projected = translate("{time} projected")
    times = (
        (labels[s.index], (projected if s.projected else "{time}").format(time=units.duration(s.typical_s)))
        for s in data.series
    )
    return drawing.listed(times, translate)
