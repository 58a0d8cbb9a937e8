"""Monitor: what are the GPUs and the CPU of this machine doing at this moment?"""

import streamlit as st

from pages._monitor import monitor_controls, monitor_head, monitor_live, monitor_state
from pages._shared import language, resources

_ = language.current()
st.title(_("What is this machine doing?"), anchor=False)
st.caption(_("Every GPU and the CPU, read once a second while somebody looks, all on one clock."))

held = monitor_state.held()
seen = held or monitor_state.look()
if seen is None:
    monitor_live.wait()
else:
    gpus = [gpu.gpu for gpu in seen.now.gpus]
    state = monitor_live.state(seen)
    with st.sidebar:
        choice = monitor_controls.show(gpus, state.uuids, held is not None, _)
    # Links, which don't change: outside of what is drawn again and again
    monitor_head.measuring(resources.measured_now(resources.runner()), monitor_live.NOW_MEASURING_S, _)
    monitor_live.now(choice, state)
    if not gpus:
        monitor_head.no_gpu(_)
    monitor_live.lately(choice, state)
