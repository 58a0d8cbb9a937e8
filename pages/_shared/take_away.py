"""What a visitor takes along from a result: a file of one kind or another, pictures, the command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import streamlit as st

from core import units
from core.hardware import environment
from core.i18n import Translate
from core.records import RunResult
from core.sharing import formats
from core.sharing.command import reproduce
from core.sharing.formats import Format
from pages._shared import language

SECTION = "take_away"
_KIND, _PICTURE = "take_away_kind", "take_away_picture"
_RESULTS = "results"  # the page's name in its address
_PICTURES = ("PNG", "SVG")


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    button: str
    purpose: str
    mime: str


def show(results: Sequence[RunResult], translate: Translate, link: str | None = None) -> None:
    """`link`: where these results are shown, for the kinds that can point there; else read off the results."""
    _ = translate
    if link is None:
        link = address_of(results, st.context.url)
    section = st.expander(_("Take it away"), on_change="rerun", key=SECTION)
    if not section.open:
        return
    with section:
        kinds = _kinds(_)
        if not any(run.trace for run in results):
            del kinds["trace"]
        names = {kind: item.name for kind, item in kinds.items()}
        kind = st.selectbox(_("What to take"), list(names), format_func=names.__getitem__, key=_KIND, width=420)
        chosen = kinds[kind]
        st.caption(chosen.purpose)
        content = _content(kind, results, language.name(), link, _)
        if kind == "markdown":
            st.code(content(), language="markdown", wrap_lines=True)
        st.download_button(
            chosen.button,
            content,
            file_name=f"crossover-{results[0].job_id}{formats.ENDINGS[kind]}",
            mime=chosen.mime,
            icon=":material/download:",
            on_click="ignore",
        )
        st.radio(
            _("Pictures of the charts"),
            _PICTURES,
            key=_PICTURE,
            horizontal=True,
            persist_state="session",
            help=_("Point at a chart, or tap it, and press the camera at its top right."),
        )
        st.markdown(_("The same without a browser:"))
        st.code("\n".join(reproduce(results)), language=None, wrap_lines=True)


def chart_config(key: str) -> dict[str, Any]:
    """For st.plotly_chart: a camera and no other tool; it saves the kind of picture that was chosen."""
    kind = st.session_state.get(_PICTURE) or _PICTURES[0]
    return {
        "displaylogo": False,
        "modeBarButtons": [["toImage"]],
        "toImageButtonOptions": {"format": kind.lower(), "filename": f"crossover-{key}", "scale": 2},
    }


def _content(
    kind: Format, results: Sequence[RunResult], language_name: str, link: str | None, translate: Translate
) -> Callable[[], str]:
    """Made when it is asked for: a report takes a moment."""

    def made() -> str:
        return formats.render(
            kind,
            results,
            translate,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            language=language_name,
            link=link,
            revision=environment.machine().git_revision,
        )

    return made


def address_of(results: Sequence[RunResult], here: str | None) -> str | None:
    """Where these results are shown on the server whose page `here` is; None where that isn't known.

    A whole job of this server is shown on the first page, anything else on Results.
    """
    if here is None:
        return None
    if len({run.job_id for run in results}) == 1 and all(run.origin == "measured" for run in results):
        return address_of_jobs([results[0].job_id], here)
    return f"{_root(here)}/{_RESULTS}?runs={','.join(quote(run.id) for run in results)}"


def address_of_jobs(job_ids: Sequence[str], here: str | None) -> str | None:
    """Where whole jobs are shown together."""
    return None if here is None else f"{_root(here)}/?job={','.join(map(quote, job_ids))}"


def _root(here: str) -> str:
    return here.partition("?")[0].rstrip("/").removesuffix(f"/{_RESULTS}")


def _kinds(translate: Translate) -> dict[Format, _Kind]:
    from core.sharing import report  # brings Plotly: not before there is something to draw

    _ = translate
    weight = units.size(report.size_bytes())
    json_type, csv_type = "application/json", "text/csv"
    return {
        "json": _Kind(
            _("Records (JSON)"),
            _("Download the records (JSON)"),
            _("Everything that was measured, sample by sample. Crossover imports it on any machine."),
            json_type,
        ),
        "html": _Kind(
            _("Report (HTML)"),
            _("Download the report (HTML)"),
            _(
                "One file that opens in any browser without a network: answer, doubts, charts, hardware, "
                "method. It weighs about {size}, most of which draws the charts."
            ).format(size=weight),
            "text/html",
        ),
        "csv": _Kind(
            _("Table of the runs (CSV)"),
            _("Download the table (CSV)"),
            _("One row for each run, for a spreadsheet: what was asked for, speed with its interval, doubts."),
            csv_type,
        ),
        "blocks": _Kind(
            _("Table of the blocks (CSV)"),
            _("Download the blocks (CSV)"),
            _("One row for each timed block: the raw samples that every number rests on."),
            csv_type,
        ),
        "markdown": _Kind(
            _("Snippet (Markdown)"),
            _("Download the snippet (Markdown)"),
            _("The answer and a table of the runs, for a README or a forum."),
            "text/markdown",
        ),
        "pytest-benchmark": _Kind(
            "pytest-benchmark (JSON)",
            _("Download for pytest-benchmark (JSON)"),
            _("Seconds per step of each block, for `pytest-benchmark compare FILE`."),
            json_type,
        ),
        "trace": _Kind(
            _("Watched steps (Chrome trace)"),
            _("Download the steps as a Chrome trace"),
            _("Opens in Perfetto (ui.perfetto.dev) or chrome://tracing, with every operation."),
            json_type,
        ),
    }
