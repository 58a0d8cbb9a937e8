"""Leaderboards: which device does a workload fastest, as far as the intervals tell them apart."""

from __future__ import annotations

import streamlit as st

from core import units
from core.analysis.leaderboard import Board, Entry, board
from core.figures import leaderboard as figure
from core.i18n import Translate
from core.runs.listing import Listing
from core.wording import workload_words
from pages._shared.markdown import plain


def show(listing: Listing, translate: Translate) -> None:
    """One workload's board, chosen among those that were measured. Raises StoreError."""
    _ = translate
    seen = listing.boards()
    if not seen:
        st.markdown(_("There is nothing to rank yet: measure a workload, or add files from other machines."))
        return
    words = {}
    for number, one in enumerate(seen):
        text = _("{workload}: {devices} devices, {runs} runs") if one.devices > 1 else _("{workload}: 1 device")
        workload = workload_words(one.workload, _)
        words[number] = text.format(workload=workload, devices=one.devices, runs=one.runs)
    number = st.selectbox(_("Work"), list(words), format_func=words.__getitem__, key="results_board")
    found = board(listing.contenders(seen[number].workload))
    if not found.entries:
        st.markdown(_("None of these runs got far enough to be ranked."))
    else:
        _draw(found, _)
    _left_out(found, _)


def _draw(found: Board, translate: Translate) -> None:
    _ = translate
    data = figure.leaderboard_data(found)
    st.markdown(f"**{plain(figure.leaderboard_title(data, _))}**")
    st.plotly_chart(
        figure.leaderboard_figure(found, _),
        key="leaderboard",
        alt=figure.leaderboard_alt(data, _),
        config={"displayModeBar": False},
    )
    head = [_("Place"), _("Device"), _("Speed (95 % interval)"), _("How")]
    labels = figure.device_labels(found.entries, _)
    lines = [_line(entry, label, _) for entry, label in zip(found.entries, labels, strict=True)]
    st.markdown("\n".join(["| " + " | ".join(head) + " |", "|---|---|---|---|", *lines]))
    st.caption(
        _(
            "Each device with its fastest setup in fp32. A place is a range where intervals overlap: noise "
            "decides no rank."
        )
    )


def _line(entry: Entry, label: str, translate: Translate) -> str:
    speed = f"{units.rate(entry.rate.value, translate)} ({units.interval(entry.rate)})"
    link = f"[{entry.created_at[:10]}](results?run={entry.run_id})"
    how = f"{plain(figure.setup_label(entry, translate))} · {link}"
    return "| " + " | ".join([figure.place_words(entry), plain(label), speed, how]) + " |"


def _left_out(found: Board, translate: Translate) -> None:
    """Why runs aren't on the board, and how many."""
    _ = translate
    words = {
        "other_precision": _("another precision: {n}"),
        "several_devices": _("several GPUs together: {n}"),
        "unfinished": _("not finished: {n}"),
        "no_rate": _("too few timed blocks: {n}"),
        "unknown_device": _("device not known: {n}"),
        "malformed_record": _("contradicts itself: {n}"),
        "schema_unreadable": _("of an unreadable version: {n}"),
        "not_comparable": _("other data or format: {n}"),
    }
    told = [words[code].format(n=count) for code, count in found.left_out]
    if told:
        st.caption(_("Left out: {reasons}").format(reasons=_(", ").join(told)))
