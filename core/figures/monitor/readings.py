"""The last minutes, reading by reading, as a chart and a table show them. Draws nothing, knows no Plotly."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from core.records import CpuSample, GpuTrace, MachineNow, Watched

Reading = Literal["load", "memory", "power", "temperature"]
READINGS: tuple[Reading, ...] = ("load", "memory", "power", "temperature")
UNITS: dict[Reading, str] = {"load": "%", "memory": "%", "power": "W", "temperature": "°C"}

Point = tuple[float, float | None]  # at_s, and the value or None: not measured


@dataclass(frozen=True, slots=True)
class Series:
    """One reading of one device: per cent (of the device's own memory, too), W or °C."""

    gpu: int | None  # its index; None: the CPU
    place: int  # among the GPUs of this machine, whichever are drawn: it keeps its colour
    reading: Reading
    points: tuple[Point, ...]

    @property
    def device(self) -> str:
        return "CPU" if self.gpu is None else f"GPU {self.gpu}"


@dataclass(frozen=True, slots=True)
class Summary:
    series: Series
    mean: float
    lowest: float
    highest: float


def stretch(watched: Watched, now: MachineNow, ago_s: tuple[int, int]) -> tuple[float, float]:
    """From when to when, of the records' clock: what is asked for, as far back as there is anything."""
    start_s, end_s = (now.at_s - ago for ago in ago_s)
    began_s = watched.cpu[0].at_s if watched.cpu else end_s
    return min(end_s, max(start_s, began_s)), end_s


def series_of(
    watched: Watched, memory_bytes: int | None, uuids: Collection[str], from_s: float, to_s: float
) -> tuple[Series, ...]:
    """The readings of the CPU and of these GPUs between two times; what was never read is left out."""
    found = list(_of_cpu(watched.cpu, memory_bytes, from_s, to_s))
    for place, trace in enumerate(watched.gpus):
        if trace.gpu.uuid in uuids:
            found += _of_gpu(trace, place, from_s, to_s)
    return tuple(item for item in found if any(value is not None for _, value in item.points))


def summaries(found: Iterable[Series]) -> tuple[Summary, ...]:
    """Mean, lowest and highest of the single readings, not of what a chart draws."""
    known = ((item, [value for _, value in item.points if value is not None]) for item in found)
    return tuple(
        Summary(item, statistics.fmean(values), min(values), max(values)) for item, values in known if values
    )


def _of_cpu(
    samples: Sequence[CpuSample], memory_bytes: int | None, from_s: float, to_s: float
) -> Iterable[Series]:
    kept = [sample for sample in samples if from_s <= sample.at_s <= to_s]
    points: dict[Reading, list[Point]] = {
        "load": [(s.at_s, s.load_pct) for s in kept],
        "memory": [(s.at_s, _share(s.memory_used_bytes, memory_bytes)) for s in kept],
        "power": [(new.at_s, _power(old, new)) for old, new in pairwise(kept)],
    }
    return [Series(None, 0, reading, tuple(pairs)) for reading, pairs in points.items()]


def _of_gpu(trace: GpuTrace, place: int, from_s: float, to_s: float) -> Iterable[Series]:
    kept = [sample for sample in trace.samples if from_s <= sample.at_s <= to_s]
    total = trace.gpu.memory_bytes
    points: dict[Reading, list[Point]] = {
        "load": [(s.at_s, s.utilisation_pct) for s in kept],
        "memory": [(s.at_s, _share(s.memory_used_bytes, total)) for s in kept],
        "power": [(s.at_s, s.power_w) for s in kept],
        "temperature": [(s.at_s, s.temperature_c) for s in kept],
    }
    return [Series(trace.gpu.index, place, reading, tuple(pairs)) for reading, pairs in points.items()]


def _share(used: int | None, total: int | None) -> float | None:
    return 100 * used / total if used is not None and total else None


def _power(old: CpuSample, new: CpuSample) -> float | None:
    """By the energy counter; None where it isn't read, or ran backwards."""
    if old.energy_j is None or new.energy_j is None or new.at_s <= old.at_s or new.energy_j < old.energy_j:
        return None
    return (new.energy_j - old.energy_j) / (new.at_s - old.at_s)
