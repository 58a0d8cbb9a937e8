"""One run in a few numbers, each recomputed from its raw blocks."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from core.analysis import stats, timed
from core.analysis.energy import Energy, energy
from core.records import ColdStart, Estimate, RunResult


@dataclass(frozen=True, slots=True)
class Summary:
    samples_per_s: Estimate | None
    step_s: Estimate | None
    epoch_s: Estimate | None  # one epoch at the median rate
    epoch_measured_s: float | None  # median of the epochs that were timed whole; see timed.measured_epochs
    timed_fraction: float | None  # images in timed blocks, in epochs
    projected: bool  # no epoch was timed whole: epoch_s is an extrapolation, to be labelled so
    final_loss: float | None
    test_accuracy: float | None  # 0 to 1
    first_step_s: float | None
    cold_start_s: float | None  # data, building and first step; Python's and torch's own start left out
    time_to_finish_s: Estimate | None  # cold start and all epochs of the workload, without evaluation
    energy: Energy | None

    @property
    def epoch_shown_s(self) -> float | None:
        """As it was timed where it was, else projected."""
        return self.epoch_measured_s or (self.epoch_s.value if self.epoch_s else None)


def summarise(result: RunResult) -> Summary:
    """The run's summary; whatever wasn't measured is None.

    Rates come from the median of the blocks' seconds per image, extra blocks included; losses and accuracy
    from the workload's own epochs only. Raises InputError for blocks without samples or duration.
    """
    per_sample = stats.median_interval(timed.seconds_per_sample(result))
    whole = timed.samples_per_epoch(result)
    epoch_s = stats.scaled(per_sample, whole) if per_sample and whole else None
    measured = [epoch.seconds for epoch in timed.measured_epochs(result)]
    proper = [record for record in result.epochs if record.epoch <= result.spec.workload.epochs]
    losses = [record.train_loss for record in proper if record.train_loss is not None]
    cold = result.cold_start
    return Summary(
        samples_per_s=stats.inverse(per_sample) if per_sample else None,
        step_s=stats.scaled(per_sample, result.spec.workload.batch_size) if per_sample else None,
        epoch_s=epoch_s,
        epoch_measured_s=statistics.median(measured) if measured else None,
        timed_fraction=timed.timed_fraction(result),
        projected=epoch_s is not None and not measured,
        final_loss=losses[-1] if losses else None,
        test_accuracy=final_accuracy(result),
        first_step_s=cold.first_step_s if cold else None,
        cold_start_s=_paid_once(cold) if cold else None,
        time_to_finish_s=_finish(cold, epoch_s, result.spec.workload.epochs) if cold and epoch_s else None,
        energy=energy(result),
    )


def final_accuracy(result: RunResult) -> float | None:
    """On the test images after the last of the workload's epochs that was tested, 0 to 1."""
    proper = [record for record in result.epochs if record.epoch <= result.spec.workload.epochs]
    accuracies = [record.test_accuracy for record in proper if record.test_accuracy is not None]
    return accuracies[-1] if accuracies else None


def _paid_once(cold: ColdStart) -> float:
    # The worker starts once for all setups of a job and may be warm: charged to one setup it would be unfair.
    return cold.data_s + cold.build_s + cold.first_step_s


def _finish(cold: ColdStart, epoch_s: Estimate, epochs: int) -> Estimate:
    paid, work = _paid_once(cold), stats.scaled(epoch_s, epochs)
    return Estimate(paid + work.value, paid + work.low, paid + work.high)
