"""`python -m core compare`: stored or exported runs against each other, and what differs between them."""

from __future__ import annotations

import argparse
from typing import Any

from core import messages
from core.analysis import comparability
from core.analysis.comparability import Level
from core.analysis.comparison import compare
from core.cli.sources import HELP, METAVAR, runs_of
from core.cli.table import print_results
from core.errors import InputError
from core.i18n import Translate
from core.wording import labels_of

_MARKS: dict[Level, str] = {"red": "‼", "amber": "!", "green": "·"}


def add_to(commands: Any) -> None:
    parser = commands.add_parser("compare", help="compare stored or exported runs; the first is the baseline")
    parser.add_argument("sources", nargs="+", metavar=METAVAR, help=HELP)
    parser.set_defaults(command=_main)


def _main(arguments: argparse.Namespace, translate: Translate) -> int:
    runs = {run.id: run for source in arguments.sources for run in runs_of(source)}
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
