"""NVIDIA's driver: which GPUs there are and what each is doing. The only file that knows pynvml.

NVML is opened at first use. Opening it again only counts a reference, so nothing is remembered here
and a driver that was mended is found at the next call. It is never closed: a job, the runner, the doctor
and the monitor use it side by side, and closing it would invalidate what the others hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pynvml

from core.hardware.doctor.facts import Driver, GpuFacts, Virtualised
from core.records import Absent, Gpu, GpuSample

# An answer of these kinds stays the same for as long as the process lives: never ask again.
_PERMANENT = {
    pynvml.NVML_ERROR_NOT_SUPPORTED: "nvml_not_supported",
    pynvml.NVML_ERROR_FUNCTION_NOT_FOUND: "nvml_not_supported",
    pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH: "nvml_not_supported",
    pynvml.NVML_ERROR_DEPRECATED: "nvml_not_supported",
    # How a driver answers a field or sensor that is younger than itself.
    pynvml.NVML_ERROR_INVALID_ARGUMENT: "nvml_not_supported",
    pynvml.NVML_ERROR_NO_PERMISSION: "nvml_no_permission",
}
_REASONS = _PERMANENT | {
    pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: "nvml_no_driver",
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED: "nvml_driver_not_loaded",
    pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: "nvml_version_mismatch",
    pynvml.NVML_ERROR_NOT_FOUND: "nvml_gpu_not_found",
    pynvml.NVML_ERROR_GPU_NOT_FOUND: "nvml_gpu_not_found",
    pynvml.NVML_ERROR_GPU_IS_LOST: "nvml_gpu_lost",
    pynvml.NVML_ERROR_RESET_REQUIRED: "nvml_reset_required",
    pynvml.NVML_ERROR_UNINITIALIZED: "nvml_closed",
}

MOVED_WRAPS_AT = 2**32

_Readings = dict[str, tuple[Callable[[Any], Any], ...]]

# "Idle" is left out on purpose: a GPU with nothing to do isn't held back.
THROTTLE_REASONS = {
    pynvml.nvmlClocksEventReasonSwPowerCap: "sw_power_cap",
    pynvml.nvmlClocksEventReasonHwSlowdown: "hw_slowdown",
    pynvml.nvmlClocksEventReasonSwThermalSlowdown: "sw_thermal",
    pynvml.nvmlClocksEventReasonHwThermalSlowdown: "hw_thermal",
    pynvml.nvmlClocksEventReasonHwPowerBrakeSlowdown: "hw_power_brake",
    pynvml.nvmlClocksEventReasonSyncBoost: "sync_boost",
    pynvml.nvmlClocksEventReasonApplicationsClocksSetting: "applications_clocks",
    pynvml.nvmlClocksEventReasonDisplayClockSetting: "display_clock",
    0x200: "board_limit",  # these two have a name only in the newest pynvml
    0x400: "reliability",
    ~0x7FF: "unknown_limit",  # NVML may get more at any time, and what isn't known isn't nothing
}


def gpus() -> tuple[tuple[Gpu, ...], str | None]:
    """The GPUs the driver can reach, and the reason code why there are none (None when there are).

    Never raises. A GPU that fell off the bus is left out; the gap in `index` shows it.
    """
    found: list[Gpu] = []
    reason = "nvml_no_gpu"
    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
    except pynvml.NVMLError as error:
        return (), _reason(error.value)
    for index in range(count):
        try:
            found.append(_describe(index))
        except pynvml.NVMLError as error:
            reason = _reason(error.value)
    return tuple(found), None if found else reason


def driver_version() -> str | None:
    """The NVIDIA driver's version, e.g. "570.86.15"; None where no driver answers."""
    try:
        pynvml.nvmlInit()
        return str(pynvml.nvmlSystemGetDriverVersion())
    except pynvml.NVMLError:
        return None


def foreign_processes(uuid: str, own_pid: int) -> int | None:
    """How many other processes compute on this GPU; None where that can't be told.

    Slow (milliseconds, a lock in the driver): never while something is timed. In a container the driver
    numbers processes as the host does; where our own isn't among them, nothing can be said of the others.
    """
    try:
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)
        pids = {process.pid for process in pynvml.nvmlDeviceGetComputeRunningProcesses(handle)}
    except pynvml.NVMLError:
        return None
    if not pids:
        return 0
    return len(pids) - 1 if own_pid in pids else None


