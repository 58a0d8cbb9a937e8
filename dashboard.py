"""The page table, the language and the page's frame. No logic."""

import streamlit as st

from pages._shared import language, notices, visitor

st.set_page_config(page_title="Crossover", page_icon="⚖️", layout="wide")
_ = language.start()

pages = [
    st.Page("pages/compare.py", title=_("Compare"), icon=":material/compare_arrows:", default=True),
    st.Page("pages/crossover.py", title=_("Crossover"), icon=":material/timeline:"),
    st.Page("pages/optimise.py", title=_("Optimise"), icon=":material/stairs:"),
    st.Page("pages/sequence.py", title=_("Sequence"), icon=":material/swap_horiz:"),
    st.Page("pages/learn.py", title=_("Learn"), icon=":material/school:"),
    st.Page("pages/decide.py", title=_("Decide"), icon=":material/savings:"),
    st.Page("pages/monitor.py", title=_("Monitor"), icon=":material/monitor_heart:"),
    st.Page("pages/doctor.py", title=_("Doctor"), icon=":material/stethoscope:"),
    st.Page("pages/results.py", title=_("Results"), icon=":material/list_alt:"),
]
page = st.navigation(pages, position="top")
notices.stop_if_misconfigured()
page.run()
with st.sidebar:
    language.picker()
    visitor.admin_door()
