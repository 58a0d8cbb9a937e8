"""How many times as fast one setup is as another, over batch sizes and models, with the break-even between."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from core import units
from core.analysis.crossover import sweep
from core.analysis.crossover.sweep import Cell, Line, State
from core.figures import drawing, theme
from core.figures.crossover import batches
from core.i18n import N_, Translate
from core.records import Estimate

Row = tuple[str, Line, Line]  # model, baseline, candidate

# Orange and blue are told apart in every common kind of colour blindness; neither is too dark for the text.
_SLOWER, _EVEN, _FASTER, _INK = "#E08214", "#F3F4F6", "#4A9BD6", "#111827"
_SCALE = [[0, _SLOWER], [0.25, "#F6BE7A"], [0.5, _EVEN], [0.75, "#A3CDEB"], [1, _FASTER]]
_LEAST_SPAN, _MOST_SPAN = 1.0, 5.0  # log2 of the ratio at the scale's ends: 2x to 32x
_SAME = 0.05  # nearer to 1 than this, a ratio needs its second decimal
_SMALL = 0.095  # below, one decimal says nothing
_ROOMY = 8  # columns up to which a narrow screen has room for five characters in each
_ROW_HEIGHT, _AROUND = 44, 190
_APART = 1.45  # columns closer than this factor leave no room; nothing fits between two powers of two
_BESIDE_TEXT = 0.3  # of a row from its middle, free for the text
_NARROW_MLP = re.compile(r"mlp(?:_(\d+))?")
_MLP_WIDTH = 512  # of the model `mlp`

# Those that a map tells of, the one first that says most.
_GAPS: dict[State, str] = {
    "out_of_memory": N_("out of memory"),
    "too_slow": N_("too slow"),
    "failed": N_("failed"),
}
_SYMBOLS: dict[State, str] = {"out_of_memory": "x", "too_slow": "hourglass", "failed": "triangle-up-open"}


@dataclass(frozen=True, slots=True)
class Square:
    """One model at one batch size."""

    batch_size: int
    ratio: Estimate | None
    gap: State | None  # why there is no ratio; None with no ratio either: not tried on both
    sides: tuple[State | None, State | None]  # of the baseline and the candidate

    @property
    def certain(self) -> bool:
        return self.ratio is not None and not self.ratio.low <= 1 <= self.ratio.high


@dataclass(frozen=True, slots=True)
class MapRow:
    model: str
    squares: tuple[Square, ...]  # of the columns
    break_even: tuple[float, ...]  # batch sizes at which the ratio passes 1, between neighbours

    @property
    def compared(self) -> tuple[tuple[Square, Estimate], ...]:
        return tuple((square, square.ratio) for square in self.squares if square.ratio is not None)


@dataclass(frozen=True, slots=True)
class SpeedupMap:
    rows: tuple[MapRow, ...]  # the mlps by width, then the others as they came
    names: tuple[str, str]  # of the baseline and the candidate
    lines: tuple[tuple[Line, ...], tuple[Line, ...]]

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        return tuple(sorted({square.batch_size for row in self.rows for square in row.squares}))

    @property
    def compared(self) -> tuple[Estimate, ...]:
        return tuple(ratio for row in self.rows for _, ratio in row.compared)


def speedup_map_data(rows: Sequence[Row], names: tuple[str, str]) -> SpeedupMap:
    """It takes a few milliseconds a square, so make it once for figure, title and alternative text."""
    ordered = sorted(rows, key=lambda row: _width(row[1].model))
    lines = tuple(row[1] for row in ordered), tuple(row[2] for row in ordered)
    columns = _columns(ordered)
    return SpeedupMap(tuple(_row(*row, columns) for row in ordered), names, lines)


def _columns(rows: Sequence[Row]) -> frozenset[int]:
    """The batch sizes that have room for a column: powers of two before others, what many models share before
    what few do. Those that were measured closely around a crossing only place the break-even."""
    measured = [_sizes(*lines) for _, *lines in rows]
    shared = Counter(size for sizes in measured for size in sizes)
    shown: set[int] = set()
    for size in sorted(shared, key=lambda size: (size.bit_count() != 1, -shared[size], size)):
        if all(max(size, other) >= _APART * min(size, other) for other in shown):
            shown.add(size)
    return frozenset(shown.union(*(sizes for sizes in measured if not shown & sizes)))  # no row is left empty


def _sizes(baseline: Line, candidate: Line) -> set[int]:
    return {cell.batch_size for line in (baseline, candidate) for cell in line.cells}


def _width(model: str) -> float:
    found = _NARROW_MLP.fullmatch(model)
    return int(found[1] or _MLP_WIDTH) if found else math.inf


def _row(model: str, baseline: Line, candidate: Line, columns: frozenset[int]) -> MapRow:
    sizes = sorted(_sizes(baseline, candidate))
    squares = [_square(size, baseline.at(size), candidate.at(size)) for size in sizes]
    shown = tuple(square for square in squares if square.batch_size in columns)
    return MapRow(batches.plain(model), shown, tuple(_break_even(squares)))


def _square(batch_size: int, baseline: Cell | None, candidate: Cell | None) -> Square:
    sides = (baseline.state if baseline else None, candidate.state if candidate else None)
    ratio = sweep.ratio(baseline, candidate)
    gap = None if ratio else next((state for state in _GAPS if state in sides), None)
    return Square(batch_size, ratio, gap, sides)


def _break_even(squares: Sequence[Square]) -> Iterator[float]:
    """Straight lines between neighbours, the ratio's logarithm over that of the batch size."""
    known = [(square.batch_size, math.log(square.ratio.value)) for square in squares if square.ratio]
    for (low, before), (high, after) in itertools.pairwise(known):
        if (before < 0) != (after < 0):
            yield low * (high / low) ** (before / (before - after))


