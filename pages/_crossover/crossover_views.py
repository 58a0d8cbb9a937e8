"""Which of the Crossover page's two questions is asked: the address names it, and a choice above the title."""

from __future__ import annotations

from typing import Literal, get_args

import streamlit as st

from core.i18n import Translate

View = Literal["batch", "scaling"]
VIEW = "view"  # the address's parameter; of the first view there is none
_KEY = "crossover_view"
_KEPT = ("lang",)


def rejected() -> tuple[str, ...]:
    """The parameter, if it names no view; to be asked before the address is written anew."""
    return () if st.query_params.get(VIEW, "batch") in get_args(View) else (VIEW,)


def chosen(translate: Translate) -> View:
    """The view that the address names, with the control that changes it."""
    views: dict[View, str] = {
        "batch": translate("Which batch size?"),
        "scaling": translate("Several devices in one job?"),
    }
    asked = st.query_params.get(VIEW)
    st.session_state[_KEY] = "scaling" if asked == "scaling" else "batch"
    st.radio(
        translate("What to ask"),
        list(views),
        format_func=views.__getitem__,
        key=_KEY,
        horizontal=True,
        label_visibility="collapsed",
        on_change=_take,
    )
    found: View = st.session_state[_KEY]
    return found


def _take() -> None:
    """The other view has settings of its own: those of this one leave the address, and are kept."""
    view = st.session_state[_KEY]
    kept = {name: value for name, value in st.query_params.to_dict().items() if name in _KEPT}
    st.query_params.from_dict(kept | ({VIEW: view} if view != "batch" else {}))
