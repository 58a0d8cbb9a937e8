"""The sampler's schedule, its bounded history and its end, on a clock that a test moves."""

import pytest

from core.hardware import nvml
from core.hardware import sampler as module
from core.hardware.sampler import Sampler
from core.records import Absent, CpuSample, GpuSample
from tests.fakes import FakeClock, FakeNvml


class FakeReader:
    """Gives empty samples; each takes `cost_s` on the clock, and the one numbered `fails_at` raises."""

    def __init__(self, kind, readings, clock, cost_s=0.0, fails_at=None):
        self.kind, self.readings, self.clock, self.cost_s, self.fails_at = (
            kind,
            readings,
            clock,
            cost_s,
            fails_at,
        )
        self.taken = 0
        self.absent = (Absent(f"{kind.__name__}.x", "nvml_not_supported"),)

    def sample(self, at_s):
        self.taken += 1
        if self.taken == self.fails_at:
            raise ZeroDivisionError("unforeseen")
        self.clock.advance(self.cost_s)
        return self.kind(at_s, *[None] * self.readings)


def make(clock, gpus=(FakeNvml.UUID,), interval_s=0.5, **options):
    return Sampler(
        None,
        gpus,
        origin_s=100.0,
        interval_s=interval_s,
        cpu_reader=lambda pid: FakeReader(CpuSample, 6, clock, **options),
        gpu_reader=lambda uuid: FakeReader(GpuSample, 8, clock),
        clock=clock,
        wait=clock.wait,
    )


def times(samples):
    return [sample.at_s for sample in samples]


def test_samples_are_stamped_since_the_origin_and_one_is_taken_at_each_end():
    with make(FakeClock(101.0, waits=3)) as sampler:
        pass
    telemetry = sampler.telemetry(FakeNvml.UUID)
    assert times(telemetry.cpu) == times(telemetry.gpu) == [1.0, 1.5, 2.0, 2.5]
    assert telemetry.interval_s == 0.5
    cpu, gpus = sampler.latest()
    assert (cpu, gpus) == (telemetry.cpu[-1], {FakeNvml.UUID: telemetry.gpu[-1]})


def test_slow_readers_cause_no_drift_and_no_bursts():
    with make(FakeClock(100.0, waits=3), cost_s=0.25) as sampler:
        pass
    assert times(sampler.telemetry(None).cpu) == [0.0, 0.5, 1.0, 1.5]
    with make(FakeClock(100.0, waits=3), cost_s=0.75) as sampler:
        pass
    assert times(sampler.telemetry(None).cpu) == [0.0, 1.0, 2.0, 3.0]


def test_a_long_run_keeps_an_even_spread_and_a_fresh_latest(monkeypatch):
    monkeypatch.setattr(module, "MAX_SAMPLES", 8)
    with make(FakeClock(100.0, waits=27), interval_s=1.0) as sampler:
        pass
    telemetry = sampler.telemetry(FakeNvml.UUID)
    assert times(telemetry.cpu) == times(telemetry.gpu) == [0, 4, 8, 12, 16, 20, 24, 27]
    assert telemetry.interval_s == 4.0
    assert sampler.latest()[0].at_s == 27
    with make(FakeClock(100.0, waits=31), interval_s=1.0) as sampler:
        pass
    assert times(sampler.telemetry(None).cpu) == [0, 4, 8, 12, 16, 20, 24, 28, 31]  # full, and the last


def test_telemetry_is_of_the_gpu_that_the_run_used():
    with make(FakeClock(100.0, waits=1)) as sampler:
        pass
    bare = sampler.telemetry(FakeNvml.UUID.removeprefix("GPU-").upper())  # as torch writes it
    assert len(bare.gpu) == 2
    assert [absent.reading for absent in bare.absent] == ["CpuSample.x", "GpuSample.x"]
    on_cpu = sampler.telemetry(None)
    assert (on_cpu.gpu, [absent.reading for absent in on_cpu.absent]) == ((), ["CpuSample.x"])
    other = sampler.telemetry("00000000-0000-0000-0000-000000000000")
    assert other.gpu == ()
    assert Absent("gpu", "nvml_gpu_not_found") in other.absent


def test_before_the_first_sample_there_is_none():
    sampler = make(FakeClock())
    assert sampler.latest() == (None, {})
    assert sampler.telemetry(None).cpu == ()
    sampler.stop()  # never started


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_reader_that_breaks_is_heard_at_stop_and_what_it_gave_before_is_kept():
    sampler = make(FakeClock(100.0, waits=9), fails_at=3)
    sampler.start()
    with pytest.raises(ZeroDivisionError, match="unforeseen"):
        sampler.stop()
    sampler.stop()
    assert times(sampler.telemetry(None).cpu) == [0.0, 0.5]


def test_a_driver_that_hangs_doesnt_hold_up_whoever_stops(monkeypatch):
    driver = FakeNvml()
    monkeypatch.setattr(nvml, "pynvml", driver)
    with Sampler(None, (FakeNvml.UUID,), origin_s=0.0, interval_s=0.001, patience_s=0.01) as sampler:
        while len(sampler.telemetry(None).cpu) < 2:
            sampler._stopping.wait(0.001)
        answer = driver.block("nvmlDeviceGetTemperature")
        assert driver.waiting.wait(20)
    hung = sampler.telemetry(FakeNvml.UUID)
    assert len(hung.gpu) == len(hung.cpu) >= 2
    assert Absent("gpu", "sampler_hangs") in hung.absent
    answer.set()
    sampler._thread.join(20)
    assert Absent("gpu", "sampler_hangs") not in sampler.telemetry(FakeNvml.UUID).absent


def test_stopping_wakes_a_thread_that_would_wait_for_an_hour():
    with Sampler(None, (), origin_s=0.0, interval_s=3600.0) as sampler:
        pass
    sampler.stop()
    telemetry = sampler.telemetry(None)
    assert len(telemetry.cpu) == 2
    assert 0 < telemetry.cpu[0].at_s <= telemetry.cpu[1].at_s
    assert telemetry.cpu[1].memory_used_bytes > 0
