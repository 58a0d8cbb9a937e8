"""The examination under way: what it is doing, and the button that asks for another one."""

from __future__ import annotations

import streamlit as st

from core.errors import InputError
from core.i18n import Translate
from core.messages import sentence
from core.records import Note
from core.runs.checkup import Examination
from core.sharing.doctor_words import examined_at
from pages._shared import language, resources
from pages._shared.markdown import plain

_REFRESH_S = 0.5
_LONG_S = 10.0


def controls(stage: Note | None, examination: Examination | None, translate: Translate) -> None:
    """One row, whatever goes on, so that nothing below it jumps."""
    _ = translate
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            _("Check again"),
            icon=":material/refresh:",
            key="doctor_again",
            disabled=stage is not None,
            on_click=_again,
        )
        if stage is not None:
            _follow()
        elif examination is not None:
            st.caption(_("Examined {time} (UTC)").format(time=examined_at(examination)))


@st.fragment(run_every=_REFRESH_S)
def _follow() -> None:
    """What is being done, until it is done; then the whole page, once."""
    checkup, _ = resources.checkup(), language.current()
    stage, seconds = checkup.stage, checkup.stage_s
    if stage is None:
        st.rerun()
    assert stage is not None
    doing = sentence(stage.code, stage.facts, _)
    if seconds > _LONG_S:
        doing = _("{first} {second}").format(first=doing, second=_("For {n} s so far.").format(n=int(seconds)))
    st.caption(plain(doing))


def _again() -> None:
    try:
        resources.checkup().again()
    except InputError as problem:
        st.session_state["problem"] = [problem.code, problem.facts]
