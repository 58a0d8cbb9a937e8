"""Monitor: what are the GPUs and the CPU of this machine doing at this moment?"""

import streamlit as st

from pages._shared import language

_ = language.current()
st.title(_("What is this machine doing?"), anchor=False)
