"""How much the running job computes on each device, beside what utilisation says."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st

from core import units
from core.analysis import limits as measured
from core.errors import StoreError
from core.i18n import Translate
from core.records import Device, Estimate, Limits, RunResult, Workload
from core.runs.queue.job import Job
from pages._shared import resources

CPU = "cpu"  # beside the GPUs' UUIDs
_ROWS_LOOKED_AT, _JOBS = 50, 3
_NEWEST_BLOCKS = 10  # between two drawings; an interval of all would cost the run more and more


@dataclass(frozen=True)
class Arithmetic:
    """Of the newest timed block."""

    samples_per_s: float
    flops: float | None  # per second; None: not counted yet
    peak_share: Estimate | None  # of the device's measured peak, over the newest blocks


def by_device(jobs: Sequence[Job]) -> dict[str, Arithmetic | None]:
    """For each device (CPU, or the GPU's UUID) that these jobs use; None before its first timed block."""
    found: dict[str, Arithmetic | None] = {}
    for job in jobs:
        with resources.runner().watching(job.id):
            around = job.surroundings
            results = job.assembly.results({}, {}, None, None, "cancelled", None)
        # of several setups on one device the one that was timed last
        for result in sorted(results, key=_last_timed):
            name = result.spec.setup.device
            uuid = CPU if name == CPU else around.gpu_uuid(name) if around else None
            device = around.device(name) if around else None
            if uuid is not None and (result.blocks or uuid not in found):
                found[uuid] = _of(result, results, device) if result.blocks else None
    return found


def _last_timed(result: RunResult) -> float:
    return result.blocks[-1].start_s if result.blocks else 0.0


def _of(result: RunResult, mates: Sequence[RunResult], device: Device | None) -> Arithmetic:
    block = result.blocks[-1]
    rate = block.samples / block.duration_s
    earlier = _earlier(result.spec.workload, result.job_id)
    counts = (run.limits.flops_per_sample for run in (*mates, *earlier) if run.limits)
    each = next((count for count in counts if count), None)
    if each is None:
        return Arithmetic(rate, None, None)
    on_it = (
        run for run in earlier if device and run.environment and run.environment.device.name == device.name
    )
    known = next((run.limits for run in (result, *on_it) if run.limits), None)
    if known is None:
        return Arithmetic(rate, rate * each, None)
    newest = replace(result, blocks=result.blocks[-_NEWEST_BLOCKS:], limits=Limits(each, known.rates))
    return Arithmetic(rate, rate * each, measured.mfu(newest))


@st.cache_resource(show_spinner=False, max_entries=16)
def _earlier(workload: Workload, job_id: str) -> tuple[RunResult, ...]:
    """The newest earlier jobs of the same workload: a step has the same arithmetic, a device the same peak."""
    store = resources.storage().store
    if store is None:
        return ()
    with contextlib.suppress(StoreError):  # without it the arithmetic is known a little later
        rows = store.history(workload, _ROWS_LOOKED_AT)
        jobs = dict.fromkeys(row.job_id for row in rows if row.job_id != job_id and row.origin == "measured")
        return tuple(run for other in list(jobs)[:_JOBS] for run in resources.results_of(other))
    return ()


def words(found: Arithmetic | None, translate: Translate) -> str:
    _ = translate
    if found is None:
        return _("arithmetic: not timed yet")
    if found.flops is None:
        return _("{rate}; its arithmetic is counted when the run ends").format(
            rate=units.rate(found.samples_per_s, _)
        )
    rate = units.flop_rate(found.flops)
    if found.peak_share is None:
        return _("{rate} computed").format(rate=rate)
    low, high = (units.percent(100 * value) for value in (found.peak_share.low, found.peak_share.high))
    return _("{rate} computed; {low} to {high} of the measured peak").format(rate=rate, low=low, high=high)
