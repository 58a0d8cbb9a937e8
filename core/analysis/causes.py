"""Why a watched step takes as long as it does: findings as codes with this run's own numbers.

An accelerator's shares are of the clean step, by the timed blocks: its own times don't stretch when the host
is watched. On the CPU everything stretches, and shares are of the watched step. What holds a step up as a
whole is `core.analysis.bottleneck`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from core.analysis import limits, stats, timed
from core.analysis.trace_soundness import refuse_unsound_trace
from core.records import Estimate, Fact, Moment, Note, RunResult, Span, TracedStep

IDLE_PCT = 50.0  # a device that works less than that share of a step waits for something
TRANSFER_PCT = 20.0  # copies that take more of a step than this are worth a word
AHEAD_S = 20e-6  # less is the launch itself
COLD_TIMES = 2.0  # a first step that is longer than that many others is worth a word


def inflation(result: RunResult) -> Estimate | None:
    """Watched step over clean step. None when either wasn't measured."""
    if result.trace is None or not result.trace.watched_s:
        return None
    clean = [seconds * result.spec.workload.batch_size for seconds in timed.seconds_per_sample(result)]
    return stats.ratio_of_medians(result.trace.watched_s, clean) if clean else None


def causes(result: RunResult) -> tuple[Note, ...]:
    """What the watched steps tell, () without any. Raises InputError for unsound ones."""
    if result.trace is None:
        return ()
    refuse_unsound_trace(result.trace, "trace")
    warm, step_s = step_of(result, "warm"), limits.step_s(result)
    if warm is None or not step_s:
        return ()
    step_s *= result.spec.setup.steps_per_call
    on_cpu = result.spec.setup.device == "cpu"
    found = _on_cpu(warm) if on_cpu else _on_device(warm, step_s)
    return (*found, *_cold(result, step_s))


def step_of(result: RunResult, moment: Moment) -> TracedStep | None:
    steps = result.trace.steps if result.trace else ()
    return next((step for step in steps if step.moment == moment and step.spans), None)


def device_busy_s(step: TracedStep) -> float:
    """Seconds in which the device did something for this step, whatever ran side by side."""
    return _covered(span for span in step.spans if span.actor == "device" and span.line is not None)


def copied_s(step: TracedStep) -> float:
    """Seconds in which something of this step was on the bus."""
    return _covered(span for span in step.spans if span.actor == "bus" and span.line is not None)


def _on_device(step: TracedStep, step_s: float) -> Iterator[Note]:
    own = [span for span in step.spans if span.line is not None and span.stream is not None]
    if not own:  # the profiler doesn't see what this kind of device does
        yield Note("device_not_watched")
        return
    yield _pace(step, step_s, sum(span.actor == "device" for span in own))
    if 100 * copied_s(step) / step_s >= TRANSFER_PCT:
        yield Note("transfer_bound", {"pct": _pct(100 * copied_s(step) / step_s), **_copies(own)})
    ahead_s = max((span.start_s - span.issued_s for span in own if span.issued_s is not None), default=0.0)
    if ahead_s >= AHEAD_S:
        yield Note("script_ahead", {"ahead_s": ahead_s})
    waited_s = sum(_length(span) for span in step.spans if span.waits)
    if waited_s >= AHEAD_S:
        yield Note("script_waits", {"waited_s": waited_s})


def _pace(step: TracedStep, step_s: float, count: int) -> Note:
    """Whether the device sets the pace; else what it waits for, by what takes most of the host's step."""
    busy_pct = min(100.0, 100 * device_busy_s(step) / step_s)
    if busy_pct >= IDLE_PCT:
        return Note("device_busy", {"pct": _pct(busy_pct), "count": count})
    loading_s = sum(_length(span) for span in step.spans if span.actor == "memory")
    idle_s = step_s * (1 - busy_pct / 100)
    if loading_s >= idle_s / 2:
        return Note("device_waits_for_loading", {"pct": _pct(busy_pct), "loading_s": loading_s})
    if copied_s(step) >= idle_s / 2:
        return Note("device_waits_for_copies", {"pct": _pct(busy_pct)})
    return Note("device_waits_for_python", {"pct": _pct(busy_pct), "count": count})


def _copies(own: Sequence[Span]) -> dict[str, Fact]:
    moving = [span for span in own if span.actor == "bus"]
    moved, seconds = sum(span.moved_bytes or 0 for span in moving), sum(_length(span) for span in moving)
    return {"moved_bytes": moved, "copied_s": seconds, "gb_per_s": moved / seconds / 1e9}


def _on_cpu(step: TracedStep) -> Iterator[Note]:
    operators = [span for span in step.spans if span.actor == "device"]
    if any(span.label == "compiled_step" for span in operators):
        return
    gathered_s = sum(_length(span) for span in step.spans if span.actor == "memory")
    computing_s = device_busy_s(step)
    rest_s = max(0.0, step.duration_s - computing_s - gathered_s)
    facts: dict[str, Fact] = {"count": len(operators), "pct": _pct(100 * computing_s / step.duration_s)}
    yield Note("cpu_operations", {**facts, "rest_pct": _pct(100 * rest_s / step.duration_s)})
    moves = [span for span in step.spans if span.actor == "script" and span.label == "to_device"]
    if moves and gathered_s:
        yield Note("to_device_on_cpu", {"took_s": sum(map(_length, moves))})


def _cold(result: RunResult, step_s: float) -> Iterator[Note]:
    cold = step_of(result, "cold")
    if cold is None or cold.duration_s < COLD_TIMES * step_s:
        return
    longest = max((span for span in cold.spans if span.actor == "script"), key=_length)
    facts: dict[str, Fact] = {"cold_s": cold.duration_s, "times": cold.duration_s / step_s}
    yield Note("cold_step", {**facts, "line_s": _length(longest), "line": longest.line})


def _length(span: Span) -> float:
    return span.end_s - span.start_s


def _covered(spans: Iterable[Span]) -> float:
    """Seconds in which at least one of them was going on."""
    covered, until = 0.0, float("-inf")
    for span in sorted(spans, key=lambda span: span.start_s):
        covered += max(0.0, span.end_s - max(span.start_s, until))
        until = max(until, span.end_s)
    return covered


def _pct(value: float) -> int | float:
    return round(value) if value >= 1 else float(f"{value:.1g}")


def line_seconds(result: RunResult, moment: Moment) -> dict[int, float]:
    """How long the script was at each line of the source; {} where it wasn't watched."""
    step = step_of(result, moment)
    lines: dict[int, float] = {}
    for span in step.spans if step else ():
        if span.actor == "script" and not span.waits and span.line is not None:
            lines[span.line] = lines.get(span.line, 0.0) + span.end_s - span.start_s
    return lines
