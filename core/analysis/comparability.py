"""In what two runs differ, and how much each difference matters. It draws no conclusion about a speed-up."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from core.records import SCHEMA_VERSION, Cpu, DataInfo, Fact, Gpu, Machine, RunResult, Setup, Workload

# green: it is what is compared; amber: it changes speed by itself; red: no ratio means anything
Level = Literal["green", "amber", "red"]


@dataclass(frozen=True, slots=True)
class Difference:
    field: str
    a: Fact
    b: Fact
    level: Level
    code: str  # of its sentence in core.messages, which quotes field, a and b


def differences(a: RunResult, b: RunResult) -> tuple[Difference, ...]:
    """What differs between two runs, the gravest first. What one of them doesn't know doesn't differ."""
    found = [*_format(a, b), *_work(a, b), *_environment(a, b), *_setup(a, b)]
    return tuple(sorted(found, key=lambda item: ("red", "amber", "green").index(item.level)))


def refused(found: Iterable[Difference]) -> bool:
    """Whether a ratio of these two would mean nothing."""
    return any(difference.level == "red" for difference in found)


def gpu_used(result: RunResult) -> Gpu | None:
    """The GPU that a run computed on, as its driver describes it; None on the CPU, or when it doesn't."""
    if result.environment is None or result.spec.setup.device == "cpu":
        return None
    uuid = (result.environment.device.uuid or "").removeprefix("GPU-")  # torch leaves the prefix out
    gpus = result.environment.machine.gpus
    return next((gpu for gpu in gpus if uuid and gpu.uuid.removeprefix("GPU-") == uuid), None)


def machine_name(machine: Machine) -> str:
    """Processor and GPUs."""
    return " + ".join((machine.cpu.model, *(gpu.name for gpu in machine.gpus)))


def _format(a: RunResult, b: RunResult) -> Iterator[Difference]:
    one, other = a.schema_version, b.schema_version
    if not all(1 <= version <= SCHEMA_VERSION for version in (one, other)):
        yield Difference("schema_version", one, other, "red", "other_format")


def _work(a: RunResult, b: RunResult) -> Iterator[Difference]:
    names = [field.name for field in dataclasses.fields(Workload)]
    yield from _differing(a.spec.workload, b.spec.workload, names, "red", "other_work")
    if a.data is not None and b.data is not None:
        names = [field.name for field in dataclasses.fields(DataInfo)]
        yield from _differing(a.data, b.data, names, "red", "other_data")


def _setup(a: RunResult, b: RunResult) -> Iterator[Difference]:
    names = [field.name for field in dataclasses.fields(Setup) if field.name != "threads"]
    yield from _differing(a.spec.setup, b.spec.setup, names, "green", "other_setup")
    if a.spec.setup.device == b.spec.setup.device == "cpu":
        yield from _differing(a, b, ["threads"], "green", "other_setup")  # those that were used


def _environment(a: RunResult, b: RunResult) -> Iterator[Difference]:
    if a.environment is None or b.environment is None:
        known = [machine_name(run.environment.machine) if run.environment else None for run in (a, b)]
        yield Difference("machine", known[0], known[1], "amber", "unknown_environment")
        return
    one, other = a.environment.machine, b.environment.machine
    devices = {a.spec.setup.device, b.spec.setup.device}
    yield from _differing(one.cpu, other.cpu, ["model", "physical_cores"], "amber", "other_hardware")
    yield from _differing(one.cpu, other.cpu, _CPU_CONDITIONS, "amber", "other_conditions")
    yield from _differing(one, other, ["virtual", "on_battery", "variables"], "amber", "other_conditions")
    gpus = gpu_used(a), gpu_used(b)
    if gpus[0] is not None and gpus[1] is not None:
        yield from _differing(*gpus, ["name", "memory_bytes", "pcie"], "amber", "other_hardware")
        yield from _differing(*gpus, ["power_limit_w"], "amber", "other_conditions")
    elif "cpu" not in devices:  # no driver tells of them, as with Apple's
        yield from _differing(a.environment.device, b.environment.device, ["name"], "amber", "other_hardware")
    software = ["torch", "torchvision", "numpy"]
    software += ["cpu_capability", "blas"] if "cpu" in devices else []
    software += ["cuda", "cudnn"] if devices != {"cpu"} else []
    yield from _python(a.environment.software.python, b.environment.software.python)
    yield from _differing(a.environment.software, b.environment.software, software, "amber", "other_software")
    names = ["os", "kernel", "git_revision", *(["driver"] if devices != {"cpu"} else [])]
    yield from _differing(one, other, names, "amber", "other_software")


_CPU_CONDITIONS = ["usable_cores", "quota_cores", "max_clock_hz", "governor", "turbo"]
# What these lack is no gap in knowledge but a state of its own.
_NONE_SAYS_SOMETHING = {"quota_cores", "virtual", "cuda", "cudnn"}


def _python(one: str, other: str) -> Iterator[Difference]:
    if one.split(".")[:2] != other.split(".")[:2]:  # patch releases mend faults and leave speed alone
        yield Difference("python", one, other, "amber", "other_software")


def _differing(a: Any, b: Any, names: Iterable[str], level: Level, code: str) -> Iterator[Difference]:
    prefix = _PREFIX.get(type(a), "")
    for name in names:
        one, other = getattr(a, name), getattr(b, name)
        unknown = (one is None or other is None) and name not in _NONE_SAYS_SOMETHING
        if one != other and not unknown:
            yield Difference(prefix + name, _fact(one), _fact(other), level, code)


_PREFIX: dict[type, str] = {Cpu: "cpu.", Gpu: "gpu.", DataInfo: "data."}


def _fact(value: Any) -> Fact:
    """Tuples as text: 3x32x32, OMP_NUM_THREADS=4."""
    if not isinstance(value, tuple):
        return value  # type: ignore[no-any-return]
    if value and isinstance(value[0], tuple):
        return " ".join("=".join(map(str, pair)) for pair in value)
    return "x".join(map(str, value))
