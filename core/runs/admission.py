"""What may be asked of the engine. Enforced here, where a job is submitted, whatever the widgets allowed."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from typing import get_args

from core.errors import InputError
from core.records import DataPath, JobSpec, Precision, Products, Setup, StepKind, Task, Workload

_NAME = re.compile(r"[a-z0-9_]{1,64}")
_DATASET = re.compile(
    r"(digits|mnist|fashion-mnist|cifar10|synthetic(:[0-9a-z=,]{1,80})?|folder:[^\0]{1,4000})"
)
_DEVICE = re.compile(r"cpu|mps|(cuda|xpu)(:\d{1,3})?")


@dataclass(frozen=True)
class Limits:
    """The bounds of one job and of the queue."""

    batch_size: int = 65_536
    epochs: int = 1_000
    learning_rate: float = 100.0
    seed: int = 2**31 - 1
    setups: int = 20
    steps_per_call: int = 64
    max_seconds: float = 3_600.0
    waiting: int = 50


def check(job: JobSpec, limits: Limits | None = None) -> None:
    """Raise InputError beyond the limits. What only torch knows is checked by the worker."""
    limits = limits or Limits()
    _check_workload(job.workload, limits)
    if not 1 <= len(job.setups) <= limits.setups:
        raise InputError("setups_count", count=len(job.setups), most=limits.setups)
    for setup in job.setups:
        _check_setup(setup, limits)
    if len(set(job.setups)) < len(job.setups):
        raise InputError("setups_equal")
    _between("max_seconds", job.max_seconds, 0.1, limits.max_seconds)
    _between("target_pct", job.target_pct, 0.1, 100)


def _check_workload(work: Workload, limits: Limits) -> None:
    if not _NAME.fullmatch(work.model):
        raise InputError("bad_model_name", model=work.model[:80])
    if not _DATASET.fullmatch(work.dataset):
        names = "digits, synthetic, mnist, fashion-mnist, cifar10, folder:PATH"
        raise InputError("unknown_dataset", dataset=work.dataset[:80], available=names)
    if work.task not in get_args(Task):
        raise InputError("bad_choice", name="task", value=str(work.task), choices=", ".join(get_args(Task)))
    _whole("batch_size", work.batch_size, 1, limits.batch_size)
    _whole("epochs", work.epochs, 1, limits.epochs)
    _whole("seed", work.seed, 0, limits.seed)
    if not work.learning_rate > 0:
        raise InputError("not_positive", name="learning_rate", value=str(work.learning_rate))
    _between("learning_rate", work.learning_rate, 0, limits.learning_rate)


def _check_setup(setup: Setup, limits: Limits) -> None:
    if not _DEVICE.fullmatch(setup.device):
        raise InputError("bad_device", device=setup.device[:80])
    kinds = {"precision": Precision, "data_path": DataPath, "products": Products, "step": StepKind}
    for name, kind in kinds.items():
        value, choices = getattr(setup, name), get_args(kind)
        if value not in choices:
            raise InputError("bad_choice", name=name, value=str(value), choices=", ".join(choices))
    if setup.threads is not None:
        _whole("threads", setup.threads, 1, os.cpu_count() or 1)
    _whole("steps_per_call", setup.steps_per_call, 1, limits.steps_per_call)
    _check_combination(setup)


def _check_combination(setup: Setup) -> None:
    """Raise InputError for options that don't go together: leaving one out in silence is a false label."""
    on_cpu = setup.device == "cpu"
    whole = setup.step != "eager"
    impossible = {
        "only_on_cpu": not on_cpu and (setup.products != "default" or _names_cpu_option(setup)),
        "only_on_cuda": "graph" in setup.step and not setup.device.startswith("cuda"),
        "needs_resident": whole and setup.data_path != "resident",
        "onednn_is_eager_fp32": setup.products == "onednn" and (whole or setup.precision != "fp32"),
        "cpp_calls_need_compiled": setup.cpp_calls and setup.step != "compiled",
        "pinned_needs_cuda_loader": setup.pinned
        and not (setup.device.startswith("cuda") and setup.data_path in ("loader", "transforms")),
        "synchronous_is_eager": setup.synchronous and whole,
        "calls_need_whole_step": setup.steps_per_call > 1 and not whole,
    }
    for code, found in impossible.items():
        if found:
            raise InputError(code)


def _names_cpu_option(setup: Setup) -> bool:
    return setup.cpp_calls or setup.keep_pages or setup.bind_threads or setup.flush_denormals


def _whole(name: str, value: int, low: int, high: int) -> None:
    if type(value) is not int:
        raise InputError("not_whole", name=name, value=str(value)[:80])
    _between(name, value, low, high)


def _between(name: str, value: float, low: float, high: float) -> None:
    if type(value) not in (int, float) or not math.isfinite(value) or not low <= value <= high:
        raise InputError("out_of_range", name=name, value=str(value)[:80], low=low, high=high)
