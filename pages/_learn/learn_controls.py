"""The controls of the Learn page: the network and batch size to run the article with. The address follows."""

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

JOB = "job"  # the parameter that names the job being looked at
_MAX_SECONDS = 6.0
_ADDRESS = "learn_address"  # the parameters as they were last read or written
_CHOICE = "learn_choice"  # what was chosen when this page was last seen in this session
_LAST = "learn_last"  # this session's own job: without a store it can't be found again by its workload
_OF_OTHERS = ("lang", "quiz")  # parameters that aren't this file's
_KINDS = {"model": str, "dataset": str, "batch_size": int}


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


def follow_address(limits: Limits, linked: JobSpec | None) -> tuple[str, ...]:
    """Take a new address into the controls; the names of the parameters that made no sense.

    `linked` is the job that the address names. Without parameters: what was chosen here or on another page.
    """
    state = st.session_state
    given = {name: st.query_params[name] for name in (*_KINDS, JOB) if name in st.query_params}
    arriving = "learn_model" not in state
    if not arriving and given == state[_ADDRESS]:
        return ()
    choice, rejected = _read(given, limits)
    if linked is not None:
        choice = _of(linked.workload)
    elif arriving and not given:
        choice = Choice(**state[_CHOICE]) if _CHOICE in state else _as_elsewhere(limits)
    for name in _KINDS:
        state[f"learn_{name}"] = getattr(choice, name)
    state[_ADDRESS] = given
    return rejected


def _of(work: Workload) -> Choice:
    return Choice(work.model, work.dataset, work.batch_size)


def _read(given: Mapping[str, str], limits: Limits) -> tuple[Choice, tuple[str, ...]]:
    choice, rejected = Choice(), []
    for name, kind in _KINDS.items():
        if name not in given:
            continue
        try:
            changed = replace(choice, **{name: kind(given[name])})
            check(changed.job(()), limits)
        except (ValueError, InputError):
            rejected.append(name)
        else:
            choice = changed
    return choice, tuple(rejected)


def _as_elsewhere(limits: Limits) -> Choice:
    """The workload of the Compare page, which keeps its controls in the session."""
    found = {name: str(st.session_state[name]) for name in _KINDS if st.session_state.get(name)}
    return _read(found, limits)[0]


def show(translate: Translate) -> Choice:
    """Draw the controls; the choice they show."""
    _ = translate
    state = st.session_state
    models = [*offers.MODELS, *([state["learn_model"]] if state["learn_model"] not in offers.MODELS else [])]
    st.selectbox(_("Model"), models, key="learn_model", on_change=_leave_job)
    sizes = sorted({*offers.batch_sizes(state["learn_model"]), state["learn_batch_size"]})
    st.select_slider(
        _("Batch size"),
        sizes,
        key="learn_batch_size",
        on_change=_leave_job,
        help=_("Images in one training step. A GPU gains most from large batches."),
    )
    return read()


def read() -> Choice:
    """The choice as the controls hold it."""
    return Choice(*(st.session_state[f"learn_{name}"] for name in _KINDS))


def write_address(choice: Choice, job_id: str | None) -> None:
    """Make the address a permalink of what is shown; what is at its default is left out."""
    default = Choice()
    chosen = {name: str(getattr(choice, name)) for name in _KINDS}
    parameters = {name: text for name, text in chosen.items() if text != str(getattr(default, name))}
    parameters |= {JOB: job_id} if job_id else {}
    others = {name: value for name, value in st.query_params.to_dict().items() if name in _OF_OTHERS}
    if {**others, **parameters} != st.query_params.to_dict():
        st.query_params.from_dict({**others, **parameters})
    st.session_state[_ADDRESS] = parameters
    st.session_state[_CHOICE] = {name: getattr(choice, name) for name in _KINDS}


def submit() -> None:
    """Queue the article's run; its id goes into the address, so that a reload goes on following it."""
    runner = resources.runner()
    try:
        job_id = runner.submit(read().job(runner.devices or ()))
    except InputError as problem:
        st.session_state["problem"] = [problem.code, problem.facts]
        return
    st.query_params[JOB] = st.session_state[_LAST] = job_id


def last() -> str | None:
    """This session's own job."""
    job_id: str | None = st.session_state.get(_LAST)
    return job_id


def _leave_job() -> None:
    """Other settings were chosen: the job in the address isn't theirs."""
    st.query_params.pop(JOB, None)
    state = st.session_state  # ours, so that it isn't taken for a new link
    state[_ADDRESS] = {name: text for name, text in state[_ADDRESS].items() if name != JOB}
