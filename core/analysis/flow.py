"""A watched step as a sequence: who was busy when, and who asked whom for what.

Pure. Everything that shows a step is drawn from one `Flow`: the picture with its true time axis and the
conceptual diagram, so that they can't disagree.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar, get_args

from core.analysis.trace_soundness import refuse_unsound_trace
from core.records import Actor, Instrument, Moment, RunResult, Span, Stage, Trace, TracedStep

ACTORS: tuple[Actor, ...] = get_args(Actor)
MOST_BARS = 300  # in a picture; more are thinner than a line
MessageCode = Literal[
    "begin",  # the user wants a step
    "fetch",  # the next batch is asked for
    "batch",  # and is there
    "copy",  # a batch goes to the device
    "arrives",
    "stays",  # .to(device) on the CPU: the data is there already
    "compute",  # operations of the CPU: the script stands still meanwhile
    "done",
    "launch",  # operations of an accelerator: the script goes on
    "return",  # a copy to the host is asked for
    "returned",
    "ready",  # the device is done with what the script waited for
    "loss",  # the step's result
    "answers",
    "features",
]
N = TypeVar("N", int, float)
_RESULTS: dict[str, MessageCode] = {"train": "loss", "classify": "answers", "extract": "features"}


@dataclass(frozen=True, slots=True)
class Bar:
    """One span, or neighbours that are too short to be told apart."""

    actor: Actor
    label: str  # of the longest
    start_s: float
    end_s: float
    line: int | None  # of the source, from 1; None: another step's work
    stage: Stage | None
    count: int = 1
    busy_s: float = 0.0  # of the spans themselves, without what is between them
    stream: int | None = None
    issued_s: float | None = None  # of the first
    moved_bytes: int | None = None
    flops: float | None = None
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    number: int  # from 1
    code: MessageCode
    sender: Actor
    receiver: Actor
    line: int | None
    sent_s: float
    received_s: float
    count: int = 0  # operations that it stands for
    busy_s: float | None = None  # what they take
    moved_bytes: int | None = None
    flops: float | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    source: str
    device: str  # torch's name of it
    moment: Moment
    instrument: Instrument
    actors: tuple[Actor, ...]  # those that take part, in the order of ACTORS
    bars: tuple[Bar, ...]
    messages: tuple[Message, ...]
    step_s: float  # on the host, from the first line to the last
    end_s: float  # until the last of it is done, on the device too
    left_out: int  # spans that the record doesn't hold


def flow(result: RunResult, moment: Moment = "warm") -> Flow | None:
    """A run's step. None where it wasn't watched. Raises InputError for spans that can't have been measured."""
    trace = result.trace
    step = next((step for step in trace.steps if step.moment == moment), None) if trace else None
    if trace is None or step is None or not step.spans:
        return None
    refuse_unsound_trace(trace, "trace")
    return _drawn(trace, step, result)


def _drawn(trace: Trace, step: TracedStep, result: RunResult) -> Flow:
    device = result.spec.setup.device
    spans = sorted(step.spans, key=lambda span: (ACTORS.index(span.actor), span.start_s, -span.end_s))
    end_s = max(step.duration_s, *(span.end_s for span in spans))
    messages = _messages(step, result)
    taking_part = {span.actor for span in spans} | {m.sender for m in messages} | {m.receiver for m in messages}
    return Flow(
        source=trace.source,
        device=device,
        moment=step.moment,
        instrument=step.instrument,
        actors=tuple(actor for actor in ACTORS if actor in taking_part),
        bars=merged(spans, end_s),
        messages=messages,
        step_s=step.duration_s,
        end_s=end_s,
        left_out=step.left_out,
    )


# --- messages ------------------------------------------------------------------------------------


def _messages(step: TracedStep, result: RunResult) -> tuple[Message, ...]:
    on_cpu = result.spec.setup.device == "cpu"
    lines = [span for span in step.spans if span.actor == "script" and not span.waits]
    found = [Message(0, "begin", "user", "script", None, 0.0, 0.0)]
    for line in lines:
        caused = [
            span for span in step.spans if span.line == line.line and (span.actor != "script" or span.waits)
        ]
        found += _of_line(line, caused, on_cpu)
        if step.instrument == "stamps" and on_cpu:
            found += _by_its_ends(line, result)
    if step.instrument == "stamps":
        found += [_ready(span) for span in step.spans if span.waits]
    last = _RESULTS[result.spec.workload.task]
    found.append(Message(0, last, "script", "user", lines[-1].line, step.duration_s, step.duration_s))
    return tuple(replace(message, number=place) for place, message in enumerate(found, start=1))


