"""Single steps watched: the first by a clock at each line, one of many others by torch's profiler.

Watching costs time, so it is apart from the timed blocks, and what a watched step takes is kept.
"""

from __future__ import annotations

import gc
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.profiler import ProfilerActivity, profile, record_function

from core.errors import MeasurementError
from core.measure import devices, marked, spans
from core.measure.marked import LineName
from core.records import RunSpec, Span, Trace, TracedStep

if TYPE_CHECKING:
    from core.measure.trainee import Trainee

_REPEATS = (3, 20)
_SECONDS, _SHARE = 2.0, 0.1  # at most so long, and at most that share of the time for a setup
_SLOWEST_SHARE = 0.5  # of that time: a step so slow that the fewest repeats take longer isn't watched
_SETTLE = 2  # the first steps under a profiler are slower than those that follow
# Steps in a row: on an accelerator the host runs ahead, and one step alone wouldn't show it.
_IN_A_ROW_ON_DEVICE = 4
_MOST_EVENTS = 20_000  # of operators in all repeats: more take long to write and read


class Stamps:
    """A clock that is read after each line of one step: a third of a microsecond for all of it."""

    def __init__(self) -> None:
        self._lines: list[tuple[LineName, float]] = []

    def mark(self, line: LineName) -> None:
        self._lines.append((line, time.perf_counter()))

    def step(self, spec: RunSpec, device: torch.device, start: float, end: float) -> TracedStep:
        """The step that began and ended at those times of `perf_counter`; what comes last is the wait."""
        line_of, found, before = marked.source_of(spec).line_of, [], start
        for name, at in self._lines:
            stage = marked.STAGE_OF.get(name)
            found.append(Span("script", name, before - start, at - start, line_of[name], stage))
            before = at
        if device.type != "cpu":
            found.append(Span("script", "wait", before - start, end - start, waits=True))
        return TracedStep("cold", "stamps", end - start, tuple(found))


def watch(trainee: Trainee, max_seconds: float) -> Trace:
    """The trainee's first step as it was, and the most ordinary of some more; it goes on training.

    `max_seconds`: the time that the setup was timed for. Raises MeasurementError where a step takes too long.
    """
    on_cpu = trainee.device.type == "cpu"
    in_a_row = 1 if on_cpu else _IN_A_ROW_ON_DEVICE
    fewest, most = _REPEATS
    repeat_s = trainee.step_s * in_a_row * trainee.spec.setup.steps_per_call
    if repeat_s * fewest > max_seconds * _SLOWEST_SHARE:
        raise MeasurementError("trace_too_slow")
    repeats = max(fewest, min(most, round(min(_SECONDS, _SHARE * max_seconds) / repeat_s)))
    with trainee.executing():
        counting, counted = _counted(trainee)
        affordable = _MOST_EVENTS // (in_a_row * max(1, len(counting)))
        watched_s, events = _profiled(trainee, max(fewest, min(repeats, affordable)), in_a_row)
    flops = spans.flops_of(counting, counted)
    recorded = spans.Recorded(events, marked.source_of(trainee.spec), trainee.device.type)
    if on_cpu:  # a step is over when its last line is
        watched_s = recorded.call_seconds()
    place = _most_ordinary(watched_s)
    images = trainee.data.train_x[: trainee.spec.workload.batch_size]
    labels = trainee.data.train_y[: trainee.spec.workload.batch_size]
    batch_bytes = images.nbytes + labels.nbytes
    warm = recorded.step(place * in_a_row + in_a_row // 2, flops, trainee.spec, batch_bytes)
    per_step_s = tuple(seconds / trainee.spec.setup.steps_per_call for seconds in watched_s)
    return Trace(marked.source_of(trainee.spec).text, (trainee.first_step, warm), per_step_s, batch_bytes)


def _most_ordinary(seconds: Sequence[float]) -> int:
    middle = statistics.median_low(seconds)
    return next(place for place, value in enumerate(seconds) if value == middle)


class _Ranges:
    """Names what the profiler sees between two marks: step by step, line by line."""

    def __init__(self) -> None:
        self._step, self._line = 0, 0
        self._open: Any = None

    def begin(self) -> None:
        self._line = 0
        self._enter()

    def mark(self, line: LineName) -> None:
        self._open.__exit__(None, None, None)
        self._line += 1
        self._enter()

    def end(self) -> None:
        """After a step's last mark: what comes next belongs to no line."""
        self._open.__exit__(None, None, None)
        self._step += 1

    def _enter(self) -> None:
        self._open = record_function(spans.range_name(self._step, self._line))
        self._open.__enter__()


def _profiled(trainee: Trainee, repeats: int, in_a_row: int) -> tuple[list[float], list[dict[str, Any]]]:
    """Seconds of a step (or a call) in each repeat, synchronised at its ends; and all that the profiler saw."""
    step, ranges, seconds = marked.step_of(trainee.parts), _Ranges(), []
    gc.disable()
    try:
        with profile(activities=_activities(trainee.device)) as profiler:
            for _ in range(_SETTLE):
                _settle(trainee, step)
            for _ in range(repeats):
                devices.synchronise(trainee.device)
                start = time.perf_counter()
                for _ in range(in_a_row):
                    trainee.parts.make_room()
                    ranges.begin()
                    step(ranges.mark)
                    ranges.end()
                devices.synchronise(trainee.device)
                seconds.append((time.perf_counter() - start) / in_a_row)
    finally:
        gc.enable()
    return seconds, _events(profiler)


def _settle(trainee: Trainee, step: marked.Step) -> None:
    trainee.parts.make_room()
    step(lambda line: None)


def _counted(trainee: Trainee) -> tuple[list[dict[str, Any]], dict[int, float]]:
    """One more step with the operations' FLOP: counting them needs their shapes, which slows all down."""
    step, ranges = marked.step_of(trainee.parts), _Ranges()
    trainee.parts.make_room()
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True, with_flops=True) as profiler:
        ranges.begin()
        step(ranges.mark)
        ranges.end()
    counted = {event.id: float(event.flops) for event in profiler.events() if event.flops}
    return _events(profiler), counted


def _activities(device: torch.device) -> list[ProfilerActivity]:
    also = {"cuda": ProfilerActivity.CUDA, "xpu": ProfilerActivity.XPU}
    return [ProfilerActivity.CPU, *([also[device.type]] if device.type in also else [])]


def _events(profiler: Any) -> list[dict[str, Any]]:
    """By the exported file: unlike the profiler's objects, its format is a published one."""
    with tempfile.TemporaryDirectory(prefix="crossover-") as folder:
        path = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(path))
        events: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    return events
