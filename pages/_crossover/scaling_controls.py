"""The controls of the view of several devices: what is shared out, among what. The address follows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import streamlit as st

from core import offers
from core.i18n import Translate
from core.records import Device, JobSpec
from core.runs.admission import Limits
from core.runs.scale_spec import USUAL, ScaleSpec, cores, usual_workers
from pages._crossover.crossover_controls import Side, device_words, side
from pages._crossover.crossover_views import VIEW
from pages._shared import resources
from pages._shared.controls import Controls

Kinds = Literal["both", "strong", "weak"]
RUN = "scaling"  # the parameter that names a measurement under way
_PLAIN = ScaleSpec()  # what `python -m core scale` measures: either shows what the other measured
_SHORTEST_SECONDS = 10


@dataclass(frozen=True)
class Choice:
    """What the address says: "" and 0 for what makes sense on this machine."""

    model: str = _PLAIN.model
    dataset: str = _PLAIN.dataset
    batch_size: int = _PLAIN.batch_size
    device: str = ""  # a token, as the first view's; on the CPU with the threads of each worker
    workers: int = 0  # the most
    kinds: Kinds = "both"
    seconds: int = round(_PLAIN.max_seconds)
    one: str = ""  # what is set against `several`, by the tokens of one_or_several_view
    several: str = ""

    def place(self, devices: Sequence[Device]) -> Side:
        return side(self.device or default_token(devices), "fp32")

    def counts(self, devices: Sequence[Device]) -> tuple[int, ...]:
        """One worker, and more of them as far as is asked for and this machine has them; () if it hasn't."""
        more = [n for n in offered(self.place(devices), devices) if n <= (self.workers or USUAL[-1])]
        return (1, *more) if more else ()

    def spec(self, devices: Sequence[Device]) -> ScaleSpec:
        setup = self.place(devices).setup
        return ScaleSpec(
            self.model,
            self.dataset,
            self.batch_size,
            setup.device,
            setup.threads,
            self.counts(devices),
            ("strong", "weak") if self.kinds == "both" else (self.kinds,),
            max_seconds=float(self.seconds),
        )


def default_token(devices: Sequence[Device]) -> str:
    """The GPU, where there are several alike; else the CPU, one thread for each worker."""
    several = (one.id for one in devices if one.id != "cpu" and offered(side(one.id, "fp32"), devices))
    return next(several, "cpu/1")


def offered(place: Side, devices: Sequence[Device]) -> tuple[int, ...]:
    """The numbers of workers, beside one, that this machine has devices or cores for."""
    if not place.here:
        return ()
    return tuple(n for n in usual_workers(place.setup.device, devices, place.setup.threads) if n > 1)


def _longest(limits: Limits) -> int:
    return round(limits.max_seconds)


def _job(choice: Choice) -> JobSpec:
    """To be checked. Raises ValueError too."""
    longest = max(_SHORTEST_SECONDS, _longest(resources.runner().limits))
    if choice.workers not in (0, *USUAL[1:]) or not _SHORTEST_SECONDS <= choice.seconds <= longest:
        raise ValueError(choice)
    place = side(choice.device or "cpu", "fp32")
    # a machine elsewhere may have more threads
    setup = place.setup if place.here else replace(place.setup, threads=None)
    work = replace(offers.DEFAULT, model=choice.model, dataset=choice.dataset, batch_size=choice.batch_size)
    return JobSpec(replace(work, epochs=1), (setup,), 1.0)


_CONTROLS = Controls(Choice, "scaling", _job, RUN, linked_choice=False, kept=("lang", VIEW))


def follow_address(limits: Limits) -> tuple[str, ...]:
    """Take new parameters of the address into the controls; the names of those that made no sense."""
    model = st.session_state.get("model") or _PLAIN.model  # as on the Compare page, whose batches are small
    batch_size = min(_PLAIN.batch_size, max(offers.batch_sizes(model)))
    return _CONTROLS.follow_address(limits, also={"dataset": _PLAIN.dataset, "batch_size": str(batch_size)})


def write_address(choice: Choice, run: str | None) -> None:
    """Make the address a permalink of what is shown; what is at its default is left out."""
    _CONTROLS.write_address(choice, run)


def read() -> Choice:
    return _CONTROLS.read()


def key(name: str) -> str:
    return _CONTROLS.key(name)


def followed() -> str | None:
    """The measurement that the address names, else this session's last one."""
    return st.query_params.get(RUN) or _CONTROLS.last()


def started_here(run: str) -> bool:
    return _CONTROLS.last() == run


