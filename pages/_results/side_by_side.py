"""Runs beside each other: those that the address names, with the same evidence as on the Compare page."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.errors import CrossoverError
from core.i18n import Translate
from core.messages import sentence
from core.records import Note, RunResult
from core.runs.listing import Listing
from core.wording import workload_words
from pages._results import results_controls
from pages._shared import language, notices, replay
from pages._shared.markdown import plain

SHOWN = "runs"  # the parameter of the address that names them, once for each; the first is the baseline
MOST = 8  # more setups can't be told apart in one chart


def named() -> tuple[str, ...]:
    """The ids in the address. `run` names a single one."""
    given = (*st.query_params.get_all("run"), *st.query_params.get_all(SHOWN))
    return tuple(dict.fromkeys(part for text in given for part in text.split(",") if part))


def open_them(run_ids: Sequence[str]) -> None:
    """Make the address name them; it is a link to what is shown then."""
    st.query_params.from_dict({"lang": language.name(), SHOWN: ",".join(run_ids)})


def show(run_ids: Sequence[str], listing: Listing, translate: Translate) -> None:
    """The runs, the unknown ones told of; and the way back to the list."""
    _ = translate
    st.button(_("All runs"), icon=":material/arrow_back:", on_click=_leave, key="results_back")
    found: list[RunResult] = []
    for run_id in run_ids[:MOST]:
        try:
            found += listing.runs((run_id,))
        except CrossoverError as problem:
            notices.problem(problem.note)
    if len(run_ids) > MOST:
        st.warning(_("Only the first {n} of them are shown.").format(n=MOST), icon=":material/filter_alt:")
    if not found:
        return
    replay.show(found)
    works = dict.fromkeys(run.spec.workload for run in found)
    st.markdown(_("; ").join(plain(workload_words(work, _)) for work in works))
    if not any(run.blocks for run in found):
        for run in found:
            failure = run.failure or Note("too_few_blocks")
            st.error(plain(sentence(failure.code, failure.facts, _)), icon=":material/error:")
        return
    from pages._shared import result_view  # brings Plotly: not before there is something to draw

    here = (st.context.url or "").partition("?")[0]
    link = f"{here}?{SHOWN}={','.join(run.id for run in found)}" if here else None
    result_view.show(tuple(found), controls=False, link=link)


def _leave() -> None:
    st.query_params.from_dict({"lang": language.name(), **results_controls.kept_address()})
