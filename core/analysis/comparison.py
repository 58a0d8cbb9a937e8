"""Two runs of one workload: by how much is the candidate faster, or why nobody can say."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from core.analysis import stats, timed
from core.analysis.caveats import of_pair, of_run
from core.analysis.parity import parity
from core.errors import InputError
from core.records import Block, Comparison, Estimate, Parity, RunResult, Verdict, Workload

MIN_BLOCKS = 3  # with two a side, the interval is just the two values


def compare(baseline: RunResult, candidate: RunResult) -> Comparison:
    """The speed-up of the candidate: seconds per image of the baseline over those of the candidate.

    Runs of one job took turns, so neighbouring blocks are paired (stats.paired_ratio); others are resampled
    separately (stats.ratio_of_medians) and `pairs` is 0. Raises InputError("same_run") for a run against
    itself and InputError("not_comparable") for different workloads.
    """
    if baseline.id == candidate.id:
        raise InputError("same_run", run=baseline.id)
    differing = differences(baseline.spec.workload, candidate.spec.workload)
    if differing:
        raise InputError("not_comparable", fields=", ".join(differing))
    agreement = parity(baseline, candidate)
    reason = _reason_to_withhold(baseline, candidate, agreement)
    speedup, pairs = (None, 0) if reason else _speedup(baseline, candidate)
    return Comparison(
        baseline=baseline,
        candidate=candidate,
        speedup=speedup,
        pairs=pairs,
        parity=agreement,
        verdict=_verdict(speedup, reason),
        caveats=of_run(baseline) + of_run(candidate) + of_pair(baseline, candidate),
    )


def differences(a: Workload, b: Workload) -> tuple[str, ...]:
    """The fields in which two workloads differ."""
    names = (field.name for field in dataclasses.fields(Workload))
    return tuple(name for name in names if getattr(a, name) != getattr(b, name))


def pair_blocks(a: Sequence[Block], b: Sequence[Block]) -> list[tuple[int, int]]:
    """Indices of neighbours in time: each block of the shorter side with its nearest, one-to-one, in order."""
    if len(a) > len(b):
        return [(i, j) for j, i in pair_blocks(b, a)]
    pairs, first = [], 0
    for i, block in enumerate(a):
        last = len(b) - (len(a) - i)  # leaves one for each of those that follow
        j = min(range(first, last + 1), key=lambda j: abs(_middle(b[j]) - _middle(block)))
        pairs.append((i, j))
        first = j + 1
    return pairs


def _middle(block: Block) -> float:
    return block.start_s + block.duration_s / 2


def _reason_to_withhold(baseline: RunResult, candidate: RunResult, agreement: Parity) -> str | None:
    if "failed" in (baseline.status, candidate.status):
        return "run_failed"
    if agreement.code == "parted":
        return "parity_lost"
    if min(len(baseline.blocks), len(candidate.blocks)) < MIN_BLOCKS:
        return "too_few_blocks"
    return None


def _speedup(baseline: RunResult, candidate: RunResult) -> tuple[Estimate | None, int]:
    slow, fast = timed.seconds_per_sample(baseline), timed.seconds_per_sample(candidate)
    if baseline.job_id != candidate.job_id:
        return stats.ratio_of_medians(slow, fast), 0
    pairs = pair_blocks(baseline.blocks, candidate.blocks)
    return stats.paired_ratio([slow[i] for i, _ in pairs], [fast[j] for _, j in pairs]), len(pairs)


def _verdict(speedup: Estimate | None, reason: str | None) -> Verdict:
    if speedup is None:
        return Verdict("withheld", reason)
    if speedup.low > 1:
        return Verdict("faster")
    if speedup.high < 1:
        return Verdict("slower")
    return Verdict("no_difference")
