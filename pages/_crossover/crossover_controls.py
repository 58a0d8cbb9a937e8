"""The controls of the Crossover page: what is swept, and what is set against what. The address follows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import streamlit as st

from core import offers
from core.hardware import cpu
from core.i18n import Translate
from core.records import Device, JobSpec, Origin, Precision, Setup
from core.runs.admission import Limits, check
from core.runs.sweeping.spec import PUBLIC_SECONDS, parse_batch_sizes
from core.wording import origin_word
from pages._shared import resources
from pages._shared.controls import Controls

RUN = "sweep"  # the parameter that names a sweep under way
ANEW = "crossover_anew"
_SECONDS = 120
_SHORTEST_SECONDS = 10
_FURTHER = ("mlp_64", "mlp", "mlp_2048", "cnn", "resnet18")
_ALSO = "crossover_also_list"  # a widget whose value isn't text
_ENDS = ("crossover_smallest_size", "crossover_largest_size")


@dataclass(frozen=True)
class Side:
    """One of the two that are compared: measured here, or on a device that a recording or a file tells of."""

    setup: Setup
    origin: Origin = "measured"
    device_name: str | None = None  # of a device elsewhere

    @property
    def here(self) -> bool:
        return self.origin == "measured"

    @property
    def token(self) -> str:
        threads = f"/{self.setup.threads}" if self.setup.threads else ""
        device = self.setup.device + threads
        return device if self.here else f"{self.origin},{device},{self.device_name}"


@dataclass(frozen=True)
class Choice:
    """What the address says: a device by its token, "" and 0 for what makes sense on this machine."""

    model: str = offers.DEFAULT.model
    also: str = ""  # further models, with commas between them
    dataset: str = offers.DEFAULT.dataset
    smallest: int = 16
    largest: int = 0
    baseline: str = ""
    candidate: str = ""
    baseline_precision: Precision = "fp32"
    candidate_precision: Precision = "fp32"
    seconds: int = _SECONDS

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.model, *(name for name in self.also.split(",") if name))))

    def sides(self, default: tuple[str, str]) -> tuple[Side, Side]:
        """The baseline and the candidate."""
        return (
            side(self.baseline or default[0], self.baseline_precision),
            side(self.candidate or default[1], self.candidate_precision),
        )

    def batch_sizes(self, limits: Limits) -> tuple[int, ...]:
        """The powers of two that are swept, and the two ends."""
        low, high = self.ends(limits)
        return parse_batch_sizes(f"{low}..{high}")

    def ends(self, limits: Limits) -> tuple[int, int]:
        most = _most(self, limits)
        high = self.largest or most
        if not limits.free:
            high = min(high, most)
        low = min(self.smallest, most)
        return min(low, high), max(low, high)


def side(token: str, precision: Precision) -> Side:
    """Raises ValueError for a token that names nothing."""
    origin: Origin = "measured"
    name = None
    for elsewhere in ("recorded", "imported"):
        if token.startswith(f"{elsewhere},"):
            origin = elsewhere
            _, token, name = token.split(",", 2)
    device, slash, threads = token.partition("/")
    if slash and (device != "cpu" or not threads.isdecimal() or int(threads) < 1):
        raise ValueError(token)
    return Side(Setup(device, precision, int(threads) if threads else None), origin, name)


def default_tokens(devices: Sequence[Device], accelerator: Side | None) -> tuple[str, str]:
    """The CPU against this machine's GPU; without one against `accelerator`, which was recorded elsewhere."""
    others = [device.id for device in devices if device.id != "cpu"]
    if others:
        return "cpu", others[0]
    return ("cpu", accelerator.token) if accelerator is not None else ("cpu/1", "cpu")


def _most(choice: Choice, limits: Limits) -> int:
    """The largest batch offered: of the largest model's reach, or in public of what all may be asked for."""
    tops = [max(limits.batch_sizes(name, offers.batch_sizes(name)), default=1) for name in choice.models]
    return max(tops) if limits.free else min(tops)