def follow(run: str) -> None:
    _CONTROLS.follow(run)


def look_at(batch_size: int, token: str) -> None:
    """Set the two, as if the visitor had."""
    st.session_state[_CONTROLS.key("batch_size")] = batch_size
    st.session_state[_CONTROLS.key("device")] = token
    _CONTROLS.leave_job()


# --- widgets ---------------------------------------------------------------------------------------


def show(devices: Sequence[Device], elsewhere: Sequence[Side], translate: Translate) -> Choice:
    """Draw the controls; the choice they show. `elsewhere`: where several workers were measured before."""
    _ = translate
    _CONTROLS.model(_)
    _CONTROLS.dataset(_)
    _CONTROLS.batch_size(_)
    _device(devices, elsewhere, _)
    _workers(devices, _)
    names: Mapping[Kinds, str] = {
        "both": _("Both"),
        "strong": _("The whole batch (strong scaling)"),
        "weak": _("The batch of each worker (weak scaling)"),
    }
    st.selectbox(
        _("What stays the same"),
        get_args(Kinds),
        format_func=names.__getitem__,
        key=_CONTROLS.key("kinds"),
        on_change=_CONTROLS.leave_job,
        help=_(
            "Strong: one batch is shared out, so more workers have less to do each. Weak: every worker has a "
            "whole batch, so more workers do more in a step."
        ),
    )
    st.number_input(
        _("Time for all of it, in seconds"),
        _SHORTEST_SECONDS,
        max(_SHORTEST_SECONDS, _longest(resources.runner().limits), read().seconds),
        key=_CONTROLS.key("seconds"),
        on_change=_CONTROLS.leave_job,
        help=_("Timed, at most; starting the workers comes on top."),
    )
    return read()


def _device(devices: Sequence[Device], elsewhere: Sequence[Side], translate: Translate) -> None:
    here = [side(token, "fp32") for token in _tokens(devices)]
    chosen = read().place(devices)
    names = {one.token: place_words(one, devices, translate) for one in (*here, *elsewhere, chosen)}
    widget = "scaling_place"
    st.session_state[widget] = chosen.token
    st.selectbox(
        translate("Device of each worker"),
        list(names),
        format_func=names.__getitem__,
        key=widget,
        on_change=_take_device,
        args=(default_token(devices),),
    )


def _take_device(default: str) -> None:
    token = st.session_state["scaling_place"]
    st.session_state[_CONTROLS.key("device")] = "" if token == default else token
    _CONTROLS.leave_job()


def _workers(devices: Sequence[Device], translate: Translate) -> None:
    choice = read()
    counts = offered(choice.place(devices), devices)
    if not counts:
        return
    widget = "scaling_most_workers"
    st.session_state[widget] = choice.counts(devices)[-1] if choice.counts(devices) else counts[0]
    names = {count: ", ".join(map(str, (1, *counts[: i + 1]))) for i, count in enumerate(counts)}
    st.selectbox(
        translate("Numbers of workers"),
        list(names),
        format_func=names.__getitem__,
        key=widget,
        on_change=_take_workers,
        args=(counts[-1],),
        help=translate(
            "Processes that share the training: each has a device, or threads, of its own, and after each step "
            "they average their gradients. As many as this machine has room for."
        ),
    )


def _take_workers(most: int) -> None:
    count = st.session_state["scaling_most_workers"]
    st.session_state[_CONTROLS.key("workers")] = 0 if count == most else count
    _CONTROLS.leave_job()


def _tokens(devices: Sequence[Device]) -> list[str]:
    """Threads on the CPU as far as two workers have them; of equal GPUs the first."""
    threads = [f"cpu/{2**power}" for power in range(8) if 2 ** (power + 1) <= cores()] or ["cpu/1"]
    first = {device.name: device.id for device in reversed(devices) if device.id != "cpu"}
    return [*sorted(first.values()), *threads]


def place_words(place: Side, devices: Sequence[Device], translate: Translate) -> str:
    """ "CPU, 1 thread each", "NVIDIA H200 (cuda:0)", "NVIDIA H200 · recorded"."""
    threads = place.setup.threads
    if place.setup.device != "cpu" or threads is None:
        return device_words(place, devices, translate)
    text = translate("CPU, 1 thread each") if threads == 1 else translate("CPU, {n} threads each")
    words = text.format(n=threads)
    # what it is called elsewhere follows the thread count
    return " · ".join([words, *device_words(place, devices, translate).split(" · ")[1:]])
