"""The controls of the Decide page: my workload and what if. The workload and the address follow each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, get_type_hints

import streamlit as st

from core import offers
from core.analysis.decide.candidates import Candidate, key
from core.analysis.decide.plan import Plan
from core.analysis.decide.plan_checks import amount, checked_plan
from core.errors import InputError
from core.i18n import Translate
from pages._decide.decide_words import device_words

_ADDRESS, _KEPT = "decide_address", "decide_choice"
_USUAL = "decide_usual_images"  # what was put in for the visitor
_IMAGES = 60_000  # of a data set that doesn't tell
_LONGEST = 200  # letters of a text in the address
_ACCURACY = "decide_target"
_WHAT_IF = ("price", "electricity", "runs", "speed")


@dataclass(frozen=True)
class Choice:
    """What the controls hold, each field named as its parameter of the address."""

    model: str = offers.DEFAULT.model
    dataset: str = offers.DEFAULT.dataset
    precision: str = "fp32"  # "any": the fastest that was measured
    today: str = ""  # the key of the device that today's machine computes with; "": a guess
    known: str = "images"  # or "epoch_s"
    images: int | None = None  # None: as many as the measured data set has
    epoch_s: float = 60.0  # of one epoch on today's machine
    epochs: int = 10
    side: int = 0  # 0: as it was measured
    runs: float = 20.0

    def plan(self) -> Plan:
        """The workload, checked. Raises InputError as `checked_plan` does."""
        by_time = self.known == "epoch_s"
        return checked_plan(
            Plan(
                images=None if by_time else _IMAGES if self.images is None else self.images,
                epochs=self.epochs,
                runs_per_month=self.runs,
                side=self.side or None,
                today_epoch_s=self.epoch_s if by_time else None,
            )
        )


@dataclass(frozen=True)
class WhatIf:
    """Factors by which what is shown differs from what was entered and measured."""

    price: float = 1.0
    electricity: float = 1.0
    runs: float = 1.0
    speed: float = 1.0  # of every device but today's


_NAMES = tuple(item.name for item in fields(Choice))
_HINTS = get_type_hints(Choice)
_WHOLE = ("images", "epochs", "side")
_OF_PLAN = {"runs": "runs_per_month", "epoch_s": "today_epoch_s"}  # fields of Plan by another name
_ALLOWED = {"precision": ("fp32", "any"), "known": ("images", "epoch_s")}


def follow_address() -> tuple[str, ...]:
    """Take new parameters of the address into the controls; the names of those that made no sense."""
    given = {name: st.query_params[name] for name in _NAMES if name in st.query_params}
    state = st.session_state
    arriving = _key("model") not in state
    if not arriving and given == state.get(_ADDRESS):
        return ()
    base = Choice()
    rejected: tuple[str, ...] = ()
    if arriving and not given:
        kept = state.get(_KEPT)
        elsewhere = {name: str(state[name]) for name in ("model", "dataset") if state.get(name)}
        choice = Choice(**kept) if kept else _read(elsewhere, base)[0]
    else:
        choice, rejected = _read(given, base)
    for name in _NAMES:
        state[_key(name)] = getattr(choice, name)
    state[_ADDRESS] = given
    return rejected


def write_address(choice: Choice, found: Sequence[Candidate]) -> None:
    """Make the address a permalink of the workload; what is at its default, or guessed, is left out."""
    if found and choice.today == key(_likely(found).device):
        choice = replace(choice, today="")
    if choice.images == st.session_state.get(_USUAL):
        choice = replace(choice, images=None)
    chosen = {name: getattr(choice, name) for name in _NAMES}
    default = Choice()
    asked = {name: _text(value) for name, value in chosen.items() if value != getattr(default, name)}
    wanted = {**{name: st.query_params[name] for name in ("lang",) if name in st.query_params}, **asked}
    if wanted != st.query_params.to_dict():
        st.query_params.from_dict(wanted)
    st.session_state[_ADDRESS] = asked
    st.session_state[_KEPT] = chosen


def workload(measured: Mapping[str, Sequence[str]], translate: Translate) -> None:
    """Which model on which data: `measured` has the data sets of each model that there are runs of."""
    _ = translate
    st.subheader(_("My workload"), anchor=False)
    _select(
        _("Model"),
        "model",
        [*measured, *(name for name in offers.MODELS if name not in measured)],
        _("Those that were measured come first. Any other can be typed in."),
    )
    model = st.session_state[_key("model")]
    known = measured.get(model, ())
    if known and st.session_state[_key("dataset")] not in known:
        st.session_state[_key("dataset")] = known[0]
    _select(
        _("Measured on"),
        "dataset",
        [*known, *(name for name in offers.DATASETS if name not in known)],
        _("The data set of the runs that the speed is taken from. Yours may be larger: set its size below."),
    )


def amounts(found: Sequence[Candidate], translate: Translate) -> Candidate | None:
    """How much work it is; the one of the devices that stands for today's machine."""
    _ = translate
    today = _today(found, _) if found else None
    _follow_data(found)
    ways: dict[str, str] = {"images": _("The number of images"), "epoch_s": _("How long an epoch takes today")}
    st.radio(
        _("What I know"),
        list(ways),
        format_func=ways.__getitem__,
        key=_key("known"),
        persist_state="session",
    )
    if st.session_state[_key("known")] == "images":
        _number(
            _("Images in an epoch"),
            "images",
            1000.0,
            _("As many as the measured data set has, until you change it."),
        )
    else:
        _number(
            _("Seconds for an epoch today"),
            "epoch_s",
            1.0,
            _("As you timed it on today's machine. Others are taken to be faster by as much as they are here."),
        )
    _number(_("Epochs in a run"), "epochs", 1.0)
    _number(_("Runs a month"), "runs", 1.0)
    _number(
        _("Side of an image in pixels"),
        "side",
        16.0,
        _("0: as it was measured. Another size is extrapolated by the number of pixels, and labelled so."),
    )
    precisions: dict[str, str] = {"fp32": _("fp32 on every device"), "any": _("the fastest on each device")}
    st.radio(
        _("Precision"),
        list(precisions),
        format_func=precisions.__getitem__,
        key=_key("precision"),
        persist_state="session",
    )
    return today


