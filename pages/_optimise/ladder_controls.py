"""The controls of the Optimise page: what is measured, and on what. They and the address follow each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import streamlit as st

from core import offers
from core.errors import InputError
from core.i18n import Translate
from core.records import Device, JobSpec, Setup, Workload
from core.runs.admission import Limits, check
from pages._shared import resources

RUN = "run"  # the parameter that names an optimisation under way
_CHOICE = "optimise_choice"  # what was chosen when this page was last seen in this session
_LAST = "optimise_last"
_ADDRESS = "optimise_address"  # the parameters as they were last read or written
_KINDS = {"model": str, "dataset": str, "batch_size": int, "device": str}


@dataclass(frozen=True)
class Choice:
    model: str = offers.DEFAULT.model
    dataset: str = offers.DEFAULT.dataset
    batch_size: int = offers.DEFAULT.batch_size
    device: str = "cpu"

    @property
    def workload(self) -> Workload:
        """One epoch, as `python -m core optimise` has it, so that either shows what the other measured."""
        work = replace(offers.DEFAULT, epochs=1)
        return replace(work, model=self.model, dataset=self.dataset, batch_size=self.batch_size)


def follow_address(limits: Limits) -> tuple[str, ...]:
    """Take new parameters of the address into the controls; the names of those that made no sense.

    A visitor who comes back from another page finds what was chosen here; at first, the workload chosen there.
    """
    state = st.session_state
    given = {name: st.query_params[name] for name in _KINDS if name in st.query_params}
    arriving = "optimise_model" not in state
    if not arriving and given == state[_ADDRESS]:
        return ()
    choice, rejected = _read(given, limits)
    if arriving and not given:
        choice = Choice(**state[_CHOICE]) if _CHOICE in state else _as_elsewhere(limits)
    for name in _KINDS:
        state[f"optimise_{name}"] = getattr(choice, name)
    state[_ADDRESS] = given
    return rejected


def _read(given: Mapping[str, str], limits: Limits) -> tuple[Choice, tuple[str, ...]]:
    choice, rejected = Choice(), []
    for name, text in given.items():
        try:
            changed = replace(choice, **{name: _KINDS[name](text)})
            check(_job(changed), limits)
        except (ValueError, InputError):
            rejected.append(name)
        else:
            choice = changed
    return choice, tuple(rejected)


def _as_elsewhere(limits: Limits) -> Choice:
    """The workload of the Compare page, which keeps its controls in the session."""
    names = ("model", "dataset", "batch_size")
    found = {name: str(st.session_state[name]) for name in names if st.session_state.get(name)}
    return _read(found, limits)[0]


def _job(choice: Choice) -> JobSpec:
    return JobSpec(choice.workload, (Setup(choice.device),))


def show(devices: Sequence[Device], translate: Translate) -> Choice:
    """Draw the controls; the choice they show."""
    _ = translate
    state = st.session_state
    _select(
        _("Model"),
        "optimise_model",
        offers.MODELS,
        _("Any torchvision classifier can be typed in by its name."),
    )
    _select(
        _("Data set"),
        "optimise_dataset",
        offers.DATASETS,
        _("Also synthetic:3x224x224, or folder:PATH for your own images with one sub-folder for each class."),
    )
    sizes = sorted({*offers.batch_sizes(state["optimise_model"]), state["optimise_batch_size"]})
    st.select_slider(
        _("Batch size"),
        sizes,
        key="optimise_batch_size",
        help=_("Images in one training step. A GPU gains most from large batches."),
    )
    names = {device.id: _device_name(device) for device in devices}
    chosen = state["optimise_device"]
    if chosen not in names:  # a link to a device of another machine
        names[chosen] = chosen
    st.selectbox(
        _("Device"),
        list(names),
        format_func=names.__getitem__,
        key="optimise_device",
    )
    return read()


def read() -> Choice:
    """The choice as the controls hold it."""
    state = st.session_state
    return Choice(
        state["optimise_model"] or offers.DEFAULT.model,
        state["optimise_dataset"] or offers.DEFAULT.dataset,
        state["optimise_batch_size"],
        state["optimise_device"],
    )


def write_address(choice: Choice, run: str | None) -> None:
    """Make the address a permalink of what is shown; what is at its default is left out."""
    default = Choice()
    chosen = {name: str(getattr(choice, name)) for name in _KINDS}
    parameters = {name: text for name, text in chosen.items() if text != str(getattr(default, name))}
    others = {name: value for name, value in st.query_params.to_dict().items() if name == "lang"}
    wanted = {**others, **parameters, **({RUN: run} if run else {})}
    if wanted != st.query_params.to_dict():
        st.query_params.from_dict(wanted)
    st.session_state[_ADDRESS] = parameters
    st.session_state[_CHOICE] = {name: getattr(choice, name) for name in _KINDS}


def submit() -> None:
    """Start what the controls show; its id goes into the address, so that a reload goes on following it."""
    choice = read()
    try:
        run = resources.optimiser().start(choice.workload, choice.device)
    except InputError as problem:
        st.session_state["problem"] = [problem.code, problem.facts]
        return
    st.query_params[RUN] = st.session_state[_LAST] = run


def followed() -> str | None:
    """The optimisation that the address names, else this session's last one."""
    return st.query_params.get(RUN) or st.session_state.get(_LAST)


def _select(label: str, key: str, options: Sequence[str], help_text: str) -> None:
    chosen = st.session_state[key]
    shown = [*options, *([chosen] if chosen and chosen not in options else [])]
    st.selectbox(label, shown, key=key, accept_new_options=True, help=help_text)


def _device_name(device: Device) -> str:
    return "CPU" if device.id == "cpu" else f"{device.name} ({device.id})"
