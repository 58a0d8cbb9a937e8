"""The crossing's 95 % interval holds the true crossing at least 93 times in 100, of constructed sweeps."""

import random
import statistics

import pytest

from core.analysis import stats
from core.analysis.crossover.crossing import crossing
from core.analysis.crossover.sweep import lines
from core.records import Setup
from tests.sweeps import make_sweep_result

GPU = Setup(device="cuda:0")
ONE, TWO = Setup(threads=1), Setup(threads=2)

# overhead and seconds per image of both; batch sizes; what the interval may be at most, as a share
SCENARIOS = {
    "a GPU": ((2e-4, 4e-6), (1e-3, 1e-7), Setup(), GPU, (16, 64, 128, 256, 512, 1024, 4096), 0.05),
    "two threads": ((1e-4, 2e-6), (4e-4, 1.2e-6), ONE, TWO, (16, 64, 256, 512, 1024, 2048, 8192), 0.10),
    "slopes near each other": ((1e-4, 2e-6), (4e-4, 1.7e-6), ONE, TWO, (64, 128, 512, 1024, 2048), 0.35),
    "few batch sizes": ((2e-4, 4e-6), (1e-3, 1e-7), Setup(), GPU, (32, 256, 2048), 0.10),
    "a GPU bound by launches": (
        (2e-4, 4e-6),
        (1e-3, None),
        Setup(),
        GPU,
        (16, 64, 128, 256, 512, 1024, 4096),
        0.08,
    ),
}


@pytest.fixture(autouse=True)
def _quick_cells(monkeypatch):
    """The interval of a single cell isn't asked for here, and takes longer than the crossing's."""
    monkeypatch.setattr(stats, "RESAMPLES", 40)


def _seconds(overhead, per_sample):
    if per_sample is None:  # flat, then linear
        return lambda b: max(overhead, 8e-7 * b + 2e-4)
    return lambda b: overhead + per_sample * b


def _crossing(name, chance, between):
    slow, fast, setup, other, batches, _ = SCENARIOS[name]
    noise, blocks = chance.uniform(0.02, 0.03), chance.randint(6, 14)
    runs = []
    for seconds, way in ((_seconds(*slow), setup), (_seconds(*fast), other)):
        for b in batches:
            off = 1 + chance.gauss(0, between)
            runs.append(make_sweep_result(b, seconds(b) * off, way, noise=noise, blocks=blocks, chance=chance))
    baseline, candidate = lines(runs)
    return crossing(baseline, candidate)


def _truth(name):
    (a, c), (other_a, other_c), *_ = SCENARIOS[name]
    return (other_a - a) / (c - (other_c or 0))


def test_the_interval_holds_the_true_crossing_93_times_in_100():
    """Whether only the blocks scatter, or the batch sizes too, which were measured one after the other."""
    hits = []
    for name in SCENARIOS:
        chance, truth = random.Random(name), _truth(name)
        found = [_crossing(name, chance, between).batch_size for between in (0.0, 0.01) * 10]
        hits += [estimate is not None and estimate.low <= truth <= estimate.high for estimate in found]
    assert len(hits) == 100
    assert sum(hits) >= 93


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_interval_is_no_wider_than_it_must_be(name):
    chance = random.Random(name)
    found = [_crossing(name, chance, 0.0).batch_size for _ in range(4)]
    widths = [(one.high - one.low) / 2 / one.value for one in found]
    assert 0 < statistics.median(widths) < SCENARIOS[name][-1]


def _in_turns(chance, shared, extra):
    """Two threads that cross at 150; what both share in a job is off by `shared`."""
    noise, blocks, runs = chance.uniform(0.02, 0.03), chance.randint(6, 14), []
    for b in (16, 32, 64, 128, 256, 512, 1024, 2048, *extra):
        off = 1 + chance.gauss(0, shared)
        for setup, seconds in ((ONE, 3.8e-4 + 1e-6 * b), (TWO, 4.4e-4 + 0.6e-6 * b)):
            runs.append(make_sweep_result(b, seconds * off, setup, noise=noise, blocks=blocks, chance=chance))
    return crossing(*lines(runs))


def test_what_both_share_in_a_job_neither_hides_nor_widens_the_crossing():
    """The ratios of blocks that took turns leave it out; two lines that are fitted apart don't."""
    chance = random.Random(7)
    found = [_in_turns(chance, 0.03, (70, 85, 100, 150, 180, 225)).batch_size for _ in range(40)]
    assert sum(one.low <= 150 <= one.high for one in found) >= 37
    assert statistics.median((one.high - one.low) / 2 / one.value for one in found) < 0.10
