"""How long jobs take on this server, by what the last ones took: what a queue's estimate is made of."""

from __future__ import annotations

import collections
import statistics

from core.records import JobSpec

_LAST = 20
_AT_FIRST = 1.2  # until a job was seen: its whole time, and as much again as building and warming up may take


class Pace:
    def __init__(self) -> None:
        self._ratios: collections.deque[float] = collections.deque(maxlen=_LAST)

    def add(self, spec: JobSpec, took_s: float) -> None:
        """A job that wasn't stopped by anybody is over."""
        self._ratios.append(took_s / asked_s(spec))

    def expected_s(self, spec: JobSpec) -> float:
        """Most jobs end before their time is up; that, and the time beside it, is in the ratio."""
        return asked_s(spec) * (statistics.median(self._ratios) if self._ratios else _AT_FIRST)


def asked_s(spec: JobSpec) -> float:
    """The timed seconds that a job may take at most."""
    return spec.max_seconds * len(spec.setups)