def _follow_data(found: Sequence[Candidate]) -> None:
    """The number of images is the measured data set's until the visitor says otherwise."""
    sizes = [one.result.data.train_samples for one in found if one.result.data]
    usual = sizes[0] if sizes else _IMAGES
    state, images = st.session_state, _key("images")
    if state.get(images) in (None, state.get(_USUAL)) and read().images in (None, state.get(_USUAL)):
        state[images] = usual
    state[_USUAL] = usual


def _today(found: Sequence[Candidate], translate: Translate) -> Candidate:
    _, by_key = translate, {key(one.device): one for one in found}
    names = {device: device_words(one, _) for device, one in by_key.items()}
    if st.session_state[_key("today")] not in names:
        st.session_state[_key("today")] = key(_likely(found).device)
    st.selectbox(
        _("Today's machine"),
        list(names),
        format_func=names.__getitem__,
        key=_key("today"),
        persist_state="session",
        help=_("What you use now: time and money saved are counted against it."),
    )
    return by_key[st.session_state[_key("today")]]


def _likely(found: Sequence[Candidate]) -> Candidate:
    """The CPU that was measured here, else what was measured here, else a CPU, else the slowest."""

    def rank(one: Candidate) -> tuple[bool, bool]:
        return one.source == "measured", one.result.spec.setup.device == "cpu"

    return max(reversed(found), key=rank)


def target(translate: Translate) -> float:
    """The test accuracy to be reached, 0 to 1. Sliders are at the side: there their values can be read."""
    st.session_state.setdefault(_ACCURACY, 90)
    percent: int = st.slider(
        translate("Test accuracy to reach, in per cent"), 10, 100, key=_ACCURACY, persist_state="session"
    )
    return percent / 100


def what_if(translate: Translate) -> WhatIf:
    """Factors to try out; nothing that was entered changes."""
    _ = translate
    with st.expander(_("What if …"), icon=":material/tune:"):
        st.caption(_("Only changes what is shown. 1 is as you entered it."))
        labels = {
            "price": _("Prices of renting and buying ×"),
            "electricity": _("Price of electricity ×"),
            "runs": _("Runs a month ×"),
            "speed": _("Speed of the other devices ×"),
        }
        for name, label in labels.items():
            st.session_state.setdefault(_what(name), 1.0)
            st.slider(label, 0.25, 4.0, step=0.05, key=_what(name), persist_state="session")
        st.button(_("Back to 1"), icon=":material/restart_alt:", on_click=as_entered, key="decide_what_reset")
    return WhatIf(**{name: st.session_state[_what(name)] for name in _WHAT_IF})


def as_entered() -> None:
    """Take the factors back."""
    for name in _WHAT_IF:
        st.session_state[_what(name)] = 1.0


def read() -> Choice:
    """The choice as the controls hold it; what isn't shown keeps its value."""
    kept, default = st.session_state.get(_KEPT) or {}, Choice()
    found = {}
    for name in _NAMES:
        value = st.session_state.get(_key(name))
        if name in _WHOLE and isinstance(value, float) and value.is_integer():
            value = int(value)
        found[name] = kept.get(name, getattr(default, name)) if value is None else value
    return Choice(**found)


def _read(given: Mapping[str, str], base: Choice) -> tuple[Choice, tuple[str, ...]]:
    choice, rejected = base, []
    for name, text in given.items():
        try:
            changed = replace(choice, **{name: _value(name, text)})
            changed.plan()
        except (ValueError, InputError):
            rejected.append(name)
        else:
            choice = changed
    return choice, tuple(rejected)


def _value(name: str, text: str) -> Any:
    """Raises ValueError or InputError for what makes no sense."""
    if _HINTS[name] is str:
        if len(text) > _LONGEST or not text.isprintable() or text not in _ALLOWED.get(name, (text,)):
            raise ValueError(text)
        return text
    if name == "side" and text == "0":
        return 0
    value = amount(_OF_PLAN.get(name, name), text)
    return int(value) if name in _WHOLE else value


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def _select(label: str, name: str, options: Sequence[str], help_text: str) -> None:
    held = st.session_state[_key(name)]
    shown = [*options, *([held] if held not in options else [])]
    st.selectbox(label, shown, key=_key(name), accept_new_options=True, help=help_text, persist_state="session")


def _number(label: str, name: str, step: float, help_text: str | None = None) -> None:
    """No bounds here: what can't be meant is refused by core, with a sentence."""
    # a float also where it is whole: a browser reads "1e6" as 1 into a field of integers
    st.session_state[_key(name)] = float(getattr(read(), name))
    st.number_input(
        label,
        step=step,
        format="%.0f" if name in _WHOLE else "%g",
        key=_key(name),
        persist_state="session",
        help=help_text,
    )


def _key(name: str) -> str:
    return f"decide_{name}"


def _what(name: str) -> str:
    return f"decide_what_{name}"
