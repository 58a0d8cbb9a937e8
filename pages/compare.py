"""Compare: which setup does this work faster, by how much, and how sure is that?"""

import functools

import streamlit as st

from core.records import Device, Note
from core.wording import workload_words
from pages._compare import everywhere, other_machines, several_live, several_results
from pages._shared import focus, history, language, live, notices, replay, resources, sidebar
from pages._shared import settings as chosen
from pages._shared.markdown import plain

_ = language.current()
runner = resources.runner()
devices = runner.devices or (Device("cpu", "CPU"),)

# 1. What is asked for: by the address, then by the controls
linked = focus.all_named(st.query_params.get(sidebar.JOB))
from_jobs = chosen.from_jobs(linked.jobs) if linked.jobs else None
rejected = sidebar.follow_address(devices, runner.limits, from_jobs)
with st.sidebar:
    settings = sidebar.controls(devices, _, functools.partial(other_machines.show, devices, _))
looked_at = focus.all_named(st.query_params.get(sidebar.JOB))
sidebar.write_address(settings, devices, looked_at.link)

# 2. What the page answers, and the button
st.title(_("Does a GPU beat the CPU for this job?"), anchor=False)
if settings.kinds:
    st.caption(_("Each machine trains and times the same model, on several setups of its own in turns."))
else:
    st.caption(
        _("The same model is trained and timed on each setup in turns, so that both are measured fairly.")
    )
with st.container(horizontal=True, vertical_alignment="center"):
    st.button(
        _("Run"),
        type="primary",
        icon=":material/play_arrow:",
        on_click=everywhere.submit,
        disabled=looked_at.open or everywhere.plan(settings).empty,
        key="run",
    )
    st.markdown(plain(workload_words(settings.workload, _)))
told = several_results.problems(looked_at, _)
notices.show(None, rejected, gpu_elsewhere=bool(settings.kinds))
notices.of_jobs(told)
everywhere.tell_missing(settings)
live.wait_for_devices()

# 3. What is being measured now
followed = looked_at.link if looked_at.open else st.session_state.get("mine")
several_live.panel(followed)
live.queue(followed)
live.done_meanwhile(looked_at.link)
recorded = focus.recorded(settings)
replay.show(recorded)

# 4. The answer and its evidence
found = focus.results(looked_at, settings)
if isinstance(found, Note):
    notices.problem(found)
elif any(result.blocks or result.failure for result in found):  # else cancelled before anything was measured
    from pages._shared import result_view  # brings Plotly: not before there is something to draw

    several_results.tell_progress(looked_at, found, _)
    result_view.show(
        (*found, *recorded), [note for _name, note in told], link=several_results.link(looked_at, found)
    )
elif not looked_at.open:
    notices.nothing_yet(recorded)

history.show(settings.workload)
