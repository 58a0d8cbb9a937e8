"""Doctor: why is the GPU used here, or why not, and what mends it?"""

import streamlit as st

from pages._doctor import examining, findings_view
from pages._shared import language, notices, resources

_ = language.current()
checkup = resources.checkup()
checkup.start()
stage, examination = checkup.stage, checkup.examination

st.title(_("Can training use the GPU here?"), anchor=False)
examining.controls(stage, examination, _)
notices.told(())
if checkup.failure is not None:
    notices.problem(checkup.failure)
if examination is not None:
    findings_view.show(examination, _)
elif stage is not None:
    st.header(_("Examining this machine …"), anchor=False)
