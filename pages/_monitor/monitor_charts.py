"""The load of each core, the last minutes as a chart, and a stretch of them in numbers."""

from __future__ import annotations

import functools
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
    name = language.name()
    _draw("monitor_cores", _cores(seen, name))
    if seen.watched.cpu:
        drawn = _history(seen, name, choice.uuids, choice.ago_s, choice.paused)
        _draw("monitor_history", drawn)
        _stretch(seen, choice, translate)


def _draw(key: str, drawn: Drawn) -> None:
    st.markdown(f"**{drawn.title}**")
    st.echarts_chart(drawn.option, key=key, alt=drawn.alt, height=drawn.height)


# All visitors see the same; what one has drawn serves the others.


@functools.lru_cache(maxsize=4)
def _cores(seen: Seen, language_name: str) -> Drawn:
    _ = translator(language_name)
    data = cores.cores_data(seen.now.cpu)
    return Drawn(
        cores.cores_title(data, _),
        cores.cores_alt(data, _),
        json.dumps(cores.cores_figure(data, _)),
        cores.cores_height(data),
    )


@functools.lru_cache(maxsize=8)
def _history(
    seen: Seen, language_name: str, uuids: tuple[str, ...], ago_s: tuple[int, int], zoomable: bool
) -> Drawn:
    _ = translator(language_name)
    data = history.history_data(seen.watched, seen.now, ago_s, uuids)
    return Drawn(
        history.history_title(data, _),
        history.history_alt(data, _),
        json.dumps(history.history_figure(data, seen.clock_s, zoomable, _)),
        history.history_height(data),
    )


def _stretch(seen: Seen, choice: Choice, translate: Translate) -> None:
    """A row for each reading of each device: one for each device alone is too wide for a phone."""
    _ = translate
    from_s, to_s = readings.stretch(seen.watched, seen.now, choice.ago_s)
    start, end = round(seen.now.at_s - from_s), choice.ago_s[1]
    found = readings.summaries(
        readings.series_of(seen.watched, seen.now.cpu.memory_bytes, choice.uuids, from_s, to_s)
    )
    if not found:
        return
    titles: dict[Reading, str] = {
        "load": _("Busy"),
        "memory": _("Memory"),
        "power": _("Power"),
        "temperature": _("Temperature"),
    }
    rows = [
        [titles[one.series.reading], one.series.device.replace(" ", _JOINED), *_cells(one)]
        for one in sorted(found, key=lambda one: READINGS.index(one.series.reading))
    ]
    if end == 0:
        text = _("**The last {start}**, in numbers").format(start=units.duration(start))
    else:
        text = _("**From {start} to {end} ago**, in numbers").format(
            start=units.duration(start), end=units.duration(end)
        )
    head = [_("Reading"), _("Device"), _("Mean"), _("Range")]
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, ["---", "---", "---:", "---:"], *rows)]
    st.markdown("\n".join([text, "", *lines]).strip())


def _cells(summary: Summary) -> list[str]:
    unit = UNITS[summary.series.reading]
    low, high = (units.number(round(value)) for value in (summary.lowest, summary.highest))
    mean = f"{units.number(round(summary.mean, 1))} {unit}"
    return [mean.replace(" ", _JOINED), f"{low}{_TO}{high}"]
