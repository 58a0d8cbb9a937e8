"""Goes through a step message by message: the picture, the code beside it, and buttons to step and to play."""

from __future__ import annotations

import functools
import html
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from core import units
from core.analysis.causes import line_seconds
from core.figures import sequence as timeline
from core.figures.sequence import Lit, Panel, Sequences
from core.i18n import Translate
from core.records import Moment
from pages._shared import language
from pages._shared.markdown import plain

TICK_S = 1.2  # long enough to read a message
_AT, _PLAYING, _TICKED = "sequence_at", "sequence_playing", "sequence_ticked"
_SHOWN, _FOLLOWED = "sequence_shown", "sequence_followed"


def show(data: Sequences) -> None:
    """The picture with its player; a step of the player runs only this part of the page anew."""
    playing = bool(st.session_state.get(_PLAYING))
    st.fragment(_player, run_every=TICK_S if playing else None)(data, timed=playing)


def _player(data: Sequences, timed: bool) -> None:
    _, state = language.current(), st.session_state
    if timed != bool(state.get(_PLAYING)):
        st.rerun()  # of the page: it is what sets the timer and takes it away
    with st.container(horizontal=True, gap="medium"):
        data = _chosen(data, _)
        place = _followed(data, _)
    panel = data.panels[place]
    last = len(panel.flow.messages)
    state[_AT] = min(max(state.get(_AT) or 0, 0), last)
    if state.get(_PLAYING):
        _tick(last)
    lit = Lit(place, state[_AT]) if state[_AT] else None
    st.plotly_chart(
        _figure(data, lit, language.name()),
        key="sequence-timeline",
        alt=timeline.sequence_alt(data, _),
        config={"displayModeBar": False},
    )
    _buttons(last, _)
    st.slider(
        _("Message"),
        0,
        last,
        key=_AT,
        on_change=_stop,
        help=_("0 shows all of them. Also with the arrow keys, once it has the focus."),
    )
    message = next((m for m in panel.flow.messages if m.number == state[_AT]), None)
    said = (
        timeline.numbered(message, panel, _)
        if message
        else _("All messages. Play goes through them one by one.")
    )
    st.markdown(f"**{plain(said)}**")
    st.html(_style() + _listing(panel, message.line if message else None, _))


def _known_by(data: Sequences) -> object:
    """What tells a picture from another: whose steps, which of them, and where they are drawn."""
    return tuple(
        (p.result.id, p.result.origin, p.label, p.flow.moment, len(p.flow.bars), p.top) for p in data.panels
    )


@st.cache_resource(show_spinner=False, max_entries=128, hash_funcs={Sequences: _known_by})
def _figure(data: Sequences, lit: Lit | None, language_name: str) -> Any:
    return timeline.sequence_figure(data, language.current(), lit)


def _chosen(data: Sequences, translate: Translate) -> Sequences:
    """All devices on one time scale, or one by itself on its own."""
    if len(data.panels) == 1:
        return data
    names = [translate("side by side"), *(plain(panel.label) for panel in data.panels)]
    if st.session_state.get(_SHOWN) not in range(len(names)):
        st.session_state[_SHOWN] = 0
    place = st.radio(
        translate("Show"),
        range(len(names)),
        format_func=names.__getitem__,
        key=_SHOWN,
        horizontal=True,
        width="content",
        on_change=_rewind,
    )
    return Sequences((replace(data.panels[place - 1], top=0.0),)) if place else data


def _followed(data: Sequences, translate: Translate) -> int:
    """Which device's messages are gone through."""
    if len(data.panels) == 1:
        return 0
    labels = [plain(panel.label) for panel in data.panels]
    if st.session_state.get(_FOLLOWED) not in range(len(labels)):
        st.session_state[_FOLLOWED] = len(labels) - 1
    place = st.radio(
        translate("Follow"),
        range(len(labels)),
        format_func=labels.__getitem__,
        key=_FOLLOWED,
        horizontal=True,
        width="content",
        on_change=_rewind,
    )
    return place or 0


def _tick(last: int) -> None:
    """One message further when it is time."""
    state, now = st.session_state, time.monotonic()
    if now - state.get(_TICKED, 0.0) < TICK_S / 2:  # another reason to run again
        return
    state[_TICKED] = now
    if state[_AT] >= last:
        state[_PLAYING] = False
        st.rerun()
    state[_AT] += 1


def _buttons(last: int, translate: Translate) -> None:
    _, state = translate, st.session_state
    playing = bool(state.get(_PLAYING))
    with st.container(horizontal=True):
        st.button(
            _("Back"),
            icon=":material/skip_previous:",
            key="sequence-back",
            on_click=_go,
            args=(-1,),
            disabled=state[_AT] == 0,
        )
        label, icon = (_("Pause"), "pause") if playing else (_("Play"), "play_arrow")
        st.button(label, icon=f":material/{icon}:", key="sequence-play", on_click=_toggle, args=(last,))
        st.button(
            _("Forward"),
            icon=":material/skip_next:",
            key="sequence-forward",
            on_click=_go,
            args=(1,),
            disabled=state[_AT] == last,
        )


def _go(by: int) -> None:
    _stop()
    st.session_state[_AT] += by


def _toggle(last: int) -> None:
    state = st.session_state
    state[_PLAYING] = not state.get(_PLAYING)
    state[_TICKED] = time.monotonic()
    if state[_PLAYING]:
        state[_AT] = 1 if state[_AT] >= last else state[_AT] + 1


def _stop() -> None:
    st.session_state[_PLAYING] = False


def _rewind() -> None:
    _stop()
    st.session_state[_AT] = 0


def _listing(panel: Panel, lit: int | None, translate: Translate) -> str:
    """The step's source, each line with what it took, the current one lit. A record's text stays text."""
    moments: list[tuple[Moment, str]] = [
        ("warm", translate("warm")),
        ("cold", translate("cold")),
    ]
    columns = [(name, line_seconds(panel.result, moment)) for moment, name in moments]
    columns = [(name, seconds) for name, seconds in columns if seconds]
    code = translate("The step as it ran ({device})").format(device=panel.label)
    head = _line("th", [("number", ""), ("code", code), *(("time", name) for name, _seconds in columns)])
    rows = [
        _row(number, text, [seconds.get(number) for _name, seconds in columns], lit)
        for number, text in enumerate(panel.flow.source.splitlines(), start=1)
    ]
    parts = _tag("thead", head), _tag("tbody", "".join(rows))
    return _tag("table", "".join(parts), kind="code-lines")


def _row(number: int, text: str, seconds: Sequence[float | None], lit: int | None) -> str:
    times = [("time", units.duration(value) if value is not None else "") for value in seconds]
    return _line("td", [("number", str(number)), ("code", text), *times], current=number == lit)


def _line(cell: str, texts: Sequence[tuple[str, str]], *, current: bool = False) -> str:
    cells = (_tag(cell, html.escape(text), kind=kind) for kind, text in texts)
    return _tag("tr", "".join(cells), current=current)


@functools.cache
def _style() -> str:
    return _tag("style", Path(__file__).with_name("code_lines.css").read_text(encoding="utf-8"))


def _tag(name: str, inside: str, *, kind: str = "", current: bool = False) -> str:
    attributes = (f' class="{kind}"' if kind else "") + (' aria-current="step"' if current else "")
    return f"<{name}{attributes}>{inside}</{name}>"
