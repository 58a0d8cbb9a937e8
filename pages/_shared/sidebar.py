"""The controls: they follow the address, and the address follows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, get_args

import streamlit as st

from core import offers
from core.hardware import cpu
from core.i18n import Translate
from core.records import Device, Precision, Task, Workload
from core.runs.admission import Limits
from pages._shared import elsewhere, resources
from pages._shared import settings as chosen
from pages._shared.controls import dataset_help, model_help
from pages._shared.markdown import plain
from pages._shared.settings import Settings

_ADDRESS = "address_seen"  # the parameters as this session last read or wrote them
_DEFAULT_DEVICES = "default_devices_seen"
JOB = "job"  # the parameter that names the job being looked at
_MOST_EPOCHS = 20
_MOST_PILLS = 16


def follow_address(devices: Sequence[Device], limits: Limits, from_jobs: Settings | None) -> tuple[str, ...]:
    """Take new parameters of the address into the controls; the names of those that made no sense.

    `from_jobs` are the settings of the jobs that the address names, if it names any that are known.
    """
    parameters = {name: st.query_params[name] for name in chosen.PARAMETERS if name in st.query_params}
    parameters |= {JOB: st.query_params.get(JOB, "")}
    defaults = default_devices(devices)
    rejected: tuple[str, ...] = ()
    if parameters != st.session_state.get(_ADDRESS):
        read = chosen.from_parameters(parameters, limits)
        rejected = read.rejected
        _to_widgets(from_jobs or read.settings, defaults)
        st.session_state[_ADDRESS] = parameters
    elif tuple(st.session_state["devices"]) == tuple(st.session_state[_DEFAULT_DEVICES]):
        st.session_state["devices"] = list(defaults)  # a GPU has been found since
    st.session_state[_DEFAULT_DEVICES] = list(defaults)
    return rejected


def default_devices(devices: Sequence[Device]) -> tuple[str, ...]:
    """The CPU at its best and the first accelerator; without one, the CPU with one thread and at its best."""
    others = [device.id for device in devices if device.id != "cpu"]
    return ("cpu", others[0]) if others else ("cpu/1", "cpu")


def controls(
    devices: Sequence[Device], translate: Translate, below_devices: Callable[[], None] | None = None
) -> Settings:
    """Draw the controls; the settings they show."""
    _ = translate
    state = st.session_state
    limits = resources.runner().limits
    offered = limits.batch_sizes(state["model"], offers.batch_sizes(state["model"]))
    sizes = sorted({*offered, state["batch_size"]})
    _select(_("Model"), "model", limits.models(offers.MODELS), model_help(limits, _), free=limits.free)
    _select(_("Data set"), "dataset", limits.datasets(offers.DATASETS), dataset_help(limits, _), free=True)
    st.select_slider(
        _("Batch size"),
        sizes,
        key="batch_size",
        on_change=leave_job,
        persist_state="session",
        help=_("Images in one training step. A GPU gains most from large batches."),
    )
    st.slider(
        _("Epochs"),
        1,
        max(min(_MOST_EPOCHS, limits.epochs), state["epochs"]),
        key="epochs",
        on_change=leave_job,
        persist_state="session",
        help=_("How often the training goes through all images."),
    )
    tokens = _device_tokens(devices, state["devices"])
    names = {token: _device_name(token, devices, translate) for token in tokens}
    draw = _pills if len(tokens) <= _MOST_PILLS else _many
    draw(_("Devices"), "devices", tokens, names)
    if below_devices is not None:
        below_devices()
    with st.expander(_("More settings")):
        _more(devices, translate)
    return read_settings()


def _more(devices: Sequence[Device], translate: Translate) -> None:
    _ = translate
    tasks = {"train": _("Train"), "classify": _("Classify"), "extract": _("Extract features")}
    st.segmented_control(
        _("Task"),
        get_args(Task),
        format_func=tasks.__getitem__,
        key="task",
        required=True,
        on_change=leave_job,
        persist_state="session",
    )
    _pills(_("Precision"), "precisions", get_args(Precision), {"fp32": "fp32", "tf32": "tf32", "bf16": "bf16"})
    paths = {"resident": _("resident on the device"), "loader": _("DataLoader")}
    _pills(_("Images"), "data_paths", ("resident", "loader"), paths)
    st.number_input(
        _("Learning rate"),
        min(1e-6, st.session_state["learning_rate"]),
        100.0,
        step=0.01,
        format="%g",
        key="learning_rate",
        on_change=leave_job,
        persist_state="session",
    )
    st.number_input(_("Seed"), 0, 2**31 - 1, key="seed", on_change=leave_job, persist_state="session")
    st.number_input(
        _("Time limit for each setup, in seconds"),
        1,
        max(round(resources.runner().limits.max_seconds), st.session_state["max_seconds"]),
        key="max_seconds",
        on_change=leave_job,
        persist_state="session",
        help=_("What isn't finished by then is projected, and said so."),
    )


def read_settings() -> Settings:
    """The settings as the controls hold them."""
    state = st.session_state
    return Settings(
        Workload(
            model=state["model"] or offers.DEFAULT.model,
            dataset=state["dataset"] or offers.DEFAULT.dataset,
            batch_size=state["batch_size"],
            epochs=state["epochs"],
            learning_rate=state["learning_rate"],
            seed=state["seed"],
            task=state["task"],
        ),
        tuple(state["devices"]),
        tuple(state["precisions"]),
        tuple(state["data_paths"]),
        state["max_seconds"],
        bool(state["every_machine"]),
    )


def write_address(settings: Settings, devices: Sequence[Device], jobs: str | None) -> None:
    """Make the address a permalink of what is shown."""
    parameters = chosen.to_parameters(settings, default_devices(devices))
    others = {name: value for name, value in st.query_params.to_dict().items() if name == "lang"}
    wanted = {**others, **parameters, **({JOB: jobs} if jobs else {})}
    if wanted != st.query_params.to_dict():
        st.query_params.from_dict(wanted)
    st.session_state[_ADDRESS] = parameters | {JOB: jobs or ""}


def use_batch_size(batch_size: int) -> None:
    """Set the control, as if the visitor had."""
    st.session_state["batch_size"] = batch_size
    leave_job()


def use_devices(devices: Sequence[str]) -> None:
    """Likewise."""
    st.session_state["devices"] = list(devices)
    leave_job()


def follow_jobs(jobs: str) -> None:
    """Put what was just queued into the address, so that any browser can follow it."""
    st.session_state["mine"] = st.query_params[JOB] = jobs
    st.session_state[_ADDRESS] = st.session_state[_ADDRESS] | {JOB: jobs}


def _to_widgets(settings: Settings, default: tuple[str, ...]) -> None:
    state, work = st.session_state, settings.workload
    for name in ("model", "dataset", "batch_size", "epochs", "learning_rate", "seed", "task"):
        state[name] = getattr(work, name)
    state["devices"] = list(settings.devices or default)
    state["precisions"], state["data_paths"] = list(settings.precisions), list(settings.data_paths)
    state["max_seconds"], state["every_machine"] = settings.max_seconds, settings.every_machine


def leave_job() -> None:
    """Other settings, other results: the address no longer names the jobs that were looked at."""
    if JOB in st.query_params:
        del st.query_params[JOB]
    st.session_state[_ADDRESS] = st.session_state[_ADDRESS] | {JOB: ""}


def _select(label: str, key: str, options: Sequence[str], help_text: str, *, free: bool) -> None:
    shown = [*options, *([st.session_state[key]] if st.session_state[key] not in options else [])]
    st.selectbox(
        label,
        shown,
        key=key,
        accept_new_options=free,
        help=help_text,
        on_change=leave_job,
        persist_state="session",
    )


def _pills(label: str, key: str, options: Sequence[str], names: dict[str, str]) -> None:
    shown = {option: plain(name) for option, name in names.items()}
    st.pills(
        label,
        options,
        selection_mode="multi",
        format_func=shown.__getitem__,
        key=key,
        on_change=leave_job,
        persist_state="session",
    )


def _many(label: str, key: str, options: Sequence[str], names: dict[str, str]) -> None:
    """The same where pills would fill the sidebar, as the kinds of a large cluster do. It reads no Markdown."""
    st.multiselect(
        label, options, format_func=names.__getitem__, key=key, on_change=leave_job, persist_state="session"
    )


def _device_tokens(devices: Sequence[Device], wanted: Sequence[str]) -> list[str]:
    cores = cpu.describe().usable_cores or 1
    counts = ["cpu/1", *([f"cpu/{cores}"] if cores > 1 else []), "cpu"]
    accelerators = (device.id for device in devices if device.id != "cpu")
    offered = [*counts, *accelerators, *elsewhere.tokens()]
    return [*offered, *(token for token in wanted if token not in offered)]


def _device_name(token: str, devices: Sequence[Device], translate: Translate) -> str:
    if token.startswith(chosen.token("")):
        return elsewhere.words(token[1:], translate)
    name, _, threads = token.partition("/")
    if name == "cpu":
        if threads == "1":
            return translate("CPU, 1 thread")
        return (
            translate("CPU, {n} threads").format(n=threads) if threads else translate("CPU, best thread count")
        )
    device: Any = next((device for device in devices if device.id == token), None)
    return f"{device.name} ({token})" if device else token
