"""Which runs are listed: the filters at the side, and the address that follows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, get_args

import streamlit as st

from core.analysis.quality import Badge
from core.i18n import Translate
from core.records import Origin
from core.runs.wanted import Choices, Order, Wanted
from core.wording import origin_word
from pages._shared import elsewhere, settings

_LISTS: dict[str, tuple[Any, ...] | None] = {  # parameter of the address: what it may hold, None: any text
    "model": None,
    "dataset": None,
    "device": None,
    "machine": None,
    "origin": get_args(Origin),
    "quality": get_args(Badge),
}
_DATES = ("since", "until")
_MOST_ITEMS, _MOST_LETTERS = 20, 256
_HERE = "here"  # this machine; those of clusters are tokens, as in the settings
_AWAY = settings.token("")
_ADDRESS = "results_address"  # the parameters as this session last read or wrote them


@dataclass(frozen=True)
class Filters:
    """What the controls hold, each field named as its parameter of the address."""

    model: tuple[str, ...] = ()
    dataset: tuple[str, ...] = ()
    device: tuple[str, ...] = ()
    machine: tuple[str, ...] = ()
    origin: tuple[Origin, ...] = ()
    quality: tuple[Badge, ...] = ()
    text: str = ""
    since: date | None = None
    until: date | None = None  # this day included
    order: Order = "newest"

    @property
    def wanted(self) -> Wanted:
        after = None if self.until in (None, date.max) else self.until + timedelta(days=1)
        return Wanted(
            models=self.model,
            datasets=self.dataset,
            devices=self.device,
            origins=self.origin,
            qualities=self.quality,
            text=self.text,
            since=None if self.since is None else self.since.isoformat(),
            until=None if after is None else after.isoformat(),
            machines=tuple(None if item == _HERE else _kind(item) for item in self.machine),
        )


_NONE = Filters()


def follow_address() -> tuple[str, ...]:
    """Take new parameters of the address into the controls; the names of those that made no sense."""
    given = {name: st.query_params.get_all(name) for name in _parameters() if name in st.query_params}
    if given == st.session_state.get(_ADDRESS):
        return ()
    rejected = []
    for name in _parameters():
        value = getattr(_NONE, name)
        if name in given:
            try:
                value = _read(name, given[name])
            except ValueError:
                rejected.append(name)
        st.session_state[_key(name)] = list(value) if isinstance(value, tuple) else value
    st.session_state[_ADDRESS] = given
    return tuple(rejected)


def write_address(filters: Filters) -> None:
    """Make the address a permalink of the list; what asks for nothing is left out."""
    found: dict[str, list[str]] = {}
    for name in _parameters():
        value = getattr(filters, name)
        if value != getattr(_NONE, name):
            found[name] = list(value) if isinstance(value, tuple) else [str(value)]
    others = {name: st.query_params.get_all(name) for name in st.query_params if name not in _parameters()}
    if {**others, **found} != {name: st.query_params.get_all(name) for name in st.query_params}:
        st.query_params.from_dict({**others, **found})
    st.session_state[_ADDRESS] = found


def kept_address() -> dict[str, list[str]]:
    """What the address said of the list when it was last shown, for the way back to it."""
    return dict(st.session_state.get(_ADDRESS, {}))


def show(choices: Choices, translate: Translate) -> Filters:
    """Draw the filters; what they hold."""
    _ = translate
    _order(_)
    st.text_input(
        _("Name or tag contains"),
        key=_key("text"),
        persist_state="session",
        max_chars=80,
    )
    everything = _("all")
    for name, label, options in (
        ("model", _("Model"), choices.models),
        ("dataset", _("Data set"), choices.datasets),
        ("device", _("Device"), choices.devices),
    ):
        held = st.session_state[_key(name)]
        st.multiselect(
            label,
            [*options, *(item for item in held if item not in options)],
            key=_key(name),
            placeholder=everything,
            persist_state="session",
        )
    _machines(choices.machines, _)
    origins = {item: origin_word(item, _) for item in get_args(Origin)}
    _pills(_("Where it is from"), "origin", origins)
    badges: dict[Badge, str] = {"good": _("good"), "usable": _("usable"), "doubtful": _("doubtful")}
    _pills(_("Quality"), "quality", badges)
    for name, label in (("since", _("From day")), ("until", _("To day"))):
        st.date_input(
            label,
            key=_key(name),
            format="YYYY-MM-DD",
            persist_state="session",
            help=_("UTC"),
        )
    if _held() != _NONE:
        st.button(_("Show all"), icon=":material/filter_alt_off:", on_click=clear, key="results_clear")
    return _held()


def clear() -> None:
    """Ask for nothing."""
    for name in _parameters():
        value = getattr(_NONE, name)
        st.session_state[_key(name)] = list(value) if isinstance(value, tuple) else value


def _order(translate: Translate) -> None:
    _ = translate
    words: dict[Order, str] = {
        "newest": _("newest first"),
        "oldest": _("oldest first"),
        "fastest": _("most images/s first"),
        "shortest_epoch": _("shortest epoch first"),
        "most_accurate": _("most accurate first"),
    }
    st.selectbox(
        _("Order"),
        get_args(Order),
        format_func=words.__getitem__,
        key=_key("order"),
        persist_state="session",
    )


def _machines(kinds: Sequence[str], translate: Translate) -> None:
    """Left out where no run is of a cluster's machine: there is nothing to tell apart then."""
    _, held = translate, st.session_state[_key("machine")]
    tokens = [settings.token(kind) for kind in kinds]
    if not tokens and not held:
        return
    words = {_HERE: _("This machine")}
    words |= {item: elsewhere.words(_kind(item), _) for item in (*tokens, *held) if item != _HERE}
    st.multiselect(
        _("Machine"),
        list(words),
        format_func=words.__getitem__,
        key=_key("machine"),
        placeholder=_("all"),
        persist_state="session",
    )


def _pills(label: str, name: str, words: dict[Any, str]) -> None:
    st.pills(
        label,
        list(words),
        selection_mode="multi",
        format_func=words.__getitem__,
        key=_key(name),
        persist_state="session",
    )


def _held() -> Filters:
    state = st.session_state
    held: dict[str, Any] = {name: tuple(state[_key(name)]) for name in _LISTS}
    held |= {name: state[_key(name)] for name in ("since", "until", "order")}
    return Filters(**held, text=(state[_key("text")] or "").strip())


def _read(name: str, given: Sequence[str]) -> Any:
    """The value of a parameter. Raises ValueError where it makes no sense."""
    if name in _LISTS:
        allowed = _LISTS[name]
        fits = len(given) <= _MOST_ITEMS and all(len(item) <= _MOST_LETTERS for item in given)
        if not fits or (allowed is not None and not set(given) <= set(allowed)):
            raise ValueError(given)
        if name == "machine" and not all(item == _HERE or item.startswith(_AWAY) for item in given):
            raise ValueError(given)
        return tuple(dict.fromkeys(given))
    if name in _DATES:
        return date.fromisoformat(given[-1])
    if (name == "order" and given[-1] not in get_args(Order)) or len(given[-1]) > _MOST_LETTERS:
        raise ValueError(given)
    return given[-1]


def _parameters() -> tuple[str, ...]:
    return (*_LISTS, "text", *_DATES, "order")


def _kind(token: str) -> str:
    return token.removeprefix(_AWAY)


def _key(name: str) -> str:
    return f"results_{name}"
