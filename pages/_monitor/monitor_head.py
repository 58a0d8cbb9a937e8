"""What is being measured now, whether the readings are fresh, and what happened meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core import units
from core.i18n import Translate
from core.messages import sentence
from core.runs.queue.job import Job
from core.wording import workload_words
from pages._monitor.monitor_state import Seen
from pages._shared.markdown import plain

_COMPARE, _DOCTOR = "pages/compare.py", "pages/doctor.py"
_FRESH_S = 3.0
_MOST_HAPPENINGS = 5


def show(seen: Seen, stale_s: float | None, paused: bool, translate: Translate) -> None:
    """`stale_s`: how old the newest reading is."""
    _ = translate
    if paused:
        st.info(_("Paused. Nothing moves until you press Continue."), icon=":material/pause:")
    elif stale_s is not None and stale_s > _FRESH_S:
        text = _(
            "No reading for {time}: this machine is too busy to look, or a driver doesn't answer. What is "
            "shown is as old as that. It goes on by itself; if it doesn't, restart this server."
        )
        st.warning(
            plain(text.format(time=units.duration(round(stale_s)))), icon=":material/hourglass_disabled:"
        )
    _happenings(seen, 0.0 if paused else stale_s or 0.0, _)


def measuring(jobs: Sequence[Job], every_s: float, translate: Translate) -> None:
    """`every_s`: how often the page is drawn meanwhile."""
    _ = translate
    if not jobs:
        st.markdown(_("Nothing is being measured."))
        return
    for job in jobs:
        label = _("Being measured now: {workload}").format(workload=workload_words(job.spec.workload, _))
        st.page_link(_COMPARE, label=plain(label), query_params={"job": job.id}, icon=":material/timer:")
    st.caption(_("Drawn every {n} s meanwhile, as each time costs it a little speed.").format(n=round(every_s)))


def no_gpu(translate: Translate) -> None:
    """A link of its own, as drawing one costs as much as a whole card does."""
    label = translate("Why there is no GPU, and what to do about it")
    st.page_link(_DOCTOR, label=label, icon=":material/stethoscope:")


def _happenings(seen: Seen, stale_s: float, translate: Translate) -> None:
    _ = translate
    newest = seen.watched.happenings[: -1 - _MOST_HAPPENINGS : -1]
    if not newest:
        return
    lines = []
    for happening in newest:
        ago = units.duration(max(0, round(seen.now.at_s - happening.at_s + stale_s)))
        said = sentence(happening.note.code, happening.note.facts, _)
        lines.append(plain(_("{time} ago: {what}").format(time=ago, what=said)))
    st.info("  \n".join([_("**What happened**"), *lines]), icon=":material/history:")
