"""Whether two runs did the same work, judged by their data, their first losses and their final accuracy."""

from __future__ import annotations

import math
import statistics

from core.analysis.comparability import differences
from core.records import EpochRecord, Parity, ParityCause, Precision, RunResult

MOST_STEPS = 100  # later on, differences that are harmless in themselves have grown chaotically
_SMALLEST_LOSS = 1e-6  # below it a relative difference says nothing

# Largest relative difference of a loss that the arithmetic alone explains; the looser side of a pair counts.
TOLERANCE: dict[Precision, float] = {
    "fp32": 1e-3,  # 24 bits of mantissa, summed in another order, grown over the first steps
    "tf32": 1e-2,  # 11 bits in the factors of each product, sums in fp32
    "bf16": 5e-2,  # 8 bits: a single value is already 0.4 % off
}
# How often chance alone would part the accuracies of two equally good models.
ACCURACY_LEVEL = 0.01
REASONS: dict[ParityCause, str] = {
    "precision": "parity_lost_precision",
    "batch_norm": "parity_lost_batch_norm",
    "non_determinism": "parity_lost_non_determinism",
    "divergence": "parity_lost_divergence",
    "different_data": "parity_lost_different_data",
    "accuracy": "parity_lost_accuracy",
}


def parity(a: RunResult, b: RunResult) -> Parity:
    """The first losses' largest relative difference |a-b| / max(|a|, |b|) against the precision's tolerance,
    and the final accuracies' difference against what chance and that tolerance allow together.

    Runs on different data part whatever their losses say. A loss that isn't finite parts them too, `worst` is
    then None. `not_checked` when either run has no losses and nothing else parts them.
    """
    pairs = list(zip(a.first_losses, b.first_losses, strict=False))[:MOST_STEPS]
    tolerance = max(TOLERANCE[run.spec.setup.precision] for run in (a, b))
    finite = all(math.isfinite(loss) for pair in pairs for loss in pair)
    worst = max(map(_difference, pairs)) if pairs and finite and not (_diverged(a) or _diverged(b)) else None
    gap, allowed = _accuracies(a, b, tolerance)
    cause = _cause(a, b, worst is not None and worst > tolerance, gap is not None and gap > (allowed or 0.0))
    if cause is not None:
        return Parity("parted", len(pairs), worst, tolerance, cause, gap, allowed)
    if not pairs:
        return Parity("not_checked", 0, None, None, None, gap, allowed)
    return Parity("same", len(pairs), worst, tolerance, None, gap, allowed)


def _difference(losses: tuple[float, float]) -> float:
    x, y = losses
    return abs(x - y) / max(abs(x), abs(y), _SMALLEST_LOSS)


def _cause(a: RunResult, b: RunResult, losses_part: bool, accuracies_part: bool) -> ParityCause | None:
    """The first that applies: what is certain before what is likely."""
    if any(item.code == "other_data" for item in differences(a, b)):
        return "different_data"
    if _diverged(a) or _diverged(b):
        return "divergence"
    if losses_part and a.spec.setup.precision != b.spec.setup.precision:
        return "precision"
    if (losses_part or accuracies_part) and _normalise_apart(a, b):
        return "batch_norm"
    if losses_part:
        return "non_determinism"
    return "accuracy" if accuracies_part else None


def _normalise_apart(a: RunResult, b: RunResult) -> bool:
    """Whether batch normalisation saw other parts of a batch: each worker normalises what it has."""
    noted = any(note.code == "batch_norm_per_worker" for run in (a, b) for note in run.notes)
    return noted and a.spec.setup.workers != b.spec.setup.workers


def _diverged(run: RunResult) -> bool:
    """The worker reports a training block's mean loss as None once it isn't finite: JSON can't say NaN."""
    lost = run.spec.workload.task == "train" and any(block.loss is None for block in run.blocks)
    return lost or not all(map(math.isfinite, run.first_losses[:MOST_STEPS]))


def _accuracies(a: RunResult, b: RunResult, tolerance: float) -> tuple[float | None, float | None]:
    """How far the final accuracies are apart and how far they may be; (None, None) where that says nothing.

    Both must have seen as many images. Chance is that of the two-proportion z test with pooled variance at
    ACCURACY_LEVEL (J. L. Fleiss, B. Levin, M. C. Paik, Statistical Methods for Rates and Proportions, 3rd ed.
    2003, 3.2), which is generous here: both are tested on the same images.
    """
    one, other = _tested(a), _tested(b)
    if one is None or other is None or _images(a) != _images(b):
        return None, None
    (p, n), (q, m) = one, other
    pooled = (p * n + q * m) / (n + m)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    allowed = statistics.NormalDist().inv_cdf(1 - ACCURACY_LEVEL / 2) * error + tolerance
    return abs(p - q), allowed


def _tested(run: RunResult) -> tuple[float, int] | None:
    """Accuracy after the last epoch, and the images it rests on."""
    last = max(_proper(run), key=lambda record: record.epoch, default=None)
    if last is None or last.test_accuracy is None or last.test_samples == 0:
        return None
    return last.test_accuracy, last.test_samples


def _images(run: RunResult) -> int:
    return sum(record.samples for record in _proper(run))


def _proper(run: RunResult) -> list[EpochRecord]:
    return [record for record in run.epochs if record.epoch <= run.spec.workload.epochs]
