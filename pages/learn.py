"""Learn: what does each line of the article do here, and what does the article get wrong or leave out?"""

import streamlit as st

from core.errors import StoreError
from core.records import Device, RunResult
from core.wording import workload_words
from pages._learn import learn_controls, learn_runs, learn_view, quiz
from pages._shared import controls, focus, language, live, notices, resources
from pages._shared.markdown import plain

_ = language.current()
runner = resources.runner()
devices = runner.devices or (Device("cpu", "CPU"),)

# 1. What is asked for: by the address, then by the controls
linked = focus.named(st.query_params.get(controls.JOB))
rejected = learn_controls.follow_address(runner.limits, linked.spec)
with st.sidebar:
    choice = learn_controls.show(_)
looked_at = focus.named(st.query_params.get(controls.JOB))
learn_controls.write_address(choice, looked_at.job_id)

# 2. What the page answers, and the button
st.title(_("The article, corrected"), anchor=False)
st.caption(
    _(
        "How to use a GPU from Python, as the article tells it: each line beside one that runs, what it was "
        "measured to do, and what the article gets wrong or leaves out."
    )
)
with st.container(horizontal=True, vertical_alignment="center"):
    st.button(
        _("Run the article"),
        type="primary",
        icon=":material/play_arrow:",
        on_click=learn_controls.submit,
        disabled=looked_at.open or runner.devices is None,  # what is run depends on the devices
        key="learn",
    )
    st.markdown(plain(workload_words(choice.workload, _)))
notices.show(looked_at.problem, rejected)
live.wait_for_devices()

# 3. What is being measured now
live.panel(looked_at.job_id if looked_at.open else None)
live.queue(looked_at.job_id)

# 4. The answer, then chapter by chapter
runs: tuple[RunResult, ...] = ()
try:
    runs = learn_runs.known(choice.workload, looked_at.job_id, learn_controls.last())
except StoreError as problem:
    notices.problem(problem.note)
if looked_at.job_id and not looked_at.open and not any(run.job_id == looked_at.job_id for run in runs):
    st.info(
        _("This measurement was stopped before the article's lines, or wasn't asked to try them."),
        icon=":material/info:",
    )
runs = learn_view.sound(runs, _)
learn_view.answer(runs, _)
learn_view.chapters(runs, looked_at.open, _)

# 5. One's own guesses
st.subheader(_("Predict, then run"), anchor="predict", divider="gray")
quiz.show(devices, _)
