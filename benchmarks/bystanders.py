"""What other processes take of the processor while one measures. It must not know why they run."""

from __future__ import annotations

import contextlib
import time

import psutil

_MEASURES, _DRIVES = "core.measure", "core.cluster"
_NODE, _DRIVER, _HERE = "the cluster's own processes", "the driver", "this process"


class Bystanders:
    """This process and all that it has started, but for the measuring process, from now to the last `read`."""

    def __init__(self) -> None:
        self._who = {process: _who(process) for process in _started()}
        self._before = self._now()
        self._began_s = self._read_s = time.perf_counter()
        self._after = self._before

    def read(self) -> None:
        self._after, self._read_s = self._now(), time.perf_counter()

    def shares(self) -> dict[str, float]:
        """CPU seconds a second, by who used them."""
        passed_s = max(self._read_s - self._began_s, 1e-9)
        shares = dict.fromkeys((_NODE, _DRIVER, _HERE), 0.0)
        for process, after_s in self._after.items():
            if (who := self._who[process]) in shares:
                shares[who] += max(0.0, after_s - self._before.get(process, after_s)) / passed_s
        return shares

    def _now(self) -> dict[psutil.Process, float]:
        found = {}
        for process in self._who:
            with contextlib.suppress(psutil.Error):  # it may end at any moment
                times = process.cpu_times()
                found[process] = times.user + times.system
        return found


def _started() -> list[psutil.Process]:
    here = psutil.Process()
    return [here, *here.children(recursive=True)]


def _who(process: psutil.Process) -> str:
    try:
        command = process.cmdline()
    except psutil.Error:
        return ""
    if process.pid == psutil.Process().pid:
        return _HERE
    if _MEASURES in command:
        return _MEASURES
    return _DRIVER if _DRIVES in command else _NODE
