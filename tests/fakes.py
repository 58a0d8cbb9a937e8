"""Stand-ins for what a test can't have: time, and NVIDIA's driver."""

from __future__ import annotations

import threading
from collections import Counter
from types import SimpleNamespace
from typing import NamedTuple

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


class FakeHandle(NamedTuple):
    gpu: int
    generation: tuple[int, int]  # of all handles, and of this GPU's


class FakeNvml:
    """Stands in for the module pynvml, with GPUs that have every sensor.

    `fail(function, code)` lets a function of pynvml raise that NVML error from now on ("*": every one; with
    `gpu`: asked of that one), `heal(function)` ends it; `calls` counts calls by function. A function in
    `blocked` waits for its event. Values are in NVML's own units.
    Everything called nvml... or NVML... must exist in pynvml: tests/unit/test_nvml.py compares them.
    """

    UUID = "GPU-5b1c0f6e-0d2a-4c11-9a58-1f2e3d4c5b6a"

    NVMLError = pynvml.NVMLError
    NVML_SUCCESS = pynvml.NVML_SUCCESS
    NVML_CLOCK_SM = pynvml.NVML_CLOCK_SM
    NVML_CLOCK_MEM = pynvml.NVML_CLOCK_MEM
    NVML_TEMPERATURE_GPU = pynvml.NVML_TEMPERATURE_GPU
    NVML_FI_DEV_POWER_INSTANT = pynvml.NVML_FI_DEV_POWER_INSTANT
    NVML_DEVICE_MIG_ENABLE = pynvml.NVML_DEVICE_MIG_ENABLE
    NVML_FI_DEV_PCIE_COUNT_TX_BYTES = pynvml.NVML_FI_DEV_PCIE_COUNT_TX_BYTES
    NVML_FI_DEV_PCIE_COUNT_RX_BYTES = pynvml.NVML_FI_DEV_PCIE_COUNT_RX_BYTES
    NVML_PCIE_UTIL_TX_BYTES = pynvml.NVML_PCIE_UTIL_TX_BYTES
    NVML_PCIE_UTIL_RX_BYTES = pynvml.NVML_PCIE_UTIL_RX_BYTES

    def __init__(self, gpus: int = 1) -> None:
        self.gpus = gpus
        self.calls: Counter[str] = Counter()
        self.failures: dict[tuple[str, int | None], int] = {}
        self.blocked: dict[str, threading.Event] = {}
        self.waiting = threading.Event()  # set once a call has come to a function that is blocked
        self.openings = 0
        self.generations: Counter[int | None] = Counter()  # of handles, by GPU; None: of all
        self.energy_mj = 5_000_000
        self.energies_mj: dict[int, int] = {}  # of GPUs that differ
        self.moved_bytes: Counter[tuple[int, int]] = Counter()  # over PCIe so far, by GPU and field
        self.moving_bytes = {self.NVML_FI_DEV_PCIE_COUNT_TX_BYTES: 0, self.NVML_FI_DEV_PCIE_COUNT_RX_BYTES: 0}
        self.pcie_status = pynvml.NVML_SUCCESS
        self.pcie_kb_per_s = 1000
        self.clock_event_reasons = 0
        self.instant_power_status = pynvml.NVML_SUCCESS
        self.compute_pids: list[int] = []
        self.cuda_driver_version = 13_000
        self.mig_mode = pynvml.NVML_DEVICE_MIG_DISABLE
        self.virtualization_mode = pynvml.NVML_GPU_VIRTUALIZATION_MODE_NONE

    @classmethod
    def without_driver(cls) -> FakeNvml:
        fake = cls()
        fake.fail("nvmlInit", pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)
        return fake

    @classmethod
    def uuid(cls, gpu: int) -> str:
        return cls.UUID if gpu == 0 else f"GPU-5b1c0f6e-0d2a-4c11-9a58-{gpu:012x}"

    def fail(self, function: str, code: int, gpu: int | None = None) -> None:
        self.failures[function, gpu] = code

    def heal(self, function: str, gpu: int | None = None) -> None:
        del self.failures[function, gpu]

    def fall_off(self, gpu: int) -> None:
        """The GPU falls off the bus."""
        self.fail("*", pynvml.NVML_ERROR_GPU_IS_LOST, gpu)

    def come_back(self, gpu: int) -> None:
        """It is found again; its old handles are of no use."""
        self.generations[gpu] += 1
        self.heal("*", gpu)

    def block(self, function: str) -> threading.Event:
        """Let the function wait until the event is set."""
        return self.blocked.setdefault(function, threading.Event())

    def _call(self, function: str, handle: FakeHandle | None = None) -> None:
        self.calls[function] += 1
        if function in self.blocked:
            self.waiting.set()
            assert self.blocked[function].wait(30), "a test left a reading blocked"
        gpu = handle.gpu if handle else None
        for failing in ((function, gpu), ("*", gpu), (function, None), ("*", None)):
            if failing in self.failures:
                raise pynvml.NVMLError(self.failures[failing])
        if not self.openings:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_UNINITIALIZED)
        if handle and handle.generation[0] != self.generations[None]:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_INVALID_ARGUMENT)
        if handle and handle.generation[1] != self.generations[gpu]:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)

    def nvmlInit(self) -> None:
        self.openings += 1
        try:
            self._call("nvmlInit")
        except pynvml.NVMLError:
            self.openings -= 1
            raise

    def nvmlShutdown(self) -> None:
        self._call("nvmlShutdown")
        self.openings -= 1
        if not self.openings:
            self.generations[None] += 1

    def _handle(self, gpu: int) -> FakeHandle:
        return FakeHandle(gpu, (self.generations[None], self.generations[gpu]))

    def nvmlSystemGetDriverVersion(self) -> str:
        self._call("nvmlSystemGetDriverVersion")
        return "570.86.15"

    def nvmlDeviceGetCount(self) -> int:
        self._call("nvmlDeviceGetCount")
        return self.gpus

    def nvmlDeviceGetHandleByIndex(self, index: int) -> FakeHandle:
        assert index < self.gpus
        self._call("nvmlDeviceGetHandleByIndex", self._handle(index))
        return self._handle(index)

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> FakeHandle:
        gpu = next((gpu for gpu in range(self.gpus) if self.uuid(gpu) == uuid), None)
        self._call("nvmlDeviceGetHandleByUUID", None if gpu is None else self._handle(gpu))
        if gpu is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return self._handle(gpu)

    def nvmlDeviceGetName(self, handle: FakeHandle) -> str:
        self._call("nvmlDeviceGetName", handle)
        return "NVIDIA H200"

    def nvmlDeviceGetUUID(self, handle: FakeHandle) -> str:
        self._call("nvmlDeviceGetUUID", handle)
        return self.uuid(handle.gpu)

    def nvmlDeviceGetEnforcedPowerLimit(self, handle: FakeHandle) -> int:
        self._call("nvmlDeviceGetEnforcedPowerLimit", handle)
        return 700_000

    def nvmlDeviceGetComputeRunningProcesses(self, handle: FakeHandle) -> list[SimpleNamespace]:
        self._call("nvmlDeviceGetComputeRunningProcesses", handle)
        return [SimpleNamespace(pid=pid, usedGpuMemory=2_000_000_000) for pid in self.compute_pids]

    def nvmlDeviceGetMaxClockInfo(self, handle: FakeHandle, type: int) -> int:
        self._call("nvmlDeviceGetMaxClockInfo", handle)
        return 1980

    def nvmlDeviceGetMaxPcieLinkGeneration(self, handle: FakeHandle) -> int:
        self._call("nvmlDeviceGetMaxPcieLinkGeneration", handle)
        return 5

    def nvmlDeviceGetCurrPcieLinkWidth(self, handle: FakeHandle) -> int:
        self._call("nvmlDeviceGetCurrPcieLinkWidth", handle)
        return 16

    def nvmlDeviceGetUtilizationRates(self, handle: FakeHandle) -> object:
        self._call("nvmlDeviceGetUtilizationRates", handle)
        return pynvml.c_nvmlUtilization_t(gpu=97, memory=41)

    def nvmlDeviceGetMemoryInfo(self, handle: FakeHandle) -> object:
        self._call("nvmlDeviceGetMemoryInfo", handle)
        return pynvml.c_nvmlMemory_t(total=150_000_000_000, free=130_000_000_000, used=20_000_000_000)

    def nvmlDeviceGetFieldValues(self, handle: FakeHandle, fieldIds: list[int]) -> list[object]:
        self._call("nvmlDeviceGetFieldValues", handle)
        return [self._field(handle.gpu, field) for field in fieldIds]

    def _field(self, gpu: int, field: int) -> object:
        if field == pynvml.NVML_FI_DEV_POWER_INSTANT:
            value = pynvml.c_nvmlValue_t(uiVal=612_500)
            return pynvml.c_nvmlFieldValue_t(nvmlReturn=self.instant_power_status, value=value)
        self.moved_bytes[gpu, field] += self.moving_bytes[field]
        value = pynvml.c_nvmlValue_t(uiVal=self.moved_bytes[gpu, field] % 2**32)
        return pynvml.c_nvmlFieldValue_t(nvmlReturn=self.pcie_status, value=value)

    def nvmlDeviceGetPcieThroughput(self, device: FakeHandle, counter: int) -> int:
        self._call("nvmlDeviceGetPcieThroughput", device)
        return self.pcie_kb_per_s * (1 + counter)

    def nvmlDeviceGetCurrPcieLinkGeneration(self, handle: FakeHandle) -> int:
        self._call("nvmlDeviceGetCurrPcieLinkGeneration", handle)
        return 1

    def nvmlDeviceGetPowerUsage(self, handle: FakeHandle) -> int:
        self._call("nvmlDeviceGetPowerUsage", handle)
        return 598_000

    def nvmlDeviceGetTemperature(self, handle: FakeHandle, sensor: int) -> int:
        self._call("nvmlDeviceGetTemperature", handle)
        assert sensor == pynvml.NVML_TEMPERATURE_GPU
        return 54

    def nvmlDeviceGetClockInfo(self, handle: FakeHandle, type: int) -> int:
        self._call("nvmlDeviceGetClockInfo", handle)
        return {pynvml.NVML_CLOCK_SM: 1980, pynvml.NVML_CLOCK_MEM: 3201}[type]

    def nvmlDeviceGetCurrentClocksEventReasons(self, handle: FakeHandle) -> int:
        self._call("nvmlDeviceGetCurrentClocksEventReasons", handle)
        return self.clock_event_reasons

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: FakeHandle) -> int:
        self._call("nvmlDeviceGetCurrentClocksThrottleReasons", handle)
        return self.clock_event_reasons

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: FakeHandle) -> int:
        self._call("nvmlDeviceGetTotalEnergyConsumption", handle)
        return self.energies_mj.get(handle.gpu, self.energy_mj)

    def nvmlSystemGetCudaDriverVersion_v2(self) -> int:
        self._call("nvmlSystemGetCudaDriverVersion_v2")
        return self.cuda_driver_version

    def nvmlDeviceGetCudaComputeCapability(self, handle: FakeHandle) -> tuple[int, int]:
        self._call("nvmlDeviceGetCudaComputeCapability", handle)
        return 9, 0

    def nvmlDeviceGetMigMode(self, device: FakeHandle) -> list[int]:
        self._call("nvmlDeviceGetMigMode", device)
        return [self.mig_mode, self.mig_mode]

    def nvmlDeviceGetVirtualizationMode(self, handle: FakeHandle) -> int:
        self._call("nvmlDeviceGetVirtualizationMode", handle)
        return self.virtualization_mode
