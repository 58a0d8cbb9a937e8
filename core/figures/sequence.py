"""A watched step along a true time axis: a lane for each actor, bars for what it does, arrows for messages."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from core import explaining, units, wording
from core.analysis import limits
from core.analysis.flow import Bar, Flow, Message, flow
from core.figures import drawing, theme
from core.i18n import Translate
from core.records import STAGES, Actor, Moment, RunResult, Stage

_LANE_HEIGHT, _AROUND = 44, 132  # the axis, its title and a legend of two lines
_GAP = 0.8  # lanes, between two devices
_BAR, _WAIT = 0.56, 0.22  # of a lane; a wait lies within its line's bar
_NAMED_SHARE = 0.12  # of the axis: shorter bars have no room for words
_PALE = 0.25
_ARROW, _LIT = "#78808C", "#DC2626"
_OTHER = "#64748B"  # the whole step in one, and what belongs to no stage
_SCALES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


@dataclass(frozen=True, slots=True)
class Panel:
    """One device's step."""

    result: RunResult
    flow: Flow
    label: str
    top: float  # place of its first lane, counted downwards

    def lane(self, actor: Actor) -> float:
        return self.top + self.flow.actors.index(actor)


@dataclass(frozen=True, slots=True)
class Sequences:
    panels: tuple[Panel, ...]

    @property
    def end_s(self) -> float:
        return max((panel.flow.end_s for panel in self.panels), default=0.0)

    @property
    def lanes(self) -> float:
        last = self.panels[-1] if self.panels else None
        return last.top + len(last.flow.actors) if last else 0.0


@dataclass(frozen=True, slots=True)
class Lit:
    """The message that is being looked at."""

    panel: int
    number: int


def sequence_data(results: Sequence[RunResult], moment: Moment, translate: Translate) -> Sequences:
    """The steps of those runs that were watched. Raises InputError for spans that can't have been measured."""
    panels, top = [], 0.0
    for result, label in zip(results, wording.labels_of(results, translate), strict=True):
        found = flow(result, moment)
        if found is not None:
            panels.append(Panel(result, found, label, top))
            top += len(found.actors) + _GAP
    return Sequences(tuple(panels))


def sequence_figure(data: Sequences, translate: Translate, lit: Lit | None = None) -> go.Figure:
    """All steps on one time scale. `lit`: the message to point out, and with it its line of the code."""
    factor, unit = _scale(data.end_s)
    at = _message(data, lit)
    traces = [
        _bars(bars, stage, waits, factor, translate, at)
        for stage in (*STAGES, None)
        for waits in (False, True)
        if (bars := [(p, b) for p in data.panels for b in p.flow.bars if b.stage == stage and b.waits == waits])
    ]
    traces += [_points(panel, factor, translate) for panel in data.panels]
    arrows = [
        _arrow(panel, message, factor, lit == Lit(place, message.number), lit is not None)
        for place, panel in enumerate(data.panels)
        for message in panel.flow.messages
    ]
    lanes = [
        (panel.lane(actor), _lane_name(panel, actor, translate))
        for panel in data.panels
        for actor in panel.flow.actors
    ]
    return drawing.figure(
        traces,
        translate("Time since the step began ({unit})").format(unit=unit),
        "",
        round(_AROUND + _LANE_HEIGHT * max(data.lanes, 1)),
        barmode="overlay",
        annotations=[*arrows, *_headings(data)],
        xaxis_range=[-0.01 * data.end_s / factor, 1.03 * data.end_s / factor],
        yaxis={
            "tickvals": [lane for lane, _name in lanes],
            "ticktext": [name for _lane, name in lanes],
            "range": [data.lanes - 0.4, -0.9],
            "showgrid": True,
            "griddash": "dot",
            "zeroline": False,
        },
        uniformtext={"mode": "hide", "minsize": 10},
        hoverlabel_align="left",
    )


def _scale(seconds: float) -> tuple[float, str]:
    return next(((factor, unit) for factor, unit in _SCALES if seconds >= 2 * factor), _SCALES[-1])


def _message(data: Sequences, lit: Lit | None) -> Message | None:
    if lit is None or lit.panel >= len(data.panels):
        return None
    return next((m for m in data.panels[lit.panel].flow.messages if m.number == lit.number), None)


def _lane_name(panel: Panel, actor: Actor, translate: Translate) -> str:
    return _safe(explaining.actor_words(actor, panel.result, translate))


def _safe(text: str) -> str:
    """An imported record's text: Plotly reads some HTML."""
    return html.escape(text, quote=False)


# --- bars ----------------------------------------------------------------------------------------