def _longest(limits: Limits) -> int:
    return round(limits.max_seconds if limits.free else PUBLIC_SECONDS)


def _job(choice: Choice) -> JobSpec:
    """One of the jobs that a choice may ask for; the others are checked on the way. Raises ValueError too."""
    limits = resources.runner().limits
    if not _SHORTEST_SECONDS <= choice.seconds <= _longest(limits):
        raise ValueError(choice.seconds)
    sides = (
        side(choice.baseline or "cpu", choice.baseline_precision),
        side(choice.candidate or "cpu", choice.candidate_precision),
    )
    # a machine elsewhere may have more threads
    setups = [one.setup if one.here else replace(one.setup, threads=None) for one in sides]
    sizes = (choice.smallest, choice.largest or choice.smallest)
    work = replace(offers.DEFAULT, epochs=1, dataset=choice.dataset)
    jobs = [
        JobSpec(replace(work, model=model, batch_size=size), (setup,), 1.0)
        for model in choice.models
        for size in sizes
        for setup in setups
    ]
    for job in jobs[1:]:
        check(job, limits)
    return jobs[0]


_CONTROLS = Controls(Choice, "crossover", _job, RUN, linked_choice=False)


def follow_address(limits: Limits) -> tuple[str, ...]:
    """Take new parameters of the address into the controls; the names of those that made no sense."""
    return _CONTROLS.follow_address(limits)


def write_address(choice: Choice, run: str | None) -> None:
    """Make the address a permalink of what is shown; what is at its default is left out."""
    _CONTROLS.write_address(choice, run)


def read() -> Choice:
    return _CONTROLS.read()


def followed() -> str | None:
    """The sweep that the address names, else this session's last one."""
    return st.query_params.get(RUN) or _CONTROLS.last()


def started_here(run: str) -> bool:
    return _CONTROLS.last() == run


def follow(run: str) -> None:
    _CONTROLS.follow(run)


def compare(baseline: Side, candidate: Side) -> None:
    """Set the two, as if the visitor had."""
    for name, one in (("baseline", baseline), ("candidate", candidate)):
        st.session_state[_CONTROLS.key(name)] = one.token
        st.session_state[_CONTROLS.key(f"{name}_precision")] = one.setup.precision
    _CONTROLS.leave_job()


# --- widgets ---------------------------------------------------------------------------------------


def show(
    devices: Sequence[Device],
    elsewhere: Mapping[str, Sequence[Side]],
    default: tuple[str, str],
    translate: Translate,
) -> Choice:
    """Draw the controls; the choice they show. `elsewhere`: by model, what was measured on other devices."""
    _, limits = translate, resources.runner().limits
    _CONTROLS.model(_)
    _also(limits, _)
    _CONTROLS.dataset(_)
    _sizes(limits, _)
    choice = read()
    offered = [*(side(token, "fp32") for token in _tokens(devices)), *elsewhere.get(choice.model, ())]
    chosen = choice.sides(default)
    names = {one.token: device_words(one, devices, _) for one in (*offered, *chosen)}
    _device(_("Baseline"), "baseline", names, chosen[0].token, default[0])
    _precision(_("Baseline's precision"), "baseline_precision")
    _device(_("Candidate"), "candidate", names, chosen[1].token, default[1])
    _precision(_("Candidate's precision"), "candidate_precision")
    st.number_input(
        _("Time for the sweep, in seconds"),
        _SHORTEST_SECONDS,
        max(_longest(limits), choice.seconds),
        key=_CONTROLS.key("seconds"),
        on_change=_CONTROLS.leave_job,
        help=_("By then the sweep ends, and what it has measured is shown."),
    )
    with st.expander(_("More settings")):
        st.checkbox(
            _("Measure everything anew"),
            key=ANEW,
            help=_("Otherwise, what was measured here in the last 24 hours with the same software is kept."),
        )
    return read()


