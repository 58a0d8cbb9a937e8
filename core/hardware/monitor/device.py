"""One GPU through the monitor's eyes, lost or not. Knows nothing of the others."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, replace

from core.hardware.monitor import processes
from core.hardware.monitor.counters import EnergyTotal, bytes_per_s
from core.hardware.monitor.history import blank_gpu
from core.hardware.nvml import LiveReader
from core.records import Absent, Gpu, GpuNow, GpuProcess, GpuSample, Note

SLOW_EVERY_S = 5.0  # what would disturb a measurement; and while there is one, what hardly changes

_SENSORS = tuple(field.name for field in fields(GpuSample) if field.name != "at_s")
_BOTH_WAYS = ("sent_bytes_per_s", "received_bytes_per_s")
_OF_PROCESSES = ("processes", "other_processes")


class Device:
    def __init__(self, gpu: Gpu) -> None:
        self.gpu = gpu
        self.lost: str | None = None  # why it doesn't answer
        self.asked_s = -math.inf  # when it was asked what is slow to answer
        self._reader = LiveReader(gpu.uuid)
        self._sample = blank_gpu(0.0)
        self._energy = EnergyTotal()
        self._moved: tuple[float, tuple[int, int]] | None = None
        self._counts_traffic = True
        self._forget()

    def _forget(self) -> None:
        """What was known and isn't read with every tick."""
        self._rates: tuple[float | None, float | None] = (None, None)
        self._link: str | None = None
        self._limit_w: float | None = None
        self._settings_s = -math.inf  # when these two were asked
        self._mine: tuple[GpuProcess, ...] | None = None
        self._others: int | None = None
        self._why_no_rates: str | None = "not_read_yet"
        self._why_no_processes: str | None = "not_read_yet"

    def take_anew(self, gpu: Gpu) -> None:
        """Ask the driver for it again: the old handle may be of no use any more."""
        self.gpu = gpu
        self._reader = LiveReader(gpu.uuid)
        self._counts_traffic = True

    def sense(self, at_s: float, clock: Callable[[], float], *, measured: bool) -> bool:
        """Read the sensors, stamped `at_s`; whether the energy counter could be believed."""
        self._sample = self._reader.sample(at_s)
        read_s = clock()  # a driver that hung has answered long after `at_s`
        self.lost = self._reader.lost()
        if self.lost is not None:
            self._forget()
            return True
        if not measured or at_s - self._settings_s >= SLOW_EVERY_S:
            self._link, self._limit_w = self._reader.link(), self._reader.power_limit_w()
            self._settings_s = at_s
        return self._energy.add(self._sample.energy_j, read_s, self._limit_w or self.gpu.power_limit_w)

    def now(self, *, measured: bool) -> GpuNow:
        """All that is known of it."""
        if self.lost is not None:
            return lost(self.gpu, self._sample.at_s, Note(self.lost))
        mine, others, why_no_processes = self._mine, self._others, self._why_no_processes
        if measured:
            mine, others, why_no_processes = None, None, "processes_not_asked"
            if not self._counts_traffic:
                self._rates, self._why_no_rates = (None, None), "pcie_not_asked"
        reasons = {name: self._reader.reason(name) for name in (*_SENSORS, "pcie", "power_limit_w")}
        ways = zip(_BOTH_WAYS, self._rates, strict=True)
        reasons |= {name: self._why_no_rates for name, rate in ways if rate is None}
        reasons |= dict.fromkeys(_OF_PROCESSES, why_no_processes)
        return GpuNow(
            gpu=replace(self.gpu, power_limit_w=self._limit_w),
            sample=self._sample,
            pcie=self._link,
            sent_bytes_per_s=self._rates[0],
            received_bytes_per_s=self._rates[1],
            energy_j=None if self._sample.energy_j is None else self._energy.joules,
            processes=mine,
            other_processes=others,
            absent=tuple(Absent(f"gpu.{name}", reason) for name, reason in reasons.items() if reason),
            energy_counted_s=self._energy.counted_s,
        )

    def mark_traffic(self, now_s: float) -> bool:
        """Begin a short window over which PCIe's counters are compared; False where they aren't given."""
        moved = self._reader.moved_bytes() if self.lost is None and self._counts_traffic else None
        self._moved = None if moved is None else (now_s, moved)
        if moved is None and self.lost is None:
            self._no_traffic()
        return moved is not None

    def compare_traffic(self, now_s: float) -> None:
        """End the window, if one began."""
        if self._moved is None:
            return
        (since_s, before), after = self._moved, self._reader.moved_bytes()
        if after is None:
            self._no_traffic()
            return
        window_s = now_s - since_s
        sent, received = (
            bytes_per_s(old, new, window_s, self.gpu.pcie) for old, new in zip(before, after, strict=True)
        )
        self._rates, self._why_no_rates = (sent, received), "pcie_counter_jumped"

    def ask_slowly(self, at_s: float) -> bool:
        """Ask what would disturb a measurement, if it is time to; whether it was asked."""
        if self.lost is not None or at_s - self.asked_s < SLOW_EVERY_S:
            return False
        self.asked_s = at_s
        self._ask_processes()
        if not self._counts_traffic:
            throughput = self._reader.throughput()
            self._rates, self._why_no_rates = throughput or (None, None), self._reader.reason("throughput")
        return True

    def _ask_processes(self) -> None:
        self._mine = self._others = None
        if not processes.numbered_as_here():
            self._why_no_processes = "processes_of_host"
            return
        running = self._reader.processes()
        self._why_no_processes = self._reader.reason("processes")
        if running is None:
            return
        split = processes.split(running)
        if split is None:
            self._why_no_processes = "processes_hidden"
        else:
            self._mine, self._others = split

    def _no_traffic(self) -> None:
        """The counters gave nothing: for the moment, or for good, where the driver's slow answer stands in."""
        if self._counts_traffic:
            self._rates, self._why_no_rates = (None, None), self._reader.reason("moved_bytes")
            self._counts_traffic = self._reader.offers("moved_bytes")


def lost(gpu: Gpu, at_s: float, why: Note) -> GpuNow:
    """A GPU without any reading."""
    return GpuNow(gpu, blank_gpu(at_s), None, None, None, None, None, None, (), why)
