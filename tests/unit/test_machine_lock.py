"""One measurement at a time on a machine, whichever process asks; the lock dies with its holder."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.runs.queue import machine_lock

ROOT = Path(__file__).resolve().parents[2]

HOLDER = """
import sys
from pathlib import Path
from core.runs.queue import machine_lock
machine_lock.LOCK = Path(sys.argv[1])
with machine_lock.machine_lock(lambda: False) as mine:
    print("held" if mine else "given up", flush=True)
    sys.stdin.readline()
print("free", flush=True)
sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def lock(tmp_path, monkeypatch):
    """A lock of this test's own, looked at often."""
    monkeypatch.setattr(machine_lock, "LOCK", tmp_path / "a machine.lock")
    monkeypatch.setattr(machine_lock, "_POLL_S", 0.01)
    return machine_lock.LOCK


@pytest.fixture
def holder(lock):
    """Another process that holds the lock until it reads a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def after(looks):
    """A `given_up` that says yes after being asked `looks` times."""
    answers = iter([False] * looks)
    return lambda: next(answers, True)


def obtained(given_up):
    with machine_lock.machine_lock(given_up) as mine:
        return mine


def test_a_free_machine_is_had_at_once_and_again():
    assert obtained(after(1))
    assert obtained(after(1))


def test_who_gave_up_before_asking_gets_nothing():
    assert not obtained(after(0))


def test_a_second_process_waits_until_the_first_is_done(holder):
    assert not obtained(after(3))
    holder.stdin.write("\n")
    holder.stdin.flush()
    assert holder.stdout.readline() == "free\n"
    assert obtained(after(1))


def test_a_waiting_process_goes_on_by_itself(holder):
    deadline = time.monotonic() + 60
    looks = 0

    def given_up():
        nonlocal looks
        looks += 1
        if looks == 3:
            holder.stdin.write("\n")
            holder.stdin.flush()
        return time.monotonic() > deadline

    assert obtained(given_up)
    assert looks >= 3


def test_the_lock_dies_with_its_holder(holder):
    assert not obtained(after(2))
    holder.kill()
    holder.wait()
    assert obtained(after(1))


def test_an_error_under_the_lock_frees_it():
    with pytest.raises(ZeroDivisionError), machine_lock.machine_lock(after(1)):
        raise ZeroDivisionError
    assert obtained(after(1))


def test_one_process_cant_have_it_twice():
    with machine_lock.machine_lock(after(1)) as first, machine_lock.machine_lock(after(3)) as second:
        assert (first, second) == (True, False)


def test_another_user_may_use_the_same_lock(lock):
    assert obtained(after(1))
    assert lock.stat().st_mode & 0o666 == 0o666
