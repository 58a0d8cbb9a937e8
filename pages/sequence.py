"""Sequence: what happens in one training step, who waits for whom, and why?"""

import streamlit as st

from core.errors import StoreError
from core.records import Device
from core.wording import setup_words, workload_words
from pages._sequence import sequence_controls, sequence_runs
from pages._shared import controls, focus, language, live, notices, resources
from pages._shared.markdown import plain

_ = language.current()
runner = resources.runner()
devices = sequence_controls.targets(runner.devices or (Device("cpu", "CPU"),))

# 1. What is asked for: by the address, then by the controls
linked = focus.named(st.query_params.get(controls.JOB))
rejected = sequence_controls.follow_address(runner.limits, linked.spec)
with st.sidebar:
    sequence_controls.show_workload(_)

# 2. What the page answers, how the step is executed, and the button
st.title(_("What happens in one training step?"), anchor=False)
st.caption(
    _(
        "Single steps are watched while they run: what the Python script asks for, what the memory, the bus "
        "and the device then do, and who waits for whom."
    )
)
sequence_controls.show_toggles(devices, _)
choice = sequence_controls.read()
looked_at = focus.named(st.query_params.get(controls.JOB))
sequence_controls.write_address(choice, looked_at.job_id)
with st.container(horizontal=True, vertical_alignment="center"):
    st.button(
        _("Measure it"),
        type="primary",
        icon=":material/play_arrow:",
        on_click=sequence_controls.submit,
        args=(devices,),
        disabled=looked_at.open or runner.devices is None,
        key="watch",
    )
    st.markdown(plain(workload_words(choice.workload, _)))
notices.show(looked_at.problem, rejected)
live.wait_for_devices()

# 3. What is being measured now
live.panel(looked_at.job_id if looked_at.open else None)
live.queue(looked_at.job_id)

# 4. The steps
found: tuple[sequence_runs.Found, ...] = ()
try:
    found = sequence_runs.known(choice, devices, sequence_controls.last())
except StoreError as problem:
    notices.problem(problem.note)
for item in found:
    name = plain(setup_words(item.wanted, None, _))
    for lacking in choice.missing(item.device):
        st.caption(plain(sequence_controls.why_missing(lacking, item.device, _)))
    if item.run is None and not looked_at.open:
        text = (
            _("**{setup}** was measured, but no step of it was watched: *Measure it* does.")
            if item.unwatched
            else _("**{setup}** hasn't been measured yet: *Measure it* does.")
        )
        st.info(text.format(setup=name), icon=":material/hourglass_empty:")
if any(item.run for item in found):
    from pages._sequence import sequence_view  # brings Plotly: not before there is something to draw

    sequence_view.show(found, choice, _)
