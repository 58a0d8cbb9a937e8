"""What the devices draw while nothing is measured: the baseline that a run's energy is held against."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from core.hardware.sampler import Sampler
from core.records import CpuSample, EnergySource, GpuSample, Idle

SECONDS = 2.0


def measure(
    gpu_uuids: Sequence[str], seconds: float = SECONDS, sleep: Callable[[float], object] = time.sleep
) -> dict[str | None, Idle]:
    """Idle draw by GPU uuid, and of the CPU under None. Blocks for `seconds`; nothing may be running."""
    sampler = Sampler(None, gpu_uuids, time.perf_counter())
    with sampler:
        sleep(seconds)
    found: dict[str | None, Idle] = {None: _of(sampler.telemetry(None).cpu)}
    for uuid in gpu_uuids:
        found[uuid] = _of(sampler.telemetry(uuid).gpu)
    return found


def _of(samples: Sequence[CpuSample] | Sequence[GpuSample]) -> Idle:
    """From the counter where there is one, else the mean of the power readings."""
    duration = samples[-1].at_s - samples[0].at_s if len(samples) > 1 else 0.0
    first, last = (samples[0].energy_j, samples[-1].energy_j) if duration > 0 else (None, None)
    if first is not None and last is not None and last > first:
        source: EnergySource = "counter" if isinstance(samples[0], GpuSample) else "rapl"
        return Idle(duration, (last - first) / duration, last - first, source)
    powers = [
        sample.power_w for sample in samples if isinstance(sample, GpuSample) and sample.power_w is not None
    ]
    if powers:
        return Idle(duration, sum(powers) / len(powers), None, "power")
    return Idle(duration, None, None, None)
