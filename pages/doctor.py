"""Doctor: why is the GPU used here, or why not, and what mends it?"""

import streamlit as st

from pages._shared import language

_ = language.current()
st.title(_("Can training use the GPU here?"), anchor=False)
