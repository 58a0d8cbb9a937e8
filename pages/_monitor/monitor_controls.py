"""The Monitor page's controls: pause, how much of the past, which GPUs in full."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import streamlit as st

from core.i18n import Translate
from core.records import Gpu
from pages._monitor import monitor_state
from pages._monitor.monitor_words import gpu_name

MINUTES = (1, 5, 10)
FEW = 4  # GPUs that fit beside each other, on the page and in a chart
_MINUTES, _GPUS, _STRETCH = "monitor_minutes", "monitor_gpus", "monitor_stretch"
_STEPS = 60  # of the stretch's control


@dataclass(frozen=True)
class Choice:
    paused: bool
    minutes: int
    uuids: tuple[str, ...]  # of the GPUs that are shown in full
    ago_s: tuple[int, int]  # the stretch that is looked at: from and to, in seconds before the newest reading


def show(gpus: Collection[Gpu], measuring: Collection[str], paused: bool, translate: Translate) -> Choice:
    """`measuring`: the UUIDs of GPUs that something is being measured on."""
    _ = translate
    st.button(
        _("Continue") if paused else _("Pause"),
        icon=":material/play_arrow:" if paused else ":material/pause:",
        key="monitor_pause",
        width="stretch",
        on_click=monitor_state.go_on if paused else monitor_state.pause,
        help=_("Paused, nothing on this page moves, so that a moment can be looked at."),
    )
    lengths = {minutes: _("{n} min").format(n=minutes) for minutes in MINUTES}
    minutes = st.segmented_control(
        _("History"),
        MINUTES,
        default=5,
        format_func=lengths.__getitem__,
        key=_MINUTES,
        required=True,
        persist_state="session",
    )
    return Choice(paused, minutes, _gpus(gpus, measuring, _), _stretch(minutes, _))


def _gpus(gpus: Collection[Gpu], measuring: Collection[str], translate: Translate) -> tuple[str, ...]:
    """All where they are few; else the first ones and any that something is measured on, until chosen."""
    _ = translate
    uuids = [gpu.uuid for gpu in gpus]
    if len(uuids) <= FEW:
        return tuple(uuids)
    names = {gpu.uuid: gpu_name(gpu) for gpu in gpus}
    default = [uuid for place, uuid in enumerate(uuids) if place < FEW or uuid in measuring]
    chosen = st.pills(
        _("GPUs in full"),
        uuids,
        selection_mode="multi",
        default=default,
        format_func=names.__getitem__,
        key=_GPUS,
        persist_state="session",
        help=_("These have all their readings and a line in the chart; the others the most important ones."),
    )
    return tuple(chosen)


def _stretch(minutes: int, translate: Translate) -> tuple[int, int]:
    _ = translate
    step_s = 60 * minutes // _STEPS
    options = list(range(-60 * minutes, 1, step_s))
    names = {ago: _ago(-ago, _) for ago in options} | {options[0]: _("earliest")}
    start, end = st.select_slider(
        _("Stretch"),
        options,
        value=(options[0], options[-1]),
        format_func=names.__getitem__,
        key=f"{_STRETCH}_{minutes}",
        help=_(
            "What the chart shows and the table is about, in minutes and seconds before the newest reading. "
            "The earliest is as far back as this page has looked, up to the history that you chose. "
            "Paused, the stretch stands still, and the bar below the chart zooms it."
        ),
    )
    return -start, -end


def _ago(seconds: int, translate: Translate) -> str:
    return translate("now") if seconds == 0 else f"-{seconds // 60}:{seconds % 60:02d}"
