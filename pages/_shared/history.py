"""Earlier runs of the chosen workload, newest first, a page at a time."""

from __future__ import annotations

import streamlit as st

from core import units
from core.errors import StoreError
from core.i18n import Translate
from core.messages import sentence
from core.records import Workload
from core.runs.store import RunRow
from core.wording import setup_words, status_word
from pages._shared import language, resources
from pages._shared.markdown import breakable, plain

_PER_PAGE = 10


def show(workload: Workload) -> None:
    """The list, each line a link to its job."""
    _ = language.current()
    store = resources.storage().store
    if store is None:
        return
    try:
        count = store.count(workload)
        if count == 0:
            return
        st.subheader(_("Earlier runs of this workload"), anchor=False)
        pages = -(-count // _PER_PAGE)
        page = st.pagination(pages, key=f"history-{workload}") if pages > 1 else 1
        rows = store.history(workload, _PER_PAGE, (page - 1) * _PER_PAGE)
    except StoreError as problem:
        st.error(plain(sentence(problem.code, problem.facts, _)), icon=":material/error:")
        return
    head = [_("When (UTC)"), _("Setup"), _("Result")]
    lines = ["| " + " | ".join(head) + " |", "|---|---|---|", *(_line(row, _) for row in rows)]
    st.markdown("\n".join(lines))


def _line(row: RunRow, translate: Translate) -> str:
    """Three columns only: more don't fit on a phone."""
    _ = translate
    result = [units.rate(row.samples_per_s, _)]
    if row.epoch_s is not None:
        result.append(_("epoch {time}").format(time=units.duration(row.epoch_s)))
    if row.test_accuracy is not None:
        result.append(_("test accuracy {x}").format(x=units.percent(100 * row.test_accuracy)))
    if row.status != "finished":
        result.append(status_word(row.status, _))
    cells = [
        f"[{row.created_at[:16].replace('T', ' ')}](?job={row.job_id})",
        plain(breakable(setup_words(row.setup, row.device_name, _, row.elsewhere))),
        " · ".join(result),
    ]
    return "| " + " | ".join(cells) + " |"
