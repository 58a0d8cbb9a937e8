"""What each device was doing in the last minutes, all on one clock, with what was being measured shaded."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core import units
from core.figures import drawing, theme
from core.figures.monitor.readings import READINGS, UNITS, Reading, Series, series_of
from core.i18n import Translate
from core.records import MachineNow, Watched

MOST_POINTS = 150  # of one line: a narrow screen has hardly more columns
_TOP, _ROW, _GAP, _AXIS, _ZOOM = 60, 120, 34, 4, 44  # pixels
_SHADE, _OPACITY = "#D97706", 0.22  # no device's colour
_DASHES: tuple[str | list[int], ...] = ("solid", "dashed", "dotted", [12, 4, 2, 4])
_MOST_NAMED = 4

_FORMATS = {reading: f"%.3g {unit.replace('%', '%%')}" for reading, unit in UNITS.items()}

Option = dict[str, Any]  # of ECharts


@dataclass(frozen=True, slots=True)
class Line:
    series: Series
    values: tuple[float | None, ...]  # means, one for each slot of the history; None where nothing was read


@dataclass(frozen=True, slots=True)
class History:
    """The minutes before the newest reading, in slots of equal length."""

    minutes: int
    end_s: float  # the newest reading
    first_s: float  # the middle of the first slot
    step_s: float
    count: int  # of slots
    lines: tuple[Line, ...]
    measuring: tuple[tuple[float, float], ...]  # from, to: what of it is drawn

    @property
    def rows(self) -> tuple[Reading, ...]:
        present = {line.series.reading for line in self.lines}
        return tuple(reading for reading in READINGS if reading in present)

    def slot(self, at_s: float) -> int:
        return max(0, min(self.count - 1, math.floor((at_s - self.first_s) / self.step_s + 0.5)))


def history_data(watched: Watched, now: MachineNow, minutes: int, uuids: Collection[str]) -> History:
    """The CPU and the GPUs of these UUIDs, over the minutes before the newest reading."""
    end_s, interval_s = now.at_s, watched.interval_s
    start_s = end_s - 60.0 * minutes
    step_s = max(1, math.ceil((end_s - start_s) / interval_s / MOST_POINTS)) * interval_s
    # Slots begin at the same times at every redrawing, or the lines would shimmer as they move. Where each
    # holds one reading, that is in the middle: a reading that is a little late leaves no hole.
    anchor_s = end_s + interval_s / 2 if step_s == interval_s else 0.0
    first, last = (math.floor((at_s - anchor_s) / step_s) for at_s in (start_s, end_s))
    ends = ((max(one.start_s, start_s), min(one.end_s or end_s, end_s)) for one in watched.stretches)
    empty = History(
        minutes,
        end_s,
        anchor_s + (first + 0.5) * step_s,
        step_s,
        last - first + 1,
        (),
        tuple((start, end) for start, end in ends if start < end),
    )
    found = series_of(watched, now.cpu.memory_bytes, uuids, start_s, end_s)
    return replace(empty, lines=tuple(_means(series, empty) for series in found))


def _means(series: Series, into: History) -> Line:
    slots: list[list[float]] = [[] for _ in range(into.count)]
    for at_s, value in series.points:
        if value is not None:
            slots[into.slot(at_s)].append(value)
    return Line(series, tuple(sum(found) / len(found) if found else None for found in slots))


def history_figure(
    data: History, clock_s: float, span_s: tuple[float, float], zoomable: bool, translate: Translate
) -> Option:
    """An ECharts option: Streamlit draws a Plotly figure from nothing at each change, which flickers.

    `clock_s`: what the reader's clock showed, in seconds, when the records' clock was 0. `span_s`: from when to
    when before the newest reading. `zoomable`: by dragging; each new drawing forgets the reader's zoom, so not
    where it goes on.
    """
    rows = data.rows
    shaded = _shades(data, translate)
    devices = list(dict.fromkeys(line.series.device for line in data.lines))
    times = [_time(clock_s + data.first_s + slot * data.step_s) for slot in range(data.count)]
    start, end = (data.slot(data.end_s - ago) for ago in span_s)
    return {
        "animation": False,
        "grid": [_grid(row) for row in range(len(rows))],
        "xAxis": [_time_axis(row, rows, times, start, end) for row in range(len(rows))],
        "yAxis": [_axis(row, rows, translate) for row in range(len(rows))],
        "series": [
            *(_line(line, rows.index(line.series.reading)) for line in data.lines),
            *(shaded | {"xAxisIndex": row, "yAxisIndex": row} for row in range(len(rows))),
        ],
        "legend": {
            "top": 0,
            "left": 0,
            "type": "scroll",
            "itemWidth": 36,
            "data": [*devices, *([shaded["name"]] if data.measuring else [])],
        },
        "tooltip": {"trigger": "axis"},
        "axisPointer": {"link": [{"xAxisIndex": "all"}]},
        **(_zoom(len(rows)) if zoomable else {}),
    }


def _time(clock_s: float) -> str:
    seconds = round(clock_s) % (24 * 3600)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _zoom(rows: int) -> dict[str, Any]:
    every_x = {"xAxisIndex": list(range(rows))}
    slider = {"type": "slider", "bottom": 4, "height": _ZOOM - 16, **every_x}
    return {"dataZoom": [{"type": "inside", **every_x}, slider]}


def history_height(data: History) -> int:
    """In pixels. The same whether or not it can be zoomed, so that nothing jumps."""
    return _TOP + len(data.rows) * _ROW + _AXIS + _ZOOM


def _grid(row: int) -> dict[str, Any]:
    return {"left": 48, "right": 16, "top": _TOP + row * _ROW, "height": _ROW - _GAP}


def _time_axis(row: int, rows: Sequence[Reading], times: Sequence[str], start: int, end: int) -> dict[str, Any]:
    last = row == len(rows) - 1
    return {
        "type": "category",  # a time axis would want each point's time in full, in each line
        "data": times,
        "gridIndex": row,
        "min": start,
        "max": end,
        "boundaryGap": False,
        "axisLabel": {"show": last},
        "axisTick": {"show": last},
    }


def _axis(row: int, rows: Sequence[Reading], translate: Translate) -> dict[str, Any]:
    titles = {
        "load": translate("Busy (%)"),
        "memory": translate("Memory (%)"),
        "power": translate("Power (W)"),
        "temperature": translate("Temperature (°C)"),
    }
    shares = rows[row] in ("load", "memory")
    return {
        "type": "value",
        "gridIndex": row,
        "name": titles[rows[row]],
        "nameTextStyle": {"align": "left", "padding": [0, 0, 0, -40]},
        "min": 0,
        **({"max": 100, "interval": 50} if shares else {"splitNumber": 3}),
    }


def _shades(data: History, translate: Translate) -> dict[str, Any]:
    """All stretches as one series without points, which the legend can name."""
    ends = ((data.slot(start), data.slot(end)) for start, end in data.measuring)
    return {
        "type": "line",
        "name": translate("Being measured"),
        "data": [],
        "symbol": "roundRect",
        "itemStyle": {"color": _SHADE},
        "lineStyle": {"width": 0},
        "markArea": {
            "silent": True,
            "itemStyle": {"color": _SHADE, "opacity": _OPACITY},
            "data": [[{"xAxis": start}, {"xAxis": end}] for start, end in ends],
        },
    }


def _line(line: Line, row: int) -> dict[str, Any]:
    series = line.series
    colours = theme.COLOURS["cpu" if series.gpu is None else "gpu"]
    place = 0 if series.gpu is None else series.place
    turn = place // len(colours)
    dash = _DASHES[(place + turn) % len(_DASHES)]  # the first four differ in both
    return {
        "type": "line",
        "name": series.device,  # one name for all its rows, so that the legend hides it in all
        "xAxisIndex": row,
        "yAxisIndex": row,
        "data": [None if value is None else float(f"{value:.3g}") for value in line.values],
        "symbol": "none",
        "connectNulls": False,
        "color": colours[place % len(colours)],
        "lineStyle": {"width": 2, "type": dash},
        "tooltip": {"valueFormatter": _FORMATS[series.reading]},
    }


def history_title(data: History, translate: Translate) -> str:
    if not data.lines:
        return translate("No sensor has been read yet")
    loads = [
        (line.series.device, units.percent(_highest(line)))
        for line in data.lines
        if line.series.reading == "load"
    ]
    return translate("Busiest moment of the last {minutes} min: {values}").format(
        minutes=data.minutes, values=drawing.listed(loads[: 1 + _MOST_NAMED], translate) or units.ABSENT
    )


def history_alt(data: History, translate: Translate) -> str:
    names = {
        "load": translate("busy"),
        "memory": translate("memory in use"),
        "power": translate("power"),
        "temperature": translate("temperature"),
    }
    values = translate(", ").join(
        f"{line.series.device} {names[line.series.reading]} "
        f"{units.number(_highest(line))} {UNITS[line.series.reading]}"
        for line in data.lines
    )
    return translate(
        "Lines of sensor readings over the last {minutes} min, a row for each kind of reading and a line for "
        "each device, with the times shaded at which something was being measured. At most: {values}."
    ).format(minutes=data.minutes, values=values or units.ABSENT)


def _highest(line: Line) -> float:
    """Of the single readings, not of what is drawn."""
    return max(value for _, value in line.series.points if value is not None)
