"""What torch's profiler has seen, as spans. It reads the profiler's file format and needs no torch.

The format is the Chrome trace that Kineto writes: times in microseconds; `cpu_op` for operators,
`user_annotation` for our ranges, `cuda_runtime` and `cuda_driver` for calls of the driver, `kernel`,
`gpu_memcpy` and `gpu_memset` for what the device did, tied to the call that asked for it by `correlation`.
"""

from __future__ import annotations

import bisect
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.measure.marked import STAGE_OF, LineName, Source
from core.records import RunSpec, Span, TracedStep

MOST_SPANS = 4000  # of a step that are kept
_PREFIX = "crossover:"
_RUNTIME = ("cuda_runtime", "cuda_driver", "xpu_runtime")
_ON_DEVICE = ("kernel", "gpu_memcpy", "gpu_memset")
_LABEL_LETTERS = 80

OpKey = tuple[int, str, int]  # place of the line in the step, operator, the how-manyth of its name in the line


def range_name(step: int, line: int) -> str:
    """What the range of a line is called in the profile."""
    return f"{_PREFIX}{step}:{line}"


@dataclass(frozen=True, slots=True)
class _Event:
    name: str
    category: str
    start: float  # microseconds, on the profiler's clock
    end: float
    thread: Any
    args: Mapping[str, Any] = field(default_factory=dict)


def _read(events: Iterable[Mapping[str, Any]]) -> list[_Event]:
    return [
        _Event(e["name"], e.get("cat", ""), e["ts"], e["ts"] + e["dur"], e.get("tid"), e.get("args", {}))
        for e in events
        if e.get("ph") == "X"
    ]


@dataclass(frozen=True, slots=True)
class _Lines:
    """The ranges of one step: its lines one after the other, and an empty one at its end."""

    starts: tuple[float, ...]
    end: float

    def place(self, at: float) -> int | None:
        """The line that was being executed then; None: none of this step."""
        if not self.starts[0] <= at < self.end:
            return None
        return min(bisect.bisect_right(self.starts, at), len(self.starts)) - 1


def _steps(events: Sequence[_Event]) -> list[_Lines]:
    found: dict[int, dict[int, _Event]] = {}
    for event in events:
        # the device's own copy of a range has the category gpu_user_annotation
        if event.category == "user_annotation" and event.name.startswith(_PREFIX):
            step, line = map(int, event.name.removeprefix(_PREFIX).split(":"))
            found.setdefault(step, {})[line] = event
    steps = []
    for _, lines in sorted(found.items()):
        *own, last = (lines[place] for place in sorted(lines))
        steps.append(_Lines(tuple(event.start for event in own), last.start))
    return steps


def flops_of(events: Iterable[Mapping[str, Any]], counted: Mapping[int, float]) -> dict[OpKey, float]:
    """The FLOP of a step's operators by their place in it; `counted`: by the profiler's id of each."""
    read = _read(events)
    [lines] = _steps(read)
    return {
        key: counted[event.args["External id"]]
        for key, event in _keyed(read, lines)
        if event.args.get("External id") in counted
    }


def _keyed(events: Iterable[_Event], lines: _Lines) -> Iterator[tuple[OpKey, _Event]]:
    """The operators of a step, each with its place."""
    seen: Counter[tuple[int, str]] = Counter()
    for event in sorted((e for e in events if e.category == "cpu_op"), key=lambda e: e.start):
        line = lines.place(event.start)
        if line is not None:
            yield (line, event.name, seen[line, event.name]), event
            seen[line, event.name] += 1


