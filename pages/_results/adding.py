"""Runs from files: what is in them is looked through and shown, and added when the visitor says so."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core import units
from core.errors import InputError
from core.i18n import Translate
from core.messages import sentence
from core.records import Note
from core.runs.files import exchange
from core.runs.files.importing import Plan, plan
from core.runs.listing import Listing
from core.runs.queue.keeping import Keeper, listed
from core.wording import badge_words, setup_words, workload_words
from pages._results import side_by_side
from pages._shared import language, resources, visitor
from pages._shared.markdown import plain

_ROUND = "results_round"  # a new uploader each time, so that what was added isn't offered again
_ADDED = "results_added"
_SHOWN = 10  # runs of one file


def show(listing: Listing, translate: Translate) -> None:
    """The place to drop files, and what they would add."""
    _ = translate
    _told(_)
    if _privately():
        text = _("On this public server only you see what you add here, and it is forgotten after a day.")
        st.caption(text)
    elif resources.storage().store is None:
        st.markdown(_("There is no database to add runs to; the reason is told above."))
        return
    files = st.file_uploader(
        _("Drop files here: records that Crossover has written (JSON)"),
        type="json",
        accept_multiple_files=True,
        key=f"upload-{st.session_state.get(_ROUND, 0)}",
        max_upload_size=exchange.SIZE_LIMIT_BYTES >> 20,
    )
    plans: list[Plan] = []
    sizes: list[int] = []
    for file in files:
        found = _looked_through(file.name, file.getvalue(), listing, plans, _)
        if found is not None and found.new:
            plans.append(found)
            sizes.append(file.size)
    if plans:
        count = sum(len(one.new) for one in plans)
        st.button(
            _("Add 1 run") if count == 1 else _("Add {n} runs").format(n=count),
            type="primary",
            icon=":material/add:",
            on_click=_add,
            args=(plans, sizes),
            key="results_add",
        )


def _looked_through(
    name: str, content: bytes, listing: Listing, before: Sequence[Plan], translate: Translate
) -> Plan | None:
    """`before`: what the files above it would add, which then is here."""
    _ = translate
    coming = {run.id: run for one in before for run in one.new}
    try:
        found = plan(name, content, lambda run_id: coming.get(run_id) or listing.run(run_id))
    except InputError as problem:
        text = sentence(problem.code, problem.facts, _)
        st.error(_("Nothing of {file} is added: {problem}").format(file=plain(name), problem=plain(text)))
        return None
    with st.container(border=True):
        text = _("**{file}**: {new} to add, {known} that are here already")
        st.markdown(text.format(file=plain(name), new=len(found.new), known=len(found.duplicates)))
        lines = []
        for run in found.new[:_SHOWN]:
            row = listed(run)
            device = run.environment.device.name if run.environment else None
            parts = [
                workload_words(run.spec.workload, _),
                setup_words(run.spec.setup, device, _),
                units.rate(row.samples_per_s, _),
                *([badge_words(row.quality, _)] if row.quality else []),
            ]
            lines.append("- " + " — ".join(plain(part) for part in parts))
        if len(found.new) > _SHOWN:
            lines.append("- " + _("and {n} more").format(n=len(found.new) - _SHOWN))
        if lines:
            st.markdown("\n".join(lines))
    return found


def _privately() -> bool:
    """Strangers write nothing to the database."""
    return resources.hosting().public and not visitor.is_admin()


def _keep(found: Plan, size_bytes: int) -> Note | None:
    """The problem that was met, or None."""
    if not _privately():
        return Keeper(resources.storage().store).results(found.new)
    try:
        resources.guests().add(visitor.me(), found.new, size_bytes)
    except InputError as problem:
        return problem.note
    return None


def _add(plans: Sequence[Plan], sizes: Sequence[int]) -> None:
    """All of a file or nothing of it."""
    added: list[str] = []
    for found, size_bytes in zip(plans, sizes, strict=True):
        problem = _keep(found, size_bytes)
        if problem is not None:
            st.session_state["problem"] = [problem.code, dict(problem.facts)]
            break
        added += [run.id for run in found.new]
    st.session_state[_ADDED] = added
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1


def _told(translate: Translate) -> None:
    _ = translate
    added = st.session_state.pop(_ADDED, [])
    if not added:
        return
    text = _("Added: 1 run.") if len(added) == 1 else _("Added: {n} runs.").format(n=len(added))
    link = f"results?runs={','.join(added[: side_by_side.MOST])}&lang={language.name()}"
    shown = _("[Show them]({link})").format(link=link)
    st.success(f"{text} {shown}", icon=":material/check:")
