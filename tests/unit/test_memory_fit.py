"""Peak memory by batch size: the line, and where it stops fitting."""

import random

from core.analysis.crossover.memory_fit import memory_fit
from core.analysis.crossover.sweep import lines
from core.records import Memory, Note, Setup
from tests.sweeps import make_sweep_result

MIB = 2**20
GPU = Setup(device="cuda:0")
BATCHES = (64, 128, 256, 512, 1024)


def _line(peak, setup=GPU, full=(), batches=BATCHES):
    def memory(size):
        return Memory(peak(size), None) if setup.device == "cpu" else Memory(1, peak(size))

    runs = [make_sweep_result(b, 1e-3 + 1e-6 * b, setup, memory=memory(b)) for b in batches]
    failed = {"blocks": 0, "status": "failed", "failure": Note("out_of_memory"), "memory": None}
    runs += [make_sweep_result(b, 1.0, setup, **failed) for b in full]
    (line,) = lines(runs)
    return memory_fit(line)


def test_the_line_and_the_first_batch_that_does_not_fit():
    found = _line(lambda b: 100 * MIB + b * MIB)
    assert (round(found.fixed_bytes), round(found.per_sample_bytes)) == (100 * MIB, MIB)
    assert found.capacity_bytes == 16 * 1024 * MIB
    assert found.largest_measured == 1024
    assert found.stops_at in (16 * 1024 - 100, 16 * 1024 - 99)
    assert not found.stops_measured
    assert found.doubts == ()


def test_where_memory_ran_out_bounds_it():
    found = _line(lambda b: 100 * MIB + b * MIB, full=(4096, 2048))
    assert (found.stops_at, found.stops_measured) == (2048, True)


def test_it_never_stops_within_what_was_measured():
    found = _line(lambda b: 100 * MIB + 20 * b * MIB)  # more than the device has, and yet it ran
    assert found.stops_at == 1025


def test_on_the_cpu_it_is_the_whole_worker_and_the_machine():
    found = _line(lambda b: 800 * MIB + b * MIB, Setup())
    assert round(found.fixed_bytes) == 800 * MIB
    assert found.capacity_bytes == 64 * 1024 * MIB


def test_a_peak_that_does_not_grow_says_nothing_of_where_it_ends():
    chance = random.Random(1)
    assert _line(lambda b: 800 * MIB + round(chance.gauss(0, MIB)), Setup()) == Note("memory_flat")
    assert _line(lambda b: 800 * MIB) == Note("memory_flat")
    assert _line(lambda b: 800 * MIB - b * 1024) == Note("memory_flat")


def test_too_few_peaks_are_refused():
    assert _line(lambda b: b * MIB, batches=(64, 128)) == Note("memory_unknown", {"count": 2, "needed": 3})


def test_peaks_that_no_line_describes_are_a_doubt():
    found = _line(lambda b: b * b * 1024)
    assert [doubt.code for doubt in found.doubts] == ["memory_rough"]
