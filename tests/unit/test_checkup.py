"""The examination: what computes waits for the machine, one for all visitors, and it always comes to an end."""

from __future__ import annotations

import threading

import pytest
from filelock import FileLock, Timeout

from core.errors import InputError, MeasurementError
from core.messages import sentence
from core.records import Device, Note
from core.runs import checkup
from core.runs.checkup import Checkup, Examination, Probes, examine
from core.runs.queue import machine_lock
from tests.doctored import make_check, make_cuda_torch, make_facts, make_gpu_facts

NONE_YET = make_gpu_facts(torch=None, torch_problem=Note("torch_missing"), checks=())


@pytest.fixture(autouse=True)
def _own_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(machine_lock, "LOCK", tmp_path / "machine.lock")
    monkeypatch.setattr(machine_lock, "_POLL_S", 0.001)


def held():
    try:
        with FileLock(machine_lock.LOCK).acquire(blocking=False):
            return False
    except Timeout:
        return True


def probes(
    ask_torch=make_cuda_torch,
    check=lambda device: make_check(device.id),
    torch_is_here=True,
    collect=lambda: NONE_YET,
):
    return Probes(collect, lambda: torch_is_here, ask_torch, check)


# --- one examination


def test_it_says_what_it_does_and_gathers_what_torch_and_its_devices_told():
    stages = []
    found = examine(stages.append, probes())
    assert found.facts == make_gpu_facts()
    assert [stage.code for stage in stages] == [
        "doctor_waiting",
        "doctor_torch",
        "doctor_looking",
        "doctor_product",
        "doctor_product",
    ]
    assert [stage.facts["device"] for stage in stages[3:]] == ["cpu", "cuda:0"]
    assert all(sentence(stage.code, stage.facts) for stage in stages)
    assert found.created_at.endswith("+00:00")


def test_whatever_computes_has_the_machine_for_itself():
    seen = {}

    def ask():
        seen["torch"] = held()
        return make_cuda_torch()

    def check(device):
        seen[device.id] = held()
        return make_check(device.id)

    def collect():
        seen["facts"] = held()  # a list of processes disturbs, and a measurement's own load isn't a stranger's
        return NONE_YET

    examine(print, probes(ask, check, collect=collect))
    assert seen == {"facts": True, "torch": True, "cpu": True, "cuda:0": True}
    assert not held()


def test_the_drivers_files_are_looked_for_once_torch_has_asked_for_cuda():
    asked = []

    def ask():
        asked.append("torch")
        return make_cuda_torch()

    def collect():
        asked.append("facts")
        return NONE_YET

    examine(print, probes(ask, collect=collect))
    assert asked == ["torch", "facts"]


def test_a_measurement_is_waited_for():
    waiting, asked, found = threading.Event(), threading.Event(), []

    def ask():
        asked.set()
        return make_cuda_torch()

    def tell(stage):
        if stage.code == "doctor_waiting":
            waiting.set()

    thread = threading.Thread(target=lambda: found.append(examine(tell, probes(ask))), daemon=True)
    with FileLock(machine_lock.LOCK):
        thread.start()
        assert waiting.wait(60)
        assert not asked.wait(0.05)
    thread.join(60)
    assert asked.is_set()
    assert found


def test_without_torch_nothing_computes_so_nothing_is_waited_for():
    with FileLock(machine_lock.LOCK):
        found = examine(print, probes(ask_torch=None, torch_is_here=False))
    assert found.facts == NONE_YET


def test_where_torch_is_broken_no_device_is_tried():
    broken = Note("torch_broken", {"problem": "undefined symbol"})
    found = examine(print, probes(lambda: broken, check=None))
    assert (found.facts.torch, found.facts.torch_problem, found.facts.checks) == (None, broken, ())


def test_a_torch_that_names_no_device_is_tried_on_the_cpu():
    tried = []

    def check(device):
        tried.append(device)
        return make_check(device.id)

    examine(print, probes(lambda: make_cuda_torch(devices=()), check))
    assert tried == [Device("cpu", "CPU")]


