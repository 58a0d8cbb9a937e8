"""What a monitor would have seen, with invented numbers, and a stand-in for the monitor itself."""

from __future__ import annotations

import dataclasses
from typing import Any

from core.records import (
    Absent,
    CpuNow,
    CpuSample,
    Gpu,
    GpuNow,
    GpuProcess,
    GpuSample,
    GpuTrace,
    Happening,
    MachineNow,
    Stretch,
    Watched,
)

AT_S = 1000.0
_HIDDEN = (Absent("cpu.energy_j", "rapl_absent"), Absent("cpu.clock_hz", "cpu_clock_hidden"))


def make_gpu(index: int = 0, **changes: Any) -> Gpu:
    plain = Gpu(index, "NVIDIA Test GPU", f"GPU-{index}", 16 * 2**30, 350.0, "gen4 x16")
    return dataclasses.replace(plain, **changes)


def make_gpu_sample(at_s: float = AT_S, **changes: Any) -> GpuSample:
    plain = GpuSample(at_s, 40.0, 4 * 2**30, 300.0, 55.0, 1.7e9, 2.6e9, (), 5000 + 300 * at_s)
    return dataclasses.replace(plain, **changes)


def make_gpu_now(index: int = 0, at_s: float = AT_S, **changes: Any) -> GpuNow:
    """Fields of GpuSample and of GpuNow mixed."""
    fields = set(GpuSample.__dataclass_fields__) - {"energy_j"}
    sample = make_gpu_sample(at_s, **{name: changes.pop(name) for name in list(changes) if name in fields})
    mine = (GpuProcess(4321, "python3", 2**30),)
    plain = GpuNow(make_gpu(index), sample, "gen4 x16", 2.0e6, 3.0e9, 1200.0, mine, 1, energy_counted_s=300.0)
    return dataclasses.replace(plain, **changes)


def make_cpu_sample(at_s: float = AT_S, **changes: Any) -> CpuSample:
    plain = CpuSample(at_s, 25.0, None, None, 8 * 2**30, None, None)
    return dataclasses.replace(plain, **changes)


def make_cpu_now(cores: int = 8, at_s: float = AT_S, **changes: Any) -> CpuNow:
    """A virtual machine's: neither clock nor energy."""
    fields = set(CpuSample.__dataclass_fields__) - {"energy_j"}
    sample = make_cpu_sample(at_s, **{name: changes.pop(name) for name in list(changes) if name in fields})
    loads = tuple(100.0 * core / max(1, cores - 1) for core in range(cores))
    return dataclasses.replace(CpuNow(sample, loads, None, 32 * 2**30, None, _HIDDEN), **changes)


def make_now(gpus: int | tuple[GpuNow, ...] = 1, **changes: Any) -> MachineNow:
    at_s = changes.get("at_s", AT_S)
    found = tuple(make_gpu_now(index, at_s) for index in range(gpus)) if isinstance(gpus, int) else gpus
    plain = MachineNow(1, at_s, make_cpu_now(at_s=at_s), found, None if found else "nvml_no_driver")
    return dataclasses.replace(plain, **changes)


def make_watched(
    now: MachineNow,
    seconds: int = 300,
    *,
    happenings: tuple[Happening, ...] = (),
    stretches: tuple[Stretch, ...] = (),
) -> Watched:
    """A sample a second up to now; loads that go up and down, so that no two lines look alike."""
    times = [now.at_s - ago for ago in range(seconds, -1, -1)]
    return Watched(
        1.0,
        tuple(make_cpu_sample(t, load_pct=float(int(t) * 7 % 90)) for t in times),
        tuple(
            GpuTrace(
                seen.gpu,
                tuple(
                    make_gpu_sample(t, utilisation_pct=float((int(t) * 3 + 20 * place) % 101)) for t in times
                ),
            )
            for place, seen in enumerate(now.gpus)
        ),
        happenings,
        stretches,
    )


class FakeMonitor:
    """Stands in for core.hardware.monitor.Monitor. `looks` counts the refreshes that said they look."""

    def __init__(self, now: MachineNow | None, watched: Watched | None = None, stale_s: float = 0.4) -> None:
        self.now = now
        self.failure: BaseException | None = None
        self.looks = 0
        self._watched, self._stale_s = watched, stale_s

    def look(self) -> MachineNow | None:
        self.looks += 1
        return self.now

    def watched(self) -> Watched:
        assert self.now is not None
        return self._watched or make_watched(self.now)

    def stale_s(self) -> float | None:
        return self._stale_s if self.now else None