class Recorded:
    """A profile of several steps."""

    def __init__(self, events: Iterable[Mapping[str, Any]], source: Source, device_type: str) -> None:
        self._events = _read(events)
        self._source, self._on_cpu = source, device_type == "cpu"
        self._names: list[LineName] = sorted(source.line_of, key=source.line_of.__getitem__)
        self._steps = _steps(self._events)

    def call_seconds(self) -> list[float]:
        """From each step's (or call's) first line to its last, on the host."""
        return [(lines.end - lines.starts[0]) / 1e6 for lines in self._steps]

    def step(self, index: int, flops: Mapping[OpKey, float], spec: RunSpec, batch_bytes: int) -> TracedStep:
        """One of the steps, span by span; `flops` are those of a step's operators."""
        lines = self._steps[index]
        script = list(self._script(lines))
        gathered = spec.setup.data_path != "resident"
        below = [self._gathered(span, batch_bytes) for span in script if span.label == "fetch" and gathered]
        if self._on_cpu:
            operators = (
                span for span in self._operators(lines, flops) if not (gathered and span.stage == "load")
            )
            below += operators if spec.setup.step == "eager" else _as_one(script[-1], list(operators))
        else:
            below += [*self._waits(lines), *self._on_device(lines, flops)]
        below.sort(key=lambda span: (span.start_s, -span.end_s))
        duration_s = (lines.end - lines.starts[0]) / 1e6
        kept = tuple(script + below[:MOST_SPANS])
        return TracedStep("warm", "profiler", duration_s, kept, max(0, len(below) - MOST_SPANS))

    def _script(self, lines: _Lines) -> Iterator[Span]:
        """Each line until the next begins, so that they add up to the step."""
        ends = (*lines.starts[1:], lines.end)
        for place, (start, end) in enumerate(zip(lines.starts, ends, strict=True)):
            yield self._span("script", self._names[place], start, end, lines, place)

    @staticmethod
    def _gathered(fetch: Span, batch_bytes: int) -> Span:
        """A loader puts a batch together in the host's memory, image by image: too many operations to tell."""
        return Span(
            "memory", "gather", fetch.start_s, fetch.end_s, fetch.line, fetch.stage, moved_bytes=batch_bytes
        )

    def _operators(self, lines: _Lines, flops: Mapping[OpKey, float]) -> Iterator[Span]:
        """On the CPU: what torch computes, without the operators that these call in turn."""
        outer: tuple[OpKey, _Event] | None = None
        inside = 0.0
        for key, event in _keyed(self._events, lines):
            if "::" not in event.name or "autograd::" in event.name:
                continue  # what only calls others
            if outer is not None and event.start < outer[1].end:
                inside += flops.get(key, 0.0)
                continue
            if outer is not None:
                yield self._operator(*outer, inside, lines)
            outer, inside = (key, event), flops.get(key, 0.0)
        if outer is not None:
            yield self._operator(*outer, inside, lines)

    def _operator(self, key: OpKey, event: _Event, flops: float, lines: _Lines) -> Span:
        return self._span("device", event.name, event.start, event.end, lines, key[0], flops=flops or None)

    def _waits(self, lines: _Lines) -> Iterator[Span]:
        """Where the host stands still until the device is done."""
        for event in self._events:
            if event.category in _RUNTIME and "Synchronize" in event.name:
                place = lines.place(event.start)
                if place is not None:
                    yield self._span("script", event.name, event.start, event.end, lines, place, waits=True)

    def _on_device(self, lines: _Lines, flops: Mapping[OpKey, float]) -> Iterator[Span]:
        """What the device did for this step, whenever; and for other steps while this one lasted."""
        asked = {
            e.args["correlation"]: e for e in self._events if e.category in _RUNTIME and "correlation" in e.args
        }
        by_operator = {e.args.get("External id"): key for key, e in _keyed(self._events, lines)}
        counted: set[OpKey] = set()
        own, others = [], []
        for event in (e for e in self._events if e.category in _ON_DEVICE):
            call = asked.get(event.args.get("correlation"))
            place = lines.place(call.start) if call is not None else None
            if call is None or place is None:
                others.append(event)
                continue
            key = by_operator.get(event.args.get("External id", call.args.get("External id")))
            first = key is not None and key not in counted  # an operator's FLOP are told once
            counted |= {key} if key is not None else set()
            own.append(
                self._span(
                    _actor(event),
                    _short(event.name),
                    event.start,
                    event.end,
                    lines,
                    place,
                    stream=_whole(event.args.get("stream")),
                    issued_s=(call.start - lines.starts[0]) / 1e6,
                    moved_bytes=_whole(event.args.get("bytes")),
                    flops=flops.get(key) if first and key is not None else None,
                )
            )
        yield from own
        last = max([lines.end, *(lines.starts[0] + 1e6 * span.end_s for span in own)])
        for event in others:
            if event.end > lines.starts[0] and event.start < last:
                start, end = max(event.start, lines.starts[0]), min(event.end, last)
                stream = _whole(event.args.get("stream"))
                yield self._span(_actor(event), _short(event.name), start, end, lines, None, stream=stream)

    def _span(
        self, actor: Any, label: str, start: float, end: float, lines: _Lines, place: int | None, **more: Any
    ) -> Span:
        began = lines.starts[0]
        line = stage = None
        if place is not None:
            line, stage = self._source.line_of[self._names[place]], STAGE_OF.get(self._names[place])
        return Span(actor, label, (start - began) / 1e6, (end - began) / 1e6, line, stage, **more)


def _as_one(call: Span, operators: Sequence[Span]) -> list[Span]:
    """A compiled step is one piece: the profiler sees the products in it, but not the loops between them."""
    inside = [span for span in operators if span.line == call.line]
    flops = sum(span.flops or 0.0 for span in inside) or None
    whole = Span("device", "compiled_step", call.start_s, call.end_s, call.line, call.stage, flops=flops)
    return [*(span for span in operators if span.line != call.line), whole]


def _actor(event: _Event) -> str:
    """Copies between host and device go over the bus; within the device they are its own work."""
    crosses = event.category == "gpu_memcpy" and not re.search(r"DtoD|Device -> Device", event.name)
    return "bus" if crosses else "device"


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, (int, float)) else None


def _short(name: str) -> str:
    """A kernel's name without its types: void at::native::f<float, 4>(int) is at::native::f."""
    if name.startswith("Mem"):
        return name[:_LABEL_LETTERS]
    bare = name.removeprefix("void ").replace("(anonymous namespace)::", "")
    return re.split(r"[<(]", bare, maxsplit=1)[0].strip()[:_LABEL_LETTERS] or name[:_LABEL_LETTERS]
