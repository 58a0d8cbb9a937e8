"""Peak memory of each setup by batch size, with its fit, the capacity and where it stops fitting."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from core import units
from core.analysis.crossover.memory_fit import MemoryFit
from core.analysis.crossover.sweep import Line
from core.figures import drawing
from core.figures.crossover import batches
from core.figures.crossover.batches import Drawn, Look
from core.i18n import Translate
from core.records import Note

_FARTHEST = 256.0  # times the largest batch size known, up to which it is drawn that memory fills up
_ROOM = 2.0  # above and below, as a factor
_OFF_AXIS = 1.15  # so that a cross isn't cut by the axis


@dataclass(frozen=True, slots=True)
class Use:
    """One line of the figure."""

    line: Line
    name: str
    fit: MemoryFit | Note

    @property
    def measured(self) -> tuple[tuple[int, int], ...]:
        """Batch size, bytes."""
        cells = self.line.measured
        return tuple((cell.batch_size, cell.memory_bytes) for cell in cells if cell.memory_bytes)

    @property
    def full(self) -> tuple[int, ...]:
        """The batch sizes at which it ran out of memory."""
        return tuple(cell.batch_size for cell in self.line.cells if cell.state == "out_of_memory")

    @property
    def stops(self) -> MemoryFit | None:
        """The fit, where it says from which batch size on memory doesn't suffice."""
        return self.fit if isinstance(self.fit, MemoryFit) and self.fit.stops_at is not None else None


@dataclass(frozen=True, slots=True)
class BatchMemory:
    uses: tuple[Use, ...]  # of the lines of which a peak or its lack is known

    @property
    def span(self) -> tuple[float, float]:
        """The batch sizes that are drawn: what was tried, and up to where it stops fitting if that is near."""
        tried = [size for one in self.uses for size in (*(size for size, _ in one.measured), *one.full)]
        stops = [one.stops.stops_at for one in self.uses if one.stops and one.stops.stops_at]
        farthest = max(tried) * _FARTHEST
        return batches.around(min(tried), max([*tried, *(size for size in stops if size <= farthest)]))


def batch_memory_data(
    lines: Sequence[Line], names: Sequence[str], fits: Sequence[MemoryFit | Note]
) -> BatchMemory:
    uses = (Use(line, name, fit) for line, name, fit in zip(lines, names, fits, strict=True))
    return BatchMemory(tuple(one for one in uses if one.measured or one.full))


def batch_memory_figure(
    lines: Sequence[Line], names: Sequence[str], fits: Sequence[MemoryFit | Note], translate: Translate
) -> go.Figure:
    data = batch_memory_data(lines, names, fits)
    titles = translate("Batch size (images in a step)"), _axis(data, translate)
    if not data.uses:
        return drawing.figure([], *titles)
    low, high = _heights(data)
    ticks = batches.powers_of_two(low, high)
    looks = batches.looks([one.line for one in data.uses])
    drawn = list(zip(data.uses, _labels(data, translate), looks, strict=True))
    traces = [trace for use in drawn for trace in _traces(*use, data, translate)]
    beyond = any(any(_curve(one, data.span)[1][0]) for one in data.uses)
    return drawing.figure(
        [*traces, *_mark_keys(data, translate), *([batches.extrapolated_key(translate)] if beyond else [])],
        titles[0],
        titles[1],
        batches.HEIGHT,
        **batches.LEGEND,
        **batches.x_axis(*data.span),
        **batches.log_axis("yaxis", low, high, ticks, [units.size(tick) for tick in ticks]),
        shapes=[*_capacities(data, translate)],
    )


def _names(data: BatchMemory, translate: Translate) -> tuple[str, ...]:
    return batches.labels([one.name for one in data.uses], [one.line for one in data.uses], translate)


def _labels(data: BatchMemory, translate: Translate) -> list[str]:
    """On the CPU the peak is that of the whole worker, with torch and all; of CPUs alone the axis says so."""
    names = _names(data, translate)
    if _only_whole(data):
        return list(names)
    whole = translate("{label}, whole worker")
    return [
        whole.format(label=name) if one.line.setup.device == "cpu" else name
        for name, one in zip(names, data.uses, strict=True)
    ]


def _only_whole(data: BatchMemory) -> bool:
    return bool(data.uses) and all(one.line.setup.device == "cpu" for one in data.uses)


def _axis(data: BatchMemory, translate: Translate) -> str:
    return translate("Peak memory, whole worker") if _only_whole(data) else translate("Peak memory")


def _heights(data: BatchMemory) -> tuple[float, float]:
    known: list[float] = [peak for one in data.uses for _, peak in one.measured]
    for one in data.uses:
        if isinstance(one.fit, MemoryFit):
            known += [one.fit.capacity_bytes] if one.fit.capacity_bytes else []
            known += [used for part in _curve(one, data.span) for used in part[1] if used is not None]
    return batches.around(min(known, default=2.0**30), max(known, default=2.0**30), _ROOM)


def _curve(use: Use, span: tuple[float, float]) -> tuple[Drawn, Drawn]:
    """The fit's line, up to the batch size from which on there is no such use."""
    if not isinstance(fit := use.fit, MemoryFit) or not use.measured:
        return ([], []), ([], [])
    measured = (use.measured[0][0], fit.largest_measured)
    high = min(span[1], fit.stops_at or math.inf)
    return batches.curve(measured, (span[0], high), fit.peak_bytes)


def _traces(use: Use, label: str, look: Look, data: BatchMemory, translate: Translate) -> list[go.Scatter]:
    points = go.Scatter(
        name=label,
        legendgroup=label,
        showlegend=False,
        x=[size for size, _ in use.measured],
        y=[peak for _, peak in use.measured],
        mode="markers",
        marker={"color": look.colour, "symbol": look.symbol, "size": 9},
        hovertext=[batches.hover(label, size, units.size(peak), translate) for size, peak in use.measured],
        hoverinfo="text",
    )
    curves = batches.curves(label, look, *_curve(use, data.span))
    return [batches.key(label, look), *curves, points, *_ends(use, label, look, data, translate)]


