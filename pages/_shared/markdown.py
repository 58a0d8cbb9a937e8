"""Text that isn't ours, for places that read Markdown. A link, a file or a device may hold any text."""

from __future__ import annotations

import re

_MARKS = re.compile(r"([\\`*_\[\]<>$~|])")


def plain(text: str) -> str:
    """The text as it is: no mark in it can style it or make a browser fetch a picture."""
    return _MARKS.sub(r"\\\1", text)
