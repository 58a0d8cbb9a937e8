"""What a visitor has chosen, and its form in an address: language-free, validated, defaults left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, get_args
from urllib.parse import unquote

from core import offers
from core.errors import InputError
from core.records import DataPath, JobSpec, Precision, Setup, Task, Workload
from core.runs.admission import Limits, check

DEFAULT_SECONDS = 30
_AWAY = "@"  # a device that begins with it is a kind of other machines
_LONGEST_KIND, _MOST_KINDS = 120, 64


@dataclass(frozen=True)
class Settings:
    """One workload, and the setups as a product: every device in every precision on every data path.

    A device is `cuda:0`, `cpu` (with the best thread count) or `cpu/1` (with one thread); or `@NVIDIA H200`,
    a kind that other machines have.
    """

    workload: Workload = offers.DEFAULT
    devices: tuple[str, ...] = ()  # (): whatever makes sense on this machine
    precisions: tuple[Precision, ...] = ("fp32",)
    data_paths: tuple[DataPath, ...] = ("resident",)
    max_seconds: int = DEFAULT_SECONDS
    every_machine: bool = False  # of a kind; otherwise one stands for all

    @property
    def here(self) -> tuple[str, ...]:
        """The devices of this machine."""
        return tuple(device for device in self.devices if not device.startswith(_AWAY))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The names of the kinds that other machines have."""
        return tuple(device[1:] for device in self.devices if device.startswith(_AWAY))

    def setups(self) -> tuple[Setup, ...]:
        """What this machine measures."""
        return self.setups_on(*self.here)

    def setups_on(self, *devices: str) -> tuple[Setup, ...]:
        """The product, without TF32 where it doesn't exist."""
        found = []
        for device, precision, path in product(devices, self.precisions, self.data_paths):
            name, _, threads = device.partition("/")
            if precision == "tf32" and not name.startswith("cuda"):
                continue
            found.append(Setup(name, precision, int(threads) if threads else None, path))
        return tuple(found)

    def job(self) -> JobSpec:
        """This machine's."""
        return self.job_on(*self.here)

    def job_on(self, *devices: str) -> JobSpec:
        return JobSpec(
            self.workload, self.setups_on(*devices), float(self.max_seconds), limits=True, trace=True
        )


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
PARAMETERS = (*_WORKLOAD, "task", "max_seconds", "devices", "every_machine", *_LISTS)


def token(kind: str) -> str:
    """A kind of other machines as a device."""
    return _AWAY + kind


def from_jobs(jobs: Sequence[tuple[JobSpec, str | None]]) -> Settings:
    """The settings that ask for these again, at least one: each a job and its kind, None where it is this
    machine's."""
    devices, precisions, paths = [], [], []
    for spec, kind in jobs:
        for setup in spec.setups:
            here = f"{setup.device}/{setup.threads}" if setup.threads else setup.device
            devices.append(here if kind is None else token(kind))
            precisions.append(setup.precision)
            paths.append(setup.data_path)
    kinds = [kind for _spec, kind in jobs if kind is not None]
    return Settings(
        jobs[0][0].workload,
        _unique(devices),
        _unique(precisions),
        _unique(paths),
        round(jobs[0][0].max_seconds),
        len(set(kinds)) < len(kinds),
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
    if settings.every_machine:
        found["every_machine"] = "1"
    for name in ("devices", *_LISTS):
        value = getattr(settings, name)
        if value and value != getattr(default, name):  # nothing chosen can't be run, so no link asks for it
            found[name] = ",".join(map(_written, value))
    return found


def from_parameters(parameters: Mapping[str, str], limits: Limits) -> FromAddress:
    """The settings of an address; a parameter that makes no sense keeps its default and is named."""
    settings, rejected = Settings(), []
    for name in PARAMETERS:
        if name not in parameters:
            continue
        try:
            changed = _changed(settings, name, parameters[name])
            _check(changed, limits)
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
    if name == "every_machine":
        if text not in ("0", "1"):
            raise ValueError(text)
        return replace(settings, every_machine=text == "1")
    items = _unique([_read(item) for item in text.split(",")])
    if name in _LISTS and not set(items) <= set(get_args(_LISTS[name])):
        raise ValueError(text)
    changes: dict[str, Any] = {name: items}
    return replace(settings, **changes)


def _check(settings: Settings, limits: Limits) -> None:
    """Raise InputError or ValueError for what can be run neither here nor on another machine."""
    _check_kinds(settings.kinds, limits)
    somewhere = bool(settings.kinds) or not settings.here
    if settings.setups() or not somewhere:
        check(settings.job(), limits)
    if somewhere:  # as a device that has every precision: which ones there are may not be known yet
        check(settings.job_on("cuda:0"), limits)


def _check_kinds(kinds: Sequence[str], limits: Limits) -> None:
    if kinds and not limits.free:
        raise InputError("cluster_not_public")
    if len(kinds) > _MOST_KINDS or not all(_is_name(kind) for kind in kinds):
        raise ValueError(kinds)


def _is_name(kind: str) -> bool:
    return 0 < len(kind) <= _LONGEST_KIND and kind.isprintable() and kind == kind.strip()


def _written(item: str) -> str:
    """A kind may have any name, also one with a comma."""
    return item.replace("%", "%25").replace(",", "%2C") if item.startswith(_AWAY) else item


def _read(text: str) -> str:
    return unquote(text) if text.startswith(_AWAY) else text


def _unique(items: list[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(items))
