"""What a command is told to read: an exported file, or the id of a stored job or run."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from core import paths
from core.errors import InputError
from core.records import RunResult
from core.runs.files import exchange

METAVAR = "FILE|JOB|RUN"
HELP = "an exported file, or the id of a stored job or run"


def runs_of(source: str) -> tuple[RunResult, ...]:
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
