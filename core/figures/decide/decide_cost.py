"""A month's cost over the runs in it, for each device and way to have it, and where the cheapest changes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from core import units, wording
from core.analysis.decide.candidates import same
from core.analysis.decide.cost import Costed, month_at
from core.analysis.decide.plan import Way
from core.figures import drawing, theme
from core.i18n import Translate
from core.records import Estimate

MOST_LINES = 8  # more can't be told apart
_AROUND = 50.0  # what is drawn on either side of the plan, as a factor
_POINTS = 40
_BISECTIONS = 30
_SHADE = 0.15
_LEGEND_LINE = 24
_DASHES: dict[Way, tuple[str, ...]] = {  # the next one for another offer of the same device
    "own": ("solid",),
    "buy": ("dash", "12px,4px", "18px,4px"),
    "rent": ("dot", "dashdot", "2px,10px"),
}


@dataclass(frozen=True, slots=True)
class Turn:
    """From so many runs a month on another option costs the least."""

    runs: float
    index: int  # of the option that does from there on
    month: Estimate


@dataclass(frozen=True, slots=True)
class Costs:
    options: tuple[Costed, ...]  # with a cost, the cheapest for the plan first
    labels: tuple[str, ...]
    left_out: int  # dearer ones that aren't drawn
    turns: tuple[Turn, ...]

    @property
    def runs(self) -> float:
        return self.options[0].plan.runs_per_month

    @property
    def currency(self) -> str:
        return self.options[0].conditions.currency

    def dash(self, index: int) -> str:
        """One for each way, and for each offer of a device in it."""
        mine = self.options[index]
        alike = [one for one in self.options if one.terms.way == mine.terms.way]
        offers = [one for one in alike if same(one.candidate, mine.candidate)]
        dashes = _DASHES[mine.terms.way]
        return dashes[next(i for i, one in enumerate(offers) if one is mine) % len(dashes)]

    def colour(self, index: int) -> str:
        """One for each device, whichever way it is had."""
        devices: list[Costed] = []
        for one in self.options:
            if not any(same(one.candidate, other.candidate) for other in devices):
                devices.append(one)
        mine = next(one for one in devices if same(one.candidate, self.options[index].candidate))
        kind = wording.kind_of(mine.candidate.result)
        alike = [one for one in devices if wording.kind_of(one.candidate.result) == kind]
        return theme.COLOURS[kind][alike.index(mine) % len(theme.COLOURS[kind])]


def decide_cost_data(costs: Sequence[Costed], labels: Sequence[str]) -> Costs:
    """`labels`: a name for each of the costs."""
    known = [(one.money.month.value, one, label) for one, label in zip(costs, labels, strict=True) if one.money]
    ranked = sorted(known, key=lambda item: (not item[1].is_enough, item[0]))
    # staying with what is here is what all others are held against
    kept = [item for i, item in enumerate(ranked) if i < MOST_LINES or item[1].terms.way == "own"]
    options = tuple(one for _, one, _ in kept)
    names = tuple(plain(label) for _, _, label in kept)
    return Costs(options, names, len(known) - len(kept), tuple(_turns(options)))


def decide_cost_figure(costs: Sequence[Costed], labels: Sequence[str], translate: Translate) -> go.Figure:
    data = decide_cost_data(costs, labels)
    x_title = translate("Runs per month")
    if not data.options:
        return drawing.figure([], x_title, translate("Cost per month"))
    lines = [trace for index in range(len(data.options)) for trace in _line(index, data, translate)]
    low, high = _heights(data)
    marks = [_plan(low, high, data, translate), *_marks(data, translate)]
    return drawing.figure(
        [*lines, *marks],
        x_title,
        translate("Cost per month ({currency})").format(currency=plain(data.currency)),
        drawing.HEIGHT + _LEGEND_LINE * (len(data.options) + len(marks)),
        **_log_axis("xaxis", data.runs / _AROUND, data.runs * _AROUND),
        **(_log_axis("yaxis", low, high) if low > 0 else {"yaxis_rangemode": "tozero"}),
    )


def decide_cost_title(data: Costs, translate: Translate) -> str:
    if not data.options:
        return translate("No device has a price yet")
    first = data.options[0]
    assert first.money is not None
    facts = {
        "runs": units.number(data.runs),
        "label": data.labels[0],
        "cost": _money(first.money.month.value, data),
    }
    if len(data.options) > 1:
        other = data.options[1]
        assert other.money is not None
        if other.money.month.low <= first.money.month.high:
            text = translate("At {runs} runs a month the costs of {label} and {other} can't be told apart")
            return text.format(other=data.labels[1], **facts)
        return translate("At {runs} runs a month {label} costs least: {cost}").format(**facts)
    return translate("At {runs} runs a month {label} costs {cost}").format(**facts)


def decide_cost_alt(data: Costs, translate: Translate) -> str:
    if not data.options:
        return translate("No device has a price yet")
    text = translate(
        "Lines on logarithmic axes: cost per month over runs per month. At {runs} runs: {values}. {turns}"
    )
    spoken = [
        (label, _spoken(one.money.month, data, translate))
        for one, label in zip(data.options, data.labels, strict=True)
        if one.money
    ]
    turns = " ".join(_turn_words(turn, data, translate) for turn in data.turns)
    left_out = translate("{n} dearer ones aren't drawn.").format(n=data.left_out) if data.left_out else ""
    said = text.format(
        runs=units.number(data.runs), values=drawing.listed(spoken, translate), turns=turns or left_out
    )
    return f"{said} {left_out}" if turns and left_out else said.strip()


def _turns(options: Sequence[Costed]) -> Iterator[Turn]:
    """Where the cheapest changes within what is drawn, by bisection: machines are whole, and costs jump."""
    if not options:
        return
    grid = _grid(options[0].plan.runs_per_month)
    for left, right in itertools.pairwise(grid):
        before, after = _cheapest(options, left), _cheapest(options, right)
        if before is None or after is None or before == after:
            continue
        for _ in range(_BISECTIONS):
            middle = (left * right) ** 0.5
            left, right = (middle, right) if _cheapest(options, middle) == before else (left, middle)
        month = month_at(options[after], right)
        if month is not None:
            yield Turn(right, after, month)


def _cheapest(options: Sequence[Costed], runs: float) -> int | None:
    months = ((month_at(one, runs), index) for index, one in enumerate(options))
    return min(((month.value, index) for month, index in months if month), default=(0.0, None))[1]


def _grid(runs: float) -> list[float]:
    return [runs * _AROUND ** (2 * i / _POINTS - 1) for i in range(_POINTS + 1)]


def _curve(index: int, data: Costs) -> list[tuple[float, Estimate]]:
    months = ((runs, month_at(data.options[index], runs)) for runs in _grid(data.runs))
    return [(runs, month) for runs, month in months if month is not None]


def _line(index: int, data: Costs, translate: Translate) -> Iterator[go.Scatter]:
    colour, label = data.colour(index), data.labels[index]
    curve = _curve(index, data)
    runs = drawing.rounded(run for run, _ in curve)
    edges = [month.high for _, month in curve], [month.low for _, month in curve]
    group = {"legendgroup": str(index), "x": runs, "mode": "lines"}
    if edges[0] != edges[1]:
        bare = {"line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}
        yield go.Scatter(y=drawing.rounded(edges[0]), **group, **bare)
        shade = {"fill": "tonexty", "fillcolor": _clear(colour)}
        yield go.Scatter(y=drawing.rounded(edges[1]), **group, **bare, **shade)
    yield go.Scatter(
        name=label,
        y=drawing.rounded(month.value for _, month in curve),
        line={"color": colour, "dash": data.dash(index), "width": 3},
        hovertemplate=f"{label}<br>%{{x:.3~g}}: %{{y:.3~g}} {plain(data.currency)}<extra></extra>",
        **group,
    )


def _plan(low: float, high: float, data: Costs, translate: Translate) -> go.Scatter:
    name = translate("My plan: {runs} runs a month").format(runs=units.number(data.runs))
    return go.Scatter(
        name=name,
        x=drawing.rounded([data.runs] * 2),
        y=drawing.rounded([low, high]),
        mode="lines",
        line={"color": theme.WHISKER, "width": 2, "dash": "longdash"},
        hovertext=[name] * 2,
        hoverinfo="text",
    )


def _marks(data: Costs, translate: Translate) -> list[go.Scatter]:
    if not data.turns:
        return []
    mark = go.Scatter(
        name=translate("Another option becomes cheapest"),
        x=drawing.rounded(turn.runs for turn in data.turns),
        y=drawing.rounded(turn.month.value for turn in data.turns),
        mode="markers",
        marker={"symbol": "diamond-open", "size": 13, "color": theme.WHISKER, "line": {"width": 3}},
        hovertext=[_turn_words(turn, data, translate) for turn in data.turns],
        hoverinfo="text",
    )
    return [mark]


def _turn_words(turn: Turn, data: Costs, translate: Translate) -> str:
    text = translate("From {runs} runs a month on {label} costs least.")
    return text.format(runs=units.number(turn.runs), label=data.labels[turn.index])


def _spoken(month: Estimate, data: Costs, translate: Translate) -> str:
    if month.low == month.high:
        return _money(month.value, data)
    text = translate("{cost}, between {low} and {high}")
    return text.format(
        cost=_money(month.value, data), low=units.number(month.low), high=units.number(month.high)
    )


def _heights(data: Costs) -> tuple[float, float]:
    months = [month for index in range(len(data.options)) for _, month in _curve(index, data)]
    return min(month.low for month in months), max(month.high for month in months)


def _log_axis(axis: str, low: float, high: float) -> dict[str, object]:
    ticks = drawing.decades(low, high)
    return {
        f"{axis}_type": "log",
        f"{axis}_tickvals": ticks,
        f"{axis}_ticktext": [units.number(tick) for tick in ticks],
    }


def _money(amount: float, data: Costs) -> str:
    return units.money(amount, plain(data.currency))


def plain(text: str) -> str:
    """Plotly reads some HTML, and `%{` in templates."""
    return "".join(letter for letter in text if letter not in "<>{}%")


def _clear(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{_SHADE})"
