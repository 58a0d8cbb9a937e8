"""The runs that ship with Crossover, recorded on real machines: loads them, adds new ones. Never measures."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.records import RunResult, Workload
from core.runs.files import exchange, untrusted

# A folder of one person, an address, a name of a machine in a network.
_PERSONAL = re.compile(
    r"(?:/home/|/Users/|[A-Za-z]:\\Users\\)[^/\\\s]+|/root/|[\w.+-]+@[\w-]+\.\w+|\b[\w-]+\.(?:local|lan|internal)\b"
)


@dataclass(frozen=True, slots=True)
class BadFile:
    """A recording that couldn't be read, and why (a message code and its facts)."""

    name: str
    code: str
    facts: dict[str, object]


@dataclass(frozen=True, slots=True)
class Recordings:
    runs: tuple[RunResult, ...]  # newest first
    bad_files: tuple[BadFile, ...]

    def matching(self, workload: Workload) -> tuple[RunResult, ...]:
        """The recorded runs of this workload, newest first; several of one device and setup may be there."""
        return tuple(result for result in self.runs if result.spec.workload == workload)


def load_all(folder: Path) -> Recordings:
    """Every readable recording in a folder, marked as recorded. A file is parsed again only when it changes."""
    runs: dict[str, RunResult] = {}
    bad_files = []
    for path in sorted(folder.glob("*.json")):
        loaded = _load_if_changed(path)
        if isinstance(loaded, BadFile):
            bad_files.append(loaded)
            continue
        again = next((result.id for result in loaded if result.id in runs), None)
        if again is not None:
            bad_files.append(BadFile(path.name, "recorded_twice", {"run": again}))
            continue
        runs.update((result.id, result) for result in loaded)
    newest_first = sorted(runs.values(), key=lambda result: result.created_at, reverse=True)
    return Recordings(tuple(newest_first), tuple(bad_files))


def write(folder: Path, results: Sequence[RunResult], created_at: str) -> Path:
    """Add runs to the recording of their machine and of the day of `created_at` (UTC, ISO 8601); its path.

    Raises InputError: recording_without_hardware, file_not_written, and those of reading where there is a
    recording of that machine and day already, which is kept.
    """
    path = folder / _name(results, created_at)
    earlier = _read(path) if path.exists() else ()
    runs = {result.id: result for result in (*earlier, *_recorded(results))}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError("file_not_written", name=path.name, problem=error.strerror) from error
    exchange.write_json(path, exchange.document(tuple(runs.values()), created_at=created_at))
    return path


def check(path: Path) -> tuple[RunResult, ...]:
    """The runs of a file that is to be shipped. Raises InputError: those of reading; unfit_recording."""
    data = exchange.read_json(path)
    results = exchange.read_document(data)
    for problem in _unfit(path.name, data, results):
        raise InputError("unfit_recording", name=path.name, problem=problem)
    return _recorded(results)


def _unfit(name: str, data: dict[str, Any], results: Sequence[RunResult]) -> Iterator[str]:
    if not results:
        yield "it holds no runs"
    if "content_hash" not in data:
        yield "it has no content hash"
    for entry, result in zip(data["runs"], results, strict=True):
        if entry.get("origin") != "recorded":
            yield f"the run {result.id} isn't marked as recorded"
        if result.environment is None:
            yield f"the run {result.id} doesn't say on which hardware it was measured"
        if not result.blocks:
            yield f"the run {result.id} has no timed blocks"
        personal = next((found[0] for text in _texts(entry) if (found := _PERSONAL.search(text))), None)
        if personal is not None:
            yield f"the run {result.id} holds something personal: {untrusted.shown(personal)}"
    try:
        wanted = _name(results, str(data.get("created_at")))
    except ValueError:
        yield "created_at isn't a time"
    else:
        if name != wanted:
            yield f"its name should be {wanted}"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _name(results: Sequence[RunResult], created_at: str) -> str:
    return f"{datetime.fromisoformat(created_at).date()}_{_slug(_hardware(results))}.json"


def _load_if_changed(path: Path) -> tuple[RunResult, ...] | BadFile:
    try:
        now = path.stat()
    except OSError as error:
        return BadFile(path.name, "file_not_read", {"name": path.name, "problem": error.strerror})
    return _load(path, now.st_mtime_ns, now.st_size)


@functools.lru_cache(maxsize=256)
def _load(path: Path, _mtime_ns: int, _size: int) -> tuple[RunResult, ...] | BadFile:
    try:
        return _read(path)
    except InputError as error:
        return BadFile(path.name, error.code, error.facts)


def _read(path: Path) -> tuple[RunResult, ...]:
    return _recorded(exchange.read_document(exchange.read_json(path)))


def _recorded(results: Sequence[RunResult]) -> tuple[RunResult, ...]:
    return tuple(dataclasses.replace(result, origin="recorded") for result in results)


def _hardware(results: Sequence[RunResult]) -> str:
    environments = [result.environment for result in results if result.environment]
    if not environments:
        raise InputError("recording_without_hardware")
    accelerators = [item.device.name for item in environments if item.device.id != "cpu"]
    return accelerators[0] if accelerators else environments[0].machine.cpu.model


def _slug(name: str) -> str:
    plain = re.sub(r"\((r|tm)\)|@.*|\b(cpu|processor|\d+-core)\b", " ", name.lower())
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60] or "unnamed"
