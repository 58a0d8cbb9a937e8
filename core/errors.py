"""The exception types. Each carries a code and facts; `core.messages` turns them into a sentence."""

from __future__ import annotations

from typing import Any

from core.records.codes import Note


class CrossoverError(Exception):
    """Something a person can act on: a code for the message catalogue and the facts that fill it."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code, facts)
        self.code = code
        self.facts = facts

    @property
    def note(self) -> Note:
        """The same as records and pages keep it."""
        return Note(self.code, dict(self.facts))  # type: ignore[arg-type]

    def __reduce__(self) -> tuple[Any, ...]:
        """Survives the way between two processes, which knows of positional arguments only."""
        return _again, (type(self), self.code, self.facts)

    def __str__(self) -> str:
        return f"{self.code} {self.facts}" if self.facts else self.code


def _again(kind: type[CrossoverError], code: str, facts: dict[str, object]) -> CrossoverError:
    return kind(code, **facts)


class InputError(CrossoverError):
    """What was asked for can't be done as asked; the person can change it (exit code 2)."""


class MeasurementError(CrossoverError):
    """The request was sound but the run failed (exit code 1)."""


class StoreError(CrossoverError):
    """The results can't be read or written; nothing that was stored is touched."""
