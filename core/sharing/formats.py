"""The kinds of file that results travel as: which ending names which, and what each is made by."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

from core.errors import InputError
from core.i18n import Translate
from core.records import RunResult
from core.runs.files import exchange
from core.runs.files.chrome_trace import chrome_trace
from core.sharing import csv_table, markdown, pytest_benchmark
from core.sharing.bundle import gather

Format = Literal["json", "csv", "blocks", "html", "markdown", "pytest-benchmark", "trace"]
FORMATS: tuple[Format, ...] = get_args(Format)

# The longer endings first: .trace.json ends in .json, too
ENDINGS: dict[Format, str] = {
    "pytest-benchmark": ".benchmark.json",
    "trace": ".trace.json",
    "blocks": ".blocks.csv",
    "json": ".json",
    "csv": ".csv",
    "html": ".html",
    "markdown": ".md",
}


def format_of(path: Path) -> Format:
    """By the ending of a file's name. Raises InputError("unknown_ending")."""
    name = path.name.lower()
    for kind, ending in ENDINGS.items():
        if name.endswith(ending):
            return kind
    raise InputError("unknown_ending", name=path.name, endings=", ".join(ENDINGS.values()))


def render(
    kind: Format,
    results: Sequence[RunResult],
    translate: Translate,
    *,
    created_at: str,
    language: str = "en",
    link: str | None = None,
    revision: str | None = None,
) -> str:
    """The text of the file, without what is private on the machine of its runs.

    `created_at`: UTC, ISO 8601. `language`: of `translate`, as i18n.LANGUAGES has it. `link`: where the result
    is shown. `revision`: of this Crossover. Raises InputError: nothing_watched, report_needs, bad_link.
    """
    bundle = gather(results, translate)
    if kind == "json":
        return _json(exchange.document(bundle.runs, bundle.comparisons, created_at=created_at))
    if kind == "csv":
        return csv_table.runs(bundle)
    if kind == "blocks":
        return csv_table.blocks(bundle)
    if kind == "markdown":
        return markdown.snippet(bundle, translate, link)
    if kind == "pytest-benchmark":
        return _json(pytest_benchmark.document(bundle, created_at=created_at))
    if kind == "trace":
        if not any(run.trace for run in bundle.runs):
            raise InputError("nothing_watched")
        return _json(chrome_trace(bundle.runs))
    absent = [name for name in ("plotly", "jinja2") if find_spec(name) is None]
    if absent:
        raise InputError("report_needs", packages=", ".join(absent))
    from core.sharing import report

    return report.report(
        bundle, translate, created_at=created_at, language=language, link=link, revision=revision
    )


def _json(data: object) -> str:
    return json.dumps(data, indent=1, allow_nan=False) + "\n"