def _of_line(line: Span, caused: Sequence[Span], on_cpu: bool) -> Iterator[Message]:
    memory = [span for span in caused if span.actor == "memory"]
    bus = [span for span in caused if span.actor == "bus"]
    device = [span for span in caused if span.actor == "device"]
    back = [span for span in bus if "DtoH" in span.label]
    for span in memory:
        yield _summed("fetch", "script", "memory", [span], span.start_s, span.start_s)
        yield _summed("batch", "memory", "script", [span], span.end_s, span.end_s)
    if there := [span for span in bus if span not in back]:
        yield _summed("copy", "script", "bus", there, _asked(there), _begun(there))
        yield _summed("arrives", "bus", "device", there, _over(there), _over(there))
    if on_cpu and line.label == "to_device" and device:
        yield Message(0, "stays", "script", "memory", line.line, line.start_s, line.start_s)
    elif device and on_cpu:
        yield _summed("compute", "script", "device", device, _begun(device), _begun(device))
        yield _summed("done", "device", "script", device, _over(device), _over(device))
    elif device:
        yield _summed("launch", "script", "device", device, _asked(device), _begun(device))
    if back:
        yield _summed("return", "script", "bus", back, _asked(back), _begun(back))
        yield _summed("returned", "bus", "script", back, _over(back), _over(back))
    waits = [span for span in caused if span.waits]
    if waits:
        yield _ready(max(waits, key=lambda span: span.end_s))


def _by_its_ends(line: Span, result: RunResult) -> Iterator[Message]:
    """A line that only a clock was read around: whom it asks is known, and that the answer came by its end."""
    if line.label in ("zero_grad", "to_device"):
        return
    gathers = line.label == "fetch" and result.spec.setup.data_path != "resident"
    other: Actor = "memory" if gathers else "device"
    asks: MessageCode = "fetch" if gathers else "compute"
    answers: MessageCode = "batch" if gathers else "done"
    seconds = line.end_s - line.start_s
    moved = result.trace.batch_bytes if gathers and result.trace else None
    yield Message(0, asks, "script", other, line.line, line.start_s, line.start_s)
    yield Message(0, answers, other, "script", line.line, line.end_s, line.end_s, 0, seconds, moved)


def _ready(wait: Span) -> Message:
    return Message(
        0, "ready", "device", "script", wait.line, wait.end_s, wait.end_s, busy_s=wait.end_s - wait.start_s
    )


def _summed(
    code: MessageCode, sender: Actor, receiver: Actor, spans: Sequence[Span], sent_s: float, received_s: float
) -> Message:
    return Message(
        0,
        code,
        sender,
        receiver,
        spans[0].line,
        sent_s,
        received_s,
        len(spans),
        sum(span.end_s - span.start_s for span in spans),
        _sum(span.moved_bytes for span in spans),
        _sum(span.flops for span in spans),
    )


def _asked(spans: Sequence[Span]) -> float:
    return min(span.start_s if span.issued_s is None else span.issued_s for span in spans)


def _begun(spans: Sequence[Span]) -> float:
    return min(span.start_s for span in spans)


def _over(spans: Sequence[Span]) -> float:
    return max(span.end_s for span in spans)


def _sum(values: Iterable[N | None]) -> N | None:
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if known else None


# --- bars ----------------------------------------------------------------------------------------


def merged(spans: Sequence[Span], whole_s: float, most: int = MOST_BARS) -> tuple[Bar, ...]:
    """The spans as bars; neighbours of one line are joined where they are too many to be seen.

    Joined are those that the smallest resolution needs for at most `most` bars; sums and counts are kept.
    """
    bars = [_bar(span) for span in spans]
    resolution_s = whole_s / 2000
    while len(bars) > most and resolution_s < whole_s:
        bars = _joined(bars, resolution_s)
        resolution_s *= 2
    return tuple(bars)


def _bar(span: Span) -> Bar:
    names = [item.name for item in dataclasses.fields(Span)]
    return Bar(**{name: getattr(span, name) for name in names}, busy_s=span.end_s - span.start_s)


def _joined(bars: Sequence[Bar], resolution_s: float) -> list[Bar]:
    done: list[Bar] = []
    for bar in bars:
        before = done[-1] if done else None
        if before is not None and _neighbours(before, bar, resolution_s):
            done[-1] = _one(before, bar)
        else:
            done.append(bar)
    return done


def _neighbours(a: Bar, b: Bar, resolution_s: float) -> bool:
    """Whether both together are no longer than what can be told apart."""
    kin = (a.actor, a.line, a.stream, a.waits) == (b.actor, b.line, b.stream, b.waits)
    return kin and a.actor != "script" and b.end_s - a.start_s <= resolution_s


def _one(a: Bar, b: Bar) -> Bar:
    longer = a if a.busy_s / a.count >= b.busy_s / b.count else b
    return replace(
        a,
        label=longer.label,
        end_s=max(a.end_s, b.end_s),
        count=a.count + b.count,
        busy_s=a.busy_s + b.busy_s,
        moved_bytes=_sum((a.moved_bytes, b.moved_bytes)),
        flops=_sum((a.flops, b.flops)),
    )
