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
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from core.analysis import caveats, summary
from core.codec import from_plain, to_plain
from core.errors import InputError
from core.records import SCHEMA_VERSION, Comparison, RunResult

SIZE_LIMIT_BYTES = 32 << 20  # some hundreds of runs; more would hold a page up for seconds
_DERIVED = ("caveats", "summary")


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

    Raises InputError: document_newer, malformed_record.
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
    return {**to_plain(result), **to_plain(derived)}


def _comparison(comparison: Comparison) -> dict[str, Any]:
    names = ("speedup", "pairs", "parity", "verdict", "caveats")
    concluded = {name: to_plain(getattr(comparison, name)) for name in names}
    return {"baseline": comparison.baseline.id, "candidate": comparison.candidate.id, **concluded}


def _read_run(entry: Any, where: str) -> RunResult:
    if not isinstance(entry, dict):
        raise _malformed(where, "not an object")
    raw = {key: value for key, value in entry.items() if key not in _DERIVED}
    result = from_plain(RunResult, raw, where)
    for name, number in _above_zero(result):
        if number <= 0:
            raise _malformed(f"{where}.{name}", "must be above 0")
    for name, number in _not_negative(result):
        if number < 0:
            raise _malformed(f"{where}.{name}", "must not be below 0")
    if not _is_utc(result.created_at):
        raise _malformed(f"{where}.created_at", "needs a time in UTC, such as 2026-11-22T18:30:00+00:00")
    return dataclasses.replace(result, origin="imported")


def _above_zero(result: RunResult) -> Iterator[tuple[str, float]]:
    yield "spec.workload.batch_size", result.spec.workload.batch_size
    yield "spec.workload.epochs", result.spec.workload.epochs
    if result.data:
        yield "data.train_samples", result.data.train_samples
    for i, block in enumerate(result.blocks):
        for name in ("epoch", "steps", "samples", "duration_s"):
            yield f"blocks[{i}].{name}", getattr(block, name)
    for i, record in enumerate(result.epochs):
        for name in ("epoch", "steps", "samples"):
            yield f"epochs[{i}].{name}", getattr(record, name)


def _not_negative(result: RunResult) -> Iterator[tuple[str, float]]:
    for name, value in to_plain(result.cold_start or {}).items():
        if value is not None:
            yield f"cold_start.{name}", value
    for i, block in enumerate(result.blocks):
        yield f"blocks[{i}].start_s", block.start_s
    for i, record in enumerate(result.epochs):
        yield f"epochs[{i}].evaluation_s", record.evaluation_s
        yield f"epochs[{i}].test_samples", record.test_samples
    for stage in result.anatomy.stages if result.anatomy else ():
        for i, seconds in enumerate(stage.seconds):
            yield f"anatomy.{stage.stage}.seconds[{i}]", seconds


def _is_utc(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).utcoffset() == timedelta(0)
    except ValueError:
        return False


def _malformed(where: str, problem: str) -> InputError:
    return InputError("malformed_record", where=where, problem=problem)


def _problem(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
