"""Test accuracy against training time, one line a setup and batch size, and the accuracy wanted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import plotly.graph_objects as go

from core import units, wording
from core.analysis.crossover.time_to_accuracy import DEFAULT_TARGET, Frontier, Learnt, Point, frontier
from core.figures import drawing, theme
from core.i18n import Translate
from core.records import RunResult

_LINE = 22  # a point's line in the legend, on a phone


def time_to_accuracy_data(results: Iterable[RunResult], target: float = DEFAULT_TARGET) -> Frontier:
    return frontier(results, target)


def point_labels(points: Sequence[Point], translate: Translate) -> tuple[str, ...]:
    """What sets each point apart: "CPU · 2 threads · batch 64"."""
    each, text = {point.setup: point.result for point in points}, translate("{label} · batch {batch}")
    labels = []
    for point in points:
        others = [result for setup, result in each.items() if setup != point.setup]
        name = wording.labels_of([point.result, *others], translate)[0]
        labels.append(text.format(label=name, batch=f"{point.batch_size:,}"))
    return tuple(labels)


def colour_of(point: Point, points: Sequence[Point]) -> str:
    """One for each setup, whatever its batch size."""
    each = {other.setup: other.result for other in points}
    return theme.colour_of(list(each).index(point.setup), list(each.values()))


def size_place(point: Point, points: Sequence[Point]) -> int:
    """The how-manyth batch size, which dash and symbol tell."""
    return sorted({other.batch_size for other in points}).index(point.batch_size)


def time_axis(seconds: Sequence[float]) -> dict[str, object]:
    """Logarithmic, with plain numbers."""
    if not seconds:
        return {"type": "log"}
    ticks = drawing.decades(min(seconds), max(seconds))
    return {"type": "log", "tickvals": ticks, "ticktext": [units.number(tick) for tick in ticks]}


def time_to_accuracy_figure(
    results: Iterable[RunResult], translate: Translate, target: float = DEFAULT_TARGET
) -> go.Figure:
    data = time_to_accuracy_data(results, target)
    labels = point_labels(data.points, translate)
    lines = [_line(point, label, data, translate) for point, label in zip(data.points, labels, strict=True)]
    return drawing.figure(
        [*lines, *_there(data, labels, translate), *_wanted(data, translate)],
        translate("Training time (s)"),
        translate("Test accuracy (%)"),
        drawing.HEIGHT + _LINE * len(lines),
        xaxis=time_axis(_times(data)),
    )


def _line(point: Point, label: str, data: Frontier, translate: Translate) -> go.Scatter:
    place = size_place(point, data.points)
    return go.Scatter(
        name=label,
        x=drawing.rounded(learnt.seconds.value for learnt in point.curve),
        y=drawing.rounded(100 * learnt.accuracy.value for learnt in point.curve),
        mode="lines+markers",
        line={
            "color": colour_of(point, data.points),
            "dash": theme.DASHES[place % len(theme.DASHES)],
            "width": 2,
        },
        marker={"symbol": theme.SYMBOLS[place % len(theme.SYMBOLS)], "size": 6},
        text=[_known(learnt, translate) for learnt in point.curve],
        hovertemplate="%{fullData.name}<br>%{text}<extra></extra>",
    )


def _there(data: Frontier, labels: Sequence[str], translate: Translate) -> list[go.Scatter]:
    """A star where each point was first at the target."""
    there = [
        (point.reached.after, label, colour_of(point, data.points))
        for point, label in zip(data.points, labels, strict=True)
        if point.reached is not None
    ]
    if not there:
        return []
    return [
        go.Scatter(
            name=translate("reached"),
            x=drawing.rounded(after.seconds.value for after, _, _ in there),
            y=drawing.rounded(100 * after.accuracy.value for after, _, _ in there),
            mode="markers",
            marker={
                "symbol": "star",
                "size": 15,
                "color": [colour for _, _, colour in there],
                "line": {"color": theme.WHISKER, "width": 1},
            },
            hovertext=[f"{label}<br>{_known(after, translate)}" for after, label, _ in there],
            hoverinfo="text",
        )
    ]


def _wanted(data: Frontier, translate: Translate) -> list[go.Scatter]:
    times = _times(data)
    if not times:
        return []
    name = translate("{target} wanted").format(target=units.percent(100 * data.target))
    return [
        go.Scatter(
            name=name,
            x=drawing.rounded((min(times), max(times))),
            y=drawing.rounded([100 * data.target] * 2),
            mode="lines",
            line={"color": theme.WHISKER, "dash": "dash", "width": 2},
            hoverinfo="skip",
        )
    ]


def _times(data: Frontier) -> list[float]:
    return [learnt.seconds.value for point in data.points for learnt in point.curve]


def _known(learnt: Learnt, translate: Translate) -> str:
    text = translate("{accuracy} after {time} (epoch {epoch}); {low} to {high} by its {count} test images")
    return text.format(
        accuracy=units.percent(100 * learnt.accuracy.value),
        time=units.duration(learnt.seconds.value),
        epoch=learnt.epoch,
        low=units.percent(100 * learnt.accuracy.low),
        high=units.percent(100 * learnt.accuracy.high),
        count=f"{learnt.test_samples:,}",
    )


def time_to_accuracy_title(data: Frontier, translate: Translate) -> str:
    if not data.points:
        return translate("No test accuracy was measured")
    target, labels = units.percent(100 * data.target), point_labels(data.points, translate)
    first = data.fastest_to_target
    if first is None or first.reached is None:
        known = zip(labels, data.points, strict=True)
        best = ((label, units.percent(100 * point.best_accuracy)) for label, point in known)
        text = translate("{target} test accuracy wasn't reached; the best was {values}")
        return text.format(target=target, values=drawing.listed(best, translate))
    text = (
        translate("{target} test accuracy after {time} of training: {label}")
        if len(data.points) == 1
        else translate("First at {target} test accuracy: {label}, after {time} of training")
    )
    label = labels[data.points.index(first)]
    return text.format(target=target, label=label, time=units.duration(first.reached.after.seconds.value))


def time_to_accuracy_alt(data: Frontier, translate: Translate) -> str:
    labels = point_labels(data.points, translate)
    spoken = ((label, _outcome(point, translate)) for label, point in zip(labels, data.points, strict=True))
    text = translate(
        "Lines of test accuracy over training time on a logarithmic axis, with {target} as a dashed line and a "
        "star where it was first reached: {values}."
    )
    values = drawing.listed(spoken, translate) or units.ABSENT
    return text.format(target=units.percent(100 * data.target), values=values)


def _outcome(point: Point, translate: Translate) -> str:
    if point.reached is not None:
        return units.duration(point.reached.after.seconds.value)
    return translate("not reached, at best {x}").format(x=units.percent(100 * point.best_accuracy))
