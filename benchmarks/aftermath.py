"""What must hold in a database after whatever writes to it was killed. It must not know how that was done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import StoreError
from core.records import RunResult
from core.runs.files import exchange
from core.runs.store import JobRow, Store


@dataclass
class Faults:
    """Ids of what is wrong; all empty is what is hoped for."""

    unopened: list[str] = field(default_factory=list)  # the database itself: what it said
    missing: list[str] = field(default_factory=list)  # told as done, and not there or not as it was told
    half: list[str] = field(default_factory=list)  # a run that can't be read, or a part of what is to be whole
    forgotten: list[str] = field(default_factory=list)  # a dead server's job that nobody has seen to


class Witness:
    """Reads the victim's journal and looks after each kill whether the database keeps what it says."""

    def __init__(self, url: str, journal: Path) -> None:
        self._url, self._journal, self._read = url, journal, 0
        self._left: tuple[JobRow, ...] = ()  # open jobs of the server killed last
        self.faults = Faults()
        self.finished = self.imported = self.interrupted = 0  # jobs, files, jobs

    def opened(self) -> bool:
        """Whether the server that runs now has seen to what the one before has left."""
        return any(line["what"] == "open" for line in self._lines(self._read))

    def look(self) -> None:
        """After a kill: check what was written down since the last time."""
        lines = list(self._lines(self._read))
        self._read = self._journal.stat().st_size if self._journal.exists() else 0
        try:
            store = Store(self._url)
        except StoreError as problem:
            self.faults.unopened.append(str(problem))
            return
        try:
            self._heirs(store, opened=any(line["what"] == "open" for line in lines))
            for line in lines:
                if check := getattr(self, f"_{line['what']}", None):
                    check(store, line)
            self._left = store.open_jobs()
        finally:
            store.close()

    def _heirs(self, store: Store, *, opened: bool) -> None:
        """A running job of a dead server is interrupted; one that waited belongs to its heir or is over."""
        if not opened:  # killed before it could see to anything: its heir will
            return
        for left in self._left:
            row = store.job(left.id)
            assert row is not None
            seen_to = row.state == "interrupted" if left.state == "running" else row.owner != left.owner
            self.interrupted += left.state == "running" and seen_to
            if not seen_to:
                self.faults.forgotten.append(left.id)

    def _submitted(self, store: Store, line: dict[str, Any]) -> None:
        """Whatever became of the job: if the database says it is finished, all of it is there."""
        row, runs = store.job(line["job"]), self._runs_of_job(store, line["job"])
        if row is None:
            self.faults.missing.append(line["job"])
        elif row.state == "finished" and [run.status for run in runs] != ["finished"] * len(row.spec.setups):
            self.faults.half.append(line["job"])

    def _finished(self, store: Store, line: dict[str, Any]) -> None:
        self.finished += 1
        if [exchange.digest(run) for run in self._runs_of_job(store, line["job"])] != line["digests"]:
            self.faults.missing.append(line["job"])

    def _importing(self, store: Store, line: dict[str, Any]) -> None:
        there = [run for run_id in line["runs"] if (run := self._run(store, run_id)) is not None]
        if len(there) not in (0, len(line["runs"])):
            self.faults.half.append(line["runs"][0])

    def _imported(self, store: Store, line: dict[str, Any]) -> None:
        self.imported += 1
        runs = [self._run(store, run_id) for run_id in line["runs"]]
        if [exchange.digest(run) for run in runs if run is not None] != line["digests"]:
            self.faults.missing.append(line["runs"][0])

    def _run(self, store: Store, run_id: str) -> RunResult | None:
        try:
            return store.run(run_id)
        except StoreError as problem:
            self.faults.half.append(str(problem))
            return None

    def _runs_of_job(self, store: Store, job_id: str) -> tuple[RunResult, ...]:
        try:
            return store.runs_of_job(job_id)
        except StoreError as problem:
            self.faults.half.append(str(problem))
            return ()

    def _lines(self, start: int) -> Iterator[dict[str, Any]]:
        if not self._journal.exists():
            return
        with self._journal.open("rb") as file:
            file.seek(start)
            for line in file:
                if line.endswith(b"\n"):  # the last may be cut short, and then nothing was told
                    yield json.loads(line)
