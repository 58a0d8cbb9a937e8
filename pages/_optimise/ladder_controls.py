"""The controls of the Optimise page: what is measured, and on what. They and the address follow each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st

from core import offers
from core.errors import InputError
from core.i18n import Translate
from core.records import Device, JobSpec, Setup, Workload
from core.runs.admission import Limits
from pages._shared import resources, visitor
from pages._shared.controls import Controls

RUN = "run"  # the parameter that names an optimisation under way


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


def _job(choice: Choice) -> JobSpec:
    return JobSpec(choice.workload, (Setup(choice.device),))


_CONTROLS = Controls(Choice, "optimise", _job, RUN, linked_choice=False)


def follow_address(limits: Limits) -> tuple[str, ...]:
    """Take new parameters of the address into the controls; the names of those that made no sense."""
    return _CONTROLS.follow_address(limits)


def show(devices: Sequence[Device], translate: Translate) -> Choice:
    """Draw the controls; the choice they show."""
    _CONTROLS.model(translate)
    _CONTROLS.dataset(translate)
    _CONTROLS.batch_size(translate)
    names = {device.id: _device_name(device) for device in devices}
    chosen = st.session_state[_CONTROLS.key("device")]
    if chosen not in names:  # a link to a device of another machine
        names[chosen] = chosen
    st.selectbox(translate("Device"), list(names), format_func=names.__getitem__, key=_CONTROLS.key("device"))
    return _CONTROLS.read()


def write_address(choice: Choice, run: str | None) -> None:
    """Make the address a permalink of what is shown; what is at its default is left out."""
    _CONTROLS.write_address(choice, run)


def submit() -> None:
    """Start what the controls show; its id goes into the address, so that a reload goes on following it."""
    choice = _CONTROLS.read()
    try:
        run = resources.optimiser().start(choice.workload, choice.device, visitor=visitor.me())
    except InputError as problem:
        st.session_state["problem"] = [problem.code, problem.facts]
        return
    _CONTROLS.follow(run)


def followed() -> str | None:
    """The optimisation that the address names, else this session's last one."""
    return st.query_params.get(RUN) or _CONTROLS.last()


def _device_name(device: Device) -> str:
    return "CPU" if device.id == "cpu" else f"{device.name} ({device.id})"
