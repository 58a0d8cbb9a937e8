"""The charts of a comparison, each with its finding as a title and its alternative text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from core.figures import accuracy, anatomy, block_times, epoch_time, loss, memory, telemetry, throughput
from core.i18n import Translate
from core.records import RunResult

Words = Callable[[Any, Translate], str]


@dataclass(frozen=True)
class Chart:
    key: str
    title: str
    alt: str
    figure: go.Figure


@dataclass(frozen=True)
class _Kind:
    data: Callable[[Sequence[RunResult]], Any]
    figure: Callable[[Sequence[RunResult], Translate], go.Figure]
    title: Words
    alt: Words


_KINDS = {
    "throughput": _Kind(
        throughput.throughput_data,
        throughput.throughput_figure,
        throughput.throughput_title,
        throughput.throughput_alt,
    ),
    "epoch_time": _Kind(
        epoch_time.epoch_time_data,
        epoch_time.epoch_time_figure,
        epoch_time.epoch_time_title,
        epoch_time.epoch_time_alt,
    ),
    "loss": _Kind(loss.loss_data, loss.loss_figure, loss.loss_title, loss.loss_alt),
    "accuracy": _Kind(
        accuracy.accuracy_data, accuracy.accuracy_figure, accuracy.accuracy_title, accuracy.accuracy_alt
    ),
    "anatomy": _Kind(anatomy.anatomy_data, anatomy.anatomy_figure, anatomy.anatomy_title, anatomy.anatomy_alt),
    "memory": _Kind(memory.memory_data, memory.memory_figure, memory.memory_title, memory.memory_alt),
    "block_times": _Kind(
        block_times.block_times_data,
        block_times.block_times_figure,
        block_times.block_times_title,
        block_times.block_times_alt,
    ),
    "telemetry": _Kind(
        telemetry.telemetry_data,
        telemetry.telemetry_figure,
        telemetry.telemetry_title,
        telemetry.telemetry_alt,
    ),
}


def chart(key: str, results: Sequence[RunResult], translate: Translate) -> Chart | None:
    """The chart `key` of these results; None where there is nothing to draw."""
    kind = _KINDS[key]
    figure = kind.figure(results, translate)
    if not figure.data:
        return None
    data = kind.data(results)
    return Chart(key, kind.title(data, translate), kind.alt(data, translate), figure)
