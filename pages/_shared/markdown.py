"""Text that isn't ours, for places that read Markdown. A link, a file or a device may hold any text."""

from __future__ import annotations

import re

_MARKS = re.compile(r"([\\`*_\[\]<>$~|&]|:(?=[A-Za-z]))")  # a colon begins Streamlit's :red[...] and :smile:
_LINES = re.compile(r"\s*[\n\r]\s*")  # at the beginning of a line a mark makes headings, lists, code
# What is looked for in the finished text, where no backslash is left: icons, and addresses that become links
_FOUND_LATE = re.compile(r":(?=material/)|https?(?=://)|www(?=\.)", re.IGNORECASE)


def plain(text: str) -> str:
    """The text as it is, in one line: no mark in it can style it, link to anything or make a browser fetch a
    picture."""
    line = _LINES.sub(" ", text)
    return _MARKS.sub(r"\\\1", _FOUND_LATE.sub("\\g<0>\N{WORD JOINER}", line))


def breakable(text: str) -> str:
    """The same text for a table's cell, which only grows with a long word: such a one may be broken."""
    return re.sub(r"(\S{24})(?=\S)", "\\1\N{ZERO WIDTH SPACE}", text)