def _ends(use: Use, label: str, look: Look, data: BatchMemory, translate: Translate) -> Iterator[go.Scatter]:
    """Where memory didn't suffice, on the axis; and from which batch size on it doesn't, on the capacity."""
    if use.full:
        hovers = [batches.hover(label, size, translate("out of memory"), translate) for size in use.full]
        floor = _heights(data)[0] * _OFF_AXIS
        yield _crosses(label, look, "x", [(size, floor) for size in use.full], hovers)
    if use.stops and use.stops.stops_at:
        said = _stops(label, use.stops, translate)
        capacity = use.stops.capacity_bytes
        if capacity is not None and _drawn(use.stops, data):
            yield _crosses(label, look, "x-open", [(use.stops.stops_at, capacity)], [said])


def _drawn(fit: MemoryFit, data: BatchMemory) -> bool:
    return fit.stops_at is not None and fit.stops_at <= data.span[1] and fit.capacity_bytes is not None


def _mark_keys(data: BatchMemory, translate: Translate) -> Iterator[go.Scatter]:
    """Which batch sizes these are, the title says."""
    if any(one.full for one in data.uses):
        yield batches.mark_key(translate("out of memory"), "x")
    if any(one.stops and _drawn(one.stops, data) for one in data.uses):
        yield batches.mark_key(translate("memory is full"), "x-open")


def _crosses(
    name: str, look: Look, symbol: str, at: Sequence[tuple[float, float]], hovers: Sequence[str]
) -> go.Scatter:
    return go.Scatter(
        name=name,
        legendgroup=name,
        showlegend=False,
        x=[x for x, _ in at],
        y=drawing.rounded(y for _, y in at),
        mode="markers",
        marker={
            **{"color": look.colour, "symbol": symbol, "size": 12},
            "line": {"width": 2 if symbol.endswith("open") else 0},
        },
        cliponaxis=False,
        hovertext=list(hovers),
        hoverinfo="text",
    )


def _stops(label: str, fit: MemoryFit, translate: Translate) -> str:
    if fit.stops_measured:
        text = translate("{label}: memory is full from batch {batch} on (measured)")
        return text.format(label=label, batch=batches.count(fit.stops_at or 0))
    text = translate("{label}: memory is full from batch {batch} on (extrapolated)")
    return text.format(label=label, batch=units.number(fit.stops_at))


def _capacities(data: BatchMemory, translate: Translate) -> Iterator[dict[str, Any]]:
    """Setups of one device share one."""
    looks = batches.looks([one.line for one in data.uses])
    found = {
        one.fit.capacity_bytes: look
        for one, look in zip(data.uses, looks, strict=True)
        if isinstance(one.fit, MemoryFit) and one.fit.capacity_bytes
    }
    for y, look in found.items():
        yield {
            **{"type": "line", "xref": "paper", "yref": "y", "x0": 0, "x1": 1, "y0": y, "y1": y},
            "line": {"color": look.colour, "width": 3, "dash": look.dash},
            "opacity": 0.6,
            "name": translate("capacity {size}").format(size=units.size(y)),
            "showlegend": True,
        }


def batch_memory_title(data: BatchMemory, translate: Translate) -> str:
    if not data.uses:
        return translate("Nothing was measured")
    labels = list(zip(_names(data, translate), data.uses, strict=True))
    stops = [_stops(label, one.stops, translate) for label, one in labels if one.stops]
    if stops:
        return translate("; ").join(stops)
    full = [(label, batches.count(one.full[0])) for label, one in labels if one.full]
    if full:
        return translate("Out of memory at batch {values}").format(values=drawing.listed(full, translate))
    grown = [
        (label, units.size(one.fit.per_sample_bytes))
        for label, one in labels
        if isinstance(one.fit, MemoryFit) and one.fit.per_sample_bytes > 0
    ]
    if grown:
        text = translate("Each image in a batch takes more memory: {values}")
        return text.format(values=drawing.listed(grown, translate))
    return translate("Peak memory: {values}").format(values=_ranges(data, translate))


def batch_memory_alt(data: BatchMemory, translate: Translate) -> str:
    text = translate(
        "Peak memory over the batch size, both on logarithmic axes, as points with a fitted line for each "
        "setup, dotted where it is extrapolated, and level lines for the capacity: {values}. {finding}."
    )
    values = _spoken(data, translate) or units.ABSENT
    return text.format(values=values, finding=batch_memory_title(data, translate))


def _ranges(data: BatchMemory, translate: Translate) -> str:
    named = zip(_labels(data, translate), data.uses, strict=True)
    peaks = [(label, [peak for _, peak in one.measured]) for label, one in named if one.measured]
    text = translate("{low} to {high}")
    ends = ((label, dict.fromkeys((units.size(min(of)), units.size(max(of))))) for label, of in peaks)
    said = ((label, text.format(low=low, high=high[0]) if high else low) for label, (low, *high) in ends)
    return drawing.listed(said, translate)


def _spoken(data: BatchMemory, translate: Translate) -> str:
    at = translate("{value} at batch {batch}")
    ends = (
        (label, dict.fromkeys((one.measured[0], one.measured[-1])))
        for label, one in zip(_labels(data, translate), data.uses, strict=True)
        if one.measured
    )
    said = (
        (label, (at.format(value=units.size(peak), batch=batches.count(size)) for size, peak in found))
        for label, found in ends
    )
    return drawing.listed(((label, translate(", ").join(values)) for label, values in said), translate)
