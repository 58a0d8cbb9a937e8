"""The page table, the language and the page's frame. No logic."""

import streamlit as st

from pages._shared import language, notices, visitor

st.set_page_config(page_title="Crossover", page_icon="⚖️", layout="wide")
_ = language.start()
# White on what is primary at the side when it's dark can't be read; theme.dark.sidebar has to suit sliders.
st.html("<style>[data-testid=stSidebar] [data-tag] {background-color: #1D4ED8}</style>")

pages = [
    st.Page("pages/compare.py", title=_("Compare"), default=True),
    st.Page("pages/crossover.py", title=_("Crossover")),
    st.Page("pages/optimise.py", title=_("Optimise")),
    st.Page("pages/sequence.py", title=_("Sequence")),
    st.Page("pages/learn.py", title=_("Learn")),
    st.Page("pages/decide.py", title=_("Decide")),
    st.Page("pages/results.py", title=_("Results")),
    st.Page("pages/monitor.py", title=_("Monitor")),
    st.Page("pages/doctor.py", title=_("Doctor")),
]
page = st.navigation(pages, position="top")
notices.stop_if_misconfigured()
page.run()
with st.sidebar:
    language.picker()
    visitor.admin_door()
