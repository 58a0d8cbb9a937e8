"""What a visitor of a page reads."""

from __future__ import annotations

import json
import re
from typing import Any

from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Element


def texts(visitor: AppTest) -> str:
    """All running text as it is read, a line for each element."""
    kinds = (visitor.title, visitor.header, visitor.subheader, visitor.markdown, visitor.caption)
    return "\n".join(read(element) for kind in kinds for element in kind)


def read(element: Element) -> str:
    """Without the backslashes that keep Markdown from reading marks."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", str(element.value))


def errors(visitor: AppTest) -> list[str]:
    return [read(element) for element in visitor.error]


def charts(visitor: AppTest) -> list[tuple[dict[str, Any], str]]:
    """Each chart's specification and its alternative text."""
    drawn = [element.proto for element in visitor.get("plotly_chart")]
    return [(json.loads(proto.spec), proto.alt) for proto in drawn]


def has_chinese(text: str) -> bool:
    return any("一" <= letter <= "鿿" for letter in text)
