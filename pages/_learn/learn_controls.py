"""The controls of the Learn page: the network and batch size to run the article with. The address follows."""

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

_MAX_SECONDS = 6.0
_QUIZ = "quiz"  # the quiz's own parameter


@dataclass(frozen=True)
class Choice:
    model: str = offers.DEFAULT.model
    dataset: str = offers.DEFAULT.dataset  # no control: as the address or the Compare page has it
    batch_size: int = offers.DEFAULT.batch_size

    @property
    def workload(self) -> Workload:
        """One epoch of it: the lines are what is looked at."""
        work = replace(offers.DEFAULT, epochs=1)
        return replace(work, model=self.model, dataset=self.dataset, batch_size=self.batch_size)

    def job(self, devices: Sequence[Device]) -> JobSpec:
        """The article's loop and the one with all images moved once, on the CPU and the first accelerator."""
        others = [device.id for device in devices if device.id != "cpu"]
        setups = (
            Setup(device, data_path=path) for device in ("cpu", *others[:1]) for path in ("loader", "resident")
        )
        return JobSpec(self.workload, tuple(setups), _MAX_SECONDS, limits=True, trace=True, lessons=True)


def _job(choice: Choice) -> JobSpec:
    return choice.job(())


_CONTROLS = Controls(Choice, "learn", _job, kept=("lang", _QUIZ))


def follow_address(limits: Limits, linked: JobSpec | None) -> tuple[str, ...]:
    """Take a new address into the controls; the names of the parameters that made no sense.

    `linked` is the job that the address names.
    """
    work = linked.workload if linked else None
    return _CONTROLS.follow_address(limits, Choice(work.model, work.dataset, work.batch_size) if work else None)


def show(translate: Translate) -> Choice:
    """Draw the controls; the choice they show."""
    _CONTROLS.model(translate)
    _CONTROLS.batch_size(translate)
    return _CONTROLS.read()


def write_address(choice: Choice, job_id: str | None) -> None:
    """Make the address a permalink of what is shown; what is at its default is left out."""
    _CONTROLS.write_address(choice, job_id)


def submit() -> None:
    """Queue the article's run; its id goes into the address, so that a reload goes on following it."""
    runner = resources.runner()
    try:
        job_id = visitor.submit(_CONTROLS.read().job(runner.devices or ()))
    except InputError as problem:
        st.session_state["problem"] = [problem.code, problem.facts]
        return
    _CONTROLS.follow(job_id)


def last() -> str | None:
    """This session's own job."""
    return _CONTROLS.last()