def same_gpu(torch_uuid: str, nvml_uuid: str) -> bool:
    """Whether torch's device and NVML's are one GPU; torch writes the UUID without NVML's "GPU-".

    Never compare indices: CUDA_VISIBLE_DEVICES renumbers torch's and leaves NVML's alone.
    """
    first, second = _bare(torch_uuid), _bare(nvml_uuid)
    return first is not None and first == second


class GpuReader:
    """Reads one GPU, given by its UUID as `gpus()` writes it. Never raises: what isn't given is None.

    A reading that proved unsupported or forbidden is never asked for again; one that failed for the
    moment (GPU lost, driver busy) is None in that sample and tried again in the next.
    """

    def __init__(self, uuid: str, readings: _Readings | None = None) -> None:
        readings = readings or _READINGS
        self._sources = {name: list(sources) for name, sources in readings.items()}
        self._reasons: dict[str, str] = {}
        try:
            pynvml.nvmlInit()
            self._handle: Any = pynvml.nvmlDeviceGetHandleByUUID(uuid)
        except pynvml.NVMLError as error:
            self._sources = {name: [] for name in readings}
            self._reasons = dict.fromkeys(readings, _reason(error.value))

    @property
    def absent(self) -> tuple[Absent, ...]:
        """What the last sample lacked, as "gpu.<field of GpuSample>", and why. Safe from any thread."""
        return tuple(Absent(f"gpu.{name}", reason) for name, reason in self._reasons.copy().items())

    def sample(self, at_s: float) -> GpuSample:
        """All readings now, stamped `at_s`. `energy_j` counts since the driver was loaded."""
        return GpuSample(at_s=at_s, **{name: self._read(name) for name in _READINGS})

    def _read(self, name: str) -> Any:
        sources = self._sources[name]
        while sources:
            try:
                value = sources[0](self._handle)
            except pynvml.NVMLError as error:
                self._reasons[name] = _reason(error.value)
                if error.value not in _PERMANENT:
                    return None
                sources.pop(0)
            else:
                self._reasons.pop(name, None)
                return value
        return None


class LiveReader(GpuReader):
    """A GpuReader that also answers what only a monitor shows. Its handle is of the time it was made."""

    def __init__(self, uuid: str) -> None:
        super().__init__(uuid, _READINGS | _LIVE)
        self._answered = False  # to any question of `sample` so far

    def link(self) -> str | None:
        """The PCIe link as it is now, e.g. "gen1 x16"; it slows down while idle."""
        link: str | None = self._read("pcie")
        return link

    def power_limit_w(self) -> float | None:
        limit_w: float | None = self._read("power_limit_w")
        return limit_w

    def moved_bytes(self) -> tuple[int, int] | None:
        """Sent and received over PCIe so far, by counters that wrap at MOVED_WRAPS_AT."""
        moved: tuple[int, int] | None = self._read("moved_bytes")
        return moved

    def throughput(self) -> tuple[float, float] | None:
        """Bytes per second sent and received over PCIe in the last moment. Blocks for 40 ms."""
        throughput: tuple[float, float] | None = self._read("throughput")
        return throughput

    def processes(self) -> tuple[tuple[int, int | None], ...] | None:
        """Number and memory of all processes that compute on it. Slow, as `foreign_processes` is."""
        processes: tuple[tuple[int, int | None], ...] | None = self._read("processes")
        return processes

    def reason(self, name: str) -> str | None:
        """Why the last reading of this name gave None: a field of GpuSample or one of the above."""
        return self._reasons.get(name)

    def offers(self, name: str) -> bool:
        """Whether asking again may give more than "unsupported" or "forbidden"."""
        return bool(self._sources[name])

    def lost(self) -> str | None:
        """Why the last sample has no reading at all, where that may pass; None where it has one."""
        reasons = [self._reasons[name] for name in _READINGS if name in self._reasons]
        if len(reasons) < len(_READINGS):
            self._answered = True
            return None
        passing = [reason for reason in reasons if reason not in _PERMANENT.values()]
        # To a driver that was loaded anew the old handle is an invalid argument, which isn't "not supported"
        return passing[0] if passing else "nvml_failed" if self._answered else None


