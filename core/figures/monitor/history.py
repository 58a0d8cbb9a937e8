"""What each device was doing in the last minutes, all on one clock, with what was being measured shaded."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core import units
from core.figures import drawing, theme
from core.figures.monitor import readings
from core.figures.monitor.readings import READINGS, UNITS, Reading, Series, series_of
from core.i18n import Translate
from core.records import MachineNow, Watched

MOST_POINTS = 150  # of one line: a narrow screen has hardly more columns
SHORTEST_S = 60.0  # of the axis, so that a first reading isn't stretched over all of it
_TOP, _ROW, _GAP, _BELOW = 56, 130, 48, 60  # pixels; below the last row, its times and the zoom's bar
_BAR = 20
_LABELS = 3  # times along the axis, at least; ECharts' next round distance gives up to six, as a phone can hold
_SHADE, _OPACITY = "#D97706", 0.22  # no device's colour
# Lines cross and lie on each other, so GPUs differ by hue as well as by dash. Each at least 3:1 on Streamlit's
# white and on its dark ground; no two, nor the CPU's, are alike to those who see no red or no green.
_HUES = (theme.COLOURS["gpu"][0], "#DB2777", theme.WHISKER, "#B45309")
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
    """A stretch of the past, in slots of equal length."""

    start_s: float
    end_s: float
    ago_s: int  # how long before the newest reading it ended
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


def history_data(watched: Watched, now: MachineNow, ago_s: tuple[int, int], uuids: Collection[str]) -> History:
    """The CPU and the GPUs of these UUIDs. `ago_s`: from and to, in seconds before the newest reading."""
    start_s, end_s = readings.stretch(watched, now, ago_s)
    interval_s = watched.interval_s
    step_s = max(1, math.ceil(max(SHORTEST_S, end_s - start_s) / interval_s / MOST_POINTS)) * interval_s
    # Slots begin at the same times at every redrawing, or the lines would shimmer as they move. Where each
    # holds one reading, that is in the middle: a reading that is a little late leaves no hole.
    anchor_s = end_s + interval_s / 2 if step_s == interval_s else 0.0
    first, last = (math.floor((at_s - anchor_s) / step_s) for at_s in (start_s, end_s))
    ends = ((max(one.start_s, start_s), min(one.end_s or end_s, end_s)) for one in watched.stretches)
    empty = History(
        start_s,
        end_s,
        ago_s[1],
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


def history_figure(data: History, clock_s: float, zoomable: bool, translate: Translate) -> Option:
    """An ECharts option: Streamlit draws a Plotly figure from nothing at each change, which flickers.

    `clock_s`: the Unix time at which the records' clock was 0. `zoomable`: by dragging; a new drawing forgets
    the reader's zoom, so not where it goes on.
    """
    rows = data.rows
    shaded = _shades(data, clock_s, translate)
    devices = list(dict.fromkeys(line.series.device for line in data.lines))
    times = [_ms(clock_s + data.first_s + slot * data.step_s) for slot in range(data.count)]
    ends = (_ms(clock_s + data.start_s), _ms(clock_s + data.end_s))
    return {
        "animation": False,
        # the times once for all lines, which keeps the message small
        "dataset": {"source": [times, *(_values(line) for line in data.lines)], "sourceHeader": False},
        "grid": [_grid(row) for row in range(len(rows))],
        "xAxis": [_time_axis(row, rows, ends) for row in range(len(rows))],
        "yAxis": [_axis(row, rows, translate) for row in range(len(rows))],
        "series": [
            *(_line(line, rows.index(line.series.reading), place) for place, line in enumerate(data.lines, 1)),
            *(shaded | {"xAxisIndex": row, "yAxisIndex": row} for row in range(len(rows))),
        ],
        "legend": {
            "top": 0,
            "left": 0,
            "type": "scroll",
            "itemWidth": 28,
            "itemStyle": {"opacity": 0},  # a line has no points, so its sign has none
            "data": [
                *devices,
                *([{"name": shaded["name"], "itemStyle": {"opacity": 1}}] if data.measuring else []),
            ],
        },
        "tooltip": {"trigger": "axis", "confine": True},
        **(_zoom(len(rows)) if zoomable else {}),
    }


def _ms(time_s: float) -> int:
    return round(1000 * time_s)


def _zoom(rows: int) -> dict[str, Any]:
    every_x = {"xAxisIndex": list(range(rows))}
    slider = {"type": "slider", "bottom": 4, "height": _BAR, "showDataShadow": False, **every_x}
    return {"dataZoom": [{"type": "inside", **every_x}, slider]}


def history_height(data: History) -> int:
    """In pixels. The same whether or not it can be zoomed, so that nothing jumps."""
    return _TOP + len(data.rows) * _ROW - _GAP + _BELOW


def _grid(row: int) -> dict[str, Any]:
    return {"left": 48, "right": 28, "top": _TOP + row * _ROW, "height": _ROW - _GAP}


def _time_axis(row: int, rows: Sequence[Reading], ends: tuple[int, int]) -> dict[str, Any]:
    """Of round times, in the browser's own zone."""
    last = row == len(rows) - 1
    start, end = ends
    return {
        "type": "time",
        "gridIndex": row,
        "min": min(start, end - _ms(SHORTEST_S)),
        "max": end,
        "splitNumber": _LABELS,
        "splitLine": {"show": False},
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
        "nameGap": 10,
        "nameTextStyle": {"align": "left", "padding": [0, 0, 0, -40]},
        "min": 0,
        **({"max": 100, "interval": 50} if shares else {"splitNumber": 3}),
    }


