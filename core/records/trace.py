"""Single steps as they were watched: who did what, when; and the article's lines, each tried for itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.records.codes import Stage

Actor = Literal["user", "script", "memory", "bus", "device"]
# cold: the first step of a setup in its process; warm: one of many
Moment = Literal["cold", "warm"]
# stamps: a clock read at each line, on the host alone; profiler: torch.profiler, with each operation
Instrument = Literal["stamps", "profiler"]


@dataclass(frozen=True, slots=True)
class Span:
    """Something that an actor did. Times are seconds since the step's first line began, on one clock."""

    actor: Actor
    label: str  # a line's name (script), or the operation's or kernel's
    start_s: float
    end_s: float
    line: int | None = None  # of Trace.source, from 1: what caused it; None: an earlier step
    stage: Stage | None = None
    stream: int | None = None  # of an accelerator
    issued_s: float | None = None  # accelerator: when the host asked for it
    moved_bytes: int | None = None
    flops: float | None = None  # by torch's formulas; None: not counted
    waits: bool = False  # the script, for the device


@dataclass(frozen=True, slots=True)
class TracedStep:
    moment: Moment
    instrument: Instrument
    duration_s: float  # from its first line to its last, on the host
    spans: tuple[Span, ...]
    left_out: int = 0  # spans beyond the most that are kept: the last ones


@dataclass(frozen=True, slots=True)
class Trace:
    """A separate pass, never the headline: watching slows a step down.

    `watched_s`: seconds of a watched warm step, one for each repeat; against the timed blocks they give the
    inflation. On an accelerator a repeat is several steps in a row, and this their mean. Where several steps
    are one call, a traced step is a call.
    """

    source: str  # the step as it ran
    steps: tuple[TracedStep, ...]
    watched_s: tuple[float, ...]
    batch_bytes: int | None = None  # of a batch, as it goes to the device


# what the article writes, or leaves out, that can be tried by itself
LessonName = Literal[
    "rebuild",  # torch.tensor(data) on data that is a tensor already
    "to_device",  # each batch to the device, or all images once
    "model_to_device",
    "zero_grad",  # without it, gradients add up
    "synchronise",  # a clock that doesn't wait for the device
]


@dataclass(frozen=True, slots=True)
class LessonTrial:
    """One way to write a line of the article, tried for itself."""

    lesson: LessonName
    variant: str  # a code: what was tried
    seconds: tuple[float, ...] = ()  # one for each repeat
    losses: tuple[float, ...] = ()  # one for each step
    moved_bytes: int | None = None
    samples: int | None = None  # images in each repeat
