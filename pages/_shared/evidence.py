"""What stands behind a result: each run's circumstances, and what differs between two that are compared."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.analysis.comparability import differences as differences_of
from core.fact_sheet import fact_sheet
from core.i18n import Translate
from core.records import Comparison, RunResult
from core.unlike_words import difference_sentence
from core.wording import label_of, unlike_title
from pages._shared.markdown import plain

_MARKS = {
    "red": ":red[:material/block:]",
    "amber": ":orange[:material/warning:]",
    "green": ":green[:material/check:]",
}


def differences(comparisons: Sequence[Comparison], results: Sequence[RunResult], translate: Translate) -> None:
    """For runs that didn't share a job, such as a recording: whether comparing them means anything.

    Setups of one job differ in nothing but what was asked for.
    """
    for comparison in comparisons:
        baseline, candidate = comparison.baseline, comparison.candidate
        if baseline.job_id == candidate.job_id:
            continue
        one, other = (label_of(run, results, translate) for run in (baseline, candidate))
        found = differences_of(baseline, candidate)
        with st.expander(plain(unlike_title(found, one, other, translate))):
            lines = (f"- {_MARKS[item.level]} {plain(difference_sentence(item, translate))}" for item in found)
            st.markdown("\n".join(lines) or translate("Nothing that is recorded differs."))


def fact_sheets(results: Sequence[RunResult], names: Sequence[str], translate: Translate) -> None:
    """Hardware, software, start-up and energy of each run, side by side where there is room."""
    columns = st.columns(min(2, len(results)))
    for index, (result, name) in enumerate(zip(results, names, strict=True)):
        with columns[index % len(columns)]:
            st.markdown(f"#### {name}")
            for group in fact_sheet(result, translate):
                rows = (f"| {plain(fact)} | {plain(value)} |" for fact, value in group.facts)
                st.markdown("\n".join([f"| **{plain(group.title)}** | |", "|---|---|", *rows]))
