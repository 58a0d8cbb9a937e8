"""Peak memory while one setup is built and warmed up."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from core.records import Memory

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


class Watch:
    """Started before a setup is built; `peak` is read when it has warmed up."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._host_watched = _reset_host_peak()
        self._device_before = self._reset_device_peak()

    def _reset_device_peak(self) -> int | None:
        if self._device.type not in ("cuda", "xpu"):
            return None
        backend = getattr(torch, self._device.type)
        backend.reset_peak_memory_stats(self._device)
        return int(backend.memory_allocated(self._device))

    def peak(self) -> Memory:
        host = device = None
        if self._host_watched:
            host = _host_peak()
        if self._device_before is not None:
            peak = getattr(torch, self._device.type).max_memory_allocated(self._device)
            device = int(peak) - self._device_before
        return Memory(host, device)


def _reset_host_peak() -> bool:
    """Linux lets a process reset its own high-water mark (proc(5), clear_refs); others don't."""
    if sys.platform != "linux":
        return False
    try:
        _CLEAR.write_text("5")
    except OSError:  # some containers forbid it: then the peak isn't measured
        return False
    return True


def _host_peak() -> int | None:
    line = next((line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:")), None)
    return int(line.split()[1]) * 1024 if line else None
