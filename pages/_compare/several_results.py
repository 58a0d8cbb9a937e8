"""What of several jobs is told beside their results: which failed, which are still out, their common link."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.i18n import Translate
from core.records import Note, RunResult
from pages._shared import elsewhere, take_away
from pages._shared.focus import Focus, Several
from pages._shared.markdown import plain

_NAMED = 5  # of the jobs that aren't known


def problems(looked_at: Several, translate: Translate) -> list[tuple[str | None, Note]]:
    """Why there is nothing to see of some, each under its machine's name; a job alone needs none."""
    alone = len(looked_at.parts) == 1 and looked_at.parts[0].kind is None
    found = [
        (None if alone else name, part.problem)
        for name, part in _named(looked_at, translate)
        if part.problem is not None
    ]
    unknown = [part.problem for part in looked_at.parts if _is_unknown(part) and part.problem is not None]
    return [*found, *([(None, _in_one(unknown))] if unknown else [])]


def _named(looked_at: Several, translate: Translate) -> list[tuple[str, Focus]]:
    """The known ones."""
    known = [part for part in looked_at.parts if not _is_unknown(part)]
    return list(zip(elsewhere.names([part.kind for part in known], translate), known, strict=True))


def _is_unknown(part: Focus) -> bool:
    return part.problem is not None and part.problem.code == "unknown_job"


def _in_one(unknown: Sequence[Note]) -> Note:
    """A link that is old or made up may name many."""
    names = [str(note.facts["job"]) for note in unknown]
    return Note("unknown_job", {"job": ", ".join([*names[:_NAMED], *(["…"] if len(names) > _NAMED else [])])})


def tell_progress(looked_at: Several, results: Sequence[RunResult], translate: Translate) -> None:
    """What is drawn while some are being measured isn't the whole answer."""
    out = [name for name, part in _named(looked_at, translate) if part.open]
    if out and any(run.blocks for run in results):
        text = translate("So far, without {names}: still being measured.")
        st.caption(plain(text.format(names=translate(", ").join(out))))


def link(looked_at: Several, results: Sequence[RunResult]) -> str | None:
    """The address that shows several jobs together; None: it can be read off the results."""
    jobs = looked_at.job_ids or tuple(dict.fromkeys(run.job_id for run in results))
    return take_away.address_of_jobs(jobs, st.context.url) if len(jobs) > 1 else None
