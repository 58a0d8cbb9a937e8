"""What the instrumented pass says about one step, and by how much instrumenting slowed it."""

from __future__ import annotations

import statistics

from core.analysis import stats, timed
from core.records import Estimate, RunResult, Stage


def stage_seconds(result: RunResult) -> dict[Stage, float]:
    """The median of each stage over the instrumented steps; empty when there was no such pass."""
    if result.anatomy is None:
        return {}
    return {item.stage: statistics.median(item.seconds) for item in result.anatomy.stages if item.seconds}


def inflation(result: RunResult) -> Estimate | None:
    """Instrumented step over clean step. None when either wasn't measured, or took no measurable time."""
    if result.anatomy is None:
        return None
    steps = [sum(parts) for parts in zip(*(item.seconds for item in result.anatomy.stages), strict=False)]
    clean = [seconds * result.spec.workload.batch_size for seconds in timed.seconds_per_sample(result)]
    return stats.ratio_of_medians(steps, clean) if steps and min(steps) > 0 else None
