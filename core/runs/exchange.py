"""The JSON document in which runs travel between machines. It must not know where its files are kept.

Summaries, caveats and comparisons are written for the reader of the file and never read back: they are
recomputed from the raw samples.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.analysis import caveats, summary
from core.analysis.quality import Quality, quality
from core.analysis.soundness import refuse_unsound
from core.codec import from_plain, to_plain
from core.errors import InputError
from core.records import SCHEMA_VERSION, Comparison, RunResult

SIZE_LIMIT_BYTES = 32 << 20  # some hundreds of runs; more would hold a page up for seconds
_DERIVED = ("quality", "caveats", "summary")


def document(
    results: Sequence[RunResult], comparisons: Sequence[Comparison] = (), *, created_at: str
) -> dict[str, Any]:
    """Runs and what was concluded from them, as plain JSON values. `created_at`: UTC, ISO 8601."""
    return {
        "schema_version": SCHEMA_VERSION,
        "created_at": created_at,
        "runs": [_run(result) for result in results],
        "comparisons": [_comparison(comparison) for comparison in comparisons],
    }


def read_document(data: Any) -> tuple[RunResult, ...]:
    """The runs of a document, marked as imported, since nothing in a file was measured here and now.

    Raises InputError: document_newer, schema_unreadable, malformed_record.
    """
    if not isinstance(data, dict):
        raise _malformed("document", "not an object")
    version = data.get("schema_version")
    if type(version) is not int or version < 1:
        raise _malformed("document.schema_version", "needs a whole number above 0")
    if version > SCHEMA_VERSION:
        raise InputError("document_newer", found=version, known=SCHEMA_VERSION)
    entries = data.get("runs")
    if not isinstance(entries, list):
        raise _malformed("document.runs", "not a list")
    results: dict[str, RunResult] = {}
    for i, entry in enumerate(entries):
        result = _read_run(entry, f"runs[{i}]")
        if result.id in results:
            raise _malformed(f"runs[{i}].id", "another run has the same")
        results[result.id] = result
    return tuple(results.values())


def write_json(path: Path, data: Any) -> None:
    """Write `data` to `path` whole or not at all. Raises InputError("file_not_written")."""
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}")  # same folder: a rename is atomic there only
    try:
        text = json.dumps(data, allow_nan=False)
        with part.open("x", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except (OSError, ValueError) as error:
        raise InputError("file_not_written", name=path.name, problem=_problem(error)) from error
    finally:
        with contextlib.suppress(OSError):  # gone after the rename, or never made
            part.unlink()


def read_json(path: Path) -> Any:
    """The plain values in a JSON file. Raises InputError: file_not_read, file_too_large, file_not_json."""
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT_BYTES + 1)
    except OSError as error:
        raise InputError("file_not_read", name=path.name, problem=_problem(error)) from error
    return parse_json(path.name, content)


def parse_json(name: str, content: bytes) -> Any:
    """As read_json, for a file called `name` that is in memory already, such as an upload."""
    if len(content) > SIZE_LIMIT_BYTES:
        raise InputError("file_too_large", name=name, limit_mib=SIZE_LIMIT_BYTES >> 20)
    try:
        return json.loads(content)
    except RecursionError as error:
        raise InputError("file_not_json", name=name, problem="nested too deeply") from error
    except ValueError as error:  # also text that isn't UTF-8
        raise InputError("file_not_json", name=name, problem=str(error)) from error


def _run(result: RunResult) -> dict[str, Any]:
    derived = {"caveats": caveats.of_run(result), "summary": summary.summarise(result)}
    return {**to_plain(result), "quality": _quality(quality(result)), **to_plain(derived)}


def _comparison(comparison: Comparison) -> dict[str, Any]:
    names = ("speedup", "pairs", "parity", "verdict", "caveats")
    concluded = {name: to_plain(getattr(comparison, name)) for name in names}
    runs = {"baseline": comparison.baseline.id, "candidate": comparison.candidate.id}
    return {**runs, "quality": _quality(quality(comparison)), **concluded}


def _quality(found: Quality) -> dict[str, Any]:
    """The badge and the codes of its reasons; a reason's facts stand with the caveat."""
    return {"badge": found.badge, "reasons": list(dict.fromkeys(caveat.code for caveat in found.reasons))}


def _read_run(entry: Any, where: str) -> RunResult:
    if not isinstance(entry, dict):
        raise _malformed(where, "not an object")
    raw = {key: value for key, value in entry.items() if key not in _DERIVED}
    result = from_plain(RunResult, raw, where)
    refuse_unsound(result, where)
    return dataclasses.replace(result, origin="imported")


def _malformed(where: str, problem: str) -> InputError:
    return InputError("malformed_record", where=where, problem=problem)


def _problem(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
