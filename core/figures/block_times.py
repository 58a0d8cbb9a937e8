"""Every timed block against the clock: the raw evidence behind the headline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from core import units, wording
from core.analysis import stats, timed
from core.figures import drawing, theme
from core.i18n import Translate
from core.records import RunResult

_LOG_FROM = 10.0  # medians this far apart squeeze the faster setup's scatter into a line on a linear axis


@dataclass(frozen=True, slots=True)
class Points:
    index: int  # in runs
    at_s: tuple[float, ...]  # middle of each block since the job's start
    seconds: tuple[float, ...]  # per 1000 images
    spread: float | None  # relative interquartile range


@dataclass(frozen=True, slots=True)
class BlockTimes:
    runs: tuple[RunResult, ...]
    points: tuple[Points, ...]


def block_times_data(results: Sequence[RunResult]) -> BlockTimes:
    return BlockTimes(tuple(results), tuple(_points(i, run) for i, run in enumerate(results) if run.blocks))


def _points(index: int, result: RunResult) -> Points:
    times = timed.seconds_per_sample(result)
    middles = tuple(block.start_s + block.duration_s / 2 for block in result.blocks)
    return Points(index, middles, tuple(1000 * seconds for seconds in times), stats.relative_iqr(times))


def block_times_figure(results: Sequence[RunResult], translate: Translate) -> go.Figure:
    data = block_times_data(results)
    labels = wording.labels_of(data.runs, translate)
    traces = [
        go.Scatter(
            name=labels[points.index],
            x=drawing.rounded(points.at_s),
            y=drawing.rounded(points.seconds),
            mode="markers",
            marker={
                "color": theme.colour_of(points.index, data.runs),
                "symbol": theme.symbol_of(points.index, data.runs),
                "size": 8,
            },
            text=[units.duration(seconds) for seconds in points.seconds],
            hovertemplate="%{text}",
        )
        for points in data.points
    ]
    return drawing.figure(
        traces,
        translate("Time since the job's start (s)"),
        translate("Seconds per 1,000 images"),
        yaxis={"type": "log"} if _far_apart(data) else {"rangemode": "tozero"},
    )


def _far_apart(data: BlockTimes) -> bool:
    medians = [stats.median(points.seconds) for points in data.points]
    return len(medians) > 1 and max(medians) >= _LOG_FROM * min(medians)


def block_times_title(data: BlockTimes, translate: Translate) -> str:
    if not data.points:
        return translate("No block was timed")
    return translate("The middle half of the block times spreads over {values}").format(
        values=_spoken(data, translate)
    )


def block_times_alt(data: BlockTimes, translate: Translate) -> str:
    labels = wording.labels_of(data.runs, translate)
    blocks = ((labels[points.index], str(len(points.seconds))) for points in data.points)
    counts = drawing.listed(blocks, translate)
    return translate(
        "Each timed block as a point: seconds per 1,000 images over time. Blocks: {counts}. "
        "Middle half within: {values}."
    ).format(counts=counts or units.ABSENT, values=_spoken(data, translate) or units.ABSENT)


def _spoken(data: BlockTimes, translate: Translate) -> str:
    labels = wording.labels_of(data.runs, translate)
    spreads = (
        (labels[points.index], units.percent(None if points.spread is None else 100 * points.spread))
        for points in data.points
    )
    return drawing.listed(spreads, translate)
