"""Peak memory of each run, on the host and on the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from core import units, wording
from core.figures import drawing, theme
from core.i18n import Translate
from core.records import Memory, RunResult

_GIB, _MIB = 2**30, 2**20


@dataclass(frozen=True, slots=True)
class Peaks:
    runs: tuple[RunResult, ...]
    peaks: tuple[tuple[int, Memory], ...]  # index in runs


def memory_data(results: Sequence[RunResult]) -> Peaks:
    peaks = ((i, result.memory) for i, result in enumerate(results) if result.memory is not None)
    return Peaks(tuple(results), tuple((i, memory) for i, memory in peaks if _known(memory)))


def _known(memory: Memory) -> list[int]:
    return [peak for peak in (memory.host_peak_bytes, memory.device_peak_bytes) if peak is not None]


def memory_figure(results: Sequence[RunResult], translate: Translate) -> go.Figure:
    data = memory_data(results)
    labels = wording.labels_of(data.runs, translate)
    most = max((peak for _, memory in data.peaks for peak in _known(memory)), default=0)
    unit, title = (
        (_GIB, translate("Peak memory (GiB)")) if most >= _GIB else (_MIB, translate("Peak memory (MiB)"))
    )
    traces = [_bars(i, memory, unit, data, labels[i], translate) for i, memory in data.peaks]
    return drawing.figure(
        traces, title, "", barmode="group", yaxis_autorange="reversed", xaxis_rangemode="tozero"
    )


def _bars(index: int, memory: Memory, unit: int, data: Peaks, label: str, translate: Translate) -> go.Bar:
    named = ((translate("Host"), memory.host_peak_bytes), (translate("Device"), memory.device_peak_bytes))
    places = [(place, peak) for place, peak in named if peak is not None]
    return go.Bar(
        name=label,
        orientation="h",
        x=drawing.rounded(peak / unit for _, peak in places),
        y=[place for place, _ in places],
        marker={"color": theme.colour_of(index, data.runs)},
        text=[units.size(peak) for _, peak in places],
        hovertext=[f"{label}<br>{place}: {units.size(peak)}" for place, peak in places],
        hoverinfo="text",
    )


def memory_title(data: Peaks, translate: Translate) -> str:
    if not data.peaks:
        return translate("No peak memory was measured")
    return translate("Peak memory: {values}").format(values=_spoken(data, translate))


def memory_alt(data: Peaks, translate: Translate) -> str:
    values = _spoken(data, translate) or units.ABSENT
    return translate("Bars of peak memory: {values}.").format(values=values)


def _spoken(data: Peaks, translate: Translate) -> str:
    labels = wording.labels_of(data.runs, translate)
    sizes = ((labels[index], _sizes(memory, translate)) for index, memory in data.peaks)
    return drawing.listed(sizes, translate)


def _sizes(memory: Memory, translate: Translate) -> str:
    host = translate("{size} on the host").format(size=units.size(memory.host_peak_bytes))
    device = translate("{size} on the device").format(size=units.size(memory.device_peak_bytes))
    known = ((host, memory.host_peak_bytes), (device, memory.device_peak_bytes))
    return " + ".join(text for text, peak in known if peak is not None)
