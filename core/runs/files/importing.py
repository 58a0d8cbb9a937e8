"""What a file from outside would add to the runs that are here. It writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.errors import InputError
from core.records import RunResult
from core.runs.files import exchange
from core.runs.files.untrusted import shown


@dataclass(frozen=True, slots=True)
class Plan:
    """A file that was read and found sound."""

    name: str  # of the file, fit to be shown
    new: tuple[RunResult, ...]
    duplicates: tuple[RunResult, ...]  # here already, with the same content


def plan(name: str, content: bytes, known: Callable[[str], RunResult | None]) -> Plan:
    """What importing the file called `name` means; `known` gives the run that is here by that id.

    All or nothing. Raises InputError: those of exchange.parse_json and read_document; no_runs_in_file;
    import_conflict for a run that is here with other content.
    """
    results = exchange.read_document(exchange.parse_json(name, content))
    name = shown(name)
    if not results:
        raise InputError("no_runs_in_file", name=name)
    new, duplicates = [], []
    for result in results:
        here = known(result.id)
        if here is None:
            new.append(result)
        elif exchange.digest(here) == exchange.digest(result):
            duplicates.append(result)
        else:
            raise InputError("import_conflict", name=name, run=result.id)
    return Plan(name, tuple(new), tuple(duplicates))