def _bars(
    bars: Sequence[tuple[Panel, Bar]],
    stage: Stage | None,
    waits: bool,
    factor: float,
    translate: Translate,
    at: Message | None,
) -> go.Bar:
    name = (
        translate("waiting") if waits else translate(theme.STAGE_NAMES[stage]) if stage else translate("other")
    )
    return go.Bar(
        name=name,
        legendgroup=name,
        orientation="h",
        x=drawing.rounded((bar.end_s - bar.start_s) / factor for _panel, bar in bars),
        base=drawing.rounded(bar.start_s / factor for _panel, bar in bars),
        y=[panel.lane(bar.actor) for panel, bar in bars],
        width=_WAIT if waits else _BAR,
        marker={
            "color": "#FFFFFF" if waits else theme.STAGE_COLOURS[stage] if stage else _OTHER,
            "opacity": [1 if at is None or bar.line == at.line else _PALE for _panel, bar in bars],
            "line": {"width": 1 if waits else 0, "color": _OTHER},
        },
        text=[_label(bar, panel.flow) if at is None or bar.line == at.line else "" for panel, bar in bars],
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        textfont_color="#FFFFFF",
        hovertext=[
            "<br>".join(map(_safe, explaining.bar_words(bar, panel.flow, translate))) for panel, bar in bars
        ],
        hoverinfo="text",
    )


def _label(bar: Bar, flow: Flow) -> str:
    """Duration, where there is room for it."""
    if (
        bar.actor not in ("script", "memory", "bus")
        or bar.waits
        or bar.end_s - bar.start_s < _NAMED_SHARE * flow.end_s
    ):
        return ""
    return units.duration(bar.end_s - bar.start_s)


# --- messages ------------------------------------------------------------------------------------


def _arrow(panel: Panel, message: Message, factor: float, lit: bool, others_pale: bool) -> dict[str, Any]:
    return {
        "x": message.received_s / factor,
        "y": panel.lane(message.receiver),
        "ax": message.sent_s / factor,
        "ay": panel.lane(message.sender),
        "axref": "x",
        "ayref": "y",
        "text": "",
        "showarrow": True,
        "arrowhead": 2,
        "arrowsize": 1.2,
        "arrowwidth": 2.5 if lit else 1,
        "arrowcolor": _LIT if lit else _ARROW,
        "opacity": 1 if lit or not others_pale else _PALE,
    }


def _points(panel: Panel, factor: float, translate: Translate) -> go.Scatter:
    """Where a message is received: the place to point at for its words."""
    messages = panel.flow.messages
    return go.Scatter(
        x=drawing.rounded(message.received_s / factor for message in messages),
        y=[panel.lane(message.receiver) for message in messages],
        mode="markers",
        marker={"size": 7, "color": _ARROW, "line": {"width": 1, "color": "#FFFFFF"}},
        hovertext=[_safe(numbered(message, panel, translate)) for message in messages],
        hoverinfo="text",
        showlegend=False,
    )


def numbered(message: Message, panel: Panel, translate: Translate) -> str:
    """ "3. Python script → GPU H200: the forward pass: 6 operations put into the queue"."""
    sender, receiver = (
        explaining.actor_words(actor, panel.result, translate) for actor in (message.sender, message.receiver)
    )
    said = explaining.message_words(message, panel.flow, translate)
    return translate("{number}. {sender} → {receiver}: {message}").format(
        number=message.number, sender=sender, receiver=receiver, message=said
    )


def _headings(data: Sequences) -> Iterator[dict[str, Any]]:
    """Whose step it is, above its lanes."""
    for panel in data.panels:
        yield {
            "x": 0,
            "xref": "paper",
            "xanchor": "left",
            "y": panel.top - 0.62,
            "text": f"<b>{_safe(panel.label)}</b>",
            "showarrow": False,
        }


# --- words ---------------------------------------------------------------------------------------


def sequence_title(data: Sequences, translate: Translate) -> str:
    if not data.panels:
        return translate("No step was watched")
    longest = ((panel.label, "{code} {time}".format(**longest_line(panel))) for panel in data.panels)
    return translate("The longest line of a step: {values}").format(values=drawing.listed(longest, translate))


def sequence_alt(data: Sequences, translate: Translate) -> str:
    if not data.panels:
        return translate("No step was watched")
    entry = translate("{label}: {count} messages, and {code} takes longest with {time}")
    details = translate("; ").join(
        entry.format(label=panel.label, count=len(panel.flow.messages), **longest_line(panel))
        for panel in data.panels
    )
    return translate(
        "Timeline of one training step with a lane for each actor. Clean step: {values}. In the watched step, "
        "{details}."
    ).format(values=drawing.listed(_steps(data), translate), details=details)


def _steps(data: Sequences) -> Iterator[tuple[str, str]]:
    for panel in data.panels:
        if panel.flow.moment == "cold":
            yield panel.label, units.duration(panel.flow.step_s)
        else:
            yield panel.label, units.duration(limits.step_s(panel.result))


def longest_line(panel: Panel) -> dict[str, str]:
    """The longest line of the code, as it is written, and its time."""
    lines = [bar for bar in panel.flow.bars if bar.actor == "script" and not bar.waits]
    longest = max(lines, key=lambda bar: bar.end_s - bar.start_s)
    code = explaining.code_line(panel.flow, longest.line) if longest.line is not None else ""
    return {"code": code, "time": units.duration(longest.end_s - longest.start_s)}
