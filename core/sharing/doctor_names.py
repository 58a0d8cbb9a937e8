"""Takes out of an examination what tells of its owner: names, folders, identities of GPUs.

Our own words are left alone, as they may name a file that everybody has (/dev/kfd).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from core.records import Fact
from core.runs.files.masking import HIDDEN, masked_texts

# Enough of a GPU's identity is left to tell two of one machine apart
_UUID = re.compile(
    r"""\b(?:
        ((?:(?:MIG|GPU)-)+[0-9a-f]{4})[0-9a-f-]{3,}
      | ([0-9a-f]{4})[0-9a-f]{4}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)


def nameless(text: str) -> str:
    """A text that was read, in one line, as strangers may read it."""
    return _UUID.sub(lambda found: f"{found[1] or found[2]}{HIDDEN}", masked_texts(" ".join(text.split())))


def nameless_facts(facts: Mapping[str, Fact]) -> dict[str, Fact]:
    """A finding's facts, for a sentence that strangers may read."""
    return {name: nameless(value) if isinstance(value, str) else value for name, value in facts.items()}


def nameless_json(value: Any) -> Any:
    """A JSON value with all that was read in it as strangers may read it."""
    if isinstance(value, str):
        return nameless(value)
    if isinstance(value, list | tuple):
        return [nameless_json(item) for item in value]
    if isinstance(value, dict):
        return {name: nameless_json(item) for name, item in value.items()}
    return value
