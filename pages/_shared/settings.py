"""What a visitor has chosen, and its form in an address: language-free, validated, defaults left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, get_args

from core import offers
from core.errors import InputError
from core.records import DataPath, JobSpec, Precision, Setup, Task, Workload
from core.runs.admission import Limits, check

DEFAULT_SECONDS = 30


@dataclass(frozen=True)
class Settings:
    """One workload, and the setups as a product: every device in every precision on every data path.

    A device is `cuda:0`, `cpu` (with the best thread count) or `cpu/1` (with one thread).
    """

    workload: Workload = offers.DEFAULT
    devices: tuple[str, ...] = ()  # (): whatever makes sense on this machine
    precisions: tuple[Precision, ...] = ("fp32",)
    data_paths: tuple[DataPath, ...] = ("resident",)
    max_seconds: int = DEFAULT_SECONDS

    def setups(self) -> tuple[Setup, ...]:
        """The product, without TF32 where it doesn't exist."""
        found = []
        for device, precision, path in product(self.devices, self.precisions, self.data_paths):
            name, _, threads = device.partition("/")
            if precision == "tf32" and not name.startswith("cuda"):
                continue
            found.append(Setup(name, precision, int(threads) if threads else None, path))
        return tuple(found)

    def job(self) -> JobSpec:
        return JobSpec(self.workload, self.setups(), float(self.max_seconds), limits=True, trace=True)


@dataclass(frozen=True)
class FromAddress:
    settings: Settings
    rejected: tuple[str, ...] = field(default=())  # parameters that made no sense


_WORKLOAD = {
    "model": str,
    "dataset": str,
    "batch_size": int,
    "epochs": int,
    "learning_rate": float,
    "seed": int,
}
_LISTS: dict[str, Any] = {"precisions": Precision, "data_paths": DataPath}
PARAMETERS = (*_WORKLOAD, "task", "max_seconds", "devices", *_LISTS)


def from_job(spec: JobSpec) -> Settings:
    """The settings that ask for a job again."""
    devices, precisions, paths = [], [], []
    for setup in spec.setups:
        devices.append(f"{setup.device}/{setup.threads}" if setup.threads else setup.device)
        precisions.append(setup.precision)
        paths.append(setup.data_path)
    return Settings(
        spec.workload, _unique(devices), _unique(precisions), _unique(paths), round(spec.max_seconds)
    )


def to_parameters(settings: Settings, default_devices: tuple[str, ...]) -> dict[str, str]:
    """The address of settings; what is at its default is left out."""
    default = Settings(devices=default_devices)
    found = {}
    for name in (*_WORKLOAD, "task"):
        value = getattr(settings.workload, name)
        if value != getattr(default.workload, name):
            found[name] = str(value)
    if settings.max_seconds != default.max_seconds:
        found["max_seconds"] = str(settings.max_seconds)
    for name in ("devices", *_LISTS):
        value = getattr(settings, name)
        if value and value != getattr(default, name):  # nothing chosen can't be run, so no link asks for it
            found[name] = ",".join(value)
    return found


def from_parameters(parameters: Mapping[str, str], limits: Limits) -> FromAddress:
    """The settings of an address; a parameter that makes no sense keeps its default and is named."""
    settings, rejected = Settings(), []
    for name in PARAMETERS:
        if name not in parameters:
            continue
        try:
            changed = _changed(settings, name, parameters[name])
            # any device that has every precision: which ones are here may not be known yet
            check(replace(changed, devices=changed.devices or ("cuda:0",)).job(), limits)
        except (ValueError, InputError):
            rejected.append(name)
        else:
            settings = changed
    return FromAddress(settings, tuple(rejected))


def _changed(settings: Settings, name: str, text: str) -> Settings:
    if name in _WORKLOAD or name == "task":
        value: Any = _WORKLOAD.get(name, str)(text)
        if name == "task" and value not in get_args(Task):
            raise ValueError(value)
        return replace(settings, workload=replace(settings.workload, **{name: value}))
    if name == "max_seconds":
        return replace(settings, max_seconds=int(text))
    items = _unique(text.split(","))
    if name in _LISTS and not set(items) <= set(get_args(_LISTS[name])):
        raise ValueError(text)
    changes: dict[str, Any] = {name: items}
    return replace(settings, **changes)


def _unique(items: list[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(items))