def _shades(data: History, clock_s: float, translate: Translate) -> dict[str, Any]:
    """All stretches as one series without points, which the legend can name."""
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
            "data": [
                [{"xAxis": _ms(clock_s + start)}, {"xAxis": _ms(clock_s + end)}]
                for start, end in data.measuring
            ],
        },
    }


def _values(line: Line) -> list[float | None]:
    return [None if value is None else float(f"{value:.3g}") for value in line.values]


def _line(line: Line, row: int, place: int) -> dict[str, Any]:
    """`place`: of its values in the data set."""
    series = line.series
    hue = theme.COLOURS["cpu"][0] if series.gpu is None else _HUES[series.place % len(_HUES)]
    turn = series.place // len(_HUES)
    return {
        "type": "line",
        "name": series.device,  # one name for all its rows, so that the legend hides it in all
        "xAxisIndex": row,
        "yAxisIndex": row,
        "seriesLayoutBy": "row",
        "encode": {"x": 0, "y": place, "tooltip": [place]},
        "symbol": "none",
        "connectNulls": False,
        "color": hue,
        "lineStyle": {"width": 2, "type": _DASHES[(series.place + turn) % len(_DASHES)]},
        "tooltip": {"valueFormatter": _FORMATS[series.reading]},
    }


def history_title(data: History, translate: Translate) -> str:
    if not data.lines:
        return translate("Nothing was read then") if data.ago_s else translate("No sensor has been read yet")
    loads = [
        (line.series.device, units.percent(_highest(line)))
        for line in data.lines
        if line.series.reading == "load"
    ]
    values = drawing.listed(loads[: 1 + _MOST_NAMED], translate) or units.ABSENT
    span_s = round(data.end_s - data.start_s)
    if data.ago_s == 0:
        return translate("Busiest moment of the last {time}: {values}").format(
            time=units.duration(span_s), values=values
        )
    return translate("Busiest moment from {start} to {end} ago: {values}").format(
        start=units.duration(span_s + data.ago_s), end=units.duration(data.ago_s), values=values
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
        "Lines of sensor readings over {time}, a row for each kind of reading and a line for "
        "each device, with the times shaded at which something was being measured. At most: {values}."
    ).format(time=units.duration(round(data.end_s - data.start_s)), values=values or units.ABSENT)


def _highest(line: Line) -> float:
    """Of the single readings, not of what is drawn."""
    return max(value for _, value in line.series.points if value is not None)
