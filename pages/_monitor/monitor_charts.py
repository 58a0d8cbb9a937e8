"""The load of each core, the last minutes as a chart, and a stretch of them in numbers."""

from __future__ import annotations

import json
from dataclasses import dataclass

import streamlit as st

from core import units
from core.figures.monitor import cores, history, readings
from core.figures.monitor.readings import READINGS, UNITS, Reading, Summary
from core.i18n import Translate, translator
from pages._monitor.monitor_controls import Choice
from pages._monitor.monitor_state import Seen
from pages._shared import language

_JOINED = "\N{NO-BREAK SPACE}"
_TO = "\N{WORD JOINER}–\N{WORD JOINER}"


@dataclass(frozen=True)
class Drawn:
    title: str
    alt: str
    option: str  # of ECharts, in JSON
    height: int


def show(seen: Seen, choice: Choice, translate: Translate) -> None:
    name, offset_min = language.name(), st.context.timezone_offset or 0
    _draw("monitor_cores", _cores(seen.now.number, name, _seen=seen))
    if seen.watched.cpu:
        drawn = _history(
            seen.now.number,
            name,
            choice.minutes,
            choice.uuids,
            choice.ago_s,
            choice.paused,
            offset_min,
            _seen=seen,
        )
        _draw("monitor_history", drawn)
        _stretch(seen, choice, translate)


def _draw(key: str, drawn: Drawn) -> None:
    st.markdown(f"**{drawn.title}**")
    st.echarts_chart(drawn.option, key=key, alt=drawn.alt, height=drawn.height)


# All visitors see the same; what one has drawn serves the others.


@st.cache_resource(show_spinner=False, max_entries=4)
def _cores(number: int, language_name: str, *, _seen: Seen) -> Drawn:
    _ = translator(language_name)
    data = cores.cores_data(_seen.now.cpu)
    return Drawn(
        cores.cores_title(data, _),
        cores.cores_alt(data, _),
        json.dumps(cores.cores_figure(data, _)),
        cores.cores_height(data),
    )


@st.cache_resource(show_spinner=False, max_entries=16)
def _history(
    number: int,
    language_name: str,
    minutes: int,
    uuids: tuple[str, ...],
    ago_s: tuple[int, int],
    zoomable: bool,
    offset_min: int,
    *,
    _seen: Seen,
) -> Drawn:
    """`offset_min`: how far the reader's clock is behind UTC."""
    _ = translator(language_name)
    data = history.history_data(_seen.watched, _seen.now, minutes, uuids)
    return Drawn(
        history.history_title(data, _),
        history.history_alt(data, _),
        json.dumps(history.history_figure(data, _seen.clock_s - 60 * offset_min, ago_s, zoomable, _)),
        history.history_height(data),
    )


def _stretch(seen: Seen, choice: Choice, translate: Translate) -> None:
    _ = translate
    start, end = choice.ago_s
    start = min(start, round(seen.now.at_s - seen.watched.cpu[0].at_s))  # no more than there is
    found = readings.summaries(
        readings.series_of(
            seen.watched,
            seen.now.cpu.memory_bytes,
            choice.uuids,
            seen.now.at_s - start,
            seen.now.at_s - end,
        )
    )
    titles: dict[Reading, str] = {
        "load": _("Busy"),
        "memory": _("Memory"),
        "power": _("Power"),
        "temperature": _("Temperature"),
    }
    present = [reading for reading in READINGS if any(one.series.reading == reading for one in found)]
    by_device: dict[str, dict[Reading, Summary]] = {}
    for one in found:
        by_device.setdefault(one.series.device, {})[one.series.reading] = one
    head = [_("Device"), *(titles[reading] for reading in present)]
    rows = [
        [device.replace(" ", _JOINED), *(_cell(cells.get(reading)) for reading in present)]
        for device, cells in by_device.items()
    ]
    if end == 0:
        text = _("**The last {start}**: mean (lowest–highest)").format(start=units.duration(start))
    else:
        text = _("**From {start} to {end} ago**: mean (lowest–highest)").format(
            start=units.duration(start), end=units.duration(end)
        )
    st.markdown(text)
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)]
    st.markdown("\n".join(lines))


def _cell(summary: Summary | None) -> str:
    if summary is None:
        return units.ABSENT
    low, high = (units.number(round(value)) for value in (summary.lowest, summary.highest))
    unit = UNITS[summary.series.reading]
    # narrow screens scroll the table; a cell broken into lines can't be read
    return f"{units.number(round(summary.mean, 1))} {unit} ({low}{_TO}{high})".replace(
        " ", "\N{NO-BREAK SPACE}"
    )
