"""JSON from outside to plain values, within limits that hold before anything is built. Knows no record.

Whatever is refused costs next to nothing: size, encoding, depth, count and the length of numbers are read off
the bytes, and only then are they parsed.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from core.errors import InputError

SIZE_LIMIT_BYTES = 32 << 20  # some hundreds of runs; more would hold a page up for seconds
DEEPEST = 32  # objects and lists in each other; a document of ours has 8
MOST_VALUES = 4_000_000  # as many as fit into 32 MiB where each is a measured number
MOST_FIELDS = 1_000  # of one object
LONGEST_NUMBER = 24  # digits in a row; a float as Python writes it has 17

_SHOWN = 100  # characters of a name that a sentence quotes
# Without backtracking, and to the end where the closing quote is missing: time grows with the length alone.
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_SHAPE = bytes.maketrans(b"[{]}123456789", b"(())" + b"0" * 9)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"()"))


class _RefusedError(ValueError):
    """Why a text isn't taken, in words that end a sentence."""


def parse_json(name: str, content: bytes) -> Any:
    """The plain values in the file called `name`. Raises InputError: file_too_large, file_not_json."""
    if len(content) > SIZE_LIMIT_BYTES:
        raise InputError("file_too_large", name=shown(name), limit_mib=SIZE_LIMIT_BYTES >> 20)
    try:
        text = _text(content)
        _refuse_shape(content)
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except ValueError as error:
        raise InputError("file_not_json", name=shown(name), problem=str(error)) from error


def shown(text: str) -> str:
    """A name from outside as a sentence may quote it: short, and without characters that act."""
    plain = "".join(letter if letter.isprintable() else "\ufffd" for letter in text[: _SHOWN + 1])
    return plain if len(plain) <= _SHOWN else plain[: _SHOWN - 1] + "…"


def _text(content: bytes) -> str:
    if not content.strip():
        raise _RefusedError("it is empty")
    if content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise _RefusedError("it starts with a byte order mark, and must be plain UTF-8")
    if b"\0" in content:
        raise _RefusedError("it holds zero bytes, and must be plain UTF-8")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _RefusedError(f"byte {error.start} isn't UTF-8") from error


def _refuse_shape(content: bytes) -> None:
    if sum(content.count(mark) for mark in (b",", b"[", b"{")) > MOST_VALUES:
        raise _RefusedError(f"it holds more than {MOST_VALUES} values")
    shape = _TEXT.sub(b"", content).translate(_SHAPE)
    if b"0" * (LONGEST_NUMBER + 1) in shape:
        raise _RefusedError(f"a number in it has more than {LONGEST_NUMBER} digits")
    brackets = shape.translate(None, _NOT_BRACKETS)
    for _ in range(DEEPEST):
        brackets = brackets.replace(b"()", b"")
    if b"()" in brackets or brackets.count(b"(") > DEEPEST:  # the second: torn off so deep down
        raise _RefusedError(f"it is nested more than {DEEPEST} deep")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MOST_FIELDS:
        raise _RefusedError(f"an object in it has more than {MOST_FIELDS} fields")
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        again = next(name for name in names if names.count(name) > 1)
        raise _RefusedError(f"the field {shown(again)!a} stands twice in one object")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise _RefusedError(f"{name} is no number in JSON")
