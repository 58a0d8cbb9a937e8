"""What a run from a file must be beyond sound: names and codes of ours, texts that only say something.

`core.analysis.soundness` judges what was measured; this judges what stands around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

from core import messages
from core.errors import InputError
from core.messages.notes import ABSENT
from core.records import JobSpec, Note, RunResult
from core.runs import admission
from core.runs.files.untrusted import shown

LONGEST_TEXT = 10_000  # characters; kernels' names and torch's complaints have thousands
MOST_ITEMS = 20_000  # of a list: an hour of blocks is 7,200, a watched step has 4,000 spans
# Beyond these a number is no measurement, and a ratio or a square may be no number; float32 ends at 3e38.
_SMALLEST, _LARGEST = 1e-60, 1e50

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
# Control characters but tab and new line, halves of a character, and what turns the direction of writing.
_ACTING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
# Texts that come from elsewhere even in a run of our own: what torch, the system or a file's name says.
_FROM_ELSEWHERE = ("environment", "notes", "failure")


def refuse_odd_values(raw: dict[str, Any], where: str) -> None:
    """Raises InputError("malformed_record") with the first text, number or list that no run of ours holds.

    Comes before the record is read, so that no message quotes what it should not. The depth is bounded already.
    """
    for name in ("id", "job_id"):
        if isinstance(raw.get(name), str) and not _ID.fullmatch(raw[name]):
            raise _malformed(f"{where}.{name}", "may hold up to 100 letters, digits and any of . _ : - only")
    found = _odd(raw)
    if found is not None:
        raise _malformed(f"{where}{found[0]}", found[1])


def vet(result: RunResult, where: str) -> None:
    """Raises InputError("malformed_record") for what nobody could have asked for, and for codes without a
    sentence."""
    for place, problem in _problems(result):
        raise _malformed(f"{where}.{place}", problem)


def sayable(result: RunResult) -> RunResult:
    """The run with its texts from elsewhere as `refuse_odd_values` lets them through."""
    return replace(result, **{name: cleaned(getattr(result, name)) for name in _FROM_ELSEWHERE})


def _problems(result: RunResult) -> Iterator[tuple[str, str]]:
    spec = JobSpec(result.spec.workload, (replace(result.spec.setup, threads=None),))  # another machine's
    try:
        admission.check(spec)
    except InputError as problem:
        yield "spec", messages.sentence(problem.code, problem.facts).rstrip(".")
    for i, note in enumerate(result.notes):
        yield from problems_of_note(note, f"notes[{i}]")
    if result.failure is not None:
        yield from problems_of_note(result.failure, "failure")
    yield from _unknown_codes(result)


def problems_of_note(note: Note, place: str) -> Iterator[tuple[str, str]]:
    """The place and what is wrong, where no sentence can be made of it."""
    try:
        messages.sentence(note.code, note.facts)
    except KeyError as error:
        known = note.code in messages.ALL
        yield place, f"needs the fact {error.args[0]}" if known else f"unknown code {shown(note.code)!a}"
    except (ValueError, TypeError):
        yield f"{place}.facts", "one of them has a type that its sentence can't show"


def _unknown_codes(result: RunResult) -> Iterator[tuple[str, str]]:
    """Codes that stand for a sentence without facts."""
    codes = {}
    if result.environment is not None:
        codes["environment.machine.gpus_absent"] = result.environment.machine.gpus_absent
    for i, absent in enumerate(result.telemetry.absent if result.telemetry else ()):
        codes[f"telemetry.absent[{i}].reason"] = absent.reason
    for place, code in codes.items():
        if code is not None and code not in ABSENT:
            yield place, f"unknown code {shown(code)!a}"


def _odd(value: Any) -> tuple[str, str] | None:
    """The first odd text, number or list in plain values: its place, and what is wrong."""
    if type(value) is float:
        strange = value and not _SMALLEST <= abs(value) <= _LARGEST
        return ("", "isn't a number that can be measured") if strange else None
    if type(value) is str:
        problem = _odd_text(value)
        return None if problem is None else ("", problem)
    if type(value) is dict:
        for name, item in value.items():
            if not _NAME.fullmatch(name):
                return "", f"holds the name {shown(name)!a}, which no field has"
            if (found := _odd(item)) is not None:
                return f".{name}{found[0]}", found[1]
    elif type(value) is list:
        if len(value) > MOST_ITEMS:
            return "", f"has {len(value)} items, and at most {MOST_ITEMS} are read"
        for i, item in enumerate(value):
            if (found := _odd(item)) is not None:
                return f"[{i}]{found[0]}", found[1]
    return None


def _odd_text(text: str) -> str | None:
    if len(text) > LONGEST_TEXT:
        return f"is a text of {len(text)} characters, and at most {LONGEST_TEXT} are read"
    acting = _ACTING.search(text)
    return f"holds the control character U+{ord(acting[0]):04X}" if acting else None


def cleaned(value: Any) -> Any:
    """Texts in records, dicts and tuples as `refuse_odd_values` lets them through."""
    if isinstance(value, str):
        return _ACTING.sub("\ufffd", value[:LONGEST_TEXT])
    if isinstance(value, dict):
        return {name: cleaned(item) for name, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: cleaned(getattr(value, field.name)) for field in fields(value)})
    return tuple(map(cleaned, value)) if isinstance(value, tuple) else value


def _malformed(where: str, problem: str) -> InputError:
    return InputError("malformed_record", where=where, problem=problem)
