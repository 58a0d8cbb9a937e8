"""What can be done with the runs that were picked: compare, name and tag, delete, and undo that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from core.errors import CrossoverError, StoreError
from core.i18n import Translate
from core.runs.listing import Listing
from core.runs.store import RunRow
from core.wording import label_of, workload_words
from pages._results import runs_list, side_by_side
from pages._shared import resources, visitor
from pages._shared.markdown import plain

_DELETED = "results_deleted"  # what the undo button brings back


def bar(listing: Listing, translate: Translate) -> None:
    """The buttons for what is picked; a hint before anything is."""
    _ = translate
    picked = runs_list.picked()
    if not picked:
        st.caption(_("Pick two or more runs to compare them. The first one picked is the baseline."))
        return
    runs = listing.runs(picked)
    names = [_name(run_id, listing, _) for run_id in picked]
    st.markdown(_("Picked: {names}").format(names=_(", ").join(plain(name) for name in names)))
    changeable = _changeable([run.id for run in runs])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            _("Compare them") if len(picked) > 1 else _("Open it"),
            type="primary",
            icon=":material/compare_arrows:",
            on_click=side_by_side.open_them,
            args=(picked,),
            disabled=len(picked) > side_by_side.MOST,
            key="results_compare",
            help=_("Up to {n} at a time.").format(n=side_by_side.MOST),
        )
        if len(picked) == 1 and changeable:
            with st.popover(_("Name and tags"), icon=":material/label:", key="results_naming"):
                _naming(picked[0], listing, _)
        if changeable == list(picked):
            st.button(
                _("Delete"),
                icon=":material/delete:",
                on_click=_delete,
                args=(changeable,),
                key="results_delete",
                help=_("It can be undone right afterwards."),
            )
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


def _name(run_id: str, listing: Listing, translate: Translate) -> str:
    row = _row(run_id)
    run = listing.run(run_id)
    if row is not None and row.name:
        return row.name
    assert run is not None
    return f"{workload_words(run.spec.workload, translate)} ({label_of(run, (run,), translate)})"


def _row(run_id: str) -> RunRow | None:
    store = resources.storage().store
    return store.row(run_id) if store is not None else None


def _changeable(run_ids: Sequence[str]) -> list[str]:
    """Of these, the stored ones that this visitor may change. What ships with Crossover lies in files."""
    store = resources.storage().store
    if store is None:
        return []
    owners = store.visitors_of(run_ids)
    stored = [run_id for run_id in run_ids if store.row(run_id) is not None]
    return [run_id for run_id in stored if visitor.may_change(owners.get(run_id))]


def _naming(run_id: str, listing: Listing, translate: Translate) -> None:
    _ = translate
    row = _row(run_id)
    with st.form(f"naming-{run_id}", border=False):
        st.text_input(
            _("Name"),
            value=(row.name or "") if row else "",
            max_chars=80,
            key=f"name-{run_id}",
            placeholder=_("none"),
        )
        st.text_input(
            _("Tags, with commas between them"),
            value=", ".join(row.tags) if row else "",
            key=f"tags-{run_id}",
            placeholder=_("none"),
        )
        st.form_submit_button(_("Save"), type="primary", on_click=_save, args=(run_id,))


def _save(run_id: str) -> None:
    store = resources.storage().store
    tags = st.session_state[f"tags-{run_id}"].replace("，", ",").split(",")
    if store is None or not _changeable((run_id,)):  # a widget's word isn't enough
        return
    try:
        store.rename(run_id, st.session_state[f"name-{run_id}"])
        store.tag(run_id, [tag.strip() for tag in tags if tag.strip()])
    except CrossoverError as problem:
        st.session_state["problem"] = [problem.code, problem.facts]


def _delete(run_ids: Sequence[str]) -> None:
    """Marks only: an undo brings them back as they were."""
    store = resources.storage().store
    if store is None:
        return
    run_ids = _changeable(run_ids)  # a widget's word isn't enough
    try:
        store.delete_runs(run_ids, datetime.now(UTC).isoformat(timespec="milliseconds"))
    except StoreError as problem:
        st.session_state["problem"] = [problem.code, problem.facts]
        return
    st.session_state[_DELETED] = list(run_ids)
    resources.forget(run_ids)
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
