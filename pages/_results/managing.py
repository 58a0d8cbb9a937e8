"""What can be done with the runs that were picked: compare, name and tag, delete, and undo that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from core.errors import CrossoverError, StoreError
from core.i18n import Translate
from core.runs.listing import Listing
from core.runs.store import RunRow
from core.wording import setup_words, workload_words
from pages._results import runs_list, side_by_side
from pages._shared import resources, visitor
from pages._shared.markdown import plain

_DELETED = "results_deleted"  # what the undo button brings back


def bar(listing: Listing, translate: Translate) -> None:
    """The buttons for what is picked; a hint before anything is."""
    _ = translate
    rows = {run_id: row for run_id in runs_list.picked() if (row := listing.row(run_id)) is not None}
    picked = tuple(rows)  # what somebody else has deleted meanwhile is none of it
    names = [plain(_name(row, _)) for row in rows.values()]
    hint = _("Pick two or more runs to compare them. The first one picked is the baseline.")
    st.markdown(_("Picked: {names}").format(names=_(", ").join(names)) if names else hint)
    changeable = _changeable(picked)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            _("Open it") if len(picked) == 1 else _("Compare them"),
            type="primary",
            icon=":material/compare_arrows:",
            on_click=side_by_side.open_them,
            args=(picked,),
            disabled=not 1 <= len(picked) <= side_by_side.MOST,  # there from the start, so that nothing jumps
            key="results_compare",
            help=_("Up to {n} at a time.").format(n=side_by_side.MOST),
        )
        if len(picked) == 1 and changeable:
            with st.popover(_("Name and tags"), icon=":material/label:", key="results_naming"):
                _naming(rows[picked[0]], _)
        if picked and changeable == list(picked):
            st.button(
                _("Delete"),
                icon=":material/delete:",
                on_click=_delete,
                args=(changeable,),
                key="results_delete",
                help=_("It can be undone right afterwards."),
            )
        if picked:
            st.button(
                _("Pick none"),
                icon=":material/close:",
                on_click=runs_list.pick_none,
                type="tertiary",
                key="results_none",
            )


def undo(translate: Translate) -> None:
    """After runs were deleted: how many, and the way back."""
    _ = translate
    gone = st.session_state.get(_DELETED, [])
    if not gone:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            _("1 run was deleted.") if len(gone) == 1 else _("{n} runs were deleted.").format(n=len(gone))
        )
        st.button(_("Undo"), icon=":material/undo:", on_click=_restore, key="results_undo")
        st.button(_("Close"), type="tertiary", on_click=_forget, key="results_forget")


def _name(row: RunRow, translate: Translate) -> str:
    work, setup = (
        workload_words(row.workload, translate),
        setup_words(row.setup, row.device_name, translate, row.elsewhere),
    )
    return row.name or f"{work} ({setup})"


def _changeable(run_ids: Sequence[str]) -> list[str]:
    """Of these, the stored ones that this visitor may change. What ships with Crossover lies in files."""
    store = resources.storage().store
    if store is None:
        return []
    owners, stored = store.visitors_of(run_ids), store.kept(run_ids)
    return [run_id for run_id in run_ids if run_id in stored and visitor.may_change(owners.get(run_id))]


def _naming(row: RunRow, translate: Translate) -> None:
    _, run_id = translate, row.id
    with st.form(f"naming-{run_id}", border=False):
        st.text_input(
            _("Name"),
            value=row.name or "",
            max_chars=80,
            key=f"name-{run_id}",
            placeholder=_("none"),
        )
        st.text_input(
            _("Tags, with commas between them"),
            value=", ".join(row.tags),
            key=f"tags-{run_id}",
            placeholder=_("none"),
        )
        st.form_submit_button(_("Save"), type="primary", on_click=_save, args=(run_id,))


def _save(run_id: str) -> None:
    store = resources.storage().store
    tags = st.session_state[f"tags-{run_id}"].replace("，", ",").split(",")
    try:
        if store is None or not _changeable((run_id,)):  # a widget's word isn't enough
            return
        store.rename(run_id, st.session_state[f"name-{run_id}"])
        store.tag(run_id, [tag.strip() for tag in tags if tag.strip()])
    except CrossoverError as problem:
        st.session_state["problem"] = [problem.code, problem.facts]


def _delete(run_ids: Sequence[str]) -> None:
    """Marks only: an undo brings them back as they were."""
    store = resources.storage().store
    if store is None:
        return
    try:
        run_ids = _changeable(run_ids)  # a widget's word isn't enough
        store.delete_runs(run_ids, datetime.now(UTC).isoformat(timespec="milliseconds"))
        left = store.kept(run_ids)
    except StoreError as problem:
        st.session_state["problem"] = [problem.code, problem.facts]
        return
    if left:
        st.session_state["problem"] = ["still_measured", {}]
    gone = [run_id for run_id in run_ids if run_id not in left]
    st.session_state[_DELETED] = gone
    resources.forget(gone)
    runs_list.pick_none()


def _restore() -> None:
    store = resources.storage().store
    try:
        if store is not None:
            store.restore_runs(st.session_state[_DELETED])
    except CrossoverError as problem:
        st.session_state["problem"] = [problem.code, problem.facts]
        return
    resources.remember(st.session_state[_DELETED])
    _forget()


def _forget() -> None:
    st.session_state[_DELETED] = []
