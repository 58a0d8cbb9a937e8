"""The controls of the Sequence page: which step, and how it is executed. The address follows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import streamlit as st

from core import offers
from core.errors import InputError
from core.i18n import N_, Translate
from core.records import Device, JobSpec, Moment, Setup, Task, Workload
from core.runs.admission import Limits
from pages._shared import resources, visitor
from pages._shared.controls import Controls

# Timed for each setup, and the interval to reach: a step is looked at, and its ratio to another told roughly.
_MAX_SECONDS, _TARGET_PCT = 6.0, 5.0


@dataclass(frozen=True)
class Choice:
    model: str = offers.DEFAULT.model
    dataset: str = offers.DEFAULT.dataset
    batch_size: int = offers.DEFAULT.batch_size
    task: Task = offers.DEFAULT.task
    images: Literal["resident", "loader"] = "resident"
    moment: Moment = "warm"
    waiting: Literal["asynchronous", "synchronous"] = "asynchronous"
    memory: Literal["pageable", "pinned"] = "pageable"
    execution: Literal["eager", "whole"] = "eager"

    @property
    def workload(self) -> Workload:
        """One epoch of it, to be measured; any run with the same step is shown."""
        work = replace(offers.DEFAULT, epochs=1, model=self.model, dataset=self.dataset)
        return replace(work, batch_size=self.batch_size, task=self.task)

    def setup(self, device: str) -> Setup:
        """How a device is to do it; what it hasn't got (`missing`) is left out."""
        lacking, whole = self.missing(device), self._whole
        return Setup(
            device,
            data_path=self.images,
            pinned=self.memory == "pinned" and "memory" not in lacking,
            synchronous=self.waiting == "synchronous" and "waiting" not in lacking,
            step="eager" if not whole else "graph" if device.startswith("cuda") else "compiled",
        )

    @property
    def _whole(self) -> bool:
        return self.execution == "whole" and self.images == "resident" and self.task == "train"

    def missing(self, device: str) -> tuple[str, ...]:
        """The toggles that are set but can't be on this device, or not with the others."""
        cannot = {
            "memory": self.memory == "pinned" and not (self.images == "loader" and device.startswith("cuda")),
            "execution": self.execution == "whole" and not self._whole,
            "waiting": self.waiting == "synchronous" and (self.task != "train" or self._whole),
        }
        return tuple(name for name, never in cannot.items() if never)

    def job(self, devices: Sequence[str]) -> JobSpec:
        """The chosen setup and the plain one (or its opposite) on each device, so that there is a ratio."""
        plain = replace(self, images="resident", waiting="asynchronous", memory="pageable", execution="eager")
        setups = [choice.setup(device) for device in devices for choice in (plain, self)]
        if len(set(setups)) == len(devices):
            setups += [replace(plain, images="loader").setup(device) for device in devices]
        return JobSpec(
            self.workload, tuple(dict.fromkeys(setups)), _MAX_SECONDS, _TARGET_PCT, limits=True, trace=True
        )


def _job(choice: Choice) -> JobSpec:
    return choice.job(("cpu",))


_CONTROLS = Controls(Choice, "sequence", _job)
_ALLOWED = {**_CONTROLS.allowed, "moment": ("warm", "cold")}  # the usual one first, like the others

LABELS = {
    "images": N_("Images"),
    "moment": N_("Step"),
    "waiting": N_("Script and device"),
    "memory": N_("Memory of a batch"),
    "execution": N_("Execution"),
}
OPTIONS = {
    "resident": N_("resident"),
    "loader": N_("article's loop"),
    "warm": N_("warm"),
    "cold": N_("cold"),
    "asynchronous": N_("asynchronous"),
    "synchronous": N_("synchronous"),
    "pageable": N_("pageable"),
    "pinned": N_("pinned"),
    "eager": N_("eager"),
    "whole": N_("graph"),
}
_HELP = {
    "images": N_(
        "All images on the device before the loop, or each batch from a DataLoader and then .to(device)."
    ),
    "moment": N_("Warm: one of many. Cold: the very first step, which loads libraries and asks for memory."),
    "waiting": N_(
        "Synchronous: the loss is read after each step (loss.item()), so the script waits for the device."
    ),
    "memory": N_(
        "Pinned (page-locked) memory is for the article's loop on an NVIDIA GPU: the copy needn't be waited "
        "for."
    ),
    "execution": N_(
        "Eager: operation by operation. Graph: all of the step in one call; a CUDA graph, on the CPU a "
        "compiled step."
    ),
}


