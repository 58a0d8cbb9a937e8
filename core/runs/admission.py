"""What may be asked of the engine. Enforced here, where a job is submitted, whatever the widgets allowed."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import get_args

from core.errors import InputError
from core.records import DataPath, JobSpec, Precision, Products, Setup, StepKind, Task, Workload
from core.runs.queue.budget import Allowance
from core.runs.queue.pace import asked_s

_NAME = re.compile(r"[a-z0-9_]{1,64}")
_DATASET = re.compile(
    r"(digits|mnist|fashion-mnist|cifar10|synthetic(:[0-9a-z=,]{1,80})?|folder:[^\0]{1,4000})"
)
_DEVICE = re.compile(r"cpu|mps|(cuda|xpu)(:\d{1,3})?")
_RANDOM_IMAGES = re.compile(r"synthetic:(\d)x(\d{1,3})x(\d{1,3})(?:,classes=(\d{1,4}))?,images=(\d{1,6})")
_SMALL = 28 * 28  # values of an image of digits, and of synthetic without a shape
_MIB = 2**20


@dataclass(frozen=True)
class Bounds:
    """What strangers may ask of a small machine, beside lower `Limits`: nothing that reads its files, loads
    something from the network, compiles, or fills its memory or disk."""

    models: Mapping[str, int]  # each with its largest batch
    side: int = 64  # of random images
    channels: int = 3
    classes: int = 1_000
    images_mib: int = 64  # all of them
    batch_values: int = 4_096 * _SMALL  # of one batch
    asked_s: float = 120.0  # timed, of all setups together
    wall_s: float = 300.0  # from its start to its end, whatever a job does


@dataclass(frozen=True)
class Limits:
    """The bounds of one job and of the queue."""

    batch_size: int = 65_536
    epochs: int = 1_000
    learning_rate: float = 100.0
    seed: int = 2**31 - 1
    setups: int = 20
    steps_per_call: int = 64
    workers: int = 64
    max_seconds: float = 3_600.0
    waiting: int = 50  # beside the job that is being measured
    bounds: Bounds | None = None  # None: whoever asks may do what they like with this machine
    allowance: Allowance | None = None  # of an hour; likewise

    @classmethod
    def public(cls) -> Limits:
        """For a demo on half a core: models that get somewhere there, for as long as others can wait."""
        # The seed is in the name of a data set's cache: each one more is another 50 MB of disk.
        return cls(
            batch_size=4_096,
            epochs=10,
            seed=3,
            setups=6,
            steps_per_call=1,
            workers=1,
            max_seconds=30.0,
            waiting=19,
            # the MLP's largest batch is the quiz's; the others' what a gibibyte of memory holds
            bounds=Bounds({"mlp": 4_096, "cnn": 1_024, "mobilenet_v3_small": 128}),
            allowance=Allowance(jobs=24, seconds=900.0, jobs_of_all=240, seconds_of_all=3_000.0, open_jobs=6),
        )

    @property
    def free(self) -> bool:
        """Whether any model, data set and rung may be asked for."""
        return self.bounds is None

    def models(self, offered: Sequence[str]) -> tuple[str, ...]:
        """Those that may be measured."""
        return tuple(name for name in offered if self.bounds is None or name in self.bounds.models)

    def datasets(self, offered: Sequence[str]) -> tuple[str, ...]:
        """Likewise."""
        return tuple(name for name in offered if self.bounds is None or name in ("digits", "synthetic"))

    def batch_sizes(self, model: str, offered: Sequence[int]) -> tuple[int, ...]:
        """Likewise, for a model."""
        most = self.batch_size if self.bounds is None else self.bounds.models.get(model, self.batch_size)
        return tuple(size for size in offered if size <= most)


def check(job: JobSpec, limits: Limits | None = None, cores: int | None = None) -> None:
    """Raise InputError beyond the limits. What only torch knows is checked by the worker.

    `cores`: the logical ones of the machine that measures it; None: of this one.
    """
    limits = limits or Limits()
    _check_workload(job.workload, limits)
    if not 1 <= len(job.setups) <= limits.setups:
        raise InputError("setups_count", count=len(job.setups), most=limits.setups)
    for setup in job.setups:
        _check_setup(setup, limits, cores or os.cpu_count() or 1)
        if setup.workers > 1:
            _check_workers(job.workload, setup)
    if len(set(job.setups)) < len(job.setups):
        raise InputError("setups_equal")
    _between("max_seconds", job.max_seconds, 0.1, limits.max_seconds)
    _between("target_pct", job.target_pct, 0.1, 100)
    if job.until_accuracy is not None:
        _check_accuracy(job, job.until_accuracy)
    if limits.bounds is not None:
        _check_bounds(job, limits.bounds)


def _check_accuracy(job: JobSpec, wanted: float) -> None:
    if job.workload.task != "train":
        raise InputError("accuracy_needs_training", task=job.workload.task)
    if type(wanted) not in (int, float) or not 0 < wanted <= 1:
        raise InputError("bad_accuracy", value=str(wanted)[:80])


def _check_bounds(job: JobSpec, bounds: Bounds) -> None:
    work = job.workload
    if work.model not in bounds.models:
        raise InputError("only_offered_models", model=work.model, available=", ".join(bounds.models))
    most = min(bounds.models[work.model], bounds.batch_values // _image_values(work.dataset, bounds))
    _whole("batch_size", work.batch_size, 1, most)
    for setup in job.setups:
        # what the pages offer: a rung beyond it compiles, or starts processes of its own
        plain = Setup(setup.device, setup.precision, setup.threads, setup.data_path)
        if setup not in (plain, *_seen_on_sequence(plain)) or setup.data_path not in ("resident", "loader"):
            raise InputError("only_plain_setups")
    if asked_s(job) > bounds.asked_s:
        raise InputError("too_long_together", seconds=asked_s(job), most=bounds.asked_s)


def _seen_on_sequence(plain: Setup) -> tuple[Setup, ...]:
    return (
        replace(plain, synchronous=True),
        replace(plain, pinned=True),
        replace(plain, synchronous=True, pinned=True),
    )


def _image_values(dataset: str, bounds: Bounds) -> int:
    """How many values an image has."""
    if dataset in ("digits", "synthetic"):
        return _SMALL
    if not dataset.startswith("synthetic"):
        raise InputError("only_offered_data", dataset=dataset[:80])
    match = _RANDOM_IMAGES.fullmatch(dataset)
    channels, height, width, classes, images = (
        (int(text or 10) for text in match.groups()) if match else (0,) * 5
    )
    values = channels * height * width
    sound = (
        1 <= channels <= bounds.channels
        and 1 <= min(height, width) <= max(height, width) <= bounds.side
        and 2 <= classes <= bounds.classes
        and images >= 1
        and images * values <= bounds.images_mib * _MIB
    )
    if not sound:
        facts = {"channels": bounds.channels, "side": bounds.side, "mib": bounds.images_mib}
        raise InputError("only_small_images", dataset=dataset[:80], **facts)
    return values


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


def _check_setup(setup: Setup, limits: Limits, cores: int) -> None:
    if not _DEVICE.fullmatch(setup.device):
        raise InputError("bad_device", device=setup.device[:80])
    kinds = {"precision": Precision, "data_path": DataPath, "products": Products, "step": StepKind}
    for name, kind in kinds.items():
        value, choices = getattr(setup, name), get_args(kind)
        if value not in choices:
            raise InputError("bad_choice", name=name, value=str(value), choices=", ".join(choices))
    if setup.threads is not None:
        _whole("threads", setup.threads, 1, cores)
    _whole("steps_per_call", setup.steps_per_call, 1, limits.steps_per_call)
    _whole("workers", setup.workers, 1, limits.workers)
    _check_combination(setup)


def _check_workers(work: Workload, setup: Setup) -> None:
    """Raise InputError for what several processes can't do together, or can't be sure to do alike."""
    if work.task != "train":
        raise InputError("workers_need_training", task=work.task)
    if work.batch_size % setup.workers:
        raise InputError("batch_not_shared", batch_size=work.batch_size, workers=setup.workers)
    impossible = {
        "workers_device": setup.device != "cpu" and not setup.device.startswith("cuda"),
        "workers_need_plain_steps": setup.step != "eager",
        "workers_need_resident": setup.data_path != "resident",
        # the last two are how a host may wait for one device; the others are set for a process when it starts
        "workers_without_options": setup.products != "default"
        or setup.keep_pages
        or setup.bind_threads
        or setup.pinned
        or setup.synchronous,
    }
    for code, found in impossible.items():
        if found:
            raise InputError(code)


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
