"""What a machine is doing at this moment, for whoever looks. Never stored."""

from __future__ import annotations

from dataclasses import dataclass

from core.records.codes import Note
from core.records.measured import Absent, CpuSample, GpuSample
from core.records.surroundings import Gpu


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A program of this user that computes on a GPU: its file's name, never its arguments."""

    pid: int
    name: str
    memory_bytes: int | None


@dataclass(frozen=True, slots=True)
class GpuNow:
    gpu: Gpu
    sample: GpuSample  # all None while it is lost
    pcie: str | None  # the link as it is now, e.g. "gen1 x16"; it slows down while idle
    sent_bytes_per_s: float | None  # over PCIe, from the GPU
    received_bytes_per_s: float | None
    energy_j: float | None  # since the monitor first saw it
    processes: tuple[GpuProcess, ...] | None  # this user's; None: not asked, or can't be told
    other_processes: int | None  # of other users, or of other containers
    absent: tuple[Absent, ...] = ()  # what is None above and why, as "gpu.<field of GpuSample or GpuNow>"
    lost: Note | None = None  # why it doesn't answer at all: nvml_gpu_lost, gpu_reading_blocks(seconds), ...
    energy_counted_s: float = 0.0  # in how much time energy_j was used: without what couldn't be counted


@dataclass(frozen=True, slots=True)
class CpuNow:
    sample: CpuSample
    core_loads_pct: tuple[float | None, ...]  # by logical core, 100 = busy
    core_clocks_hz: tuple[float, ...] | None  # likewise; None: this machine doesn't tell
    memory_bytes: int | None
    energy_j: float | None  # of all packages, since the monitor began to look
    absent: tuple[Absent, ...] = ()  # as "cpu.<field>"
    energy_counted_s: float = 0.0  # likewise


@dataclass(frozen=True, slots=True)
class MachineNow:
    """Everything at one tick of the monitor's clock."""

    number: int  # counts up: a new one means that something is new
    at_s: float  # of time.perf_counter(), which a job's sampler uses too
    cpu: CpuNow
    gpus: tuple[GpuNow, ...]
    gpus_absent: str | None  # why there is none (a code of core.hardware.nvml)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that the reader must know and that happened while the monitor looked."""

    at_s: float
    note: Note  # monitor_gpu_lost, monitor_gpu_back, monitor_driver_gone, monitor_counter_jumped, ...


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which something was measured here; `end_s` None: it still is."""

    start_s: float
    end_s: float | None
    label: str  # a job's id


@dataclass(frozen=True, slots=True)
class GpuTrace:
    gpu: Gpu
    samples: tuple[GpuSample, ...]  # as many as the CPU's since it was first seen; all None where it was lost


@dataclass(frozen=True, slots=True)
class Watched:
    """The last minutes, both devices on one clock (`at_s` of every sample is time.perf_counter())."""

    interval_s: float
    cpu: tuple[CpuSample, ...]
    gpus: tuple[GpuTrace, ...]
    happenings: tuple[Happening, ...] = ()
    stretches: tuple[Stretch, ...] = ()
