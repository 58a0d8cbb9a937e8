"""What counters say between two readings, and when they can't be believed. Pure."""

from __future__ import annotations

from core.hardware.nvml import MOVED_WRAPS_AT

# A lane's bytes per second by the link's generation, in one direction, and what no link exceeds
_LANE_BYTES_PER_S = {1: 0.25e9, 2: 0.5e9, 3: 0.985e9, 4: 1.969e9, 5: 3.938e9, 6: 7.563e9}
_FASTEST_LINK_BYTES_PER_S = 16 * 7.563e9
_TOLERANCE = 1.2  # of the two readings' times
_MOST_W = 2000.0  # of a GPU, or of all packages of a CPU, where no limit is known
_STEP_J = 2000.0  # a counter may move in steps


class EnergyTotal:
    """Joules since the first reading of a counter that may jump or begin anew: such a stretch is left out."""

    def __init__(self) -> None:
        self.joules: float | None = None
        self.counted_s = 0.0  # the time that they took, without what is left out
        self._last: tuple[float, float] | None = None

    def add(self, counter_j: float | None, at_s: float, limit_w: float | None) -> bool:
        """One more reading; whether the counter was believed. One that is missing changes nothing."""
        if counter_j is None:
            return True
        last, self._last = self._last, (counter_j, at_s)
        self.joules = self.joules or 0.0
        if last is None:
            return True
        last_j, last_s = last
        most_j = 2 * (limit_w or _MOST_W) * (at_s - last_s) + _STEP_J
        if not 0 <= counter_j - last_j <= most_j:
            return False
        self.joules += counter_j - last_j
        self.counted_s += at_s - last_s
        return True

    def leave_out(self) -> None:
        """What the counter says next can't be compared with what it said last."""
        self._last = None


def bytes_per_s(before: int, after: int, window_s: float, link: str | None) -> float | None:
    """The rate of a byte counter that wraps; None where it jumped, or may have gone round unseen."""
    fastest = _TOLERANCE * link_bytes_per_s(link)
    if window_s <= 0 or fastest * window_s >= MOVED_WRAPS_AT:
        return None
    rate = (after - before) % MOVED_WRAPS_AT / window_s
    return rate if rate <= fastest else None


def link_bytes_per_s(link: str | None) -> float:
    """What a PCIe link as "gen4 x16" can carry in one direction; the fastest there is where it isn't known."""
    generation, _, lanes = (link or "").removeprefix("gen").partition(" x")
    if not (generation.isdigit() and lanes.isdigit()):
        return _FASTEST_LINK_BYTES_PER_S
    return _LANE_BYTES_PER_S.get(int(generation), 2 * _LANE_BYTES_PER_S[6]) * int(lanes)
