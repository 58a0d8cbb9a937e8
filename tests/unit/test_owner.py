"""Whether the process that answers for a job still runs, and is the one that it was."""

import platform
import subprocess
import sys

import psutil
import pytest

from core.runs.queue import owner


def test_this_process_is_alive_and_says_always_the_same():
    assert owner.is_alive(owner.me()) is True
    assert owner.me() == owner.me()


def test_a_process_that_ended_is_not_alive():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    start = psutil.Process(process.pid).create_time()
    name = f"{platform.node()}:{process.pid}:{start:.0f}"
    assert owner.is_alive(name) is True
    process.communicate(b"\n")
    assert owner.is_alive(name) is False


def test_a_later_process_with_the_same_number_is_another():
    host, pid, start = owner.me().split(":")
    assert owner.is_alive(f"{host}:{pid}:{int(start) - 1000}") is False


def test_a_clock_that_is_set_right_makes_no_process_another():
    """The system reckons a start back from its own start, and so a second later or earlier."""
    host, pid, start = owner.me().split(":")
    for shift in (-1, 1):
        assert owner.is_alive(f"{host}:{pid}:{int(start) + shift}") is True


def test_another_machines_process_cant_be_asked():
    _, pid, start = owner.me().split(":")
    assert owner.is_alive(f"elsewhere:{pid}:{start}") is None


@pytest.mark.parametrize("name", ["", "somebody", f"{platform.node()}:x:1", f"{platform.node()}:"])
def test_what_is_no_owner_cant_be_asked_either(name):
    assert owner.is_alive(name) is None
