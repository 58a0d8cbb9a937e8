"""Refuses watched steps that no clock can have given: times that run backwards, or one actor twice at once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from core.errors import InputError
from core.records import Span, Trace, TracedStep

# Clock readings are rounded: spans may touch within this.
_TOUCHING_S = 1e-6
# The host's clock and the device's are matched by the driver, and not to the last microsecond.
_SKEW_S = 1e-3


def refuse_unsound_trace(trace: Trace, where: str) -> None:
    """Raises InputError("malformed_record") with the place of the first contradiction."""
    for name, problem in _problems(trace):
        raise InputError("malformed_record", where=f"{where}.{name}", problem=problem)


def _problems(trace: Trace) -> Iterator[tuple[str, str]]:
    for i, seconds in enumerate(trace.watched_s):
        if not seconds > 0:
            yield f"watched_s[{i}]", "must be above 0"
    if trace.batch_bytes is not None and trace.batch_bytes < 0:
        yield "batch_bytes", "must not be below 0"
    lines = len(trace.source.splitlines())
    for i, step in enumerate(trace.steps):
        if not step.duration_s > 0:
            yield f"steps[{i}].duration_s", "must be above 0"
        if step.left_out < 0:
            yield f"steps[{i}].left_out", "must not be below 0"
        for j, span in enumerate(step.spans):
            yield from ((f"steps[{i}].spans[{j}].{name}", problem) for name, problem in _of_span(span, lines))
        yield from ((f"steps[{i}].{name}", problem) for name, problem in _of_step(step))


def _of_span(span: Span, lines: int) -> Iterator[tuple[str, str]]:
    if span.start_s < 0:
        yield "start_s", "must not be below 0"
    if span.end_s < span.start_s:
        yield "end_s", "ends before it starts"
    if span.issued_s is not None and not 0 <= span.issued_s <= span.start_s + _SKEW_S:
        yield "issued_s", "must lie between the step's start and its own"
    if span.line is not None and not 1 <= span.line <= lines:
        yield "line", f"the source has {lines} lines"
    for name in ("moved_bytes", "flops"):
        if (getattr(span, name) or 0) < 0:
            yield name, "must not be below 0"


def _of_step(step: TracedStep) -> Iterator[tuple[str, str]]:
    """What can only do one thing at a time; an accelerator's streams may do several."""
    if not any(span.actor == "script" for span in step.spans):
        yield "spans", "has none of the script"
    for actor in ("script", "memory", "device"):
        own = [span for span in step.spans if span.actor == actor and not span.waits and span.stream is None]
        for early, late in itertools.pairwise(sorted(own, key=lambda span: (span.start_s, span.end_s))):
            if early.end_s > late.start_s + _TOUCHING_S:
                yield "spans", f"{actor} does two things at once, at {late.start_s:g} s"
