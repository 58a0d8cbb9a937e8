"""`python -m core compare`: stored or exported runs against each other, and what differs between them."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from core import messages, paths
from core.analysis import comparability
from core.analysis.comparability import Level
from core.analysis.comparison import compare
from core.cli.table import print_results
from core.errors import InputError
from core.i18n import Translate
from core.records import RunResult
from core.runs import exchange
from core.wording import labels_of

_MARKS: dict[Level, str] = {"red": "‼", "amber": "!", "green": "·"}


def add_to(commands: Any) -> None:
    parser = commands.add_parser("compare", help="compare stored or exported runs; the first is the baseline")
    parser.add_argument(
        "sources", nargs="+", metavar="FILE|JOB|RUN", help="an exported file, or the id of a stored job or run"
    )
    parser.set_defaults(command=_main)


def _main(arguments: argparse.Namespace, translate: Translate) -> int:
    runs = {run.id: run for source in arguments.sources for run in _runs(source)}
    baseline, *others = runs.values()
    if not others:
        raise InputError("same_run", run=baseline.id)
    names = labels_of(tuple(runs.values()), translate)
    for other, name in zip(others, names[1:], strict=True):
        print(translate("{baseline} and {candidate} differ in:").format(baseline=names[0], candidate=name))
        found = comparability.differences(baseline, other)
        for item in found:
            facts = {"field": item.field, "a": item.a, "b": item.b}
            print(f"{_MARKS[item.level]} {messages.sentence(item.code, facts, translate)}")
        if not found:
            print(translate("· nothing that is recorded."))
        print()
    print_results(tuple(runs.values()), [compare(baseline, other) for other in others], translate)
    return 0


def _runs(source: str) -> tuple[RunResult, ...]:
    """Raises InputError where there is no such file, job or run, or the file holds none."""
    path = Path(source)
    if path.exists() or path.suffix == ".json":
        runs = exchange.read_document(exchange.read_json(path))
        if not runs:
            raise InputError("no_runs_in_file", name=path.name)
        return runs
    if find_spec("sqlalchemy") is None:
        raise InputError("unknown_job", job=source)
    from core.runs.store import Store

    store = Store(paths.database_url())
    try:
        run = store.run(source)
        runs = (run,) if run else store.runs_of_job(source)
    finally:
        store.close()
    if not runs:
        raise InputError("unknown_job", job=source)
    return runs