def _also(limits: Limits, translate: Translate) -> None:
    state, field = st.session_state, _CONTROLS.key("also")
    state[_ALSO] = [name for name in state[field].split(",") if name]
    offered = limits.models(_FURTHER)
    st.multiselect(
        translate("Also sweep"),
        list(dict.fromkeys((*offered, *state[_ALSO]))),
        key=_ALSO,
        accept_new_options=limits.free,
        placeholder=translate("Further models"),
        help=translate("A row of the map each. mlp_64 is the MLP with 64 hidden units; any number will do."),
        on_change=_take_also,
    )


def _take_also() -> None:
    names = (name.strip().replace(",", "") for name in st.session_state[_ALSO])
    st.session_state[_CONTROLS.key("also")] = ",".join(dict.fromkeys(filter(None, names)))
    _CONTROLS.leave_job()


def _sizes(limits: Limits, translate: Translate) -> None:
    choice = read()
    most, ends = _most(choice, limits), choice.ends(limits)
    powers = (2**power for power in range(most.bit_length()))
    sizes = sorted({*powers, *ends})
    labels = translate("Smallest batch size"), translate("Largest batch size")
    for widget, label, end in zip(_ENDS, labels, ends, strict=True):
        st.session_state[widget] = end
        st.select_slider(
            label,
            sizes,
            key=widget,
            on_change=_take_sizes,
            args=(most,),
            help=translate("Images in one training step. Every power of two between the two ends is swept."),
        )


def _take_sizes(most: int) -> None:
    low, high = sorted(st.session_state[widget] for widget in _ENDS)
    st.session_state[_CONTROLS.key("smallest")] = low
    st.session_state[_CONTROLS.key("largest")] = 0 if high == most else high
    _CONTROLS.leave_job()


def _device(label: str, name: str, names: Mapping[str, str], chosen: str, default: str) -> None:
    widget = f"crossover_{name}_device"
    st.session_state[widget] = chosen
    st.selectbox(
        label,
        list(names),
        format_func=names.__getitem__,
        key=widget,
        on_change=_take_device,
        args=(name, default),
    )


def _precision(label: str, name: str) -> None:
    st.selectbox(label, get_args(Precision), key=_CONTROLS.key(name), on_change=_CONTROLS.leave_job)


def _take_device(name: str, default: str) -> None:
    token: Any = st.session_state[f"crossover_{name}_device"]
    st.session_state[_CONTROLS.key(name)] = "" if token == default else token
    _CONTROLS.leave_job()


def _tokens(devices: Sequence[Device]) -> list[str]:
    cores = cpu.describe().usable_cores or 1
    more = [f"cpu/{cores}"] if cores > 1 else []
    return ["cpu/1", *more, "cpu", *(device.id for device in devices if device.id != "cpu")]


def side_words(one: Side, devices: Sequence[Device], translate: Translate) -> str:
    """ "CPU, 1 thread", "NVIDIA H200 (cuda:0) · bf16"."""
    words = device_words(one, devices, translate)
    return words if one.setup.precision == "fp32" else f"{words} · {one.setup.precision}"


def device_words(one: Side, devices: Sequence[Device], translate: Translate) -> str:
    """ "CPU, 1 thread", "NVIDIA H200 (cuda:0)", "NVIDIA H200 · recorded"."""
    setup, how = one.setup, ""
    if setup.device == "cpu":
        how = translate("CPU, best thread count")
        if setup.threads is not None:
            count = translate("CPU, 1 thread") if setup.threads == 1 else translate("CPU, {n} threads")
            how = count.format(n=setup.threads)
    if one.here:
        known = next((device for device in devices if device.id == setup.device), None)
        return how or (f"{known.name} ({setup.device})" if known else setup.device)
    return " · ".join(filter(None, (how, one.device_name, origin_word(one.origin, translate))))
