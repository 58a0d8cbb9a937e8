"""Who answers for a job: a process of a machine, told apart from a later one with the same number."""

from __future__ import annotations

import os
import platform

import psutil

# The system reckons a start from when it booted itself, and that by a clock that is set right now and then
_SAME_START_S = 2.0


def me() -> str:
    """This process as `host:pid:start`."""
    return f"{platform.node()}:{os.getpid()}:{psutil.Process().create_time():.0f}"


def is_alive(owner: str) -> bool | None:
    """Whether that process still runs; None if it is another machine's and can't be asked."""
    host, _, process = owner.partition(":")
    pid, _, start = process.partition(":")
    if host != platform.node() or not (pid.isdecimal() and start.isdecimal()):
        return None
    try:
        process_now = psutil.Process(int(pid))
        if process_now.status() == psutil.STATUS_ZOMBIE:  # dead, and its parent hasn't looked yet
            return False
        return bool(abs(process_now.create_time() - float(start)) <= _SAME_START_S)
    except psutil.NoSuchProcess:
        return False
