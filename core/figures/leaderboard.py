"""A workload's devices by images per second: a dot with its interval for each, and its places."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from core import units, wording
from core.analysis.leaderboard import Board, Entry
from core.figures import drawing, theme
from core.i18n import Translate
from core.records import Estimate, Workload

_FARTHEST = 20.0  # times the slowest, beyond which the slow ones would lie on each other at the axis' start
_LONGEST_NAME = 40  # an imported record may say what it likes
_LINE = 64  # a device's label in up to four lines
_AROUND = 96  # axis and axis title


@dataclass(frozen=True, slots=True)
class Leaderboard:
    workload: Workload | None
    entries: tuple[Entry, ...]  # the fastest first
    logarithmic: bool


def leaderboard_data(board: Board) -> Leaderboard:
    lows, highs = [one.rate.low for one in board.entries], [one.rate.high for one in board.entries]
    spread = max(highs, default=1.0) / min(lows, default=1.0)
    return Leaderboard(board.workload, board.entries, spread > _FARTHEST)


def place_words(entry: Entry) -> str:
    """ "1", or "2–4" where the intervals leave it open."""
    low, high = entry.place_low, entry.place_high
    return str(low) if low == high else f"{low}–{high}"


def device_labels(entries: Sequence[Entry], translate: Translate) -> tuple[str, ...]:
    """ "GPU H200 · recorded", "AMD EPYC 9454 · 16 cores · Quality: doubtful"; no two are the same."""
    plain = [" · ".join(_parts(entry, translate)) for entry in entries]
    return tuple(
        label if plain.count(label) == 1 else f"{label} ({plain[: i + 1].count(label)})"
        for i, label in enumerate(plain)
    )


def setup_label(entry: Entry, translate: Translate) -> str:
    """The whole setup, with the processor's or the GPU's kind in front."""
    return wording.setup_words(entry.setup, wording.device_of(entry.result), translate)


def leaderboard_figure(board: Board, translate: Translate) -> go.Figure:
    data = leaderboard_data(board)
    labels = device_labels(data.entries, translate)
    rows = list(zip(data.entries, labels, strict=True))
    return drawing.figure(
        [_dot(entry, label, data, translate) for entry, label in rows],
        translate("Images per second"),
        "",
        _AROUND + _LINE * max(len(rows), 1),
        showlegend=False,
        yaxis_autorange="reversed",
        **_axis(data),
    )


def leaderboard_title(data: Leaderboard, translate: Translate) -> str:
    if not data.entries:
        return translate("No device has a rate for this workload yet")
    labels = device_labels(data.entries, translate)
    first = data.entries[0]
    if len(data.entries) == 1:
        rate = units.rate(first.rate.value, translate)
        return translate("{label} processes {rate}").format(label=labels[0], rate=rate)
    if first.place_high > 1:
        text = translate("Places 1 to {last} can't be told apart")
        return text.format(last=max(2, _sharing(data.entries, 1)))
    ahead = _ratio(first.rate, data.entries[1].rate)
    last = 1 + _sharing(data.entries, 2)
    text = (
        translate(
            "{device} is fastest: {ratio} as fast as the next ({interval}); "
            "places 2 to {last} can't be told apart"
        )
        if last > 2
        else translate("{device} is fastest: {ratio} as fast as the next ({interval})")
    )
    return text.format(device=labels[0], ratio=units.ratio(ahead), interval=units.interval(ahead), last=last)


def leaderboard_alt(data: Leaderboard, translate: Translate) -> str:
    work = wording.workload_words(data.workload, translate) if data.workload else units.ABSENT
    labels = device_labels(data.entries, translate)
    spoken = ((label, _spoken(entry, translate)) for label, entry in zip(labels, data.entries, strict=True))
    text = (
        translate(
            "One line a device with its images per second and their 95 % interval, on a logarithmic axis, "
            "for {workload}: {values}."
        )
        if data.logarithmic
        else translate(
            "One line a device with its images per second and their 95 % interval, for {workload}: {values}."
        )
    )
    return text.format(workload=work, values=drawing.listed(spoken, translate) or units.ABSENT)


def _parts(entry: Entry, translate: Translate) -> list[str]:
    """What a label is made of: which device, and what takes from its number's worth."""
    if wording.kind_of(entry.result) == "gpu":
        parts = [wording.device_of(entry.result)[:_LONGEST_NAME]]
    else:  # a processor by its model: this is about several of them
        parts = wording.processor_words(entry.device.name, entry.device.cores, translate)
    parts += [wording.origin_word(entry.origin, translate)] if entry.origin != "measured" else []
    return parts + ([wording.badge_words("doubtful", translate)] if entry.quality == "doubtful" else [])


def _dot(entry: Entry, label: str, data: Leaderboard, translate: Translate) -> go.Scatter:
    value, low, high = drawing.rounded((entry.rate.value, entry.rate.low, entry.rate.high))
    here = entry.origin == "measured"
    return go.Scatter(
        name=label,
        mode="markers+text",
        x=[value],
        y=[f"{place_words(entry)} · {drawing.wrapped(label)}"],
        error_x=theme.whiskers(value, low, high),
        marker=theme.device_dot(entry.result, here),
        text=[units.rate(value, translate)],
        textposition=f"top {'left' if _is_far_right(entry, data) else 'right'}",  # towards the middle
        cliponaxis=False,
        hovertext=[f"{label}<br>{_spoken(entry, translate)}"],
        hoverinfo="text",
    )


def _is_far_right(entry: Entry, data: Leaderboard) -> bool:
    slowest, fastest = data.entries[-1].rate.value, data.entries[0].rate.value
    middle = math.sqrt(slowest * fastest) if data.logarithmic else fastest / 2
    return entry.rate.value > middle


def _axis(data: Leaderboard) -> dict[str, object]:
    if not data.logarithmic:
        return {"xaxis_rangemode": "tozero"}
    rates = [entry.rate for entry in data.entries]
    ticks = drawing.decades(min(rate.low for rate in rates), max(rate.high for rate in rates))
    return {"xaxis_type": "log", "xaxis_tickvals": ticks, "xaxis_ticktext": [units.number(x) for x in ticks]}


def _sharing(entries: Sequence[Entry], place: int) -> int:
    """How many may be at this place: none of them comes surely before another."""
    return sum(entry.place_low == place for entry in entries)


def _ratio(fast: Estimate, slow: Estimate) -> Estimate:
    """The widest that both intervals allow: it is wider than 95 %, never narrower."""
    return Estimate(fast.value / slow.value, fast.low / slow.high, fast.high / slow.low)


def _spoken(entry: Entry, translate: Translate) -> str:
    text = (
        translate("place {place}, {rate}, between {low} and {high}, from 1 run: {setup}")
        if entry.runs == 1
        else translate("place {place}, {rate}, between {low} and {high}, from {n} runs: {setup}")
    )
    return text.format(
        place=place_words(entry),
        rate=units.rate(entry.rate.value, translate),
        low=units.number(entry.rate.low),
        high=units.number(entry.rate.high),
        n=entry.runs,
        setup=setup_label(entry, translate),
    )
