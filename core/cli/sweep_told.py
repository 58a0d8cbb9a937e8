"""What a sweep says on its way: a line for each point as it begins, its notes, the file after each point."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from core import messages, units
from core.i18n import Translate
from core.records import Note, RunResult
from core.runs.files import exchange
from core.runs.sweeping import document as sweep_document
from core.runs.sweeping.sweep import Progress, SweepSpec


class Told:
    """Called with every progress, by one thread at a time."""

    def __init__(self, known: Sequence[RunResult], file: Path | None, translate: Translate) -> None:
        self._known, self._file, self._translate = known, file, translate
        self._last: Progress | None = None

    def begin(self, spec: SweepSpec) -> None:
        """Before anything is measured: what of the file is of no use."""
        self._last = Progress(spec)
        other = sum(not spec.holds(run.spec) for run in self._known)
        if other:
            self.note(Note("resume_other_sweep", {"count": other}))

    def __call__(self, progress: Progress) -> None:
        last = self._last
        assert last is not None
        for model, batch_size in progress.under_way:
            if (model, batch_size) not in last.under_way:
                print(self._line(progress, model, batch_size), file=sys.stderr)
        for note in progress.notes[len(last.notes) :]:
            self.note(note)
        if progress.jobs > last.jobs:
            self.keep(progress, concluded=False)
        self._last = progress

    def keep(self, progress: Progress, *, concluded: bool = True) -> None:
        """Write the file, if one is wanted. One whose runs are still to be taken over stays as it is.

        Raises InputError("file_not_written").
        """
        if self._file is not None and (progress.results or not self._known):
            document = sweep_document.document(progress, created_at=_now(), concluded=concluded)
            exchange.write_json(self._file, document)

    def enough(self) -> Progress:
        """All that there is, where somebody has had enough between two jobs."""
        assert self._last is not None
        return replace(self._last, cancelled=True, done=True)

    def note(self, note: Note) -> None:
        print(messages.sentence(note.code, note.facts, self._translate), file=sys.stderr)

    def error(self, note: Note) -> None:
        print(f"error: {messages.sentence(note.code, note.facts, self._translate)}", file=sys.stderr)

    def _line(self, progress: Progress, model: str, batch_size: int) -> str:
        said = f"{progress.settled}/{progress.planned} {model} {batch_size}"
        if progress.seconds_left is None:
            return said
        left = self._translate("{time} left").format(time=units.duration(progress.seconds_left))
        return f"{said} · {left}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
