"""Whose programs compute on a GPU. Knows their numbers, owners and file names, never their arguments."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import psutil

from core.records import GpuProcess

_HOSTS_PIDS = "pid:[4026531836]"  # fixed in Linux: the first namespace's number


def numbered_as_here() -> bool:
    """Whether the driver's process numbers are ours: it numbers as the host does, a container otherwise."""
    if not sys.platform.startswith("linux"):
        return True
    try:
        return str(Path("/proc/self/ns/pid").readlink()) == _HOSTS_PIDS
    except OSError:
        return False


def split(running: Iterable[tuple[int, int | None]]) -> tuple[tuple[GpuProcess, ...], int] | None:
    """This user's processes of these (number, bytes), and how many others; None where we can't be named."""
    mine: list[GpuProcess] = []
    others = 0
    try:
        us = _owner(psutil.Process())
    except (psutil.Error, OSError):  # Windows asks a server for names, which may be out of reach
        return None
    for pid, memory_bytes in running:
        try:
            process = psutil.Process(pid)
            if _owner(process) == us:
                mine.append(GpuProcess(pid, process.name(), memory_bytes))
                continue
        except (psutil.Error, OSError):  # it ended, or hides from us
            pass
        others += 1
    return tuple(mine), others


def _owner(process: psutil.Process) -> int | str:
    return int(process.uids().real) if psutil.POSIX else str(process.username())
