"""The monitor's life: from the first look to the last, whatever its driver does."""

import threading

import pynvml
import pytest

from core.hardware import nvml
from core.hardware.monitor import Monitor, monitor
from core.hardware.monitor.aside import Aside
from core.hardware.monitor.gpus import Gpus
from core.hardware.monitor.history import blank_cpu
from core.messages import sentence
from core.records import Absent, CpuNow
from tests.fakes import FakeClock, FakeNvml


class Steps(FakeClock):
    """A clock whose thread goes on by one tick when told to."""

    def __init__(self):
        super().__init__(1000.0)
        self.ticked, self.going_on = threading.Semaphore(0), threading.Semaphore(0)
        self.over = False

    def wait(self, seconds):
        assert 0 < seconds <= 1
        self.ticked.release()
        assert self.over or self.going_on.acquire(timeout=20)
        self.advance(seconds)
        return self.over

    def first(self):
        assert self.ticked.acquire(timeout=20)

    def step(self):
        self.going_on.release()
        self.first()

    def last(self):
        """One more step, which ends the thread."""
        self.going_on.release()
        for thread in _threads("monitor"):
            thread.join(20)


def _threads(name):
    return [thread for thread in threading.enumerate() if thread.name == name]


class Cpu:
    def __init__(self, error=None):
        self.error = error

    def read(self, at_s):
        if self.error:
            raise self.error
        return CpuNow(blank_cpu(at_s), (1.0,), None, 8_000, None, (Absent("cpu.energy_j", "rapl_absent"),)), ()


class Room:
    """A monitor with a fake driver, stepped by the test."""

    def __init__(self, driver):
        self.driver, self.steps, self.measured, self.cpu = driver, Steps(), [], Cpu()
        self.apart_s = 1.7e9  # from the records' clock to the time of day
        self.monitor = self.make()

    def make(self, patience_s=20.0):
        return Monitor(
            lambda: self.measured,
            cpu=lambda: self.cpu,
            gpus=lambda measuring: Gpus(measuring, clock=self.steps, rest=self.steps.advance),
            patience_s=patience_s,
            clock=self.steps,
            wall=lambda: self.steps() + self.apart_s,
            wait=self.steps.wait,
        )

    def looked_at(self):
        """Look, and wait for the tick that this begins."""
        first = self.monitor.look()
        self.steps.first()
        return first


@pytest.fixture
def room(monkeypatch):
    driver = FakeNvml(2)
    monkeypatch.setattr(nvml, "pynvml", driver)
    room = Room(driver)
    yield room
    for event in driver.blocked.values():
        event.set()
    room.steps.over = True
    room.steps.going_on.release(5)
    room.monitor.close()
    for thread in (*_threads("monitor"), *_threads("monitor-gpus")):
        thread.join(20)  # the next test counts its own


def test_nothing_runs_until_somebody_looks(room):
    assert not room.monitor.running
    assert (room.monitor.now, room.monitor.stale_s(), room.monitor.watched().cpu) == (None, None, ())
    assert room.driver.calls == {}
    assert room.looked_at() is None
    now = room.monitor.look()
    assert room.monitor.running
    assert (now.number, now.at_s, len(now.gpus), now.gpus_absent) == (1, 1000.0, 2, None)
    assert now.gpus[1].sample.power_w == 612.5
    assert room.monitor.now is now
    room.steps.advance(0.25)
    assert room.monitor.stale_s() >= 0.25


def test_it_ticks_by_its_schedule_and_doesnt_make_up_for_what_it_missed(room):
    room.looked_at()
    for _ in range(3):
        room.monitor.look()
        room.steps.step()
    room.steps.advance(4.3)  # the machine was busy
    room.monitor.look()
    room.steps.step()
    at_s = [sample.at_s for sample in room.monitor.watched().cpu]
    assert at_s[:4] == pytest.approx([1000.0, 1001.0, 1002.0, 1003.0], abs=0.05)
    room.monitor.look()
    room.steps.step()
    assert room.monitor.now.at_s % 1 == pytest.approx(0.0, abs=1e-6)
    assert room.monitor.now.number == 6


