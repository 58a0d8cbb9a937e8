"""The controls of the Sequence page: which step, and how it is executed. The address follows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args, get_type_hints

import streamlit as st

from core import offers
from core.errors import InputError
from core.i18n import N_, Translate
from core.records import Device, JobSpec, Moment, Setup, Task, Workload
from core.runs.admission import Limits, check
from pages._shared import resources

JOB = "job"  # the parameter that names the measurement being followed
_MAX_SECONDS = 8.0
_ADDRESS = "sequence_address"  # the parameters as they were last read or written
_CHOICE = "sequence_choice"  # what was chosen when this page was last seen in this session
_LAST = "sequence_last"  # this session's own measurement
_KEY = "sequence_{}"


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
        return JobSpec(self.workload, tuple(dict.fromkeys(setups)), _MAX_SECONDS, limits=True, trace=True)


_KINDS: dict[str, Callable[[str], Any]] = {
    item.name: int if item.name == "batch_size" else str for item in fields(Choice)
}
_ALLOWED = {name: get_args(hint) for name, hint in get_type_hints(Choice).items() if get_args(hint)}
_ALLOWED["moment"] = ("warm", "cold")  # the usual one first, like the others

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

    `linked` is the job that the address names. Without parameters: what was chosen here or on Compare.
    """
    state = st.session_state
    given = {name: st.query_params[name] for name in (*_KINDS, JOB) if name in st.query_params}
    arriving = _KEY.format("model") not in state
    if not arriving and given == state[_ADDRESS]:
        return ()
    base = Choice()
    if linked is not None:
        work = linked.workload
        base = Choice(work.model, work.dataset, work.batch_size, work.task)
    choice, rejected = _read(given, limits, base)
    if arriving and not given:
        choice = Choice(**state[_CHOICE]) if _CHOICE in state else _as_elsewhere(limits)
    for name in _KINDS:
        state[_KEY.format(name)] = getattr(choice, name)
    state[_ADDRESS] = given
    return rejected


def _read(given: Mapping[str, str], limits: Limits, base: Choice) -> tuple[Choice, tuple[str, ...]]:
    choice, rejected = base, []
    for name, kind in _KINDS.items():
        if name not in given:
            continue
        try:
            changed = replace(choice, **{name: kind(given[name])})
            if name in _ALLOWED and given[name] not in _ALLOWED[name]:
                raise ValueError(given[name])
            check(changed.job(("cpu",)), limits)
        except (ValueError, InputError):
            rejected.append(name)
        else:
            choice = changed
    return choice, tuple(rejected)


def _as_elsewhere(limits: Limits) -> Choice:
    """The workload of the Compare page, which keeps its controls in the session."""
    names = ("model", "dataset", "batch_size", "task")
    found = {name: str(st.session_state[name]) for name in names if st.session_state.get(name)}
    paths = st.session_state.get("data_paths") or ["resident"]
    return _read(found, limits, Choice(images="loader" if paths == ["loader"] else "resident"))[0]


def show_workload(translate: Translate) -> None:
    """What work: at the side."""
    _, state = translate, st.session_state
    _select(_("Model"), "model", offers.MODELS, _("Any torchvision classifier can be typed in by its name."))
    _select(
        _("Data set"),
        "dataset",
        offers.DATASETS,
        _("Also synthetic:3x224x224, or folder:PATH for your own images with one sub-folder for each class."),
    )
    model, size = state[_KEY.format("model")], state[_KEY.format("batch_size")]
    st.select_slider(
        _("Batch size"),
        sorted({*offers.batch_sizes(model or offers.DEFAULT.model), size}),
        key=_KEY.format("batch_size"),
        on_change=_leave_job,
        help=_("Images in one training step. A GPU gains most from large batches."),
    )
    tasks = {"train": _("Train"), "classify": _("Classify"), "extract": _("Extract features")}
    st.segmented_control(
        _("Task"),
        get_args(Task),
        format_func=tasks.__getitem__,
        key=_KEY.format("task"),
        required=True,
        on_change=_leave_job,
    )


def show_toggles(devices: Sequence[str], translate: Translate) -> None:
    """How the step is executed, each toggle against its opposite. What can't be chosen is said instead."""
    choice, default = read(), Choice()
    impossible = [name for name in _WHY_MISSING if _is_impossible(name, choice, devices)]
    with st.container(horizontal=True, gap="medium"):
        for name in LABELS:
            if name in impossible:
                continue
            st.session_state.setdefault(_KEY.format(name), getattr(default, name))
            # not a segmented control: outside the sidebar its words are too faint in the dark
            st.radio(
                translate(LABELS[name]),
                _ALLOWED[name],
                format_func={option: translate(OPTIONS[option]) for option in _ALLOWED[name]}.__getitem__,
                key=_KEY.format(name),
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
    found = {name: st.session_state.get(_KEY.format(name)) for name in _KINDS}
    default = Choice()
    return Choice(**{name: value or getattr(default, name) for name, value in found.items()})


def write_address(choice: Choice, job_id: str | None) -> None:
    """Make the address a permalink of what is shown; what is at its default is left out."""
    default = Choice()
    parameters = {
        name: str(getattr(choice, name)) for name in _KINDS if getattr(choice, name) != getattr(default, name)
    }
    parameters |= {JOB: job_id} if job_id else {}
    others = {name: value for name, value in st.query_params.to_dict().items() if name == "lang"}
    if {**others, **parameters} != st.query_params.to_dict():
        st.query_params.from_dict({**others, **parameters})
    st.session_state[_ADDRESS] = parameters
    st.session_state[_CHOICE] = {name: getattr(choice, name) for name in _KINDS}


def submit(devices: Sequence[str]) -> None:
    """Queue what the controls show; the job's id goes into the address, so that a reload follows it, too."""
    try:
        job_id = resources.runner().submit(read().job(devices))
    except InputError as problem:
        st.session_state["problem"] = [problem.code, problem.facts]
        return
    st.query_params[JOB] = st.session_state[_LAST] = job_id


def last() -> str | None:
    """This session's own measurement: without a store it can't be found again."""
    job_id: str | None = st.session_state.get(_LAST)
    return job_id


def targets(devices: Sequence[Device]) -> tuple[str, ...]:
    """The CPU and the first accelerator."""
    return ("cpu", *[device.id for device in devices if device.id != "cpu"][:1])


def _select(label: str, name: str, options: Sequence[str], help_text: str) -> None:
    chosen = st.session_state[_KEY.format(name)]
    shown = [*options, *([chosen] if chosen and chosen not in options else [])]
    st.selectbox(
        label, shown, key=_KEY.format(name), accept_new_options=True, help=help_text, on_change=_leave_job
    )


def _leave_job() -> None:
    """Another step was chosen: the job in the address isn't of it."""
    st.query_params.pop(JOB, None)


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