def follow_address(limits: Limits, linked: JobSpec | None) -> tuple[str, ...]:
    """Take a new address into the controls; the names of the parameters that made no sense.

    `linked` is the job that the address names.
    """
    work = linked.workload if linked else None
    chosen = Choice(work.model, work.dataset, work.batch_size, work.task) if work else None
    from_loader = st.session_state.get("data_paths") == ["loader"]  # on the Compare page
    return _CONTROLS.follow_address(limits, chosen, {"images": "loader"} if from_loader else None)


def show_workload(translate: Translate) -> None:
    """What work: at the side."""
    _ = translate
    _CONTROLS.model(translate)
    _CONTROLS.dataset(translate)
    _CONTROLS.batch_size(translate)
    tasks = {"train": _("Train"), "classify": _("Classify"), "extract": _("Extract features")}
    st.segmented_control(
        _("Task"),
        get_args(Task),
        format_func=tasks.__getitem__,
        key=_CONTROLS.key("task"),
        required=True,
        on_change=_CONTROLS.leave_job,
    )


def show_toggles(devices: Sequence[str], translate: Translate) -> None:
    """How the step is executed, each toggle against its opposite. What can't be chosen is said instead."""
    choice, default = read(), Choice()
    impossible = [name for name in _WHY_MISSING if _is_impossible(name, choice, devices)]
    with st.container(horizontal=True, gap="medium"):
        for name in LABELS:
            if name in impossible or (name == "execution" and not resources.runner().limits.free):
                continue
            st.session_state.setdefault(_CONTROLS.key(name), getattr(default, name))
            # not a segmented control: outside the sidebar its words are too faint in the dark
            st.radio(
                translate(LABELS[name]),
                _ALLOWED[name],
                format_func={option: translate(OPTIONS[option]) for option in _ALLOWED[name]}.__getitem__,
                key=_CONTROLS.key(name),
                help=translate(_HELP[name]),
                horizontal=True,
                width="content",
            )
    if impossible:
        st.caption(" ".join(translate(_IMPOSSIBLE[name]) for name in impossible))


def _is_impossible(name: str, choice: Choice, devices: Sequence[str]) -> bool:
    """Whether a toggle would change nothing on any device; what is set already can always be unset."""
    usual, other = _ALLOWED[name]
    opposite = replace(choice, **{name: other})
    return getattr(choice, name) == usual and all(name in opposite.missing(device) for device in devices)


def read() -> Choice:
    """The choice as the controls hold it."""
    return _CONTROLS.read()


def write_address(choice: Choice, job_id: str | None) -> None:
    """Make the address a permalink of what is shown; what is at its default is left out."""
    _CONTROLS.write_address(choice, job_id)


def submit(devices: Sequence[str]) -> None:
    """Queue what the controls show; the job's id goes into the address, so that a reload follows it, too."""
    try:
        job_id = visitor.submit(read().job(devices))
    except InputError as problem:
        st.session_state["problem"] = [problem.code, problem.facts]
        return
    _CONTROLS.follow(job_id)


def last() -> str | None:
    """This session's own measurement."""
    return _CONTROLS.last()


def targets(devices: Sequence[Device]) -> tuple[str, ...]:
    """The CPU and the first accelerator."""
    return ("cpu", *[device.id for device in devices if device.id != "cpu"][:1])


_WHY_MISSING = {
    "memory": N_(
        "{device}: page-locked memory is for the article's loop on an NVIDIA GPU, so it is left as it is."
    ),
    "execution": N_("{device}: a step can run as a whole only while training, with all images on the device."),
    "waiting": N_("{device}: the loss can be read at each step only while training operation by operation."),
}


_IMPOSSIBLE = {
    "memory": N_("Pinned memory can be tried with the article's loop on an NVIDIA GPU."),
    "execution": N_("The whole step at once (a graph) can be tried while training, with resident images."),
    "waiting": N_("Waiting at each step can be tried while training in eager execution."),
}


def why_missing(toggle: str, device: str, translate: Translate) -> str:
    """Why a toggle that is set makes no difference on a device."""
    return translate(_WHY_MISSING[toggle]).format(device="CPU" if device == "cpu" else device)