def test_it_stops_ten_seconds_after_the_last_look_and_begins_with_the_next(room):
    room.looked_at()
    for _ in range(9):
        room.steps.step()
    room.steps.last()
    assert not room.monitor.running
    old = room.monitor.now
    assert room.looked_at() is None  # what it saw then isn't now
    assert room.monitor.running
    assert room.monitor.now.number == old.number + 1
    assert len(room.monitor.watched().cpu) == 11  # the history goes on


def test_while_something_is_measured_it_goes_on_unseen(room):
    room.measured = ["job-7"]
    room.looked_at()
    for _ in range(30):
        room.steps.step()
    assert room.monitor.running
    (stretch,) = room.monitor.watched().stretches
    assert (stretch.label, stretch.end_s) == ("job-7", None)
    room.measured = []
    room.steps.last()
    assert not room.monitor.running


def test_many_visitors_have_one_thread(room):
    looks = [threading.Thread(target=room.monitor.look) for _ in range(20)]
    for thread in looks:
        thread.start()
    for thread in looks:
        thread.join()
    room.steps.first()
    assert len(_threads("monitor")) == 1
    assert room.monitor.now.number == 1


def test_a_thread_that_has_just_stopped_is_followed_by_one_however_many_look(room):
    room.looked_at()
    room.steps.advance(monitor.UNWATCHED_S)
    room.steps.last()
    looks = [threading.Thread(target=room.monitor.look) for _ in range(50)]
    for thread in looks:
        thread.start()
    for thread in looks:
        thread.join()
    room.steps.first()
    assert len(_threads("monitor")) == 1
    assert room.monitor.now.number == 2


def test_a_look_while_it_considers_to_stop_keeps_it_going(room):
    room.looked_at()
    (thread,) = _threads("monitor")
    room.steps.advance(monitor.UNWATCHED_S)
    last = [room.monitor.look]  # within the question whether anything is measured, after which it would stop

    def measuring():
        while last:
            last.pop()()
        return ()

    room.monitor._measuring = measuring
    room.steps.step()
    assert _threads("monitor") == [thread]
    assert room.monitor.now.number == 2


def test_a_thread_that_gives_up_is_no_longer_counted_on(room):
    room.looked_at()
    room.steps.advance(monitor.UNWATCHED_S)
    assert not room.monitor._wanted()  # as the thread asks before each tick
    assert not room.monitor.running  # whoever looks now begins another, though this one hasn't ended yet
    assert len(_threads("monitor")) == 1


def test_nobody_waits_for_a_driver(room):
    event = room.driver.block("nvmlInit")
    room.monitor.look()
    assert room.driver.waiting.wait(20)  # now the monitor waits for it, with much patience
    assert room.monitor.look() is None
    assert (room.monitor.now, room.monitor.watched().cpu, room.monitor.failure) == (None, (), None)
    event.set()
    room.steps.first()
    assert room.monitor.now.number == 1


def test_after_a_sleep_older_samples_would_have_a_wrong_time_of_day(room):
    room.looked_at()
    room.steps.step()
    room.apart_s += 2.0  # the clock is set by a little
    room.monitor.look()
    room.steps.step()
    assert len(room.monitor.watched().cpu) == 3
    room.apart_s += 3600.0
    room.monitor.look()
    room.steps.step()
    seen = room.monitor.watched()
    assert [sample.at_s for sample in seen.cpu] == [1003.0]
    assert [happening.note.code for happening in seen.happenings] == ["monitor_slept"]
    assert sentence("monitor_slept", {})
    room.monitor.look()
    room.steps.step()
    assert len(room.monitor.watched().cpu) == 2


