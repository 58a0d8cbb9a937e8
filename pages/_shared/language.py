"""The reader's language: from the link, else from the browser; one lookup for every text on a page."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core import i18n

_PAGES = Path(__file__).parents[1]
_KEY = "language"
_PARAMETER = "lang"


def start() -> i18n.Translate:
    """Choose the session's language before the first text is drawn, and return its translation function."""
    if _KEY not in st.session_state:
        asked = st.query_params.get(_PARAMETER)
        st.session_state[_KEY] = asked if asked in i18n.LANGUAGES else i18n.choose(st.context.locale)
    return current()


def current() -> i18n.Translate:
    """The translation function of this session's language."""
    if _KEY not in st.session_state:
        _come_through_the_dashboard()
    return i18n.translator(name())


def _come_through_the_dashboard() -> None:
    """Start again at dashboard.py, where a page was run without it.

    Streamlit has a use of its own for a folder called pages/ until `st.navigation` is called. A server that has
    just started is asked for a page before that, by a link or by a tab that was open while it restarted. All
    pages are named, or the one asked for would be told to be missing.
    """
    st.navigation([st.Page(path) for path in sorted(_PAGES.glob("[!_]*.py"))], position="hidden")
    st.rerun()


def name() -> str:
    language: str = st.session_state[_KEY]
    return language


def picker() -> None:
    """A choice of language, kept in the address, so that a link opens as it was sent."""
    _ = current()
    st.segmented_control(
        _("Language"),
        list(i18n.LANGUAGES),
        format_func=i18n.LANGUAGES.__getitem__,
        key=_KEY,
        required=True,
        label_visibility="collapsed",
        persist_state="session",
        on_change=lambda: st.query_params.update({_PARAMETER: st.session_state[_KEY]}),
    )
