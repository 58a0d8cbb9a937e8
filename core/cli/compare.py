"""`python -m core compare`: stored or exported runs against each other, and what differs between them."""

from __future__ import annotations

import argparse
from typing import Any

from core.analysis.comparison import compare
from core.cli.sources import HELP, METAVAR, runs_of
from core.cli.table import print_differences, print_results
from core.errors import InputError
from core.i18n import Translate


def add_to(commands: Any) -> None:
    parser = commands.add_parser("compare", help="compare stored or exported runs; the first is the baseline")
    parser.add_argument("sources", nargs="+", metavar=METAVAR, help=HELP)
    parser.set_defaults(command=_main)


def _main(arguments: argparse.Namespace, translate: Translate) -> int:
    runs = {run.id: run for source in arguments.sources for run in runs_of(source)}
    baseline, *others = runs.values()
    if not others:
        raise InputError("same_run", run=baseline.id)
    print_differences(baseline, others, tuple(runs.values()), translate)
    print_results(tuple(runs.values()), [compare(baseline, other) for other in others], translate)
    return 0
