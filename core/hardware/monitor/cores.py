"""The CPU second by second, core by core. Knows nothing of GPUs."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from core.hardware.cpu import busy_and_total
from core.hardware.monitor.counters import EnergyTotal
from core.hardware.rapl import PackageEnergy
from core.hardware.system import text
from core.records import Absent, CpuNow, CpuSample, Happening, Note

MANY_CORES = 32  # whose clocks are read less often: the kernel may have to ask each core for it
CLOCKS_EVERY_S = 5.0
_ENERGY_GAP_S = 60.0  # a busy server's energy counter may wrap in two minutes

_Times = tuple[tuple[float, float], ...]  # busy and total seconds, by core


class Cores:
    """Reads the CPU. Never raises for what the system refuses: that reading is None, with a reason.

    Loads are over the time since the last reading.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._reasons: dict[str, str] = {}
        self._times: _Times = ()
        self._clocks_hz: tuple[float, ...] | None = None
        self._clocks_at_s = -math.inf
        self._energy = PackageEnergy(root)
        self._total = EnergyTotal()
        self._read_at_s: float | None = None

    def read(self, at_s: float) -> tuple[CpuNow, tuple[Happening, ...]]:
        """The CPU now, stamped `at_s`, and what the reader must know of its energy."""
        self._reasons = {}
        load_pct, core_loads_pct = self._loads()
        clocks_hz = self._clocks(at_s)
        memory = self._memory()
        energy_j, believed, happenings = self._joules(at_s)
        self._read_at_s = at_s
        sample = CpuSample(
            at_s=at_s,
            load_pct=load_pct,
            worker_pct=None,
            clock_hz=sum(clocks_hz) / len(clocks_hz) if clocks_hz else None,
            memory_used_bytes=int(memory.used) if memory else None,
            worker_memory_bytes=None,
            energy_j=energy_j if believed else None,  # or the stretch that is left out would look like 0 W
        )
        now = CpuNow(
            sample=sample,
            core_loads_pct=core_loads_pct,
            core_clocks_hz=clocks_hz,
            memory_bytes=int(memory.total) if memory else None,
            energy_j=energy_j,
            absent=tuple(Absent(f"cpu.{name}", reason) for name, reason in self._reasons.items()),
            energy_counted_s=self._total.counted_s,
        )
        return now, happenings

    def _loads(self) -> tuple[float | None, tuple[float | None, ...]]:
        try:
            times: _Times = tuple(busy_and_total(core) for core in psutil.cpu_times(percpu=True))
        except (psutil.Error, NotImplementedError, OSError, RuntimeError):
            times = ()
        last, self._times = self._times, times
        if not sum(total for _, total in times):  # as some sandboxes have it
            self._missing("cpu_load_hidden", "load_pct", "core_loads_pct")
            return None, (None,) * len(times)
        if len(last) != len(times):  # the first reading, or cores went on- or offline: which ones isn't told
            self._missing("not_read_yet", "load_pct", "core_loads_pct")
            return None, (None,) * len(times)
        loads = tuple(_load_pct([old], [new]) for old, new in zip(last, times, strict=True))
        load_pct = _load_pct(last, times)
        if load_pct is None:
            self._missing("not_read_yet", "load_pct", "core_loads_pct")
        return load_pct, loads

    def _clocks(self, at_s: float) -> tuple[float, ...] | None:
        """psutil's clock falls back on the nominal one, which never moves: only cpufreq measures."""
        slow = self._clocks_hz is None or len(self._clocks_hz) > MANY_CORES  # or not there, in all likelihood
        if not slow or not 0 <= at_s - self._clocks_at_s < CLOCKS_EVERY_S:
            folder = self._root / "sys/devices/system/cpu"
            paths = sorted(folder.glob("cpu[0-9]*/cpufreq/scaling_cur_freq"), key=_number)
            khz = [int(value) for path in paths if (value := text(path)) and value.isdigit()]
            self._clocks_hz = tuple(1e3 * value for value in khz) or None
            self._clocks_at_s = at_s
        if self._clocks_hz is None:
            self._missing("cpu_clock_hidden", "clock_hz", "core_clocks_hz")
        return self._clocks_hz

    def _memory(self) -> Any:
        try:
            return psutil.virtual_memory()
        except (psutil.Error, NotImplementedError, OSError, RuntimeError):
            self._missing("memory_hidden", "memory_used_bytes", "memory_bytes")
            return None

    def _joules(self, at_s: float) -> tuple[float | None, bool, tuple[Happening, ...]]:
        """The energy so far, whether the counter could be believed just now, and what is to be told of it."""
        counter_j = self._energy.read_j()
        if counter_j is None:
            self._missing(self._energy.reason or "rapl_absent", "energy_j")
            return None, False, ()
        gap_s = 0.0 if self._read_at_s is None else at_s - self._read_at_s
        if gap_s > _ENERGY_GAP_S:
            self._total.leave_out()
            note = Note("monitor_cpu_energy_gap", {"seconds": round(gap_s)})
        else:  # a machine that slept begins to count anew, which looks like a counter that went round
            note = Note("monitor_cpu_counter_jumped")
        believed = self._total.add(counter_j, at_s, None)
        told = gap_s > _ENERGY_GAP_S or not believed
        return self._total.joules, believed, (Happening(at_s, note),) if told else ()

    def _missing(self, reason: str, *names: str) -> None:
        self._reasons |= dict.fromkeys(names, reason)


def _load_pct(last: Sequence[tuple[float, float]], times: Sequence[tuple[float, float]]) -> float | None:
    """None where the kernel's clock hasn't ticked: it counts in steps of 10 ms."""
    busy_s = sum(busy for busy, _ in times) - sum(busy for busy, _ in last)
    total_s = sum(total for _, total in times) - sum(total for _, total in last)
    return 100 * min(1.0, max(0.0, busy_s / total_s)) if total_s > 0 else None  # iowait may run backwards


def _number(path: Path) -> int:
    return int(re.sub(r"\D", "", path.parent.parent.name))
