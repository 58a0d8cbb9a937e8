"""When enough is known: every ratio's interval is as narrow as asked, and looking is rare."""

import itertools
import random

import pytest

from core.analysis import stats
from core.measure.stopping import Stopping


def known(stopping, blocks, scatter):
    """So many blocks of each of two setups, the second twice as fast, with a scatter of its own."""
    chance = random.Random(0)
    for _ in range(blocks):
        stopping.add(0, 2.0)
        stopping.add(1, chance.lognormvariate(0, scatter))
    return stopping


@pytest.mark.parametrize(
    ("scatter", "target_pct", "narrow"), [(0.0, 1.0, True), (0.05, 10.0, True), (0.3, 1.0, False)]
)
def test_half_the_interval_must_be_within_the_target(scatter, target_pct, narrow):
    assert known(Stopping(2, target_pct), 20, scatter).narrow([0, 1]) is narrow


def test_the_boundary_is_the_targets():
    stopping = known(Stopping(2, 0.0), 20, 0.3)
    ratio = stats.paired_ratio(*stopping._blocks)
    half_pct = 100 * (ratio.high - ratio.low) / 2 / ratio.value
    assert known(Stopping(2, half_pct * 1.001), 20, 0.3).narrow([0, 1])
    assert not known(Stopping(2, half_pct * 0.999), 20, 0.3).narrow([0, 1])


def test_every_ratio_must_be_known_not_only_the_first():
    stopping = known(Stopping(3, 1.0), 20, 0.0)
    chance = random.Random(1)
    for _ in range(20):
        stopping.add(2, chance.lognormvariate(0, 0.5))
    assert not stopping.narrow([0, 1, 2])


def test_a_setup_that_has_failed_is_waited_for_no_more():
    stopping = known(Stopping(3, 1.0), 20, 0.0)
    stopping.add(2, 1.0)  # and then it failed
    assert stopping.narrow([0, 1])


def test_it_is_looked_at_only_when_a_quarter_more_is_known(monkeypatch):
    looked_at = []
    ratio = stats.paired_ratio
    monkeypatch.setattr(stats, "paired_ratio", lambda a, b: looked_at.append(len(a)) or ratio(a, b))
    stopping, chance = Stopping(2, 1.0), random.Random(0)
    for i in range(100):
        stopping.add(0, 2.0)
        stopping.add(1, chance.lognormvariate(0, 0.5))
        if i >= 15:
            assert not stopping.narrow([0, 1])
    assert looked_at[0] == 16
    assert len(looked_at) < 12
    assert all(later > 1.25 * earlier for earlier, later in itertools.pairwise(looked_at))
