"""Runs that visitors of a public server have imported: each sees only their own, and only for a while.

In memory alone: strangers write nothing into the database by importing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from core.errors import InputError
from core.records import RunResult

_MIB = 2**20


@dataclass(frozen=True)
class GuestLimits:
    """Bytes are those of the imported files; in memory a run takes two to three times as much."""

    runs: int = 50  # of one visitor
    visitor_bytes: int = 8 * _MIB
    all_bytes: int = 64 * _MIB
    keep_s: float = 24 * 3600.0


@dataclass
class _File:
    at_s: float
    size_bytes: int
    runs: tuple[RunResult, ...]


class GuestImports:
    """May be used from several threads."""

    def __init__(self, limits: GuestLimits | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits, self._clock = limits or GuestLimits(), clock
        self._lock = threading.Lock()
        self._files: dict[str, list[_File]] = {}  # of each visitor, the oldest first

    def add(self, visitor: str, runs: Sequence[RunResult], size_bytes: int) -> None:
        """Keep the runs of one file, all or none; those that the visitor has already are left as they are.

        Raises InputError: guest_too_many, guest_too_large. What others imported longest ago gives way.
        """
        with self._lock:
            self._forget_old()
            files = self._files.get(visitor, [])
            known = {run.id for file in files for run in file.runs}
            new = tuple({run.id: run for run in runs if run.id not in known}.values())
            if not new:
                return
            if len(known) + len(new) > self._limits.runs:
                raise InputError("guest_too_many", most=self._limits.runs)
            if sum(file.size_bytes for file in files) + size_bytes > self._limits.visitor_bytes:
                raise InputError("guest_too_large", mib=self._limits.visitor_bytes // _MIB)
            self._files.setdefault(visitor, []).append(_File(self._clock(), size_bytes, new))
            self._make_room()

    def runs(self, visitor: str) -> tuple[RunResult, ...]:
        """What this visitor imported, in the order of the files."""
        with self._lock:
            self._forget_old()
            return tuple(run for file in self._files.get(visitor, []) for run in file.runs)

    def run(self, visitor: str, run_id: str) -> RunResult | None:
        return next((run for run in self.runs(visitor) if run.id == run_id), None)

    def remove(self, visitor: str, run_ids: Iterable[str]) -> None:
        gone = set(run_ids)
        with self._lock:
            for file in self._files.get(visitor, []):
                file.runs = tuple(run for run in file.runs if run.id not in gone)
            self._keep(visitor, [file for file in self._files.get(visitor, []) if file.runs])

    def _forget_old(self) -> None:
        since = self._clock() - self._limits.keep_s
        for visitor, files in list(self._files.items()):
            if files[0].at_s <= since:
                self._keep(visitor, [file for file in files if file.at_s > since])

    def _make_room(self) -> None:
        def total() -> int:
            return sum(file.size_bytes for files in self._files.values() for file in files)

        while total() > self._limits.all_bytes:
            oldest = min(self._files, key=lambda visitor: self._files[visitor][0].at_s)
            self._keep(oldest, self._files[oldest][1:])

    def _keep(self, visitor: str, files: list[_File]) -> None:
        if files:
            self._files[visitor] = files
        else:
            self._files.pop(visitor, None)