def speedup_map_figure(data: SpeedupMap, translate: Translate) -> go.Figure:
    drawn = bool(data.compared) or any(square.gap for row in data.rows for square in row.squares)
    ticks = data.batch_sizes[:: 1 if len(data.batch_sizes) <= _ROOMY else 2]
    return drawing.figure(
        _traces(data, translate) if drawn else [],
        translate("Batch size (images in a step)"),
        "",
        _AROUND + _ROW_HEIGHT * max(len(data.rows), 1),
        xaxis_tickvals=[*drawing.rounded(map(math.log2, ticks))],
        xaxis_ticktext=[batches.count(size) for size in ticks],
        xaxis_tickangle=0,
        **batches.LEGEND,
        xaxis_showgrid=False,
        xaxis_zeroline=False,
        yaxis_tickvals=[*range(len(data.rows))],
        yaxis_ticktext=[row.model for row in data.rows],
        yaxis_range=[len(data.rows) - 0.5, -0.5],
        yaxis_showgrid=False,
        yaxis_zeroline=False,
    )


def _traces(data: SpeedupMap, translate: Translate) -> list[go.Heatmap | go.Scatter]:
    baseline, candidate = _names(data, translate)
    keys = [
        _key(translate("above 1×: {label} is faster").format(label=candidate), _FASTER),
        _key(translate("below 1×: {label} is faster").format(label=baseline), _SLOWER),
        _key(translate("≈ no reliable difference"), _EVEN),
    ]
    return [_heat(data, translate), *keys, *_gaps(data, translate), *_contour(data, translate)]


def _names(data: SpeedupMap, translate: Translate) -> tuple[str, str]:
    baseline, candidate = (
        batches.labelled(name, lines, translate) for name, lines in zip(data.names, data.lines, strict=True)
    )
    return baseline, candidate


def _key(name: str, colour: str) -> go.Scatter:
    return go.Scatter(
        name=batches.wrapped(name),
        x=[None],
        y=[None],
        mode="markers",
        marker={"color": colour, "symbol": "square", "size": 12, "line": {"color": theme.WHISKER, "width": 1}},
    )


def _heat(data: SpeedupMap, translate: Translate) -> go.Heatmap:
    span = max((abs(math.log2(ratio.value)) for ratio in data.compared), default=0)
    end = min(max(span, _LEAST_SPAN), _MOST_SPAN)
    grid = [[_found(row, size) for size in data.batch_sizes] for row in data.rows]
    roomy = len(data.batch_sizes) <= _ROOMY
    known = [[square.ratio if square else None for square in row] for row in grid]
    return go.Heatmap(
        x=drawing.rounded(map(math.log2, data.batch_sizes)),
        y=[*range(len(data.rows))],
        z=[[round(math.log2(one.value), 2) if one else None for one in row] for row in known],
        text=[[_short(square, roomy) for square in row] for row in grid],
        hovertext=[
            [_hover(row.model, square, translate) for square in squares]
            for row, squares in zip(data.rows, grid, strict=True)
        ],
        texttemplate="%{text}",
        textfont={"color": _INK},
        hoverinfo="text",
        colorscale=_SCALE,
        zmin=-end,
        zmax=end,
        showscale=False,
        xgap=1,
        ygap=2,
    )


def _found(row: MapRow, batch_size: int) -> Square | None:
    return next((square for square in row.squares if square.batch_size == batch_size), None)


def _short(square: Square | None, roomy: bool) -> str:
    """ "1.8×", or "1.8" where there are many columns; under a "≈" where the interval includes 1.

    Plotly writes all of them as large as the longest lets it.
    """
    if square is None or square.ratio is None:
        return ""
    value, decimals = square.ratio.value, 1
    if value >= 9.95:
        decimals = 0
    elif roomy and (value < _SMALL or (square.certain and abs(value - 1) < _SAME)):
        decimals = 2
    text = f"{value:,.{decimals}f}" if roomy or value >= _SMALL else "<.1"
    return ("" if square.certain else "≈<br>") + text + ("×" if roomy else "")


