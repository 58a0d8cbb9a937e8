"""Whether two runs did the same work, judged by their first losses."""

from __future__ import annotations

import math

from core.records import Parity, Precision, RunResult

MOST_STEPS = 100  # later on, differences that are harmless in themselves have grown chaotically
_SMALLEST_LOSS = 1e-6  # below it a relative difference says nothing

# Largest relative difference of a loss that the arithmetic alone explains; the looser side of a pair counts.
TOLERANCE: dict[Precision, float] = {
    "fp32": 1e-3,  # 24 bits of mantissa, summed in another order, grown over the first steps
    "tf32": 1e-2,  # 11 bits in the factors of each product, sums in fp32
    "bf16": 5e-2,  # 8 bits: a single value is already 0.4 % off
}


def parity(a: RunResult, b: RunResult) -> Parity:
    """The largest relative difference |a-b| / max(|a|, |b|) of the first losses, against a tolerance.

    `not_checked` when either run has no losses. A loss that isn't finite parts the runs, `worst` is then None.
    """
    pairs = list(zip(a.first_losses, b.first_losses, strict=False))[:MOST_STEPS]
    tolerance = max(TOLERANCE[run.spec.setup.precision] for run in (a, b))
    if _diverged(a) or _diverged(b):
        return Parity("parted", len(pairs), None, tolerance)
    if not pairs:
        return Parity("not_checked", 0, None, None)
    worst = max(abs(x - y) / max(abs(x), abs(y), _SMALLEST_LOSS) for x, y in pairs)
    return Parity("parted" if worst > tolerance else "same", len(pairs), worst, tolerance)


def _diverged(run: RunResult) -> bool:
    """The worker reports a training block's mean loss as None once it isn't finite: JSON can't say NaN."""
    lost = run.spec.workload.task == "train" and any(block.loss is None for block in run.blocks)
    return lost or not all(map(math.isfinite, run.first_losses[:MOST_STEPS]))