def count() -> int | None:
    """How many GPUs the driver knows of, lost ones too; None where it doesn't answer. Cheap."""
    try:
        pynvml.nvmlInit()
        return int(pynvml.nvmlDeviceGetCount())
    except pynvml.NVMLError:
        return None


def _reason(code: int) -> str:
    return _REASONS.get(code, "nvml_failed")


def _bare(uuid: str) -> str | None:
    match = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", uuid.lower())
    return match[0] if match else None


def _describe(index: int) -> Gpu:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    memory = _optional(pynvml.nvmlDeviceGetMemoryInfo, handle)
    limit_mw = _optional(pynvml.nvmlDeviceGetEnforcedPowerLimit, handle)
    # The link's generation drops while idle, so the current one says little; its width doesn't, and
    # the current one shows a card in a slot too narrow for it.
    generation = _optional(pynvml.nvmlDeviceGetMaxPcieLinkGeneration, handle)
    width = _optional(pynvml.nvmlDeviceGetCurrPcieLinkWidth, handle)
    return Gpu(
        index=index,
        name=pynvml.nvmlDeviceGetName(handle),
        uuid=pynvml.nvmlDeviceGetUUID(handle),
        memory_bytes=memory.total if memory else None,
        power_limit_w=limit_mw / 1e3 if limit_mw else None,
        pcie=f"gen{generation} x{width}" if generation and width else None,
        max_sm_clock_hz=_optional(_max_sm_clock_hz, handle),
    )


def _max_sm_clock_hz(handle: Any) -> float:
    mhz: int = pynvml.nvmlDeviceGetMaxClockInfo(handle, pynvml.NVML_CLOCK_SM)
    return mhz * 1e6


def _optional(query: Callable[[Any], Any], handle: Any) -> Any:
    try:
        return query(handle)
    except pynvml.NVMLError:
        return None


def _fields(handle: Any, *ids: int) -> list[int]:
    """The lower 32 bits of each field."""
    fields = pynvml.nvmlDeviceGetFieldValues(handle, list(ids))
    for field in fields:
        if field.nvmlReturn != pynvml.NVML_SUCCESS:  # each has its own status; the call itself succeeds
            raise pynvml.NVMLError(field.nvmlReturn)
    return [int(field.value.uiVal) for field in fields]


def _instant_power_w(handle: Any) -> float:
    return _fields(handle, pynvml.NVML_FI_DEV_POWER_INSTANT)[0] / 1e3


def _link(handle: Any) -> str:
    generation = pynvml.nvmlDeviceGetCurrPcieLinkGeneration(handle)
    return f"gen{generation} x{pynvml.nvmlDeviceGetCurrPcieLinkWidth(handle)}"


def _throughput(handle: Any) -> tuple[float, ...]:
    ways = pynvml.NVML_PCIE_UTIL_TX_BYTES, pynvml.NVML_PCIE_UTIL_RX_BYTES
    return tuple(pynvml.nvmlDeviceGetPcieThroughput(handle, way) * 1e3 for way in ways)  # NVML gives KB/s


def _processes(handle: Any) -> tuple[tuple[int, int | None], ...]:
    running = pynvml.nvmlDeviceGetComputeRunningProcesses(handle)
    return tuple((process.pid, process.usedGpuMemory) for process in running)


def _words(mask: int) -> tuple[str, ...]:
    return tuple(word for bit, word in THROTTLE_REASONS.items() if mask & bit)


