"""The JSON document in which runs travel between machines. It must not know where its files are kept.

Summaries, caveats and comparisons are written for the reader of the file and never read back: they are
recomputed from the raw samples. The content hash is of the raw records alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
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
from core.runs.files.masking import masked, masked_comparison, without_paths
from core.runs.files.untrusted import SIZE_LIMIT_BYTES, parse_json, shown
from core.runs.files.vetting import refuse_odd_values, sayable, vet

__all__ = [
    "SIZE_LIMIT_BYTES",
    "digest",
    "document",
    "parse_json",
    "read_bytes",
    "read_document",
    "read_json",
    "write_json",
]

MOST_RUNS = 2_000  # of a document
_DERIVED = ("quality", "caveats", "summary")
_NOT_CONTENT = ("origin", "schema_version")  # where a run was read from, and by which version written


def document(
    results: Sequence[RunResult], comparisons: Sequence[Comparison] = (), *, created_at: str
) -> dict[str, Any]:
    """Runs and what was concluded from them, without what is private. `created_at`: UTC, ISO 8601."""
    results = [masked(sayable(result)) for result in results]
    return {
        "schema_version": SCHEMA_VERSION,
        "created_at": created_at,
        "content_hash": _content_hash(results),
        "runs": [_run(result) for result in results],
        "comparisons": [_comparison(masked_comparison(comparison)) for comparison in comparisons],
    }


def read_document(data: Any) -> tuple[RunResult, ...]:
    """The runs of a document, marked as imported, since nothing in a file was measured here and now.

    Raises InputError: document_newer, schema_unreadable, malformed_record; file_changed where the runs aren't
    those that its content hash was made of. A document of an earlier Crossover has none.
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
    if len(entries) > MOST_RUNS:
        raise _malformed("document.runs", f"has {len(entries)} runs, and at most {MOST_RUNS} are read")
    results: dict[str, RunResult] = {}
    for i, entry in enumerate(entries):
        result = _read_run(entry, f"runs[{i}]")
        if result.id in results:
            raise _malformed(f"runs[{i}].id", "another run has the same")
        results[result.id] = result
    if "content_hash" in data and data["content_hash"] != _content_hash(tuple(results.values())):
        raise InputError("file_changed")
    return tuple(results.values())


def digest(result: RunResult) -> str:
    """What a run is known by: SHA-256 of its raw record, wherever it was read from, in hexadecimal.

    Fields that say nothing beyond their default are left out, so that a record has the same digest in a later
    version that knows more fields.
    """
    told = _telling(without_paths(sayable(result)))  # a run is the same whether or not it has been in a file
    content = {name: value for name, value in told.items() if name not in _NOT_CONTENT}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def write_json(path: Path, data: Any) -> None:
    """Write `data` to `path` whole or not at all. Raises InputError("file_not_written")."""
    try:
        text = json.dumps(data, allow_nan=False)
    except ValueError as error:
        raise InputError("file_not_written", name=path.name, problem=str(error)) from error
    write_text(path, text + "\n")


def write_text(path: Path, text: str) -> None:
    """Write `text` over what was there, whole or not at all. Raises InputError("file_not_written")."""
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}")  # same folder: a rename is atomic there only
    try:
        with part.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
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
    return parse_json(path.name, read_bytes(path))


def read_bytes(path: Path) -> bytes:
    """A file, no further than `parse_json` would take it. Raises InputError("file_not_read")."""
    try:
        with path.open("rb") as file:
            return file.read(SIZE_LIMIT_BYTES + 1)
    except OSError as error:
        raise InputError("file_not_read", name=shown(path.name), problem=_problem(error)) from error


def _content_hash(results: Sequence[RunResult]) -> str:
    whole = hashlib.sha256("".join(map(digest, results)).encode("ascii"))
    return f"sha256:{whole.hexdigest()}"


def _telling(value: Any) -> Any:
    """As to_plain, without the fields that hold their default."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        held = ((name, getattr(value, name), default) for name, default in _defaults(type(value)))
        return {name: _telling(item) for name, item, default in held if item != default}
    if isinstance(value, (tuple, list)):
        return [_telling(item) for item in value]
    return value + 0.0 if type(value) is float else value  # -0.0 is the same number, spelled otherwise


@functools.cache
def _defaults(kind: type) -> tuple[tuple[str, Any], ...]:
    def default(field: dataclasses.Field[Any]) -> Any:
        made = field.default_factory
        return field.default if made is dataclasses.MISSING else made()

    return tuple((field.name, default(field)) for field in dataclasses.fields(kind))


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
    refuse_odd_values(raw, where)
    result = from_plain(RunResult, raw, where)
    refuse_unsound(result, where)
    vet(result, where)
    return dataclasses.replace(result, origin="imported")


def _malformed(where: str, problem: str) -> InputError:
    return InputError("malformed_record", where=where, problem=problem)


def _problem(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
