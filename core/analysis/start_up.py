"""Cold, steady and hot: what a run pays once, what it pays for each step, and what minutes of load do to it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from core.analysis import stats, timed
from core.errors import InputError
from core.records import ColdStart, Comparison, Estimate, RunResult

MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class StartUp:
    worker_start_s: float | None  # interpreter and torch; None: the worker was warm already
    data_s: float
    build_s: float  # device context, model, data placement
    first_step_s: float
    to_first_step_s: float  # all of these; without the worker's start where it wasn't measured
    step_s: Estimate | None  # in the steady state; None: too few blocks
    # The last minute's time per image over the first minute's; None: the run took less than two minutes
    hot: Estimate | None


@dataclass(frozen=True, slots=True)
class BreakEven:
    """When the candidate, start-up included, is done first.

    always, never: whatever the number of epochs; from: with more epochs than `epochs`; until: with fewer.
    """

    code: Literal["always", "never", "from", "until"]
    epochs: Estimate | None = None


def start_up(result: RunResult) -> StartUp | None:
    """A run's start-up; None when it didn't get that far. Raises InputError for impossible blocks."""
    cold = result.cold_start
    if cold is None:
        return None
    per_sample = stats.median_interval(timed.seconds_per_sample(result))
    batch = result.spec.workload.batch_size
    return StartUp(
        worker_start_s=cold.worker_start_s,
        data_s=cold.data_s,
        build_s=cold.build_s,
        first_step_s=cold.first_step_s,
        to_first_step_s=_paid_s(cold, with_worker=True),
        step_s=stats.scaled(per_sample, batch) if per_sample else None,
        hot=_hot(result),
    )


def with_start_up(comparison: Comparison, epochs: int) -> Estimate | None:
    """The speed-up of a whole job of `epochs` epochs, start-up included.

    (S + n e r) / (s + n e) with the baseline's start-up S, the candidate's s and time per epoch e, and the
    speed-up r. The interval holds all values for e and r within theirs, whatever ties them together: where both
    are about normal, the 95 % are kept. A start-up is measured once and its own scatter isn't in it. Python's
    and torch's start are counted on both sides or, where one wasn't measured, on neither.

    None when the speed-up is withheld or a start-up, or the size of an epoch, isn't known. Raises
    InputError("not_positive").
    """
    if epochs <= 0:
        raise InputError("not_positive", name="epochs", value=epochs)
    terms = _terms(comparison)
    if terms is None:
        return None
    return _over_box(lambda epoch_s, ratio: terms.ratio(epochs, epoch_s, ratio), terms)


def break_even_epochs(comparison: Comparison) -> BreakEven | None:
    """From, or until, how many epochs the candidate is done first, its start-up included.

    The interval is made as in `with_start_up`. None where that would be None, and where the steady state shows
    no reliable difference: the number of epochs would then be anything.
    """
    terms = _terms(comparison)
    if terms is None or comparison.verdict.code not in ("faster", "slower"):
        return None
    faster = comparison.verdict.code == "faster"
    lead_s = terms.baseline_s - terms.candidate_s  # that the candidate has at the first step
    if faster and lead_s >= 0:
        return BreakEven("always")
    if not faster and lead_s <= 0:
        return BreakEven("never")
    epochs = _over_box(lambda epoch_s, ratio: lead_s / (epoch_s * (1 - ratio)), terms)
    return BreakEven("from" if faster else "until", epochs)


@dataclass(frozen=True, slots=True)
class _Terms:
    baseline_s: float
    candidate_s: float
    epoch_s: Estimate  # the candidate's
    speedup: Estimate

    def ratio(self, epochs: float, epoch_s: float, speedup: float) -> float:
        return (self.baseline_s + epochs * epoch_s * speedup) / (self.candidate_s + epochs * epoch_s)


def _terms(comparison: Comparison) -> _Terms | None:
    colds = comparison.baseline.cold_start, comparison.candidate.cold_start
    per_sample = stats.median_interval(timed.seconds_per_sample(comparison.candidate))
    whole = timed.samples_per_epoch(comparison.candidate)
    if comparison.speedup is None or colds[0] is None or colds[1] is None or not per_sample or not whole:
        return None
    with_worker = all(cold is not None and cold.worker_start_s is not None for cold in colds)
    paid = _paid_s(colds[0], with_worker), _paid_s(colds[1], with_worker)
    return _Terms(*paid, stats.scaled(per_sample, whole), comparison.speedup)


def _over_box(function: Callable[[float, float], float], terms: _Terms) -> Estimate:
    """The value, and the extremes over both intervals: each function here is monotone in either variable."""
    epoch, ratio = terms.epoch_s, terms.speedup
    corners = [function(e, r) for e, r in itertools.product((epoch.low, epoch.high), (ratio.low, ratio.high))]
    return Estimate(function(epoch.value, ratio.value), min(corners), max(corners))


def _paid_s(cold: ColdStart, with_worker: bool) -> float:
    worker_s = (cold.worker_start_s or 0.0) if with_worker else 0.0
    return worker_s + cold.data_s + cold.build_s + cold.first_step_s


def _hot(result: RunResult) -> Estimate | None:
    if not result.blocks:
        return None
    blocks = sorted(result.blocks, key=lambda block: block.start_s)
    start_s, end_s = blocks[0].start_s, blocks[-1].start_s + blocks[-1].duration_s
    if end_s - start_s < 2 * MINUTE_S:
        return None
    first = [b.duration_s / b.samples for b in blocks if b.start_s + b.duration_s <= start_s + MINUTE_S]
    last = [b.duration_s / b.samples for b in blocks if b.start_s >= end_s - MINUTE_S]
    return stats.ratio_of_medians(last, first)
