"""`device=cpu,threads=1,precision=fp32` as a Setup."""

from __future__ import annotations

from typing import Any

from core.codec import from_plain
from core.errors import InputError
from core.records import Setup


def parse_setup(text: str) -> Setup:
    """The setup that a text describes. Raises InputError("bad_setup") for text that isn't one."""
    fields: dict[str, Any] = {}
    for part in text.split(","):
        name, equals, value = (item.strip() for item in part.partition("="))
        if not equals or not value:
            raise InputError("bad_setup", text=text, problem=f"{part!r} has no value")
        if name in fields:
            raise InputError("bad_setup", text=text, problem=f"{name} is said twice")
        fields[name] = int(value) if value.isdecimal() else value
    try:
        return from_plain(Setup, fields, "setup")
    except InputError as problem:
        raise InputError("bad_setup", text=text, problem=problem.facts["problem"]) from problem
