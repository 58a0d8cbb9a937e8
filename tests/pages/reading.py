"""What a visitor of a page reads."""

from __future__ import annotations

import json
from typing import Any

from streamlit.testing.v1 import AppTest


def texts(visitor: AppTest) -> str:
    """All running text, a line for each element."""
    kinds = (visitor.title, visitor.header, visitor.subheader, visitor.markdown, visitor.caption)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def charts(visitor: AppTest) -> list[tuple[dict[str, Any], str]]:
    """Each chart's specification and its alternative text."""
    drawn = [element.proto for element in visitor.get("plotly_chart")]
    return [(json.loads(proto.spec), proto.alt) for proto in drawn]


def has_chinese(text: str) -> bool:
    return any("一" <= letter <= "鿿" for letter in text)
