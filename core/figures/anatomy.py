"""Where the time of one step goes, stage by stage, from the separate instrumented pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from core import units, wording
from core.analysis.anatomy import inflation, stage_seconds
from core.figures import drawing, theme
from core.i18n import Translate
from core.records import STAGES, Estimate, RunResult, Stage


@dataclass(frozen=True, slots=True)
class Step:
    index: int  # in runs
    seconds: Mapping[Stage, float]  # median of each stage
    inflation: Estimate | None  # instrumented over clean step


@dataclass(frozen=True, slots=True)
class Anatomies:
    runs: tuple[RunResult, ...]
    steps: tuple[Step, ...]


def anatomy_data(results: Sequence[RunResult]) -> Anatomies:
    steps = (Step(i, stage_seconds(result), inflation(result)) for i, result in enumerate(results))
    return Anatomies(tuple(results), tuple(step for step in steps if step.seconds))


def anatomy_figure(results: Sequence[RunResult], translate: Translate) -> go.Figure:
    data = anatomy_data(results)
    labels = wording.labels_of(data.runs, translate)
    traces = [
        _bars(stage, data, labels, translate) for stage in STAGES if any(stage in s.seconds for s in data.steps)
    ]
    return drawing.figure(
        traces,
        translate("Time per step (ms)"),
        "",
        drawing.bars_height(len(data.steps)),
        barmode="stack",
        yaxis_autorange="reversed",
        legend_traceorder="normal",
    )


def _bars(stage: Stage, data: Anatomies, labels: Sequence[str], translate: Translate) -> go.Bar:
    steps = [step for step in data.steps if stage in step.seconds]
    name = translate(theme.STAGE_NAMES[stage])
    return go.Bar(
        name=name,
        orientation="h",
        x=drawing.rounded(1000 * step.seconds[stage] for step in steps),
        y=[drawing.wrapped(labels[step.index]) for step in steps],
        marker={"color": theme.STAGE_COLOURS[stage]},
        hovertext=[f"{labels[s.index]}<br>{name}: {units.duration(s.seconds[stage])}" for s in steps],
        hoverinfo="text",
    )


def anatomy_title(data: Anatomies, translate: Translate) -> str:
    if not data.steps:
        return translate("The stages of a step were not measured")
    return translate("The longest stage of a step: {values}").format(values=_longest(data, translate))


def anatomy_alt(data: Anatomies, translate: Translate) -> str:
    labels = wording.labels_of(data.runs, translate)
    inflations = ((labels[step.index], _inflated(step)) for step in data.steps)
    slowed = drawing.listed(inflations, translate)
    return translate(
        "Stacked bars of the milliseconds of one step, stage by stage. Longest stage: {values}. "
        "Taken in a separate pass; its step lasts, against the clean one: {inflation}."
    ).format(values=_longest(data, translate) or units.ABSENT, inflation=slowed or units.ABSENT)


def _longest(data: Anatomies, translate: Translate) -> str:
    labels = wording.labels_of(data.runs, translate)
    longest = ((step.index, *max(step.seconds.items(), key=lambda item: item[1])) for step in data.steps)
    spoken = (
        (labels[index], f"{translate(theme.STAGE_NAMES[stage])} {units.duration(seconds)}")
        for index, stage, seconds in longest
    )
    return drawing.listed(spoken, translate)


def _inflated(step: Step) -> str:
    if step.inflation is None:
        return units.ABSENT
    return f"{units.ratio(step.inflation)}, {units.interval(step.inflation)}"
