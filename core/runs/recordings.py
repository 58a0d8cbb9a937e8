"""The runs that ship with Crossover, recorded on real machines: loads them, adds new ones. Never measures."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.errors import InputError
from core.records import RunResult, Workload
from core.runs import exchange


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
    path = folder / f"{datetime.fromisoformat(created_at).date()}_{_slug(_hardware(results))}.json"
    earlier = _read(path) if path.exists() else ()
    runs = {result.id: result for result in (*earlier, *_recorded(results))}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError("file_not_written", name=path.name, problem=error.strerror) from error
    exchange.write_json(path, exchange.document(tuple(runs.values()), created_at=created_at))
    return path


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
