"""Watched steps in the Trace Event Format, which Perfetto and chrome://tracing open.

https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from core.analysis.flow import ACTORS
from core.analysis.trace_soundness import refuse_unsound_trace
from core.records import RunResult, Span, TracedStep
from core.setups import setup_text

_STREAMS = 100  # thread ids of an accelerator's streams begin here


def chrome_trace(results: Sequence[RunResult]) -> dict[str, Any]:
    """All watched steps of these runs, each as a process with a thread for each actor. Times in microseconds.

    Raises InputError for spans that can't have been measured.
    """
    events: list[dict[str, Any]] = []
    numbers = itertools.count(1)
    for result in results:
        if result.trace is None:
            continue
        refuse_unsound_trace(result.trace, "trace")
        for step in result.trace.steps:
            events += _step(next(numbers), step, result)
    about = [
        {"run": r.id, "created_at": r.created_at, "origin": r.origin, "device": _device(r)} for r in results
    ]
    return {"traceEvents": events, "displayTimeUnit": "ns", "otherData": {"source": "Crossover", "runs": about}}


def _device(result: RunResult) -> str:
    return result.environment.device.name if result.environment else result.spec.setup.device


def _step(process: int, step: TracedStep, result: RunResult) -> Iterator[dict[str, Any]]:
    name = f"{step.moment} step · {_device(result)} · {setup_text(result.spec.setup)} · {result.origin}"
    yield _about(process, 0, "process_name", name)
    named = set()
    assert result.trace is not None
    source = result.trace.source.splitlines()
    for number, span in enumerate(step.spans):
        thread = _thread(span)
        if thread not in named:
            named.add(thread)
            yield _about(
                process, thread, "thread_name", span.actor + (f" {span.stream}" if thread >= _STREAMS else "")
            )
        place = {"pid": process, "tid": thread, "ts": 1e6 * span.start_s}
        yield {
            **place,
            "ph": "X",
            "name": span.label,
            "cat": span.stage or span.actor,
            "dur": 1e6 * (span.end_s - span.start_s),
            "args": _arguments(span, source),
        }
        if span.issued_s is not None:  # an arrow from where the host asked for it
            arrow = {"cat": "launch", "name": "launch", "id": f"{process}.{number}"}
            asked = {"pid": process, "tid": ACTORS.index("script"), "ts": 1e6 * span.issued_s}
            yield {**arrow, **asked, "ph": "s"}
            yield {**arrow, **place, "ph": "f", "bp": "e"}


def _thread(span: Span) -> int:
    return (
        ACTORS.index(span.actor)
        if span.stream is None
        else _STREAMS * (1 + ACTORS.index(span.actor)) + span.stream
    )


def _about(process: int, thread: int, kind: str, name: str) -> dict[str, Any]:
    return {"ph": "M", "pid": process, "tid": thread, "ts": 0, "name": kind, "args": {"name": name}}


def _arguments(span: Span, source: Sequence[str]) -> dict[str, Any]:
    code = source[span.line - 1].strip() if span.line is not None else None
    known = {
        "line": span.line,
        "code": code,
        "bytes": span.moved_bytes,
        "flop": span.flops,
        "waits": span.waits or None,
    }
    return {name: value for name, value in known.items() if value is not None}
