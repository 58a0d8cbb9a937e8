"""All GPUs of the machine: found, lost and found again. Knows nothing of threads."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.hardware import nvml
from core.hardware.monitor.device import Device
from core.records import Gpu, GpuNow, Happening, Note

LOOK_AROUND_S = 10.0  # for GPUs that are new or came back
TRAFFIC_S = 0.02  # the window that the driver's own PCIe reading has; longer, and the counters wrap unseen
_SLOW_AT_ONCE = 4  # GPUs asked slow questions in one tick
_DRIVER_GONE = {"nvml_no_driver", "nvml_driver_not_loaded", "nvml_version_mismatch", "nvml_closed"}


@dataclass(frozen=True, slots=True)
class Seen:
    """All GPUs at one tick."""

    gpus: tuple[GpuNow, ...]
    absent: str | None  # why there is none
    happenings: tuple[Happening, ...] = ()


class Gpus:
    """Reads every GPU that the driver shows, and keeps those in mind that it no longer does.

    Nothing slow is asked while `measuring()` names anything. `clock` and `rest` are for tests.
    """

    def __init__(
        self,
        measuring: Callable[[], Sequence[str]] = tuple,
        *,
        clock: Callable[[], float] = time.perf_counter,
        rest: Callable[[float], object] = time.sleep,
    ) -> None:
        self._measuring = measuring
        self._clock, self._rest = clock, rest
        self._devices: dict[str, Device] = {}
        self._absent: str | None = "nvml_no_gpu"
        self._look_at_s = -math.inf
        self._unheard = 0  # GPUs that the driver counts and that never answered
        self._news: list[Happening] = []

    def read(self, at_s: float) -> Seen:
        """All GPUs now, stamped `at_s`. Never raises for what a driver answers."""
        self._news = []
        measured = bool(self._measuring())
        if at_s >= self._look_at_s and not (measured and self._devices):
            self._look_around(at_s)
        devices = sorted(self._devices.values(), key=lambda device: device.gpu.index)
        for device in devices:  # before all that takes longer: these readings are stamped
            self._sense(device, at_s, measured)
        self._watch_traffic(devices)
        measured = bool(self._measuring())
        if not measured:
            self._ask_slowly(devices, at_s)
        gpus = tuple(device.now(measured=measured) for device in devices)
        return Seen(gpus, None if gpus else self._absent, tuple(self._news))

    def _sense(self, device: Device, at_s: float, measured: bool) -> None:
        before = device.lost
        if not device.sense(at_s, self._clock, measured=measured):
            self._tell("monitor_counter_jumped", at_s, device.gpu)
        if device.lost is not None and before is None:
            self._look_at_s = at_s  # with the next tick: it may be back at once
            gone = device.lost in _DRIVER_GONE
            self._tell(
                "monitor_driver_gone" if gone else "monitor_gpu_lost", at_s, None if gone else device.gpu
            )
        elif device.lost is None and before is not None:
            back = before in _DRIVER_GONE
            self._tell(
                "monitor_driver_back" if back else "monitor_gpu_back", at_s, None if back else device.gpu
            )

    def _tell(self, code: str, at_s: float, gpu: Gpu | None) -> None:
        facts: dict[str, str | int | float | bool | None] = {}
        if gpu is not None:
            facts = {"index": gpu.index, "name": gpu.name}
        happening = Happening(at_s, Note(code, facts))
        if happening not in self._news:  # a driver is gone for all of them, but once
            self._news.append(happening)

    def _look_around(self, at_s: float) -> None:
        first, self._look_at_s = self._look_at_s == -math.inf, at_s + LOOK_AROUND_S
        lost = [device for device in self._devices.values() if device.lost is not None]
        count = nvml.count()
        if self._devices and not lost and count == len(self._devices):
            return
        found, self._absent = nvml.gpus()
        for gpu in found:
            device = self._devices.get(gpu.uuid)
            if device is None:
                self._devices[gpu.uuid] = Device(gpu)
                if not first:
                    self._tell("monitor_gpu_new", at_s, gpu)
            elif device.lost is not None:
                device.take_anew(gpu)
        before, self._unheard = self._unheard, max(0, (count or 0) - len(self._devices))
        if self._unheard > before:
            self._news.append(Happening(at_s, Note("monitor_gpus_unheard", {"count": self._unheard})))

    def _watch_traffic(self, devices: Sequence[Device]) -> None:
        begun = [device for device in devices if device.mark_traffic(self._clock())]
        if begun:
            self._rest(TRAFFIC_S)
        for device in begun:
            device.compare_traffic(self._clock())

    def _ask_slowly(self, devices: Sequence[Device], at_s: float) -> None:
        left = _SLOW_AT_ONCE
        for device in sorted(devices, key=lambda device: device.asked_s):  # whoever has waited longest
            if left and device.ask_slowly(at_s):
                left -= 1
