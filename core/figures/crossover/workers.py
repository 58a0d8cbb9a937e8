"""What the figures over numbers of workers share: the axis, a line's look and its points. Knows no figure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from core import units
from core.analysis.crossover.scaling import Scaling, ScalingPoint
from core.figures import drawing, theme
from core.i18n import Translate
from core.records import Estimate
from core.scaling_words import line_words, told, workers_words
from core.wording import kind_of, origin_word

HEIGHT = drawing.HEIGHT + 40  # with a legend of three lines on a phone
IDEAL = "dot"
Value = Callable[[ScalingPoint], Estimate | None]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A line with the points whose value is known."""

    scaling: Scaling
    points: tuple[tuple[ScalingPoint, Estimate], ...]

    @property
    def last(self) -> tuple[ScalingPoint, Estimate]:
        """The point that a title is about."""
        point = told(self.scaling)
        return next((known for known in self.points if known[0] is point), self.points[-1])


def drawn(found: Iterable[Scaling], value: Value) -> tuple[Drawn, ...]:
    """The lines with more than one worker of which anything is known."""
    lines = (Drawn(one, tuple(_known(one, value))) for one in found)
    return tuple(line for line in lines if any(point.workers > 1 for point, _ in line.points))


def _known(scaling: Scaling, value: Value) -> Iterator[tuple[ScalingPoint, Estimate]]:
    for point in scaling.points:
        if (known := value(point)) is not None:
            yield point, known


def label(line: Drawn, translate: Translate) -> str:
    """What stays the same along the line, and where it is from unless it was measured here."""
    words = line_words(line.scaling, translate)
    origin = line.scaling.example.origin
    return words if origin == "measured" else f"{words} · {origin_word(origin, translate)}"


def trace(
    line: Drawn, index: int, scale: float, said: Callable[[Estimate], str], translate: Translate
) -> go.Scatter:
    """One line with its intervals; `said`: a value in words."""
    name = label(line, translate)
    colours = theme.COLOURS[kind_of(line.scaling.example)]
    values = [known for _point, known in line.points]
    return go.Scatter(
        name=name,
        x=[point.workers for point, _known in line.points],
        y=drawing.rounded(scale * known.value for known in values),
        error_y={
            "array": drawing.rounded(scale * (known.high - known.value) for known in values),
            "arrayminus": drawing.rounded(scale * (known.value - known.low) for known in values),
            "color": theme.WHISKER,
            "thickness": 2,
        },
        mode="lines+markers",
        line={"color": colours[index % len(colours)], "dash": theme.DASHES[index % 2], "width": 2},
        marker={"symbol": theme.SYMBOLS[index % len(theme.SYMBOLS)], "size": 9},
        hovertext=[
            f"{name}<br>{workers_words(point.workers, translate)}: {said(known)}"
            for point, known in line.points
        ],
        hoverinfo="text",
    )


def spoken(lines: Iterable[Drawn], said: Callable[[Estimate], str], translate: Translate) -> str:
    """All points in words, line by line."""
    of_line, of_point = translate("{label}: {values}"), translate("{workers}: {value}")
    told_of = (
        (
            label(line, translate),
            (
                of_point.format(workers=workers_words(point.workers, translate), value=said(known))
                for point, known in line.points
            ),
        )
        for line in lines
    )
    texts = (of_line.format(label=name, values=translate(", ").join(values)) for name, values in told_of)
    return translate("; ").join(texts) or units.ABSENT


def ideal(ends: Sequence[tuple[float, float]], name: str, *, keyed: bool) -> go.Scatter:
    """What no communication and no contention would give."""
    return go.Scatter(
        name=name,
        legendgroup="ideal",
        showlegend=keyed,
        x=[x for x, _y in ends],
        y=drawing.rounded(y for _x, y in ends),
        mode="lines",
        line={"color": theme.WHISKER, "dash": IDEAL, "width": 2},
        hoverinfo="skip",
    )


def axis(lines: Sequence[Drawn]) -> dict[str, Any]:
    """Linear, so that what is ideal is straight; a tick for each number of workers."""
    counts = sorted({point.workers for line in lines for point, _known in line.points})
    margin = 0.06 * (counts[-1] - counts[0] or 1)
    return {"xaxis_tickvals": counts, "xaxis_range": [counts[0] - margin, counts[-1] + margin]}
