"""On what machine a run was measured, and what tells the machines of equal devices apart. It makes no words."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from core.records import Cpu, RunResult

_SAME_MEMORY = 0.05  # less than one module of memory is in most machines


@dataclass(frozen=True, slots=True)
class Machinery:
    """As much of a machine as is needed to know it among others; all None where nothing is."""

    label: str | None = None  # that its owner gave it
    processor: str | None = None  # of a GPU: its host's
    cores: float | None = None
    memory_bytes: int | None = None


def kind_of(result: RunResult) -> str | None:
    """The kind of device that a run used: its owner's label on a cluster, else the device's own name."""
    own, label = _own_name(result), kind_elsewhere(result)
    if own is None or label is None:
        return own or label
    # an accelerator's short name ("H200" of "NVIDIA H200") is no other kind than the name itself
    parts = re.split(r"[-_ ]+", label.upper())
    return own if all(part in own.upper() for part in parts) else label


def told_apart(results: Sequence[RunResult], alike: Sequence[Hashable]) -> tuple[Machinery, ...]:
    """As little as must be said of each run's machine where runs that are `alike` are of different ones."""
    known: list[dict[str, object]] = [{} for _ in results]
    groups: list[Hashable] = list(alike)
    for name, of in _LEVELS:
        values = [of(result) for result in results]
        differing = {
            group
            for group in groups
            if len({value for value, own in zip(values, groups, strict=True) if own == group} - {None}) > 1
        }
        for i, group in enumerate(tuple(groups)):
            if group in differing and values[i] is not None:
                groups[i] = (group, values[i])
                known[i][name] = values[i]
    for said, result in zip(known, results, strict=True):
        kind = said.pop("kind", None)
        if kind is not None and kind != _own_name(result):
            said["label"] = kind
        elif kind is not None and result.spec.setup.device == "cpu":
            said["processor"] = kind
    return tuple(Machinery(**said) for said in known)  # type: ignore[arg-type]


def same_memory(one: int | None, other: int | None) -> bool:
    """Whether machines may be equal by it: firmware, kernels and graphics take some for themselves, a little
    more or less from one start to the next, and how much is left over makes no step faster."""
    if one is None or other is None:
        return one == other
    return abs(one - other) <= _SAME_MEMORY * max(one, other)


def cores_of(cpu: Cpu) -> float | None:
    """As many as may be used."""
    limits = [float(cores) for cores in (cpu.usable_cores, cpu.quota_cores) if cores is not None]
    return min(limits, default=None)


def whole_cores(cpu: Cpu) -> float | None:
    """As many as compute at full speed at the same time: threads of one physical core share its units."""
    limits = [float(cores) for cores in (cores_of(cpu), cpu.physical_cores) if cores is not None]
    return min(limits, default=None)


def whole_gib(memory_bytes: int | None) -> int | None:
    """The same machine reports a little more or less from one start to the next."""
    return None if memory_bytes is None else max(1, round(memory_bytes / 2**30)) * 2**30


def kind_elsewhere(result: RunResult) -> str | None:
    """The kind of the other machine that a cluster measured this on; None: it was measured otherwise."""
    told = next((note.facts.get("kind") for note in result.notes if note.code == "through_ray"), None)
    return " ".join(str(told or "").split()) or None


def _own_name(result: RunResult) -> str | None:
    around = result.environment
    if around is None:
        return None
    return around.machine.cpu.model if result.spec.setup.device == "cpu" else around.device.name


def _processor(result: RunResult) -> str | None:
    return result.environment.machine.cpu.model if result.environment else None


def _cores(result: RunResult) -> float | None:
    return cores_of(result.environment.machine.cpu) if result.environment else None


def _memory(result: RunResult) -> int | None:
    return whole_gib(result.environment.machine.memory_bytes) if result.environment else None


_LEVELS: tuple[tuple[str, Callable[[RunResult], Hashable]], ...] = (
    ("kind", kind_of),
    ("processor", _processor),
    ("cores", _cores),
    ("memory_bytes", _memory),
)