def test_two_gpus_that_hang_are_enough():
    names = ("cpu", "cuda:0", "cuda:1", "cuda:2", "cuda:3")
    hangs = Note("device_check_hangs", {"limit_s": 60.0})

    def check(device):
        return make_check(device.id, None if device.id in ("cpu", "cuda:1") else hangs)

    torch = make_cuda_torch(devices=tuple(Device(name, name) for name in names))
    found = examine(print, probes(lambda: torch, check))
    assert [check.device.id for check in found.facts.checks] == ["cpu", "cuda:0", "cuda:1", "cuda:2"]


def test_a_lock_that_cant_be_had_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setattr(machine_lock, "LOCK", tmp_path)  # a folder
    with pytest.raises(MeasurementError) as refused:
        examine(print, probes())
    assert refused.value.code == "lock_failed"


# --- one for all visitors


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


class Scripted:
    """Examinations that end when they are told to."""

    def __init__(self):
        self.begun, self.may_end, self.count, self.problem = threading.Event(), threading.Event(), 0, None

    def __call__(self, tell):
        self.count += 1
        tell(Note("doctor_torch"))
        self.begun.set()
        assert self.may_end.wait(60)
        if self.problem is not None:
            raise self.problem
        return Examination(f"2026-11-29T10:00:0{self.count}+00:00", make_facts(), ())


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def scripted():
    script = Scripted()
    yield script
    script.may_end.set()
    end()


@pytest.fixture
def server(scripted, clock):
    return Checkup(scripted, clock)


def end():
    for thread in threading.enumerate():
        if thread.name == "doctor":
            thread.join(60)


def finish(scripted):
    scripted.may_end.set()
    end()


def test_the_first_visitor_begins_it_and_the_others_share_it(server, scripted, clock):
    assert (server.stage, server.examination, server.failure) == (None, None, None)
    for _visitor in range(3):
        server.start()
    assert server.stage is not None
    assert scripted.begun.wait(60)
    assert server.stage == Note("doctor_torch")
    clock.now += 40
    assert server.stage_s == 40
    server.again()
    finish(scripted)
    assert (server.stage, server.failure, scripted.count) == (None, None, 1)
    assert server.examination == Examination("2026-11-29T10:00:01+00:00", make_facts(), ())
    server.start()
    assert server.stage is None


def test_once_a_minute_is_enough_for_everybody(server, scripted, clock):
    server.start()
    finish(scripted)
    clock.now += 20
    with pytest.raises(InputError) as refused:
        server.again()
    assert refused.value.note == Note("doctor_too_soon", {"seconds": 40})
    assert "in 40 s" in sentence("doctor_too_soon", refused.value.facts)
    clock.now += 40
    server.again()
    end()
    assert scripted.count == 2


def test_the_last_one_stays_while_the_next_goes_on(server, scripted, clock):
    server.start()
    finish(scripted)
    first = server.examination
    clock.now += checkup.AGAIN_AFTER_S
    scripted.may_end.clear()
    server.again()
    assert server.stage is not None
    assert server.examination is first
    finish(scripted)
    assert server.examination is not first


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        (MeasurementError("lock_failed", problem="disk full"), "disk full"),
        (RuntimeError("dictionary changed size"), "broke off: RuntimeError: dictionary changed size"),
        (RuntimeError("no /home/alice/x/libc10.so"), "broke off: RuntimeError: no libc10.so"),
    ],
)
def test_one_that_fails_says_so_and_the_next_may_succeed(problem, told, server, scripted, clock):
    scripted.problem = problem
    server.start()
    finish(scripted)
    assert (server.stage, server.examination) == (None, None)
    assert told in sentence(server.failure.code, server.failure.facts)
    with pytest.raises(InputError):
        server.again()
    scripted.problem = None
    clock.now += checkup.AGAIN_AFTER_S
    server.again()
    end()
    assert server.failure is None
    assert server.examination is not None
