"""Step time of two setups by batch size, with both fits, where they cross, and where the baseline will do."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from core import units
from core.analysis.crossover.crossing import Crossing
from core.analysis.crossover.step_fit import StepFit
from core.analysis.crossover.sweep import Cell, Line
from core.figures import drawing, theme
from core.figures.crossover import batches
from core.i18n import Translate
from core.records import Estimate

_FARTHEST = 64.0  # beyond the measured batch sizes, as a factor, within which a crossing is drawn
_ROOM = 2.0  # above and below, as a factor
_LABEL_ROOM = 3.0  # free of curves, for the shaded region's label, as a factor
_LABEL, _LEAST_LABEL = 34, 10  # characters of that label in a line: over the whole width, and at least


@dataclass(frozen=True, slots=True)
class StepTimes:
    lines: tuple[Line, Line]  # baseline, candidate
    names: tuple[str, str]
    crossing: Crossing

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(sorted({cell.batch_size for line in self.lines for cell in line.measured}))

    @property
    def near(self) -> Estimate | None:
        """The crossing, where it is near enough to what was measured to be drawn."""
        at = self.crossing.batch_size
        if at is None or not self.sizes:
            return None
        return at if self.sizes[0] / _FARTHEST <= at.value <= self.sizes[-1] * _FARTHEST else None

    @property
    def span(self) -> tuple[float, float]:
        """The batch sizes that are drawn."""
        wanted = [*self.sizes, *([self.near.value] if self.near else [])]
        return batches.around(min(wanted), max(wanted))

    @property
    def fine(self) -> tuple[float, float] | None:
        """The batch sizes that are drawn at which the baseline is as fast or faster, by the fits."""
        low, high = self.span
        at = self.crossing.batch_size
        if self.crossing.faster_above is None:
            return None
        if at is None:
            return (low, high) if self.crossing.faster_above == "baseline" else None
        edge = min(max(at.value, low), high)
        found = (low, edge) if self.crossing.faster_above == "candidate" else (edge, high)
        return found if found[0] < found[1] else None


def step_time_data(baseline: Line, candidate: Line, crossing: Crossing, names: tuple[str, str]) -> StepTimes:
    return StepTimes((baseline, candidate), names, crossing)


def step_time_figure(
    baseline: Line, candidate: Line, crossing: Crossing, names: tuple[str, str], translate: Translate
) -> go.Figure:
    data = step_time_data(baseline, candidate, crossing, names)
    titles = translate("Batch size (images in a step)"), translate("Time of a step")
    if not data.sizes:
        return drawing.figure([], *titles)
    low, high = _heights(data)
    ticks = drawing.decades(low, high)
    return drawing.figure(
        _traces(data, translate),
        titles[0],
        titles[1],
        batches.HEIGHT,
        **batches.LEGEND,
        **batches.x_axis(*data.span),
        **batches.log_axis("yaxis", low, high, ticks, [units.duration(tick) for tick in ticks]),
        shapes=[*_region(data), *_mark(data, translate)],
        annotations=_label(data, translate),
    )


def _traces(data: StepTimes, translate: Translate) -> list[go.Scatter]:
    traces, beyond = [], False
    looks, names = batches.looks(data.lines), batches.labels(data.names, data.lines, translate)
    for line, name, look, fit in zip(data.lines, names, looks, data.crossing.fits, strict=True):
        if not line.measured:
            continue
        traces.append(batches.key(name, look))
        if isinstance(fit, StepFit):
            inside, outside = batches.curve((fit.batches[0], fit.batches[-1]), data.span, fit.step_s)
            traces += batches.curves(name, look, inside, outside)
            beyond = beyond or any(outside[0])
        measured = [(cell.batch_size, cell.step_s) for cell in line.measured if cell.step_s]
        hovers = [_hover(name, size, step, translate) for size, step in measured]
        traces.append(batches.points(name, look, measured, hovers))
    return [*traces, *([batches.extrapolated_key(translate)] if beyond else [])]


def _hover(name: str, batch_size: int, step: Estimate, translate: Translate) -> str:
    return batches.hover(name, batch_size, batches.spoken(step, units.duration, translate), translate)


def _heights(data: StepTimes) -> tuple[float, float]:
    """The seconds that are drawn, with room for the label where no curve is: they rise to the right."""
    steps = [cell.step_s for line in data.lines for cell in line.measured if cell.step_s]
    ends = [fit.step_s(size) for fit in data.crossing.fits if isinstance(fit, StepFit) for size in data.span]
    known = [*(step.low for step in steps), *(step.high for step in steps), *ends]
    low, high = batches.around(min(one for one in known if one > 0), max(known), _ROOM)
    if data.fine is None:
        return low, high
    return (low, high * _LABEL_ROOM) if data.fine[0] == data.span[0] else (low / _LABEL_ROOM, high)


def _region(data: StepTimes) -> Iterator[dict[str, Any]]:
    if data.fine:
        yield _band(*data.fine, batches.looks(data.lines)[0].colour, 0.12)
    if data.near:
        low, high = data.span
        yield _band(max(data.near.low, low), min(data.near.high, high), theme.WHISKER, 0.35)


def _band(low: float, high: float, colour: str, opacity: float) -> dict[str, Any]:
    x0, x1 = drawing.rounded((low, high))
    place = {"type": "rect", "xref": "x", "yref": "paper", "x0": x0, "x1": x1, "y0": 0, "y1": 1}
    return {**place, "fillcolor": colour, "opacity": opacity, "line": {"width": 0}, "layer": "below"}


def _mark(data: StepTimes, translate: Translate) -> Iterator[dict[str, Any]]:
    if data.near:
        [x] = drawing.rounded([data.near.value])
        yield {
            **{"type": "line", "xref": "x", "yref": "paper", "x0": x, "x1": x, "y0": 0, "y1": 1},
            "line": {"color": batches.BREAK_EVEN, "width": 2},
            "name": batches.wrapped(_mark_name(data.crossing, translate)),
            "showlegend": True,
        }


def _mark_name(crossing: Crossing, translate: Translate) -> str:
    """Where it is, and how sure, the title says."""
    if crossing.extrapolated:
        return translate("break-even, extrapolated")
    return translate("break-even and its 95 % interval")


def _numbers(at: Estimate) -> dict[str, str]:
    return {
        "batch": batches.count(at.value),
        "low": batches.count(at.low),
        "high": batches.count(at.high),
    }


def _label(data: StepTimes, translate: Translate) -> list[dict[str, Any]]:
    """In the corner that the rising curves leave free."""
    if data.fine is None:
        return []
    left = data.fine[0] == data.span[0]
    text = translate("{label} is fine here").format(label=batches.labels(data.names, data.lines, translate)[0])
    return [
        {
            "text": batches.wrapped(text, max(_LEAST_LABEL, round(_LABEL * _share(data.fine, data.span)))),
            "showarrow": False,
            **{"xref": "paper", "yref": "paper", "x": 0 if left else 1, "y": 1 if left else 0},
            **{"xanchor": "left" if left else "right", "yanchor": "top" if left else "bottom"},
            **{"align": "left" if left else "right", "xshift": 4 if left else -4},
        }
    ]


def _share(part: tuple[float, float], whole: tuple[float, float]) -> float:
    """Of the width of a logarithmic axis."""
    return math.log(part[1] / part[0]) / math.log(whole[1] / whole[0])


def step_time_title(data: StepTimes, translate: Translate) -> str:
    if not data.sizes:
        return translate("Nothing was measured")
    crossing, names = data.crossing, batches.labels(data.names, data.lines, translate)
    if crossing.batch_size is None and crossing.faster_above is not None:
        winner = names[crossing.faster_above == "candidate"]
        return translate("{label} is faster at every batch size that was measured").format(label=winner)
    if crossing.batch_size is None:
        return translate("No break-even can be given")  # why is said where the answer would be
    text = translate("{candidate} is faster from batch {batch} on ({low} to {high})")
    if crossing.faster_above == "baseline":
        text = translate("{candidate} is faster up to batch {batch} ({low} to {high})")
    said = text.format(candidate=names[1], **_numbers(crossing.batch_size))
    return translate("{finding}, extrapolated").format(finding=said) if crossing.extrapolated else said


def step_time_alt(data: StepTimes, translate: Translate) -> str:
    names = batches.labels(data.names, data.lines, translate)
    known = ((name, line.measured) for name, line in zip(names, data.lines, strict=True))
    values = drawing.listed(((name, _ends(cells, translate)) for name, cells in known if cells), translate)
    text = translate(
        "Time of a step over the batch size, both on logarithmic axes, as points with 95 % intervals and a "
        "fitted curve for each setup, dotted where it is extrapolated: {values}. {finding}."
    )
    return text.format(values=values or units.ABSENT, finding=step_time_title(data, translate).rstrip(".。"))


def _ends(cells: Sequence[Cell], translate: Translate) -> str:
    spoken = [
        translate("{value} at batch {batch}").format(
            value=units.duration(cell.step_s.value), batch=batches.count(cell.batch_size)
        )
        for cell in (cells[0], *cells[1:][-1:])
        if cell.step_s
    ]
    return translate(", ").join(spoken)
