"""`python -m tests.browser.fake_gpus N FILE run dashboard.py ...`: Streamlit as ever, with N GPUs of a fake.

Their readings move. FILE lists in JSON the numbers of those that are off the bus; it may change at any time.
"""

from __future__ import annotations

import json
import math
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pynvml
from streamlit.web import cli

from core.hardware import nvml
from tests.fakes import FakeHandle, FakeNvml


class MovingNvml(FakeNvml):
    """GPUs that go up and down, each at a time of its own, and that a file takes off the bus and back on it."""

    def __init__(self, gpus: int, lost: Path) -> None:
        super().__init__(gpus)
        self._lost, self._gone = lost, set[int]()
        self._began, self._turn = time.monotonic(), threading.Lock()

    def _call(self, function: str, handle: FakeHandle | None = None) -> None:
        with self._turn:
            wanted = set(json.loads(self._lost.read_text())) if self._lost.exists() else set()
            for gpu in wanted - self._gone:
                self.fall_off(gpu)
            for gpu in self._gone - wanted:
                self.come_back(gpu)
            self._gone = wanted
        super()._call(function, handle)

    def nvmlDeviceGetUtilizationRates(self, handle: FakeHandle) -> object:
        super().nvmlDeviceGetUtilizationRates(handle)
        return pynvml.c_nvmlUtilization_t(gpu=round(100 * self._share(handle.gpu)), memory=41)

    def _field(self, gpu: int, field: int) -> Any:
        found = super()._field(gpu, field)
        if field == pynvml.NVML_FI_DEV_POWER_INSTANT:
            found.value.uiVal = round(100_000 + 500_000 * self._share(gpu))
        return found

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: FakeHandle) -> int:
        super().nvmlDeviceGetTotalEnergyConsumption(handle)
        return self.energy_mj + round(350_000 * (time.monotonic() - self._began))

    def _share(self, gpu: int) -> float:
        return 0.5 + 0.45 * math.sin((time.monotonic() - self._began) / 5 + gpu)


if __name__ == "__main__":
    gpus, lost = int(sys.argv[1]), Path(sys.argv[2])
    nvml.pynvml = MovingNvml(gpus, lost)  # type: ignore[attr-defined]
    del sys.argv[1:3]
    cli.main(prog_name="streamlit")
