"""Climbing the ladder: three ordinary jobs one after the other, each planned from what the last one measured.

The first measures the rungs that can be planned beforehand, the second what is built on the best of them, the
third the article's loop against the best of each precision, for longer and with the device's limits, and what
a CPU's short compiled steps gain by being called with less effort.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.analysis.ladder import Ladder, Rung, base, best, first_plan, ladder, measured, second_plan, third_plan
from core.errors import CrossoverError, InputError, MeasurementError
from core.hardware import environment
from core.records import Device, JobSpec, Note, Precision, Setup, Workload
from core.runs import campaigns
from core.runs.campaigns import Campaigns, Change, Measure
from core.runs.queue.jobs import Runner

STEPS = 3
SECONDS = 40.0  # timed, for all of it; building and compiling come on top
# Of the time, for each of about a dozen setups of the first two jobs, at most: they end as soon as they know
# enough. The rest is for the job that is quoted.
_SEARCH_SHARE, _SEARCHED = 0.025, 12
_SHORTEST_S = 0.1
_ROUGH_PCT, _PRECISE_PCT = 10.0, 2.0  # the intervals that a search and the quoted job are to reach
_BF16_ISA = {"avx512_bf16", "amx_bf16", "bf16", "sve_bf16"}


@dataclass(frozen=True)
class Progress(campaigns.Progress):
    """How far a climb is. `ladder`: what is known so far."""

    step: int = 0  # 1 to `steps`; 0: not begun
    steps: int = STEPS
    ladder: Ladder | None = None


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
    first = first_plan(work, device.id, default_threads, convolutions=work.has_convolutions, machine=machine)
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
    """Climbs for a server's visitors, in the background."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._campaigns = Campaigns[Progress](runner, "optimise")

    def start(self, work: Workload, device: str, seconds: float = SECONDS, visitor: str | None = None) -> str:
        """Begin, and return an id at once. Raises InputError for what can't be measured here, or not now."""
        if not self._runner.limits.free:
            raise InputError("no_climbs_here")
        found = next((item for item in self._runner.devices or () if item.id == device), None)
        if found is None:
            available = ", ".join(item.id for item in self._runner.devices or ())
            raise InputError("unknown_device", device=device, available=available)
        self._runner.check(JobSpec(work, (Setup(device),), max(1.0, seconds)))

        def go(measure: Measure, change: Change) -> None:
            def tell(step: int, known: Ladder | None) -> None:
                change(step=step, ladder=known)

            change(ladder=climb(work, found, self._runner.default_threads, measure, seconds, tell))

        return self._campaigns.start(Progress(), go, visitor)

    def state(self, climb_id: str) -> Progress | None:
        return self._campaigns.state(climb_id)

    def cancel(self, climb_id: str) -> None:
        """Stop; the rungs that are measured stay."""
        self._campaigns.cancel(climb_id)
