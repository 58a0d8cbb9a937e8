"""The monitor's history: one clock, bounded, and never a line across a pause."""

import gc
import tracemalloc
from dataclasses import replace

import pytest

from core.hardware.monitor.history import HISTORY_S, History, blank_cpu, blank_gpu
from core.records import CpuNow, Gpu, GpuNow, Happening, MachineNow, Note, Stretch


def gpu_now(index, at_s, utilisation_pct=50.0):
    sample = replace(blank_gpu(at_s), utilisation_pct=utilisation_pct)
    gpu = Gpu(index, "NVIDIA H200", f"GPU-{index}", None, None, None)
    return GpuNow(gpu, sample, None, None, None, None, None, None)


def tick(at_s, gpus=(0,), cores=2):
    cpu = CpuNow(replace(blank_cpu(at_s), load_pct=10.0), (10.0,) * cores, None, None, None)
    return MachineNow(0, at_s, cpu, tuple(gpu_now(index, at_s) for index in gpus), None)


def fill(history, start_s, stop_s, gpus=(0,), labels=()):
    for at_s in range(start_s, stop_s):
        history.add(tick(float(at_s), gpus), (), labels)
    return history.watched()


def test_samples_and_traces_share_the_clock():
    seen = fill(History(1.0), 100, 105, gpus=(1, 0))
    assert seen.interval_s == 1.0
    assert [sample.at_s for sample in seen.cpu] == [100.0, 101.0, 102.0, 103.0, 104.0]
    assert [trace.gpu.index for trace in seen.gpus] == [0, 1]
    for trace in seen.gpus:
        assert [sample.at_s for sample in trace.samples] == [sample.at_s for sample in seen.cpu]


def test_a_gpu_that_comes_later_has_a_shorter_trace_and_one_that_goes_has_nones():
    history = History(1.0)
    fill(history, 0, 3)
    seen = fill(history, 3, 6, gpus=(1,))
    first, second = seen.gpus
    assert [sample.utilisation_pct for sample in first.samples] == [50.0] * 3 + [None] * 3
    assert [sample.at_s for sample in second.samples] == [3.0, 4.0, 5.0]


def test_it_is_bounded_with_any_number_of_gpus():
    history = History(1.0)
    seen = fill(history, 0, 1500, gpus=range(16))
    assert len(seen.cpu) == 600
    assert {len(trace.samples) for trace in seen.gpus} == {600}
    assert seen.cpu[0].at_s == 900.0
    assert {len(kept) for kept in history._traces.values()} == {600}
    for number in range(1000):
        history.add(tick(1500.0 + number), [Happening(0.0, Note("monitor_gpu_lost"))], [f"job {number}"])
    seen = history.watched()
    assert len(seen.happenings) <= 100
    assert len(seen.stretches) <= 601


def test_a_pause_is_a_break():
    history = History(1.0)
    fill(history, 0, 3)
    seen = fill(history, 60, 62)
    assert [sample.at_s for sample in seen.cpu] == [0.0, 1.0, 2.0, 3.0, 60.0, 61.0]
    assert [sample.load_pct for sample in seen.cpu] == [10.0, 10.0, 10.0, None, 10.0, 10.0]
    assert [sample.utilisation_pct for sample in seen.gpus[0].samples] == [50.0] * 3 + [None] + [50.0] * 2
    assert len(fill(history, 63, 64).cpu) == 7  # one tick that was missed is none


def test_what_is_too_old_after_a_pause_goes():
    history = History(1.0)
    fill(history, 0, 100)
    seen = fill(history, 650, 660)
    assert seen.cpu[0].at_s == 59.0
    assert len(seen.gpus[0].samples) == len(seen.cpu)


@pytest.mark.parametrize("at_s", [10.0 + HISTORY_S, -50.0, 9.0])
def test_after_a_long_pause_or_with_a_clock_that_jumped_back_it_begins_again(at_s):
    history = History(1.0)
    fill(history, 0, 10, labels=["job"])
    history.add(tick(at_s, (1,)), (), ())
    seen = history.watched()
    assert [sample.at_s for sample in seen.cpu] == [at_s]
    assert [trace.gpu.index for trace in seen.gpus] == [1]
    assert seen.stretches == ()


def traced_bytes():
    """What was allocated by way of this file and is still held: nothing of other threads or earlier tests."""
    gc.collect()
    snapshot = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, __file__, all_frames=True)])
    return sum(statistic.size for statistic in snapshot.statistics("filename"))


def test_it_takes_little_memory_however_long_it_runs():
    """With 16 GPUs: about a megabyte, and none of it grows once ten minutes are full."""
    history = History(1.0)

    def watch(start_s, stop_s):
        for at_s in range(start_s, stop_s):
            history.add(tick(float(at_s), range(16)), [Happening(0.0, Note("monitor_gpu_lost"))], [str(at_s)])

    tracemalloc.start(6)  # as deep as this file is below what allocates
    try:
        watch(0, 650)
        full = traced_bytes()
        watch(650, 1300)
        grown = traced_bytes() - full
    finally:
        tracemalloc.stop()
    assert 0.5e6 < full < 4e6
    assert grown < 0.05e6


def test_what_is_measured_is_a_stretch():
    history = History(1.0)
    fill(history, 0, 3)
    fill(history, 3, 6, labels=["a"])
    assert history.watched().stretches == (Stretch(3.0, None, "a"),)
    fill(history, 6, 8, labels=["b"])
    seen = fill(history, 8, 9)
    assert seen.stretches == (Stretch(3.0, 6.0, "a"), Stretch(6.0, 8.0, "b"))
    assert fill(history, 9, 700).stretches == ()


def test_a_stretch_that_ended_in_a_pause_ends_where_the_pause_began():
    history = History(1.0)
    fill(history, 0, 3, labels=["a"])
    assert fill(history, 50, 51).stretches == (Stretch(0.0, 2.0, "a"),)


def test_what_was_given_out_doesnt_change():
    history = History(1.0)
    seen = fill(history, 0, 3)
    fill(history, 3, 6)
    assert len(seen.cpu) == len(seen.gpus[0].samples) == 3
