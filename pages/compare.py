"""Compare: which setup does this work faster, by how much, and how sure is that?"""

import streamlit as st

from core.records import Device, Note
from core.wording import workload_words
from pages._shared import focus, history, language, live, notices, replay, resources, sidebar
from pages._shared import settings as chosen
from pages._shared.markdown import plain

_ = language.current()
runner = resources.runner()
devices = runner.devices or (Device("cpu", "CPU"),)

# 1. What is asked for: by the address, then by the controls
linked = focus.named(st.query_params.get(sidebar.JOB))
from_job = chosen.from_job(linked.spec) if linked.spec else None
rejected = sidebar.follow_address(devices, runner.limits, from_job)
with st.sidebar:
    settings = sidebar.controls(devices, _)
looked_at = focus.named(st.query_params.get(sidebar.JOB))
sidebar.write_address(settings, devices, looked_at.job_id)

# 2. What the page answers, and the button
st.title(_("Does a GPU beat the CPU for this job?"), anchor=False)
st.caption(_("The same model is trained and timed on each setup in turns, so that both are measured fairly."))
with st.container(horizontal=True, vertical_alignment="center"):
    st.button(
        _("Run"),
        type="primary",
        icon=":material/play_arrow:",
        on_click=sidebar.submit,
        disabled=looked_at.open or not settings.setups(),
        key="run",
    )
    st.markdown(plain(workload_words(settings.workload, _)))
notices.show(looked_at.problem, rejected)
live.wait_for_devices()

# 3. What is being measured now
followed = looked_at.job_id if looked_at.open else st.session_state.get("mine")
live.panel(followed)
live.queue(followed)
live.done_meanwhile(looked_at.job_id)
recorded = focus.recorded(settings)
replay.show(recorded)

# 4. The answer and its evidence
found = focus.results(looked_at, settings)
if isinstance(found, Note):
    notices.problem(found)
elif any(result.blocks or result.failure for result in found):  # else cancelled before anything was measured
    from pages._shared import result_view  # brings Plotly: not before there is something to draw

    result_view.show((*found, *recorded), told=looked_at.problem)
elif not looked_at.open:
    notices.nothing_yet(recorded)

history.show(settings.workload)