# Field of GpuSample -> where to read it, best source first. Cheap calls only: process lists and fan
# speed take milliseconds and hold a lock that delays other programs' launches.
_READINGS: _Readings = {
    "utilisation_pct": (lambda gpu: float(pynvml.nvmlDeviceGetUtilizationRates(gpu).gpu),),
    "memory_used_bytes": (lambda gpu: int(pynvml.nvmlDeviceGetMemoryInfo(gpu).used),),
    "power_w": (
        _instant_power_w,
        lambda gpu: pynvml.nvmlDeviceGetPowerUsage(gpu) / 1e3,  # a 1 s average on Ampere and later
    ),
    "temperature_c": (lambda gpu: float(pynvml.nvmlDeviceGetTemperature(gpu, pynvml.NVML_TEMPERATURE_GPU)),),
    "sm_clock_hz": (lambda gpu: pynvml.nvmlDeviceGetClockInfo(gpu, pynvml.NVML_CLOCK_SM) * 1e6,),
    "memory_clock_hz": (lambda gpu: pynvml.nvmlDeviceGetClockInfo(gpu, pynvml.NVML_CLOCK_MEM) * 1e6,),
    "throttle_reasons": (
        lambda gpu: _words(pynvml.nvmlDeviceGetCurrentClocksEventReasons(gpu)),
        lambda gpu: _words(pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu)),  # drivers before 535
    ),
    "energy_j": (lambda gpu: pynvml.nvmlDeviceGetTotalEnergyConsumption(gpu) / 1e3,),
}

# What a monitor asks besides. The last two are so slow that they would disturb a measurement.
_LIVE: _Readings = {
    "pcie": (_link,),
    "power_limit_w": (lambda gpu: pynvml.nvmlDeviceGetEnforcedPowerLimit(gpu) / 1e3,),
    "moved_bytes": (
        lambda gpu: tuple(
            _fields(gpu, pynvml.NVML_FI_DEV_PCIE_COUNT_TX_BYTES, pynvml.NVML_FI_DEV_PCIE_COUNT_RX_BYTES)
        ),
    ),
    "throughput": (_throughput,),
    "processes": (_processes,),
}


# What the doctor asks, once.

_VIRTUALISED: dict[int, Virtualised] = {
    pynvml.NVML_GPU_VIRTUALIZATION_MODE_PASSTHROUGH: "passthrough",
    pynvml.NVML_GPU_VIRTUALIZATION_MODE_VGPU: "vgpu",
}


def condition(strangers: Callable[[frozenset[int]], int | None]) -> tuple[Driver, tuple[GpuFacts, ...]]:
    """The driver and every GPU that it counts, also those that are lost. Never raises.

    `strangers` counts those processes, by the driver's numbers, that aren't ours. As slow as foreign_processes.
    """
    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
    except pynvml.NVMLError as error:
        return Driver(problem=_reason(error.value)), ()
    cuda = _optional(lambda _: pynvml.nvmlSystemGetCudaDriverVersion_v2(), None)  # 13000: CUDA 13.0
    driver = Driver(driver_version(), (cuda // 1000, cuda % 1000 // 10) if cuda else None)
    return driver, tuple(_condition(index, strangers) for index in range(count))


def _condition(index: int, strangers: Callable[[frozenset[int]], int | None]) -> GpuFacts:
    memory = problem = None
    try:
        gpu = pynvml.nvmlDeviceGetHandleByIndex(index)
        name, uuid = pynvml.nvmlDeviceGetName(gpu), pynvml.nvmlDeviceGetUUID(gpu)
    except pynvml.NVMLError as error:
        return GpuFacts(index, "NVIDIA GPU", "", problem=_reason(error.value))
    try:
        memory = pynvml.nvmlDeviceGetMemoryInfo(gpu)
    except (
        pynvml.NVMLError
    ) as error:  # MIG and memory shared with the CPU have no answer; a lost GPU has none left
        problem = None if error.value in _PERMANENT else _reason(error.value)
    processes = _optional(pynvml.nvmlDeviceGetComputeRunningProcesses, gpu)
    mig = _optional(pynvml.nvmlDeviceGetMigMode, gpu)
    return GpuFacts(
        index=index,
        name=name,
        uuid=uuid,
        capability=_optional(pynvml.nvmlDeviceGetCudaComputeCapability, gpu),
        memory_bytes=memory.total if memory else None,
        memory_used_bytes=memory.used if memory else None,
        other_processes=None if processes is None else strangers(frozenset(item.pid for item in processes)),
        mig=mig[0] == pynvml.NVML_DEVICE_MIG_ENABLE if mig else None,
        virtual=_VIRTUALISED.get(_optional(pynvml.nvmlDeviceGetVirtualizationMode, gpu)),
        problem=problem,
    )
