"""Simulated jobs of two setups that take turns: how often the interval of their ratio holds the truth.

The time of a block is its setup's own, times a noise that belongs to the block's place in the job: whichever
setup has its turn then suffers it. Everything is seeded, so that a failure is a change of the method.
"""

from __future__ import annotations

import math
import random

import pytest

from core.analysis import stats

JOBS = 400
COVERED = 0.93
CLAIMED = 0.05  # of the jobs, at most, a difference where there is none


def _alike(spread):
    return lambda chance, blocks: [chance.gauss(0, spread) for _ in range(blocks)]


def _lasting(autocorrelation, spread=0.05):
    """First-order autoregression: a slow moment is followed by slow ones."""

    def noise(chance, blocks):
        values = [chance.gauss(0, spread)]
        fresh = spread * math.sqrt(1 - autocorrelation**2)
        while len(values) < blocks:
            values.append(autocorrelation * values[-1] + chance.gauss(0, fresh))
        return values

    return noise


def _bursts(chance, blocks):
    """One block in ten takes twice as long."""
    return [chance.gauss(0, 0.03) + (math.log(2) if chance.random() < 0.1 else 0) for _ in range(blocks)]


def _long_bursts(chance, blocks):
    """As many, but three blocks on end in the mean."""
    values, inside = [], chance.random() < 0.1
    for _ in range(blocks):
        values.append(chance.gauss(0, 0.03) + (math.log(2) if inside else 0))
        inside = chance.random() < (2 / 3 if inside else 1 / 27)
    return values


def _drift(chance, blocks):
    """A third slower at the end than at the start."""
    return [chance.gauss(0, 0.03) + 0.3 * place / blocks for place in range(blocks)]


def _heating(chance, blocks):
    """A clock that falls quickly at first."""
    return [chance.gauss(0, 0.01) - 0.3 * math.exp(-place / 8) for place in range(blocks)]


def _two_modes(chance, blocks):
    return [chance.gauss(0, 0.02) + (math.log(1.3) if chance.random() < 0.4 else 0) for _ in range(blocks)]


NOISES = {
    "alike 2 %": _alike(0.02),
    "alike 10 %": _alike(0.1),
    "lasting 0.4": _lasting(0.4),  # about the worst for pairs in turns, see stats.PAIRED_TAILS
    "lasting 0.8": _lasting(0.8),
    "bursts": _bursts,
    "long bursts": _long_bursts,
    "drift": _drift,
    "heating": _heating,
    "two modes": _two_modes,
}


def _job(noise, pairs, ratio, chance):
    """Times of the two setups, in rounds of A B B A or B A A B as it falls, like core.measure.job's."""
    values = noise(chance, 2 * pairs)
    first, second, forward = [], [], True
    for pair in range(pairs):
        forward = chance.random() < 0.5 if pair % 2 == 0 else not forward
        early, late = values[2 * pair : 2 * pair + 2]
        first.append(ratio * math.exp(early if forward else late))
        second.append(math.exp(late if forward else early))
    return first, second


def _estimates(name, pairs, ratio, jobs=JOBS):
    chance = random.Random(f"{name} {pairs} {ratio}")
    return [stats.paired_ratio(*_job(NOISES[name], pairs, ratio, chance)) for _ in range(jobs)]


def _holding(found, truth):
    return sum(item.low <= truth <= item.high for item in found)


@pytest.mark.parametrize("pairs", [15, 30])
@pytest.mark.parametrize("name", NOISES)
def test_the_interval_holds_the_truth_as_often_as_it_says(name, pairs):
    same, slower = (_estimates(name, pairs, ratio) for ratio in (1.0, 1.05))
    assert _holding(same, 1.0) >= COVERED * JOBS
    assert _holding(slower, 1.05) >= COVERED * JOBS
    middle = sorted(found.value for found in same)[JOBS // 2]
    assert abs(math.log(middle)) < 0.005  # it leans to neither side


def test_a_difference_that_is_none_is_seldom_claimed():
    """ "Faster" or "slower" for a setup against itself: over all kinds of noise together."""
    jobs = [_holding(_estimates(name, pairs, 1.0), 1.0) for name in NOISES for pairs in (15, 30)]
    assert 1 - sum(jobs) / (JOBS * len(jobs)) <= CLAIMED


@pytest.mark.parametrize("pairs", [2, 3, 5, 6, 9])
def test_few_pairs_have_wide_intervals_rather_than_wrong_ones(pairs):
    found = _estimates("alike 10 %", pairs, 1.05)
    assert _holding(found, 1.05) >= COVERED * JOBS


def test_a_slow_down_of_five_per_cent_is_seen():
    chance = random.Random(5)
    found = [stats.paired_ratio(*_job(_alike(0.03), 15, 1.05, chance)) for _ in range(JOBS)]
    assert sum(item.low > 1 for item in found) >= 0.9 * JOBS


@pytest.mark.parametrize("name", ["alike 10 %", "lasting 0.4", "bursts"])
def test_measuring_until_the_interval_is_narrow_does_not_spoil_it(name):
    """Looked at again whenever a quarter more is known, from 15 pairs on, as core.measure.stopping does."""
    chance, held = random.Random(name), 0
    for _ in range(JOBS):
        slow, fast = _job(NOISES[name], 60, 1.05, chance)
        for pairs in (15, 19, 24, 31, 39, 49, 60):
            found = stats.paired_ratio(slow[:pairs], fast[:pairs])
            if (found.high - found.low) / 2 <= 0.03 * found.value:
                break
        held += found.low <= 1.05 <= found.high
    assert held >= COVERED * JOBS
