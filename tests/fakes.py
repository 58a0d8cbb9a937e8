"""Stand-ins for what a test can't have: time, and NVIDIA's driver."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pynvml


class FakeClock:
    """A clock that only moves when told to. `wait` moves it and asks to stop after `waits` times."""

    def __init__(self, now_s: float = 0.0, waits: int = 0) -> None:
        self.now_s = now_s
        self.waits = waits

    def __call__(self) -> float:
        return self.now_s

    def advance(self, seconds: float) -> None:
        self.now_s += seconds

    def wait(self, seconds: float) -> bool:
        assert seconds > 0, "a schedule that waits for nothing spins"
        self.advance(seconds)
        self.waits -= 1
        return self.waits <= 0


class FakeNvml:
    """Stands in for the module pynvml, with one GPU that has every sensor.

    `fail(function, code)` lets a function of pynvml raise that NVML error from now on ("*": every one),
    `heal(function)` ends it; `calls` counts calls by function. Values are in NVML's own units.
    Everything called nvml... or NVML... must exist in pynvml: tests/unit/test_nvml.py compares them.
    """

    UUID = "GPU-5b1c0f6e-0d2a-4c11-9a58-1f2e3d4c5b6a"

    NVMLError = pynvml.NVMLError
    NVML_SUCCESS = pynvml.NVML_SUCCESS
    NVML_CLOCK_SM = pynvml.NVML_CLOCK_SM
    NVML_CLOCK_MEM = pynvml.NVML_CLOCK_MEM
    NVML_TEMPERATURE_GPU = pynvml.NVML_TEMPERATURE_GPU
    NVML_FI_DEV_POWER_INSTANT = pynvml.NVML_FI_DEV_POWER_INSTANT

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.failures: dict[str, int] = {}
        self.opened = False
        self.energy_mj = 5_000_000
        self.clock_event_reasons = 0
        self.instant_power_status = pynvml.NVML_SUCCESS
        self.compute_pids: list[int] = []

    @classmethod
    def without_driver(cls) -> FakeNvml:
        fake = cls()
        fake.fail("nvmlInit", pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)
        return fake

    def fail(self, function: str, code: int) -> None:
        self.failures[function] = code

    def heal(self, function: str) -> None:
        del self.failures[function]

    def _call(self, function: str) -> None:
        self.calls[function] += 1
        code = self.failures.get(function, self.failures.get("*"))
        if code is not None:
            raise pynvml.NVMLError(code)
        if not self.opened:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_UNINITIALIZED)

    def nvmlInit(self) -> None:
        self.opened = True
        self._call("nvmlInit")

    def nvmlSystemGetDriverVersion(self) -> str:
        self._call("nvmlSystemGetDriverVersion")
        return "570.86.15"

    def nvmlDeviceGetCount(self) -> int:
        self._call("nvmlDeviceGetCount")
        return 1

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:
        self._call("nvmlDeviceGetHandleByIndex")
        assert index == 0
        return "handle"

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:
        self._call("nvmlDeviceGetHandleByUUID")
        if uuid != self.UUID:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return "handle"

    def nvmlDeviceGetName(self, handle: str) -> str:
        self._call("nvmlDeviceGetName")
        return "NVIDIA H200"

    def nvmlDeviceGetUUID(self, handle: str) -> str:
        self._call("nvmlDeviceGetUUID")
        return self.UUID

    def nvmlDeviceGetEnforcedPowerLimit(self, handle: str) -> int:
        self._call("nvmlDeviceGetEnforcedPowerLimit")
        return 700_000

    def nvmlDeviceGetComputeRunningProcesses(self, handle: str) -> list[SimpleNamespace]:
        self._call("nvmlDeviceGetComputeRunningProcesses")
        return [SimpleNamespace(pid=pid) for pid in self.compute_pids]

    def nvmlDeviceGetMaxClockInfo(self, handle: str, type: int) -> int:
        self._call("nvmlDeviceGetMaxClockInfo")
        return 1980

    def nvmlDeviceGetMaxPcieLinkGeneration(self, handle: str) -> int:
        self._call("nvmlDeviceGetMaxPcieLinkGeneration")
        return 5

    def nvmlDeviceGetCurrPcieLinkWidth(self, handle: str) -> int:
        self._call("nvmlDeviceGetCurrPcieLinkWidth")
        return 16

    def nvmlDeviceGetUtilizationRates(self, handle: str) -> object:
        self._call("nvmlDeviceGetUtilizationRates")
        return pynvml.c_nvmlUtilization_t(gpu=97, memory=41)

    def nvmlDeviceGetMemoryInfo(self, handle: str) -> object:
        self._call("nvmlDeviceGetMemoryInfo")
        return pynvml.c_nvmlMemory_t(total=150_000_000_000, free=130_000_000_000, used=20_000_000_000)

    def nvmlDeviceGetFieldValues(self, handle: str, fieldIds: list[int]) -> list[object]:
        self._call("nvmlDeviceGetFieldValues")
        assert fieldIds == [pynvml.NVML_FI_DEV_POWER_INSTANT]
        value = pynvml.c_nvmlValue_t(uiVal=612_500)
        return [pynvml.c_nvmlFieldValue_t(nvmlReturn=self.instant_power_status, value=value)]

    def nvmlDeviceGetPowerUsage(self, handle: str) -> int:
        self._call("nvmlDeviceGetPowerUsage")
        return 598_000

    def nvmlDeviceGetTemperature(self, handle: str, sensor: int) -> int:
        self._call("nvmlDeviceGetTemperature")
        assert sensor == pynvml.NVML_TEMPERATURE_GPU
        return 54

    def nvmlDeviceGetClockInfo(self, handle: str, type: int) -> int:
        self._call("nvmlDeviceGetClockInfo")
        return {pynvml.NVML_CLOCK_SM: 1980, pynvml.NVML_CLOCK_MEM: 3201}[type]

    def nvmlDeviceGetCurrentClocksEventReasons(self, handle: str) -> int:
        self._call("nvmlDeviceGetCurrentClocksEventReasons")
        return self.clock_event_reasons

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: str) -> int:
        self._call("nvmlDeviceGetCurrentClocksThrottleReasons")
        return self.clock_event_reasons

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:
        self._call("nvmlDeviceGetTotalEnergyConsumption")
        return self.energy_mj