def _hover(model: str, square: Square | None, translate: Translate) -> str:
    if square is None or square.ratio is None:
        return ""  # what is known of it hangs on its symbol
    text = translate("{model}, batch {batch}: {ratio} (95 % interval {interval})")
    return text.format(
        model=model,
        batch=batches.count(square.batch_size),
        ratio=units.ratio(square.ratio),
        interval=units.interval(square.ratio),
    )


def _gaps(data: SpeedupMap, translate: Translate) -> Iterator[go.Scatter]:
    names = _names(data, translate)
    for state in _GAPS:
        found = [
            (y, row.model, square)
            for y, row in enumerate(data.rows)
            for square in row.squares
            if square.gap == state
        ]
        if found:
            yield go.Scatter(
                name=translate(_GAPS[state]),
                x=drawing.rounded(math.log2(square.batch_size) for _, _, square in found),
                y=[y for y, _, _ in found],
                mode="markers",
                marker={"color": theme.WHISKER, "symbol": _SYMBOLS[state], "size": 11},
                hovertext=[_why(model, square, names, translate) for _, model, square in found],
                hoverinfo="text",
            )


def _why(model: str, square: Square, names: tuple[str, str], translate: Translate) -> str:
    text = translate("{model}, batch {batch}: {values}")
    sides = (
        (name, translate(_GAPS[state]))
        for name, state in zip(names, square.sides, strict=True)
        if state in _GAPS
    )
    return text.format(
        model=model, batch=batches.count(square.batch_size), values=drawing.listed(sides, translate)
    )


def _contour(data: SpeedupMap, translate: Translate) -> list[go.Scatter]:
    """Through each row where its ratio passes 1; joined to the next row's where both pass it just once.

    It leaves the middle of a row out, where the text is.
    """
    x: list[float | None] = []
    y: list[float | None] = []
    before = 0
    for index, row in enumerate(data.rows):
        passes = len(row.break_even)
        for batch_size in row.break_even:
            if x and not before == passes == 1:
                x, y = [*x, None], [*y, None]
            place = drawing.rounded([math.log2(batch_size)])[0]
            above, below = index - _BESIDE_TEXT, index + _BESIDE_TEXT
            x = [*x, place, place, None, place, place]
            y = [*y, index - 0.5, above, None, below, index + 0.5]
        before = passes
    if not x:
        return []
    style = {"x": x, "y": y, "mode": "lines", "hoverinfo": "skip"}
    halo = go.Scatter(**style, showlegend=False, line={"color": "#FFFFFF", "width": 7})
    return [
        halo,
        go.Scatter(**style, name=translate("break-even"), line={"color": batches.BREAK_EVEN, "width": 3}),
    ]


def speedup_map_title(data: SpeedupMap, translate: Translate) -> str:
    compared = data.compared
    if not compared:
        return translate("Nothing was measured on both")
    text = translate("{candidate} is faster than {baseline} in {n} of {all} cells")
    baseline, candidate = _names(data, translate)
    faster = sum(ratio.low > 1 for ratio in compared)
    said = text.format(candidate=candidate, baseline=baseline, n=faster, all=len(compared))
    crossed = sorted((row.break_even[-1], row.model) for row in data.rows if row.break_even)
    if not crossed:
        return said
    (low, first), (high, last) = crossed[0], crossed[-1]
    sentence = translate("{finding}; break-even near batch {low} ({first})")
    if len(crossed) > 1:
        sentence = translate("{finding}; break-even runs from batch {low} ({first}) to {high} ({last})")
    return sentence.format(
        finding=said, low=batches.count(low), first=first, high=batches.count(high), last=last
    )


def speedup_map_alt(data: SpeedupMap, translate: Translate) -> str:
    baseline, candidate = _names(data, translate)
    values = drawing.listed(((row.model, _spoken(row, translate)) for row in data.rows), translate)
    text = translate(
        "Heat map of the speed-up of {candidate} over {baseline}: batch sizes from left to right, a row for "
        "each model, above 1× the first is faster. {values}. Without a reliable difference: {even}; out of "
        "memory: {full}; too slow: {slow}; failed: {failed}."
    )
    squares = [square for row in data.rows for square in row.squares]
    gaps = [square.gap for square in squares]
    return text.format(
        baseline=baseline,
        candidate=candidate,
        values=values or units.ABSENT,
        even=sum(square.ratio is not None and not square.certain for square in squares),
        full=gaps.count("out_of_memory"),
        slow=gaps.count("too_slow"),
        failed=gaps.count("failed"),
    )


def _spoken(row: MapRow, translate: Translate) -> str:
    if not row.compared:
        return units.ABSENT
    (first, low), (last, high) = row.compared[0], row.compared[-1]
    text = translate("{low} at batch {first} to {high} at batch {last}")
    if first is last:
        text = translate("{low} at batch {first}")
    return text.format(
        low=units.ratio(low),
        first=batches.count(first.batch_size),
        high=units.ratio(high),
        last=batches.count(last.batch_size),
    )
