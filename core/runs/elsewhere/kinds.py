"""Kinds of device over many machines: which are interchangeable, their names, and what is asked of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.analysis.machines import cores_of, same_memory
from core.records import Machine, Note, Setup, Target, TargetState

_GIB = 2**30
_UNNAMED = "?"


@dataclass(frozen=True, slots=True)
class Kind:
    """Targets that can stand for each other: alike in name, device and machine."""

    name: str  # no other kind has it
    device: str  # cpu, cuda, mps or xpu
    targets: tuple[Target, ...]
    state: TargetState  # the best that one of them has
    problem: Note | None = None  # why none of them can measure, if none can


def kinds(targets: Sequence[Target]) -> tuple[Kind, ...]:
    """The kinds in the order of their first targets, CPUs before everything else.

    Machines of one name that differ are kinds of their own, and their names say in what. One that hasn't said
    what it is counts as what its name says.
    """
    alike: list[list[Target]] = []
    for target in sorted(targets, key=lambda item: (item.device != "cpu", item.machine is None)):
        group = next((group for group in alike if _alike(group[0], target)), None)
        if group is None:
            alike.append([target])
        else:
            group.append(target)
    order = {target.id: i for i, target in enumerate(targets)}
    for group in alike:
        group.sort(key=lambda target: order[target.id])
    alike.sort(key=lambda group: (group[0].device != "cpu", order[group[0].id]))
    names = _names([group[0] for group in alike])
    return tuple(_kind(name, group) for name, group in zip(names, alike, strict=True))


def representative(kind: Kind) -> Target | None:
    """The one that measures for all of them: a free one, else a busy one; None where all are unfit."""
    for state in ("free", "busy"):
        for target in kind.targets:
            if target.state == state:
                return target
    return None


def setups_on(target: Target, setups: Sequence[Setup]) -> tuple[Setup, ...]:
    """The setups that are asked for as that target can measure them; () where it can measure none.

    Those that name its sort of device (CPU or accelerator) are meant for it; where none does, all are. Without
    any it is measured as it is by default.
    """
    on_cpu = target.device == "cpu"
    meant = [setup for setup in setups if (setup.device == "cpu") == on_cpu]
    asked = [_moved(setup, target.device) for setup in meant or setups or (Setup(),)]
    return tuple(dict.fromkeys(setup for setup in asked if _possible(setup)))


def _moved(setup: Setup, device: str) -> Setup:
    """Threads that are meant for a CPU's products aren't meant for a GPU's host."""
    threads = setup.threads if (setup.device == "cpu") == (device == "cpu") else None
    return replace(setup, device=device, threads=threads)


def _possible(setup: Setup) -> bool:
    on_cuda = setup.device.startswith("cuda")
    for_cuda = setup.precision == "tf32" or setup.pinned or "graph" in setup.step
    for_cpu = (
        setup.products != "default"
        or setup.cpp_calls
        or setup.keep_pages
        or setup.bind_threads
        or setup.flush_denormals
    )
    return (on_cuda or not for_cuda) and (setup.device == "cpu" or not for_cpu)


def _kind(name: str, targets: Sequence[Target]) -> Kind:
    states = {target.state for target in targets}
    state: TargetState = "free" if "free" in states else "busy" if "busy" in states else "unfit"
    problem = next((target.problem for target in targets if target.problem), None)
    return Kind(name, _sort(targets[0]), tuple(targets), state, problem if state == "unfit" else None)


def _sort(target: Target) -> str:
    return target.device.partition(":")[0]


def _alike(one: Target, other: Target) -> bool:
    if (one.kind, _sort(one)) != (other.kind, _sort(other)):
        return False
    a, b = one.machine, other.machine
    if a is None or b is None:
        return True
    same_cores = (a.cpu.model, a.cpu.physical_cores, _cores(a)) == (
        b.cpu.model,
        b.cpu.physical_cores,
        _cores(b),
    )
    return same_cores and _same_memory(a, b) and (_sort(one) == "cpu" or _gpu(one) == _gpu(other))


def _same_memory(a: Machine, b: Machine) -> bool:
    if a.memory_bytes is None or b.memory_bytes is None:
        return True
    return same_memory(a.memory_bytes, b.memory_bytes)


def _cores(machine: Machine) -> float | None:
    return cores_of(machine.cpu) or machine.cpu.logical_cores


def _gpu(target: Target) -> str | None:
    gpus = target.machine.gpus if target.machine else ()
    return gpus[0].name if gpus else None


def _names(first: Sequence[Target]) -> list[str]:
    """The names of groups by their first targets; to equal ones as much is added as tells them apart."""
    names = [target.kind or _UNNAMED for target in first]
    for words in (_sort, _gpu_words, _cpu_words, _core_words, _memory_words):
        said = [words(target) for target in first]
        before = tuple(names)
        for i, name in enumerate(before):
            same = {said[j] for j, other in enumerate(before) if other == name}
            if len(same) > 1 and said[i]:
                names[i] = f"{name} / {said[i]}"
    return [
        name if names.count(name) == 1 else f"{name} / {names[: i + 1].count(name)}"
        for i, name in enumerate(names)
    ]


def _gpu_words(target: Target) -> str:
    return _gpu(target) or ""


def _cpu_words(target: Target) -> str:
    return target.machine.cpu.model if target.machine else ""


def _core_words(target: Target) -> str:
    cores = _cores(target.machine) if target.machine else None
    return "" if cores is None else f"{cores:g} CPUs"


def _memory_words(target: Target) -> str:
    memory = target.machine.memory_bytes if target.machine else None
    return "" if memory is None else f"{round(memory / _GIB)} GiB"
