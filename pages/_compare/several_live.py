"""The live panel of several jobs at once: this machine's, and those of other machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import streamlit as st

from core import units
from core.i18n import Translate
from core.wording import labels_of
from pages._shared import elsewhere, language, live, resources, visitor
from pages._shared.live import Seen
from pages._shared.markdown import plain

_AWAY = "away"  # in the session: the jobs of other machines that were open when the page was drawn last


def panel(link: str | None) -> None:
    """Follow the jobs of a link until all are over; whenever one is, the whole page runs anew and draws it."""
    ids = tuple(filter(None, (link or "").split(",")))
    jobs = [job for job_id in ids if (job := resources.runner().job(job_id)) is not None]
    if len(ids) == 1 and all(job.target is None for job in jobs):
        live.panel(link)
        return
    kinds = [job.target.kind if job.target else None for job in jobs]
    names = elsewhere.names(kinds, language.current())
    under_way = {job.id: name for job, name in zip(jobs, names, strict=True) if not job.done}
    away = [job.id for job in jobs if job.target is not None and not job.done]
    before, st.session_state[_AWAY] = st.session_state.get(_AWAY), away
    if before and not away:
        elsewhere.look_again()  # what was reserved is free again, or a machine is lost
        st.rerun()
    if under_way:
        _follow(under_way, len(ids))


@st.fragment(run_every=live.REFRESH_S)
def _follow(names: Mapping[str, str], of_all: int) -> None:
    """`names`: of the jobs under way, by their ids."""
    _ = language.current()
    now = [found for job_id in names if (found := live.seen(job_id, _)) is not None]
    if len(now) < len(names):
        st.rerun()
    with st.container(border=True):
        if of_all > 1:
            _head(now, of_all, _)
        for found in now:
            _one(found, names[found.id], _)


def _head(now: Sequence[Seen], of_all: int, translate: Translate) -> None:
    _ = translate
    text, stop = st.columns([4, 1], vertical_alignment="center")
    counted = _("**{n} of {all} machines are done**")
    text.markdown(counted.format(n=of_all - len(now), all=of_all))
    if len(now) > 1 and all(found.mine for found in now):
        stop.button(
            _("Cancel all"),
            icon=":material/cancel:",
            key="cancel-all",
            width="stretch",
            on_click=visitor.cancel_all,
            args=([found.id for found in now],),
        )


def _one(now: Seen, name: str, translate: Translate) -> None:
    text = translate("**{name}**: {text}").format(name=plain(name), text=now.headline)
    live.progress(now, " · ".join([text, *_rates(now, translate)]), translate)


def _rates(now: Seen, translate: Translate) -> Iterator[str]:
    """Of each setup that has been timed."""
    if not now.measuring:
        return
    for run, name in zip(now.runs, labels_of(now.results, translate), strict=True):
        if run.blocks:
            rate = units.rate(run.blocks[-1].samples / run.blocks[-1].duration_s, translate)
            yield plain(translate("{label}: {rate}").format(label=name, rate=rate))
