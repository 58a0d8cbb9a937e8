"""What to change in one's own code, rung by rung."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from core import own_code
from core.analysis.ladder import NAMES, RungName
from core.i18n import Translate
from core.wording import rung_words
from pages._shared.markdown import plain


def show(gains: Mapping[RungName, str], translate: Translate) -> None:
    """The lines for every rung; `gains`: what each brought here, in words, where it was measured."""
    _ = translate
    st.subheader(_("What to change in your own code"), anchor=False)
    st.markdown(
        _(
            "Plain PyTorch, a few lines each, on top of the lines before. They take `images` (bytes: "
            "count, channels, height, width), `labels` and `batch_size` as given and define `epoch()`, which "
            "trains once through all images."
        )
    )
    with st.expander(_("What all of them start from")):
        st.code(own_code.START, language="python", wrap_lines=True)
    for name in NAMES:
        snippet = own_code.SNIPPETS[name]
        gain = f" · {plain(gains[name])}" if name in gains else ""
        with st.expander(f"**{rung_words(name, translate)}**{gain}"):
            st.markdown(plain(translate(own_code.SAYS[name])))
            if snippet.needs_cuda:
                st.caption(_("Needs an NVIDIA GPU."))
            if snippet.on is not None:
                st.caption(_("On top of: {rung}").format(rung=rung_words(snippet.on, translate)))
            st.code(snippet.code, language=snippet.language, wrap_lines=True)
