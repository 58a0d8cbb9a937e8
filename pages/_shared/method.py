"""How the time was taken, in plain words, with the loop that was timed beside them."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import streamlit as st

import core
from core import paths
from core.method import sentences
from core.records import Task
from core.runs import self_check
from pages._shared import language

# Read as text: an import would load torch into the server.
_LOOPS = Path(core.__file__).parent / "measure" / "loops.py"


def show(task: Task) -> None:
    _ = language.current()
    section = st.expander(_("How this was measured"), on_change="rerun", key="method")
    if not section.open:
        return
    with section:
        st.markdown("\n".join(f"- {step}" for step in sentences(_)))
        check = self_check.last(paths.data_dir())
        if check is not None:
            cost = check.cost_pct
            text = _(
                "Watching cost {value:.2f} % of the speed here (95 % interval {low:.2f} to {high:.2f} %, {date})."
            )
            st.markdown(text.format(value=cost.value, low=cost.low, high=cost.high, date=check.created_at[:10]))
        else:
            st.markdown(_("What watching costs on this machine: `python -m core selfcheck` measures it."))
        st.markdown(_("The loop that the clock brackets:"))
        st.code(_source(task), language="python", wrap_lines=True)


@functools.cache
def _source(task: Task) -> str:
    text = _LOOPS.read_text(encoding="utf-8")
    tree = ast.parse(text)
    loop = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == task)
    return ast.get_source_segment(text, loop) or ""
