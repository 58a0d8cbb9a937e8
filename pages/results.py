"""Results: what has been measured, here and elsewhere, and what does it say side by side?"""

import streamlit as st

from core.errors import CrossoverError
from core.records import Note
from core.runs.listing import Listing
from pages._results import adding, boards, managing, results_controls, runs_list, side_by_side
from pages._shared import language, notices, resources, visitor

_ = language.current()
mine = resources.guests().runs(visitor.me()) if resources.hosting().public else ()
listing = Listing(resources.storage().store, (*mine, *resources.recordings().runs))

# 1. What the address names: runs beside each other, or a list
named = side_by_side.named()
rejected = () if named else results_controls.follow_address()

st.title(_("Results"), anchor=False)
notices.told(rejected)

if named:
    side_by_side.show(named, listing, _)
else:
    st.caption(_("Every run that was measured here, that ships with Crossover or that was added from a file."))
    try:
        with st.sidebar:
            filters = results_controls.show(listing.choices(), _)
        results_controls.write_address(filters)
        managing.undo(_)
        if runs_list.picked() or listing.count(filters.wanted):
            managing.bar(listing, _)
        runs_list.show(listing, filters, _)
        with st.expander(
            _("Add runs from files"), icon=":material/upload_file:", key="adding", on_change="rerun"
        ) as more:
            if more.open:
                adding.show(listing, _)
        with st.expander(
            _("Leaderboards"), icon=":material/leaderboard:", key="boards", on_change="rerun"
        ) as more:
            if more.open:
                boards.show(listing, _)
    except CrossoverError as problem:
        notices.problem(problem.note)
    for bad in resources.recordings().bad_files:
        notices.problem(Note(bad.code, bad.facts))  # type: ignore[arg-type]