def test_work_that_nobody_asked_for_doesnt_speak_for_the_next(monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    aside = Aside(lambda at_s: 1 / at_s, "aside-test")
    aside.begin(0.0)
    for thread in _threads("aside-test"):
        thread.join(20)
    aside.begin(2.0)
    assert aside.result(20) == 0.5


def test_a_closed_monitor_stays_closed(room):
    room.looked_at()
    room.steps.over = True
    room.steps.going_on.release()
    room.monitor.close()
    assert not room.monitor.running
    room.monitor.look()
    assert not room.monitor.running
    room.monitor.close()


def test_a_driver_that_blocks_costs_the_gpus_readings_only_and_is_never_asked_twice(room):
    room.monitor = room.make(patience_s=0.01)
    room.monitor._patience_s = 20.0
    room.looked_at()
    room.monitor._patience_s = 0.01
    event = room.driver.block("nvmlDeviceGetTemperature")
    for seconds in (0, 1, 2):
        room.monitor.look()
        room.steps.step()
        now = room.monitor.now
        assert now.cpu.memory_bytes == 8_000
        assert [gpu.lost.code for gpu in now.gpus] == ["gpu_reading_blocks"] * 2
        assert now.gpus[0].lost.facts == {"seconds": seconds}
        assert now.gpus[0].sample.power_w is None
        assert len(_threads("monitor-gpus")) == 1
    assert room.driver.calls["nvmlDeviceGetTemperature"] == 3
    (hanging,) = _threads("monitor-gpus")
    room.driver.fall_off(1)  # and what the late reading found isn't lost with it
    event.set()
    hanging.join(20)
    room.monitor._patience_s = 20.0
    room.steps.step()
    now = room.monitor.now
    assert now.gpus[0].lost is None
    assert now.gpus[0].sample.temperature_c == 54.0
    assert now.gpus[1].lost.code == "nvml_gpu_lost"
    told = [happening.note for happening in room.monitor.watched().happenings]
    assert [note.code for note in told] == ["monitor_gpus_block", "monitor_gpu_lost", "monitor_gpus_answer"]
    assert all(sentence(note.code, note.facts) for note in told)
    trace = room.monitor.watched().gpus[0].samples
    assert [sample.temperature_c for sample in trace] == [54.0, None, None, None, 54.0]


def test_a_driver_that_blocks_at_once_leaves_the_page_with_the_cpu(room):
    room.monitor = room.make(patience_s=0.01)
    room.driver.block("nvmlInit")
    room.looked_at()
    assert (room.monitor.now.gpus, room.monitor.now.gpus_absent) == ((), "gpus_not_read_yet")
    assert room.monitor.now.cpu.core_loads_pct == (1.0,)
    room.steps.over = True
    room.steps.going_on.release()
    room.monitor.close()  # waits for no driver
    assert not room.monitor.running


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("place", ["cpu", "gpus"])
def test_an_error_of_ours_shows_and_isnt_forever(room, place, monkeypatch):
    room.looked_at()
    wrong = ZeroDivisionError("ours")
    if place == "cpu":
        room.cpu.error = wrong
    else:
        monkeypatch.setattr(room.driver, "nvmlDeviceGetTemperature", lambda *_: 1 // 0)
    room.steps.last()
    assert isinstance(room.monitor.failure, ZeroDivisionError)
    assert not room.monitor.running
    room.monitor.look()
    assert not room.monitor.running  # not again with every refresh
    room.cpu.error = None
    monkeypatch.undo()
    monkeypatch.setattr(nvml, "pynvml", room.driver)
    room.steps.advance(monitor._RETRY_S)
    room.looked_at()
    assert room.monitor.failure is None
    assert room.monitor.now.gpus[0].lost is None


def test_an_error_of_ours_reaches_threadings_hook(room, monkeypatch):
    seen = []
    monkeypatch.setattr(threading, "excepthook", lambda given: seen.append((given.thread.name, given.exc_type)))
    room.cpu.error = ZeroDivisionError("ours")
    room.monitor.look()
    for thread in _threads("monitor"):
        thread.join(20)
    assert seen == [("monitor", ZeroDivisionError)]


def test_a_driver_without_a_gpu_is_no_failure(room):
    room.driver.gpus = 0
    room.looked_at()
    assert (room.monitor.now.gpus, room.monitor.now.gpus_absent) == ((), "nvml_no_gpu")
    assert room.monitor.failure is None


def test_the_fake_raises_what_the_real_module_does():
    fake = FakeNvml()
    for name in dir(pynvml):
        code = getattr(pynvml, name)
        if name.startswith("NVML_ERROR_") and isinstance(code, int):
            fake.fail("nvmlDeviceGetCount", code)
            with pytest.raises(pynvml.nvmlExceptionClass(code)) as raised:
                fake.nvmlDeviceGetCount()
            assert raised.value.value == code
