"""Optimise: how fast can each device get at this job, and what makes it so?"""

import streamlit as st

from core.errors import StoreError
from core.messages import sentence
from core.records import Device
from core.wording import workload_words
from pages._optimise import ladder_controls, ladder_runs, own_code_view
from pages._shared import language, live, notices, resources
from pages._shared.markdown import plain

_ = language.current()
runner = resources.runner()
devices = runner.devices or (Device("cpu", "CPU"),)

# 1. What is asked for: by the address, then by the controls
rejected = ladder_controls.follow_address(runner.limits)
with st.sidebar:
    choice = ladder_controls.show(devices, _)
run = ladder_controls.followed()
progress = resources.optimiser().state(run) if run else None
busy = progress is not None and not progress.done
failure = progress.failure if progress and ladder_controls.RUN in st.query_params else None
ladder_controls.write_address(choice, run if busy else None)

# 2. What the page answers, and the button
st.title(_("How fast can each device get at this job?"), anchor=False)
st.caption(
    _(
        "The same training, from the loop that an article would print up to the best that was found, rung by "
        "rung, beside what the hardware was measured to allow."
    )
)
with st.container(horizontal=True, vertical_alignment="center"):
    st.button(
        _("Run"),
        type="primary",
        icon=":material/play_arrow:",
        on_click=ladder_controls.submit,
        # what to plan depends on the device; a public server has no time to climb
        disabled=busy or runner.devices is None or not runner.limits.free,
        key="optimise",
    )
    st.markdown(plain(workload_words(choice.workload, _)))
if not runner.limits.free:
    st.caption(plain(sentence("no_climbs_here", {}, _)))
notices.show(failure, rejected)
live.wait_for_devices()

# 3. What is being measured now
if run and progress is not None and busy:
    ladder_runs.follow(run, ladder_runs.measured(progress.ladder))

# 4. The answer and its evidence
gains = {}
try:
    ladders = ladder_runs.known(choice.workload, progress)
except StoreError as problem:
    notices.problem(problem.note)
else:
    if ladders:
        from pages._optimise import ladder_view  # brings Plotly: not before there is something to draw

        gains = ladder_view.show(ladders, _)
    elif not busy:
        ladder_runs.nothing_yet(choice.workload, progress)

# 5. What one can do about it
own_code_view.show(gains, _)
