"""`device=cpu,threads=1,fused=true` as a Setup, and back."""

from __future__ import annotations

import dataclasses
from typing import Any

from core.codec import from_plain
from core.errors import InputError
from core.records import Setup

_SWITCHES = {"true": True, "false": False}


def parse_setup(text: str) -> Setup:
    """The setup that a text describes. Raises InputError("bad_setup") for text that isn't one."""
    fields: dict[str, Any] = {}
    for part in text.split(","):
        name, equals, value = (item.strip() for item in part.partition("="))
        if not equals or not value:
            raise InputError("bad_setup", text=text, problem=f"{part!r} has no value")
        if name in fields:
            raise InputError("bad_setup", text=text, problem=f"{name} is said twice")
        fields[name] = int(value) if value.isdecimal() else _SWITCHES.get(value, value)
    try:
        return from_plain(Setup, fields, "setup")
    except InputError as problem:
        raise InputError("bad_setup", text=text, problem=problem.facts["problem"]) from problem


def setup_text(setup: Setup) -> str:
    """The text that `parse_setup` reads as this setup; defaults are left out, but for the device."""
    default = Setup()
    fields = {item.name: getattr(setup, item.name) for item in dataclasses.fields(Setup)}
    said = {
        name: value for name, value in fields.items() if name == "device" or value != getattr(default, name)
    }
    return ",".join(f"{name}={str(value).lower()}" for name, value in said.items())
