"""The list of runs: one line each, to be opened or picked, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core import units
from core.i18n import Translate
from core.runs.listing import Listing
from core.runs.store import RunRow
from core.wording import badge_words, origin_word, setup_words, status_word, workload_words
from pages._results.results_controls import Filters
from pages._shared.markdown import plain

PER_PAGE = 10
_COMPARE = "pages/compare.py"
_PICKED = "results_picked"  # run ids, in the order in which they were picked
_COLOURS = {"good": "green", "usable": "orange", "doubtful": "red"}


def picked() -> tuple[str, ...]:
    """The runs that were picked, the first is the baseline."""
    return tuple(st.session_state.get(_PICKED, ()))


def pick_none() -> None:
    st.session_state[_PICKED] = []


def show(listing: Listing, filters: Filters, translate: Translate) -> None:
    """The runs that the filters let through. Raises StoreError where they can't be read."""
    _ = translate
    count = listing.count(filters.wanted)
    if count == 0:
        _nothing(filters, _)
        return
    lines, pages = st.container(), -(-count // PER_PAGE)
    # Each list has a key of its own: a new one begins at its beginning, and to an old one one comes back.
    key = f"results_page-{hash(filters)}"
    page = st.pagination(pages, key=key, persist_state="session") if pages > 1 else 1
    rows = listing.find(filters.wanted, filters.order, PER_PAGE, (page - 1) * PER_PAGE)
    first = (page - 1) * PER_PAGE + 1
    text = _("{first} to {last} of {count} runs")
    with lines:
        st.caption(text.format(first=first, last=first + len(rows) - 1, count=f"{count:,}"))
        for row in rows:
            _row(row, _)


def _nothing(filters: Filters, translate: Translate) -> None:
    _ = translate
    with st.container(border=True):
        if filters.wanted != Filters().wanted:
            st.markdown("#### " + _("No run is like that"))
            st.markdown(_("Take away some of the filters at the side, or show all."))
            return
        st.markdown("#### " + _("Nothing has been stored yet"))
        st.markdown(
            _(
                "Every run that is measured on this machine appears here, beside those that ship with "
                "Crossover. Measure one on the Compare page, or add a file that somebody gave you."
            )
        )
        st.page_link(_COMPARE, label=_("Measure something"), icon=":material/play_arrow:")


def _row(row: RunRow, translate: Translate) -> None:
    """What was done, how fast, and how far that can be trusted. The work is the label of the box to pick it."""
    _ = translate
    with st.container(border=True):
        box, facts = st.columns([3, 2], vertical_alignment="center")
        key = f"pick-{row.id}"
        st.session_state[key] = row.id in picked()
        with box:
            setup = setup_words(row.setup, row.device_name, _, row.elsewhere)
            st.checkbox(
                plain(row.name or workload_words(row.workload, _)),  # its accessible name, too: no marks
                key=key,
                on_change=_toggle,
                args=(row.id,),
            )
            lines = [plain(setup), *([plain(workload_words(row.workload, _))] if row.name else [])]
            tags = " ".join(f":gray-badge[{plain(tag)}]" for tag in row.tags)
            st.caption(" — ".join(lines) + (f" {tags}" if tags else ""))
        with facts:
            opened = _("[Open]({link})").format(link=f"results?run={row.id}")
            st.markdown(f"**{units.rate(row.samples_per_s, _)}** {_badge(row, _)} {opened}")
            st.caption(" · ".join(_facts(row, _)))


def _badge(row: RunRow, translate: Translate) -> str:
    if row.quality is None:  # stored by a version that didn't judge
        return ""
    return f":{_COLOURS[row.quality]}-badge[{badge_words(row.quality, translate)}]"


def _facts(row: RunRow, translate: Translate) -> Sequence[str]:
    _ = translate
    found = [row.created_at[:16].replace("T", " "), origin_word(row.origin, _)]
    if row.epoch_s is not None:
        found.append(_("epoch {time}").format(time=units.duration(row.epoch_s)))
    if row.test_accuracy is not None:
        found.append(_("test accuracy {x}").format(x=units.percent(100 * row.test_accuracy)))
    if row.status != "finished":
        found.append(status_word(row.status, _))
    return found


def _toggle(run_id: str) -> None:
    now = list(picked())
    if run_id in now:
        now.remove(run_id)
    else:
        now.append(run_id)
    st.session_state[_PICKED] = now
