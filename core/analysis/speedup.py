"""The speed-up of one run over another from their blocks, and how blocks are paired. It judges nothing."""

from __future__ import annotations

from collections.abc import Sequence

from core.analysis import stats, timed
from core.records import Block, Estimate, RunResult

MIN_BLOCKS = 3  # for a verdict: two a side give an interval that says next to nothing


def speedup(baseline: RunResult, candidate: RunResult) -> tuple[Estimate | None, int]:
    """Seconds per image of the baseline over those of the candidate, and the pairs it rests on.

    Runs of one job took turns, so neighbouring blocks are paired (stats.paired_ratio); others are resampled
    separately (stats.ratio_of_medians) and the pairs are 0. None for fewer than two blocks on either side.
    """
    slow, fast = timed.seconds_per_sample(baseline), timed.seconds_per_sample(candidate)
    if baseline.job_id != candidate.job_id:
        return stats.ratio_of_medians(slow, fast), 0
    pairs = pair_blocks(baseline.blocks, candidate.blocks)
    if len(pairs) < 2:
        return None, 0
    return stats.paired_ratio([slow[i] for i, _ in pairs], [fast[j] for _, j in pairs]), len(pairs)


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
