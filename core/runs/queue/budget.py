"""How much of a public server's time strangers get in an hour, each and all together.

Its memory is bounded by what was admitted: whoever is refused leaves no trace, under however many names.
"""

from __future__ import annotations

import collections
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.errors import InputError

_HOUR_S = 3600.0


@dataclass(frozen=True)
class Allowance:
    """Of any hour. A network is where a visitor comes from: a browser can be a new one at will."""

    jobs: int  # from one network
    seconds: float  # likewise, of measuring
    jobs_of_all: int
    seconds_of_all: float
    open_jobs: int  # from one network, waiting or running at once


@dataclass
class Charge:
    """One admitted job: at first what it may take, then what it took."""

    at_s: float
    network: str | None
    seconds: float


class Budget:
    """Guarded by the runner's lock."""

    def __init__(self, allowance: Allowance, clock: Callable[[], float] = time.monotonic) -> None:
        self._allowance, self._clock = allowance, clock
        self._charges: collections.deque[Charge] = collections.deque()

    def __len__(self) -> int:
        return len(self._charges)

    def check(self, network: str | None, seconds: Sequence[float]) -> None:
        """Raise InputError where these jobs, by the seconds that each may take, are too much for this hour."""
        limits, mine = self._allowance, [charge for charge in self._kept() if charge.network == network]
        wait_s = self._wait_s(mine, seconds, limits.jobs, limits.seconds)
        if wait_s is not None:
            facts = {"jobs": limits.jobs, "seconds": limits.seconds}
            raise InputError("visitor_hour_spent", **facts, minutes=minutes(wait_s))
        wait_s = self._wait_s(self._kept(), seconds, limits.jobs_of_all, limits.seconds_of_all)
        if wait_s is not None:
            raise InputError("hour_spent", minutes=minutes(wait_s))

    def charge(self, network: str | None, seconds: float) -> Charge:
        """Write a job down. What it really took is set in the charge when it is known."""
        found = Charge(self._clock(), network, seconds)
        self._charges.append(found)
        return found

    def _kept(self) -> Sequence[Charge]:
        """This hour's charges, the oldest first."""
        while self._charges and self._charges[0].at_s <= self._clock() - _HOUR_S:
            self._charges.popleft()
        return self._charges

    def _wait_s(
        self, charges: Sequence[Charge], seconds: Sequence[float], jobs: int, most_s: float
    ) -> float | None:
        """How long until enough of the charges are an hour old; None: there is room now."""
        count, total_s = len(charges) + len(seconds), sum(charge.seconds for charge in charges) + sum(seconds)
        if count <= jobs and total_s <= most_s:
            return None
        for charge in charges:
            count, total_s = count - 1, total_s - charge.seconds
            if count <= jobs and total_s <= most_s:
                return charge.at_s + _HOUR_S - self._clock()
        return _HOUR_S


def minutes(seconds: float) -> int:
    """As a visitor is told: whole, and never 0."""
    return max(1, math.ceil(seconds / 60))
