"""Leaderboards: which device does a workload fastest, as far as the intervals tell them apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import streamlit as st

from core import units
from core.analysis.leaderboard import Board, Entry, board
from core.figures import leaderboard as figure
from core.i18n import Translate
from core.records import Workload
from core.runs.listing import Listing, OnBoard
from core.wording import workload_words
from pages._shared.markdown import plain

_EXACT = 12  # digits of a learning rate: two must not look the same


def show(listing: Listing, translate: Translate) -> None:
    """One workload's board, chosen among those that were measured. Raises StoreError."""
    _ = translate
    seen = listing.boards()
    if not seen:
        st.markdown(_("There is nothing to rank yet: measure a workload, or add files from other machines."))
        return
    words = _words(seen, _)
    workload = st.selectbox(_("Work"), list(words), format_func=words.__getitem__, key="results_board")
    one = next(item for item in seen if item.workload == workload)
    text = _("{workload}: {devices} devices, {runs} runs") if one.devices > 1 else _("{workload}: 1 device")
    st.caption(plain(text.format(workload=words[workload], devices=one.devices, runs=one.runs)))
    found = board(listing.contenders(workload))
    if not found.entries:
        st.markdown(_("None of these runs got far enough to be ranked."))
    else:
        _draw(found, _)
    _left_out(found, _)


def _words(seen: Sequence[OnBoard], translate: Translate) -> dict[Workload, str]:
    """Each workload as it can be chosen, no two the same: a choice is known by its words, which therefore tell
    nothing that changes with the next run, as a number of runs would."""
    _ = translate
    tasks = {"train": _("Train"), "classify": _("Classify"), "extract": _("Extract features")}
    words = {one.workload: workload_words(one.workload, _) for one in seen}
    telling: tuple[Callable[[Workload], str], ...] = (
        lambda work: tasks[work.task],
        lambda work: f"{_('Learning rate')} {units.number(work.learning_rate, _EXACT)}",
        lambda work: f"{_('Seed')} {work.seed}",
    )
    for told in telling:
        counts = Counter(words.values())
        words = {work: f"{text} · {told(work)}" if counts[text] > 1 else text for work, text in words.items()}
    return words


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
