"""A machine whose GPUs are a fake driver's, read by the monitor tick by tick."""

import psutil
import pynvml

from core.hardware import nvml
from core.hardware.monitor import processes
from core.hardware.monitor.gpus import Gpus
from tests.fakes import FakeClock, FakeNvml

RATES = {"sent_bytes_per_s", "received_bytes_per_s"}


class Machine:
    """A machine with a fake driver, read tick by tick."""

    def __init__(self, patch, gpus):
        self.driver = FakeNvml(gpus)
        self.driver.compute_pids = [psutil.Process().pid]
        self.driver.moving_bytes = {
            pynvml.NVML_FI_DEV_PCIE_COUNT_TX_BYTES: 20_000_000,
            pynvml.NVML_FI_DEV_PCIE_COUNT_RX_BYTES: 40_000_000,
        }
        self.clock = FakeClock(1000.0)
        self.measured = []
        patch.setattr(nvml, "pynvml", self.driver)
        patch.setattr(processes, "numbered_as_here", lambda: True)
        self.restart()

    def restart(self):
        self.gpus = Gpus(lambda: self.measured, clock=self.clock, rest=self.clock.advance)

    def tick(self, seconds=1.0):
        self.clock.advance(seconds)
        return self.gpus.read(self.clock())


def absences(gpu):
    return {item.reading.removeprefix("gpu."): item.reason for item in gpu.absent}


def codes(seen):
    return [happening.note.code for happening in seen.happenings]
