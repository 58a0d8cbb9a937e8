"""The processor and its memory: what they are and what they are doing. Knows nothing of GPUs."""

from __future__ import annotations

import contextlib
import math
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from core.hardware.rapl import PackageEnergy
from core.hardware.system import answer, cgroup_quota_cores, cpuinfo, text
from core.records import Absent, Cpu, CpuSample

# The vector extensions that decide how fast torch's kernels are; "asimd" is what Linux calls NEON on arm64.
_ISA = (
    "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16",
    "neon", "asimd", "sve",
)  # fmt: skip

# The kernel counts in ticks of 10 ms, so that over less than this a load is mostly rounding.
_SHORTEST_WINDOW_S = 0.05
_HELPERS_EVERY_S = 1.0
_MOST_CLOCKS = 32  # read for a mean: the kernel may have to interrupt each core for its own


def describe(root: Path = Path("/")) -> Cpu:
    """The processor as this process may use it. `root` holds /proc and /sys."""
    info = cpuinfo(root)
    flags = (info.get("flags") or info.get("Features") or "").split()  # x86 and Arm name them differently
    return Cpu(
        model=_model(info),
        physical_cores=psutil.cpu_count(logical=False),
        logical_cores=psutil.cpu_count(),
        usable_cores=_usable_cores(),
        quota_cores=cgroup_quota_cores(root),
        max_clock_hz=_max_clock_hz(),
        governor=text(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        isa=tuple(name for name in _ISA if name in flags),
        turbo=_turbo(root),
        virtual="hypervisor" in flags if info.get("flags") else None,  # which only x86 processors tell
    )


def memory_bytes() -> int:
    """The machine's main memory."""
    return int(psutil.virtual_memory().total)


class CpuReader:
    """Reads the whole machine and, where one is named, the measuring process.

    Never raises when that process dies: its readings are None from then on.
    """

    def __init__(
        self, worker_pid: int | None, root: Path = Path("/"), clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._energy = PackageEnergy(root)
        # psutil's clock falls back on the nominal one, which never moves: only cpufreq measures.
        folder = root / "sys/devices/system/cpu"
        clocks = sorted(folder.glob("cpu[0-9]*/cpufreq/scaling_cur_freq"))
        self._clocks = clocks[:: math.ceil(len(clocks) / _MOST_CLOCKS) or 1]
        self._clock = clock
        self._read_at_s = clock()
        # psutil.cpu_percent() keeps its state by thread: primed here, it would still say a false 0 at
        # first in the sampler's thread. Hence the differences are taken by hand.
        self._busy_s, self._total_s = busy_and_total(psutil.cpu_times())
        self._reasons: dict[str, str] = {}
        if not self._clocks:
            self._reasons["clock_hz"] = "cpu_clock_hidden"
        if self._total_s == 0:  # as some sandboxes have it
            self._reasons["load_pct"] = "cpu_load_hidden"
        self._worker: psutil.Process | None = None
        self._known_helpers: set[psutil.Process] = set()
        self._helpers_at_s = -math.inf
        if worker_pid is not None:
            try:
                self._worker = psutil.Process(worker_pid)
            except psutil.NoSuchProcess:
                self._lose_worker()
        self._worker_s, _ = self._read_worker()

    @property
    def absent(self) -> tuple[Absent, ...]:
        """What the last sample lacked, as "cpu.<field of CpuSample>", and why. Safe from any thread.

        A worker that wasn't asked for isn't listed.
        """
        energy = {"energy_j": self._energy.reason} if self._energy.reason else {}
        return tuple(Absent(f"cpu.{name}", reason) for name, reason in (self._reasons | energy).items())

    def sample(self, at_s: float) -> CpuSample:
        """All readings now, stamped `at_s`; `energy_j` since construction, loads since the last sample.

        A load is None where the last sample is too near for one.
        """
        worker_s, worker_memory_bytes = self._read_worker()
        load_pct, worker_pct = self._loads(worker_s)
        return CpuSample(
            at_s=at_s,
            load_pct=load_pct,
            worker_pct=worker_pct,
            clock_hz=self._clock_hz(),
            memory_used_bytes=int(psutil.virtual_memory().used),
            worker_memory_bytes=worker_memory_bytes,
            energy_j=self._energy.read_j(),
        )

    def _loads(self, worker_s: float | None) -> tuple[float | None, float | None]:
        now_s = self._clock()
        window_s = now_s - self._read_at_s
        if window_s < _SHORTEST_WINDOW_S:
            return None, None
        busy_s, total_s = busy_and_total(psutil.cpu_times())
        load_pct = worker_pct = None
        if total_s > self._total_s:
            load = (busy_s - self._busy_s) / (total_s - self._total_s)
            load_pct = 100 * min(1.0, max(0.0, load))  # iowait may run backwards
        if worker_s is not None and self._worker_s is not None:
            worker_pct = 100 * (worker_s - self._worker_s) / window_s
        self._read_at_s, self._busy_s, self._total_s = now_s, busy_s, total_s
        self._worker_s = worker_s
        return load_pct, worker_pct

    def _clock_hz(self) -> float | None:
        """The mean over the cores that are online, or over some of them where they are many."""
        khz = [int(value) for path in self._clocks if (value := text(path)) and value.isdigit()]
        return 1e3 * sum(khz) / len(khz) if khz else None

    def _read_worker(self) -> tuple[float | None, int | None]:
        """Processor time so far, in seconds, and memory, in bytes, of the worker and what it has started.

        The time of a helper that has ended is in its parent's; a helper's own is asked for while it lives.
        """
        if self._worker is None:
            return None, None
        try:
            times, memory = self._worker.cpu_times(), int(self._worker.memory_info().rss)
        except psutil.NoSuchProcess:
            memory = 0
        if memory == 0:  # dead, or dead and not yet waited for
            self._lose_worker()
            return None, None
        busy_s = times.user + times.system + times.children_user + times.children_system
        for process in self._helpers():
            with contextlib.suppress(psutil.Error):  # it may end at any moment
                helper_s, helper_bytes = process.cpu_times(), int(process.memory_info().rss)
                busy_s += helper_s.user + helper_s.system
                memory += helper_bytes
        return busy_s, memory

    def _helpers(self) -> set[psutil.Process]:
        """Processes that the worker has started, looked for once a second."""
        now_s = self._clock()
        if self._worker is not None and now_s - self._helpers_at_s >= _HELPERS_EVERY_S:
            self._helpers_at_s = now_s
            with contextlib.suppress(psutil.Error):
                # The kernel may leave some out while others end: what still runs stays
                known = {process for process in self._known_helpers if process.is_running()}
                self._known_helpers = known | started_by(self._worker)
        return self._known_helpers

    def _lose_worker(self) -> None:
        self._worker = None  # its number may be given to another process
        self._reasons |= {"worker_pct": "worker_gone", "worker_memory_bytes": "worker_gone"}


def started_by(process: psutil.Process, proc: Path = Path("/proc")) -> set[psutil.Process]:
    """All processes below this one.

    Linux tells a process's children; psutil asks every process of the machine for its parent, which takes
    milliseconds of what is being measured. Raises psutil.NoSuchProcess where `process` has ended.
    """
    if text(proc / f"{process.pid}/task/{process.pid}/children") is None:  # not Linux, or built without it
        return set(process.children(recursive=True))
    found: set[psutil.Process] = set()
    asked = [process.pid]
    for pid in asked:  # which grows
        for child in _children(proc / f"{pid}/task"):
            asked.append(child)
            with contextlib.suppress(psutil.NoSuchProcess):
                found.add(psutil.Process(child))
    return found


def _children(tasks: Path) -> list[int]:
    """Of all threads of a process; none once it has ended, as it may at any moment."""
    try:
        return [int(child) for thread in tasks.iterdir() for child in (text(thread / "children") or "").split()]
    except OSError:
        return []


def _model(info: dict[str, str]) -> str:
    if model := info.get("model name"):
        return model
    if platform.system() == "Darwin":
        return answer("sysctl", "-n", "machdep.cpu.brand_string") or platform.machine()
    return platform.processor() or platform.machine()


def _usable_cores() -> int | None:
    process = psutil.Process()
    return len(process.cpu_affinity()) if hasattr(process, "cpu_affinity") else None  # macOS has none


def _max_clock_hz() -> float | None:
    try:
        frequency = psutil.cpu_freq()
    except (NotImplementedError, OSError):  # cpufreq is there but can't be read
        return None
    return float(frequency.max) * 1e6 if frequency and frequency.max else None


def _turbo(root: Path) -> bool | None:
    folder = root / "sys/devices/system/cpu"
    boost, no_turbo = text(folder / "cpufreq/boost"), text(folder / "intel_pstate/no_turbo")
    if boost in ("0", "1"):
        return boost == "1"
    return no_turbo == "0" if no_turbo in ("0", "1") else None


def busy_and_total(times: Any) -> tuple[float, float]:
    """Seconds of work and of everything in one of psutil's CPU times, since the machine started."""
    # Linux counts a guest's time in "user" and "nice" too
    total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    return total - times.idle - getattr(times, "iowait", 0.0), total
