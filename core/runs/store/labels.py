"""What a run may be called and tagged with. Knows no database."""

from __future__ import annotations

import re
from collections.abc import Iterable

from core.errors import InputError

LONGEST_NAME = 80
MOST_TAGS, LONGEST_TAG = 10, 30

# Control characters, line ends, halves of a character, and what turns the direction of writing.
_ACTING = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def checked_name(name: str | None) -> str | None:
    """The name without spaces around it; None for an empty one. Raises InputError("bad_run_name")."""
    name = (name or "").strip(" ")
    if len(name) > LONGEST_NAME or _ACTING.search(name):
        raise InputError("bad_run_name", limit=LONGEST_NAME)
    return name or None


def checked_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags in their order, each once and without spaces around it. Raises InputError("bad_tags")."""
    found = tuple(dict.fromkeys(tag for tag in (tag.strip(" ") for tag in tags) if tag))
    if len(found) > MOST_TAGS or any(len(tag) > LONGEST_TAG or _ACTING.search(tag) for tag in found):
        raise InputError("bad_tags", most=MOST_TAGS, limit=LONGEST_TAG)
    return found


def can_be_in_one(text: str) -> bool:
    """Whether a name or a tag can contain this."""
    return len(text) <= LONGEST_NAME and not _ACTING.search(text)
