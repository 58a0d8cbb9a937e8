"""The instrumented pass: where a step's time goes. Apart from the timed blocks, for looking costs time."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Protocol

import torch

from core.measure import devices, marked
from core.records import Anatomy, Stage, StageTimes

if TYPE_CHECKING:
    from core.measure.trainee import Trainee

_SETTLE_STEPS = 5
_STEPS = (5, 50)
_SECONDS, _SHARE = 2.0, 0.1  # at most so long, and at most that share of the time for a setup

_OF_TASK: dict[str, tuple[Stage, ...]] = {
    "train": ("load", "copy", "forward", "backward", "optimiser"),
    "classify": ("load", "copy", "forward"),
    "extract": ("load", "copy", "forward", "copy_back"),
}


class _Stamps(Protocol):
    def mark(self) -> None: ...
    def seconds(self) -> list[float]: ...


class _HostStamps:
    """`perf_counter` at each boundary: exact on the CPU, where an operation is over when its call returns."""

    def __init__(self) -> None:
        self._times: list[int] = []

    def mark(self) -> None:
        self._times.append(time.perf_counter_ns())

    def seconds(self) -> list[float]:
        return [(b - a) / 1e9 for a, b in itertools.pairwise(self._times)]


class _DeviceStamps:
    """An event recorded in the device's queue at each boundary: no waiting, and the parts add up to the whole.

    A stage in which the device waits for the host is charged with that wait.
    """

    def __init__(self, device: torch.device, count: int) -> None:
        self._events = [torch.Event(device, enable_timing=True) for _ in range(count)]
        self._next = 0

    def mark(self) -> None:
        self._events[self._next].record()
        self._next += 1

    def seconds(self) -> list[float]:
        events = self._events[: self._next]
        return [a.elapsed_time(b) / 1e3 for a, b in itertools.pairwise(events)]


def dissect(trainee: Trainee, max_seconds: float) -> Anatomy | None:
    """Stage times of some more steps of a trainee; call it last, it goes on training.

    `max_seconds`: the time that the setup was timed for, of which this takes a share. None for a step that is
    one call: what is compiled or recorded as a whole has no boundaries to time.
    """
    if trainee.spec.setup.step != "eager":
        return None
    stages = [stage for stage in _OF_TASK[trainee.spec.workload.task] if stage != "copy" or trainee.feed.copies]
    fewest, most = _STEPS
    steps = max(fewest, min(most, round(min(_SECONDS, _SHARE * max_seconds) / trainee.step_s)))
    on_host = trainee.device.type == "cpu"
    stamps: _Stamps = _HostStamps() if on_host else _DeviceStamps(trainee.device, steps * len(stages) + 1)
    step, ends = marked.step_of(trainee.parts), _ends(trainee, stages)

    def mark(line: marked.LineName) -> None:
        if line in ends:
            stamps.mark()

    with trainee.executing():
        for _ in range(_SETTLE_STEPS):
            step(lambda line: None)
        devices.synchronise(trainee.device)
        stamps.mark()
        for _ in range(steps):
            step(mark)
        devices.synchronise(trainee.device)
    flat = stamps.seconds()
    times = tuple(StageTimes(stage, tuple(flat[index :: len(stages)])) for index, stage in enumerate(stages))
    return Anatomy("host" if on_host else "device", times)


def _ends(trainee: Trainee, stages: list[Stage]) -> set[marked.LineName]:
    """The last line of each stage: a mark after every line would cost more on a device."""
    last = {marked.STAGE_OF[line]: line for line in marked.source_of(trainee.spec).line_of}
    return {last[stage] for stage in stages}
