"""The least that is a Streamlit app: what the dashboard's own cost is measured against."""

import streamlit as st

st.title("Empty")
st.slider("A number", 0, 100)
