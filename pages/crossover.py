"""Crossover: from which batch size on does the GPU win?"""

import streamlit as st

from pages._shared import language

_ = language.current()
st.title(_("From which batch size on is it faster?"), anchor=False)
