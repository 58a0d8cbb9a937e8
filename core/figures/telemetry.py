"""What the sensors said during a job, with the times shaded at which each setup was being timed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import plotly.graph_objects as go

from core import units, wording
from core.figures import drawing, theme
from core.i18n import Translate
from core.records import CpuSample, GpuSample, RunResult

Reading = Literal["load", "power", "memory", "temperature"]
READINGS: tuple[Reading, ...] = ("load", "power", "memory", "temperature")

MOST_POINTS = 150  # of one line: a narrow screen has hardly more columns
_GIB = 2**30
_ROW_HEIGHT, _GAP, _AROUND = 110, 0.05, 110
_SHADE = 0.3


@dataclass(frozen=True, slots=True)
class Line:
    index: int  # in runs
    source: Literal["cpu", "gpu"]
    reading: Reading
    start_s: float  # of the first point
    step_s: float
    values: tuple[float | None, ...]  # means of equal stretches of time; per cent, W, GiB or °C


@dataclass(frozen=True, slots=True)
class Sensors:
    runs: tuple[RunResult, ...]  # of one job, as only they share a clock
    lines: tuple[Line, ...]


def telemetry_data(results: Sequence[RunResult]) -> Sensors:
    """The sensors of the job that the first result belongs to; runs of other jobs are left out."""
    runs = tuple(result for result in results if result.job_id == results[0].job_id)
    return Sensors(runs, tuple(_cpu_lines(runs)) + tuple(_gpu_lines(runs)))


def _cpu_lines(runs: Sequence[RunResult]) -> Iterator[Line]:
    series = [run.telemetry.cpu if run.telemetry else () for run in runs]
    longest = max(range(len(runs)), key=lambda i: len(series[i]), default=0)  # one machine: they say the same
    samples: tuple[CpuSample, ...] = series[longest] if series else ()
    points = {
        "load": [(s.at_s, s.load_pct) for s in samples],
        "memory": [(s.at_s, _gib(s.worker_memory_bytes)) for s in samples],
    }
    yield from _lines(longest, "cpu", points)


def _gpu_lines(runs: Sequence[RunResult]) -> Iterator[Line]:
    seen = set()
    for index, run in enumerate(runs):
        samples: tuple[GpuSample, ...] = run.telemetry.gpu if run.telemetry else ()
        if not samples or run.spec.setup.device in seen:
            continue
        seen.add(run.spec.setup.device)
        points = {
            "load": [(s.at_s, s.utilisation_pct) for s in samples],
            "power": [(s.at_s, s.power_w) for s in samples],
            "memory": [(s.at_s, _gib(s.memory_used_bytes)) for s in samples],
            "temperature": [(s.at_s, s.temperature_c) for s in samples],
        }
        yield from _lines(index, "gpu", points)


def _gib(count: int | None) -> float | None:
    return None if count is None else count / _GIB


def _lines(
    index: int, source: Literal["cpu", "gpu"], points: dict[Any, list[tuple[float, float | None]]]
) -> Iterator[Line]:
    for reading, pairs in points.items():
        known = [(at_s, value) for at_s, value in pairs if value is not None]
        if known:
            start_s, step_s, values = _means(known)
            yield Line(index, source, reading, start_s, step_s, values)


def _means(points: list[tuple[float, float]]) -> tuple[float, float, tuple[float | None, ...]]:
    """Means over equal stretches of time, None where a stretch has no reading.

    At least two readings a stretch on average, so that a late reading leaves no hole.
    """
    count = max(1, min(MOST_POINTS, len(points) // 2))
    start_s, end_s = points[0][0], points[-1][0]
    step_s = (end_s - start_s) / count or 1.0
    bins: list[list[float]] = [[] for _ in range(count)]
    for at_s, value in points:
        bins[max(0, min(int((at_s - start_s) / step_s), count - 1))].append(value)
    return start_s + step_s / 2, step_s, tuple(sum(b) / len(b) if b else None for b in bins)


def telemetry_figure(results: Sequence[RunResult], translate: Translate) -> go.Figure:
    data = telemetry_data(results)
    rows = _rows(data)
    labels = wording.labels_of(data.runs, translate)
    axes = {_axis_name("yaxis", row): _axis(row, rows, translate) for row in range(len(rows))}
    return drawing.figure(
        [_line(line, rows.index(line.reading), data, translate) for line in data.lines],
        translate("Time since the job's start (s)"),
        "",
        _AROUND + _ROW_HEIGHT * max(1, len(rows)),
        shapes=[
            _shade(i, data, labels[i], translate) for i, run in enumerate(data.runs) if rows and run.blocks
        ],
        showlegend=True,
        xaxis_anchor=_axis_name("y", len(rows) - 1) if rows else None,
        **axes,
    )


def _axis_name(letter: str, row: int) -> str:
    return letter if row == 0 else f"{letter}{row + 1}"


def _rows(data: Sensors) -> list[Reading]:
    present = {line.reading for line in data.lines}
    return [reading for reading in READINGS if reading in present]


def _axis(row: int, rows: Sequence[Reading], translate: Translate) -> dict[str, Any]:
    titles = {
        "load": translate("Busy (%)"),
        "power": translate("Power (W)"),
        "memory": translate("Memory (GiB)"),
        "temperature": translate("Temp. (°C)"),
    }
    height = (1 + _GAP) / len(rows)
    top = 1 - row * height
    return {
        "title": {"text": titles[rows[row]]},
        "domain": drawing.rounded((max(0.0, top - height + _GAP), top)),
        "rangemode": "tozero",
        "automargin": True,
    }


def _shade(index: int, data: Sensors, label: str, translate: Translate) -> dict[str, Any]:
    """All blocks of a run as one path: a rectangle for each would weigh six times as much."""
    ends = (drawing.rounded((b.start_s, b.start_s + b.duration_s)) for b in data.runs[index].blocks)
    return {
        "type": "path",
        "path": "".join(f"M{start:g},0V1H{end:g}V0Z" for start, end in ends),
        "yref": "paper",
        "layer": "below",
        "line": {"width": 0},
        "fillcolor": _clear(theme.colour_of(index, data.runs)),
        "name": translate("{label}, being timed").format(label=label),
        "showlegend": True,
    }


def _clear(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{_SHADE})"


def _line(line: Line, row: int, data: Sensors, translate: Translate) -> go.Scatter:
    cpu = line.source == "cpu"
    return go.Scatter(
        name=_name(line, data, translate),
        x0=drawing.rounded([line.start_s])[0],
        dx=drawing.rounded([line.step_s])[0],
        y=[None if value is None else float(f"{value:.4g}") for value in line.values],
        yaxis=_axis_name("y", row),
        mode="lines",
        line={"color": theme.COLOURS["cpu"][0] if cpu else theme.colour_of(line.index, data.runs), "width": 2},
        showlegend=False,
        hovertemplate=f"%{{y:.3~g}} {_UNITS[line.reading]}",
    )


_UNITS = {"load": "%", "power": "W", "memory": "GiB", "temperature": "°C"}


def _name(line: Line, data: Sensors, translate: Translate) -> str:
    if line.source == "cpu":
        return translate("CPU load") if line.reading == "load" else translate("Worker's host memory")
    names = {
        "load": translate("{gpu}: time with any kernel running"),
        "power": translate("{gpu}: power"),
        "memory": translate("{gpu}: memory"),
        "temperature": translate("{gpu}: temperature"),
    }
    return names[line.reading].format(gpu=wording.device_of(data.runs[line.index]))


def telemetry_title(data: Sensors, translate: Translate) -> str:
    if not data.lines:
        return translate("No sensor was read")
    loads = (
        (wording.device_of(data.runs[line.index]) if line.source == "gpu" else "CPU", f"{units.number(most)} %")
        for line, most in _highest(data)
        if line.reading == "load"
    )
    busy = drawing.listed(loads, translate)
    return translate("Busiest moment: {values}").format(values=busy or units.ABSENT)


def telemetry_alt(data: Sensors, translate: Translate) -> str:
    values = translate(", ").join(
        f"{_name(line, data, translate)} {units.number(most)} {_UNITS[line.reading]}"
        for line, most in _highest(data)
    )
    return translate(
        "Lines of sensor readings over time, with the times shaded at which each setup was being timed. "
        "At most: {values}."
    ).format(values=values or units.ABSENT)


def _highest(data: Sensors) -> Iterator[tuple[Line, float]]:
    for line in data.lines:
        yield line, max(value for value in line.values if value is not None)
