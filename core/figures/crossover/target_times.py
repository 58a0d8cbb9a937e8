"""Time to an accuracy beside the time of one epoch, a row for each setup and batch size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import plotly.graph_objects as go

from core import units
from core.analysis.crossover.time_to_accuracy import DEFAULT_TARGET, Frontier, Point, frontier
from core.figures import drawing, theme
from core.figures.crossover.time_to_accuracy import colour_of, point_labels, time_axis
from core.i18n import Translate
from core.records import Estimate, RunResult

_Time = Callable[[Point], Estimate | None]
_ROW = 60  # a label in up to three lines


def target_times_data(results: Iterable[RunResult], target: float = DEFAULT_TARGET) -> Frontier:
    return frontier(results, target)


def target_times_figure(
    results: Iterable[RunResult], translate: Translate, target: float = DEFAULT_TARGET
) -> go.Figure:
    data = target_times_data(results, target)
    labels = point_labels(data.points, translate)
    wanted = translate("to {target} test accuracy").format(target=units.percent(100 * target))
    traces = [
        _dots(translate("one epoch"), _epoch, "circle-open", data, labels),
        _dots(wanted, _whole, "diamond", data, labels),
    ]
    times = [time for point in data.points for time in (_epoch(point), _whole(point)) if time is not None]
    return drawing.figure(
        [trace for trace in traces if trace is not None],
        translate("Training time (s)"),
        "",
        drawing.HEIGHT // 3 + _ROW * max(1, len(data.points)),
        xaxis=time_axis([edge for time in times for edge in (time.low, time.high)]),
        yaxis_autorange="reversed",
    )


def _epoch(point: Point) -> Estimate | None:
    return point.epoch_s


def _whole(point: Point) -> Estimate | None:
    return point.reached.after.seconds if point.reached else None


def _dots(name: str, time: _Time, symbol: str, data: Frontier, labels: Sequence[str]) -> go.Scatter | None:
    rows = [(label, point, time(point)) for label, point in zip(labels, data.points, strict=True)]
    known = [(label, point, seconds) for label, point, seconds in rows if seconds is not None]
    if not known:
        return None
    return go.Scatter(
        name=name,
        mode="markers",
        x=drawing.rounded(seconds.value for _, _, seconds in known),
        y=[drawing.wrapped(label) for label, _, _ in known],
        error_x={
            "array": drawing.rounded(seconds.high - seconds.value for _, _, seconds in known),
            "arrayminus": drawing.rounded(seconds.value - seconds.low for _, _, seconds in known),
            "color": theme.WHISKER,
            "thickness": 2,
        },
        marker={
            "symbol": symbol,
            "size": 12,
            "color": [colour_of(point, data.points) for _, point, _ in known],
            "line": {"width": 2},
        },
        hovertext=[f"{label}<br>{name}: {units.duration(seconds.value)}" for label, _, seconds in known],
        hoverinfo="text",
    )


def target_times_title(data: Frontier, translate: Translate) -> str:
    if not data.points:
        return translate("No test accuracy was measured")
    labels, target = point_labels(data.points, translate), units.percent(100 * data.target)
    quick, first = data.fastest_per_image, data.fastest_to_target
    assert quick is not None
    name = labels[data.points.index(quick)]
    if first is None:
        text = translate("Fastest per image: {quick}; {target} test accuracy wasn't reached")
        return text.format(quick=name, target=target)
    text = (
        translate("{quick} is fastest per image and first at {target} test accuracy")
        if quick is first
        else translate("Fastest per image: {quick}; first at {target} test accuracy: {first}")
    )
    return text.format(quick=name, target=target, first=labels[data.points.index(first)])


def target_times_alt(data: Frontier, translate: Translate) -> str:
    labels = point_labels(data.points, translate)
    spoken = ((label, _spoken(point, translate)) for label, point in zip(labels, data.points, strict=True))
    text = translate(
        "A row for each setup and batch size with the training time of one epoch and the time to {target} test "
        "accuracy, on a logarithmic axis: {values}."
    )
    values = drawing.listed(spoken, translate) or units.ABSENT
    return text.format(target=units.percent(100 * data.target), values=values)


def _spoken(point: Point, translate: Translate) -> str:
    epoch = units.duration(point.epoch_s.value if point.epoch_s else None)
    whole = _whole(point)
    if whole is None:
        return translate("epoch {epoch}, not reached").format(epoch=epoch)
    return translate("epoch {epoch}, reached after {time}").format(
        epoch=epoch, time=units.duration(whole.value)
    )
