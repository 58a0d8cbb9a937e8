"""Climbing the ladder: three ordinary jobs one after the other, each planned from what the last one measured.

The first measures the rungs that can be planned beforehand, the second what is built on the best of them, the
third the article's loop against the best of each precision, for longer and with the device's limits, and what
a CPU's short compiled steps gain by being called with less effort.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from core.analysis.ladder import Ladder, Rung, base, best, first_plan, ladder, measured, second_plan, third_plan
from core.errors import CrossoverError, InputError, MeasurementError
from core.hardware import environment
from core.records import Device, JobSpec, Note, Precision, RunResult, Setup, Workload
from core.runs.jobs import Runner

STEPS = 3
SECONDS = 40.0  # timed, for all of it; building and compiling come on top
# Of the time, for each of about a dozen setups of the first two jobs, at most: they end as soon as they know
# enough. The rest is for the job that is quoted.
_SEARCH_SHARE, _SEARCHED = 0.025, 12
_SHORTEST_S = 0.1
_LOOK_EVERY_S = 0.5
_ROUGH_PCT, _PRECISE_PCT = 10.0, 2.0  # the intervals that a search and the quoted job are to reach
_BF16_ISA = {"avx512_bf16", "amx_bf16", "bf16", "sve_bf16"}

Measure = Callable[[JobSpec], Sequence[RunResult]]


@dataclass(frozen=True)
class Progress:
    """How far a climb is. `ladder`: what is known so far."""

    step: int = 0  # 1 to `steps`; 0: not begun
    steps: int = STEPS
    job_id: str | None = None  # the job that is being measured or waits
    ladder: Ladder | None = None
    failure: Note | None = None
    cancelled: bool = False
    done: bool = False


def climb(
    work: Workload,
    device: Device,
    default_threads: int,
    measure: Measure,
    seconds: float = SECONDS,
    tell: Callable[[int, Ladder | None], None] = lambda step, found: None,
) -> Ladder:
    """Measure the ladder of one device.

    `measure` runs a job and returns its results, in whatever way the caller waits for it; `tell` hears of each
    step's beginning and what is known by then.

    Raises what `measure` raises, and MeasurementError("nothing_measured") where nothing could be.
    """
    share = max(_SHORTEST_S, seconds * _SEARCH_SHARE)
    tell(1, None)
    default_threads = min(default_threads, os.cpu_count() or 1)  # OMP_NUM_THREADS may say more than there are
    machine = environment.machine()
    first = first_plan(work, device.id, default_threads, convolutions=work.model != "mlp", machine=machine)
    found = ladder(device.id, _measured(first, work, share, measure))
    top = base(found, "fp32")
    if top is None:
        reasons = [rung.reason for rung in found.rungs if rung.reason is not None and rung.name == "loader"]
        raise _as_error(reasons[0]) if reasons else MeasurementError("nothing_measured")
    tell(2, found)
    loader = next(rung for rung in first if rung.name == "loader")
    second = _measured((loader, *second_plan(work, top.setup, _precisions(device))), work, share, measure)
    found = ladder(device.id, (*found.rungs, *(rung for rung in second if rung.name != "loader")))
    tell(3, found)
    extra = third_plan(found, _precisions(device))
    chosen = {rung.setup for p in ("fp32", *_precisions(device)) if (rung := best(found, p)) is not None}
    last = tuple(
        rung for rung in found.rungs if rung.result and (rung.setup in chosen or rung.name == "loader")
    )
    last = (*last, *(rung for rung in extra if rung.reason is None))
    share = max(_SHORTEST_S, seconds * (1 - _SEARCH_SHARE * _SEARCHED) / len(last))
    spec = JobSpec(work, tuple(rung.setup for rung in last), share, _PRECISE_PCT, limits=True)
    return ladder(device.id, (*found.rungs, *extra, *measured(last, measure(spec))))


def _measured(rungs: Sequence[Rung], work: Workload, seconds: float, measure: Measure) -> tuple[Rung, ...]:
    """The article's loop comes first: what a job's other setups are compared with."""
    possible = sorted((rung for rung in rungs if rung.reason is None), key=lambda rung: rung.name != "loader")
    setups = tuple(dict.fromkeys(rung.setup for rung in possible))
    return measured(rungs, measure(JobSpec(work, setups, seconds, _ROUGH_PCT, rough=True)))


def _precisions(device: Device) -> tuple[Precision, ...]:
    """Below fp32, and not imitated."""
    if device.id == "cpu":
        return ("bf16",) if _BF16_ISA & set(environment.machine().cpu.isa) else ()
    if device.id.startswith("cuda"):
        return ("tf32", "bf16") if float(device.capability or 0) >= 8 else ()
    return ("bf16",)


def _as_error(reason: Note) -> CrossoverError:
    return MeasurementError(reason.code, **reason.facts)


class Optimiser:
    """Climbs for a server's visitors, each in a thread of its own that waits for its jobs in the queue."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._lock = threading.Lock()
        self._climbs: dict[str, Progress] = {}

    def start(self, work: Workload, device: str, seconds: float = SECONDS, visitor: str | None = None) -> str:
        """Begin, and return an id at once. Raises InputError for what can't be measured here."""
        if not self._runner.limits.free:
            raise InputError("no_climbs_here")
        found = next((item for item in self._runner.devices or () if item.id == device), None)
        if found is None:
            available = ", ".join(item.id for item in self._runner.devices or ())
            raise InputError("unknown_device", device=device, available=available)
        self._runner.check(JobSpec(work, (Setup(device),), max(1.0, seconds)))
        climb_id = secrets.token_hex(5)
        self._climbs[climb_id] = Progress()
        arguments = (climb_id, work, found, seconds, visitor)
        threading.Thread(target=self._climb, args=arguments, name="optimise", daemon=True).start()
        return climb_id

    def state(self, climb_id: str) -> Progress | None:
        with self._lock:
            return self._climbs.get(climb_id)

    def cancel(self, climb_id: str) -> None:
        """Stop; the rungs that are measured stay."""
        job_id = None
        with self._lock:
            progress = self._climbs.get(climb_id)
            if progress is not None and not progress.done:
                self._climbs[climb_id] = replace(progress, cancelled=True)
                job_id = progress.job_id
        if job_id is not None:
            self._runner.cancel(job_id)

    def _climb(
        self, climb_id: str, work: Workload, device: Device, seconds: float, visitor: str | None
    ) -> None:
        def tell(step: int, found: Ladder | None) -> None:
            self._change(climb_id, step=step, ladder=found)

        def measure(spec: JobSpec) -> Sequence[RunResult]:
            return self._wait_for(climb_id, spec, visitor)

        try:
            threads = self._runner.default_threads
            found = climb(work, device, threads, measure, seconds, tell)
            self._change(climb_id, ladder=found, done=True, job_id=None)
        except _CancelledError:
            self._change(climb_id, done=True, job_id=None)
        except CrossoverError as problem:
            self._change(climb_id, failure=problem.note, done=True, job_id=None)

    def _wait_for(self, climb_id: str, spec: JobSpec, visitor: str | None) -> Sequence[RunResult]:
        job_id = self._runner.submit(spec, visitor)
        self._change(climb_id, job_id=job_id)
        if self._climbs[climb_id].cancelled:  # between two jobs
            self._runner.cancel(job_id)
        while True:
            job = self._runner.wait(job_id, _LOOK_EVERY_S)
            if job is None or job.state == "cancelled":
                raise _CancelledError
            if job.done:
                break
        if job.failure is not None and not any(result.blocks for result in job.results):
            raise _as_error(job.failure)
        return job.results

    def _change(self, climb_id: str, **changes: object) -> None:
        with self._lock:
            self._climbs[climb_id] = replace(self._climbs[climb_id], **changes)  # type: ignore[arg-type]


class _CancelledError(Exception):
    """A visitor has had enough."""
