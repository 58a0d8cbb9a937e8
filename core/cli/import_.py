"""`python -m core import`: runs from files into the database, each file whole or not at all."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from core import messages, paths, units
from core.analysis.machines import kind_of
from core.analysis.quality import quality
from core.analysis.summary import summarise
from core.errors import InputError, StoreError
from core.i18n import Translate
from core.records import RunResult
from core.runs.files import exchange, recordings
from core.runs.files.importing import Plan, plan
from core.runs.queue.keeping import Keeper
from core.wording import badge_words, setup_words, workload_words

Known = Callable[[str], RunResult | None]
Keep = Callable[[Sequence[RunResult]], None]


def add_to(commands: Any) -> None:
    parser = commands.add_parser("import", help="add the runs of exported files to those that are stored")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a JSON file that was exported")
    parser.add_argument("--dry-run", action="store_true", help="only show what would be added")
    parser.add_argument(
        "--recordings",
        action="store_true",
        help="only check the files, by the rules of recordings/ too: hardware, file name, nothing personal",
    )
    parser.set_defaults(command=_main)


def _main(arguments: argparse.Namespace, translate: Translate) -> int:
    refused = False
    with _runs_here(only_look=arguments.dry_run or arguments.recordings) as (known, keep):
        for path in arguments.files:
            try:
                found = plan(path.name, exchange.read_bytes(path), known)
                if arguments.recordings:
                    recordings.check(path)
                keep(found.new)
            except InputError as problem:
                refused = True
                said = messages.sentence(problem.code, problem.facts, translate)
                print(f"error: {said}", file=sys.stderr)
            else:
                _tell(found, translate, added=keep is not _look)
    return 2 if refused else 0


@contextlib.contextmanager
def _runs_here(*, only_look: bool) -> Iterator[tuple[Known, Keep]]:
    """The stored runs by id, and how more are kept. Looking at a file needs no database."""
    if find_spec("sqlalchemy") is None:
        if not only_look:
            raise InputError("import_needs_store")
        yield lambda _run_id: None, _look
        return
    from core.runs.store import Store

    store = Store(paths.database_url())
    try:
        yield store.run, _look if only_look else lambda results: _keep(Keeper(store), results)
    finally:
        store.close()


def _look(_results: Sequence[RunResult]) -> None:
    """Keeps nothing."""


def _keep(keeper: Keeper, results: Sequence[RunResult]) -> None:
    problem = keeper.results(results)
    if problem is not None:
        raise StoreError(problem.code, **problem.facts)


def _tell(found: Plan, translate: Translate, *, added: bool) -> None:
    heading = translate("{file}: {new} added, {known} here already.")
    if not added:
        heading = translate("{file}: {new} would be added, {known} are here already.")
    print(heading.format(file=found.name, new=len(found.new), known=len(found.duplicates)))
    for result in found.new:
        print(f"+ {_line(result, translate)}")
    for result in found.duplicates:
        print(f"= {_line(result, translate)}")


def _line(result: RunResult, translate: Translate) -> str:
    """Workload, setup and device, speed and quality."""
    name = kind_of(result)  # of a cluster's machine as its owner calls it
    rate = summarise(result).samples_per_s
    setup = setup_words(result.spec.setup, name, translate)
    parts = [
        workload_words(result.spec.workload, translate),
        f"{setup} ({name})" if name and result.spec.setup.device == "cpu" else setup,
        units.rate(rate.value if rate else None, translate),
        badge_words(quality(result).badge, translate),
    ]
    return " | ".join(parts)
