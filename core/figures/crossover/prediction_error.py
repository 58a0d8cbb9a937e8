"""How far predictions for other devices were off: predicted over measured time of each case left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from core import units
from core.analysis.crossover.prediction_error import Calibration, Case, LeftOut
from core.figures import drawing, theme
from core.figures.crossover import batches
from core.i18n import Translate

_LINE = 44  # a row with a label of two lines
_AROUND = 120  # axis, axis title and legend
_LONGEST_LINE = 22  # characters
_MOST_ROWS = 16  # beyond which the best known are left out
_COLOURS: dict[LeftOut, str] = {"device": "#0891B2", "workload": "#EA580C"}
_SYMBOLS: dict[LeftOut, str] = {"device": "diamond", "workload": "circle"}


@dataclass(frozen=True, slots=True)
class Row:
    """A model on a device, predicted."""

    device: str
    model: str
    cases: tuple[Case, ...]

    @property
    def off_by(self) -> float:
        return max(case.off_by for case in self.cases)


@dataclass(frozen=True, slots=True)
class Errors:
    calibration: Calibration
    rows: tuple[Row, ...]  # the worst first, at most _MOST_ROWS


def prediction_error_data(calibration: Calibration) -> Errors:
    groups: dict[tuple[str, str], list[Case]] = {}
    for case in calibration.cases:
        groups.setdefault((case.device.name, case.model), []).append(case)
    rows = [Row(batches.plain(name), model, tuple(cases)) for (name, model), cases in groups.items()]
    return Errors(calibration, tuple(sorted(rows, key=lambda row: -row.off_by)[:_MOST_ROWS]))


def prediction_error_figure(data: Errors, translate: Translate) -> go.Figure:
    rows = data.rows
    ways: tuple[LeftOut, ...] = ("workload", "device")
    traces = [trace for way in ways if (trace := _dots(rows, way, translate)) is not None]
    factors = [factor for row in rows for case in row.cases for _, factor in case.factors]
    low, high = batches.around(min(factors, default=1.0), max(factors, default=1.0))
    low, high = min(low, 0.5), max(high, 2.0)
    ticks = [tick for tick in drawing.decades(low, high) if low <= tick <= high]
    labels = [_label(row) for row in rows]
    exact = {"type": "line", "x0": 1, "x1": 1, "y0": 0, "y1": 1, "yref": "paper"}
    return drawing.figure(
        traces,
        translate("Predicted / measured time (1×: exact)"),
        "",
        _AROUND + _LINE * max(len(rows), 1),
        yaxis_autorange="reversed",
        yaxis_categoryorder="array",
        yaxis_categoryarray=labels,
        shapes=[{**exact, "line": {"color": theme.WHISKER, "dash": "dash", "width": 2}}] if rows else [],
        **batches.log_axis("xaxis", low, high, ticks, [f"{units.number(tick)}×" for tick in ticks]),
    )


def _dots(rows: Sequence[Row], way: LeftOut, translate: Translate) -> go.Scatter | None:
    """One dot a case, where it was off the most; a whisker over its batch sizes."""
    found = [(row, case) for row in rows for case in row.cases if case.left_out == way]
    if not found:
        return None
    worst = [case.worst for _, case in found]
    ends = [_ends(case) for _, case in found]
    return go.Scatter(
        name=_ways(translate)[way],
        x=drawing.rounded(worst),
        y=[_label(row) for row, _ in found],
        mode="markers",
        marker={"color": _COLOURS[way], "symbol": _SYMBOLS[way], "size": 10},
        error_x={
            "array": drawing.rounded(high - value for value, (_, high) in zip(worst, ends, strict=True)),
            "arrayminus": drawing.rounded(value - low for value, (low, _) in zip(worst, ends, strict=True)),
            "color": theme.WHISKER,
            "thickness": 2,
        },
        hovertext=[_case_words(case, translate) for _, case in found],
        hoverinfo="text",
    )


def _ends(case: Case) -> tuple[float, float]:
    factors = [factor for _, factor in case.factors]
    return min(factors), max(factors)


def _label(row: Row) -> str:
    return f"{batches.plain(row.model)}<br>{batches.wrapped(row.device, _LONGEST_LINE)}"


def _ways(translate: Translate) -> dict[LeftOut, str]:
    return {
        "workload": translate("the model left out"),
        "device": translate("the device left out"),
    }


def prediction_error_title(data: Errors, translate: Translate) -> str:
    worst, typical = data.calibration.worst, data.calibration.typical
    if worst is None or typical is None:
        return translate("No prediction could be tested on measured runs yet")
    text = translate(
        "Tested on measured runs, predictions were typically off by a factor of {typical}, at worst by {worst}"
    )
    return text.format(typical=units.number(typical), worst=units.number(worst.off_by))


def prediction_error_alt(data: Errors, translate: Translate) -> str:
    text = translate(
        "One row a model on a device, one dot a tested prediction: predicted over measured time where it was "
        "off the most, on a logarithmic axis. The farthest of each row: {values}."
    )
    spoken = (_row_words(row, translate) for row in data.rows)
    return text.format(values=translate("; ").join(spoken) or units.ABSENT)


def _row_words(row: Row, translate: Translate) -> str:
    worst = max(row.cases, key=lambda case: case.off_by)
    text = translate("{model} on {device}: {case}")
    return text.format(model=batches.plain(row.model), device=row.device, case=_case_words(worst, translate))


def _case_words(case: Case, translate: Translate) -> str:
    text = translate("{worst} from {source} ({low}–{high})")
    low, high = _ends(case)
    return text.format(
        worst=f"{units.number(case.worst)}×",
        source=batches.plain(case.source.name),
        low=units.number(low),
        high=units.number(high),
    )
