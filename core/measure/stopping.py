"""When a job has measured enough: every ratio's interval is within the target. Checked between rounds."""

from __future__ import annotations

from collections.abc import Sequence

from core.analysis import stats

# An interval costs milliseconds of the machine that is being measured: looked at when a quarter more is known.
_GROWTH = 1.25


class Stopping:
    """Knows the seconds per image of each setup's blocks; the first setup is the baseline."""

    def __init__(self, setups: int, target_pct: float) -> None:
        self._blocks: list[list[float]] = [[] for _ in range(setups)]
        self._target = target_pct / 100
        self._look_again_at = 0

    def add(self, setup: int, seconds_per_sample: float) -> None:
        self._blocks[setup].append(seconds_per_sample)

    def narrow(self, setups: Sequence[int]) -> bool:
        """Whether the ratio of each of these setups to the first of them is known well enough.

        The i-th blocks of two setups are neighbours in time, because rounds are complete.
        """
        known = min(len(self._blocks[setup]) for setup in setups)
        if known < self._look_again_at:
            return False
        self._look_again_at = int(known * _GROWTH) + 1
        baseline, *others = setups
        return all(self._within_target(baseline, other, known) for other in others)

    def known(self, baseline: int, other: int) -> bool:
        """Whether this ratio is known well enough by now."""
        known = min(len(self._blocks[baseline]), len(self._blocks[other]))
        return self._within_target(baseline, other, known)

    def _within_target(self, baseline: int, other: int, known: int) -> bool:
        ratio = stats.paired_ratio(self._blocks[baseline][:known], self._blocks[other][:known])
        return ratio is not None and (ratio.high - ratio.low) / 2 <= self._target * ratio.value
