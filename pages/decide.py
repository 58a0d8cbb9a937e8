"""Decide: is it worth it, and which one?"""

import streamlit as st

from pages._shared import language

_ = language.current()
st.title(_("Is it worth it, and which one?"), anchor=False)
