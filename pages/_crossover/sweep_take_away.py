"""What a visitor takes along from the Crossover page: records, the command to measure anew, the ways on."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from core import offers, units
from core.analysis.crossover.crossing import Crossing
from core.analysis.crossover.knee import Knee
from core.analysis.crossover.sweep import Line
from core.i18n import Translate
from core.records import Note, RunResult
from core.runs.files import exchange
from core.setups import setup_text
from pages._crossover.crossover_controls import Choice, Side
from pages._shared import resources

_COMPARE, _DECIDE = "pages/compare.py", "pages/decide.py"


def show(
    choice: Choice, sides: Sequence[Side], lines: Sequence[Line], others: Sequence[Line], translate: Translate
) -> None:
    """`lines`: of the model that is shown; `others`: of the map's."""
    _ = translate
    section = st.expander(_("Take it away"), on_change="rerun", key="crossover_take_away")
    if not section.open:
        return
    runs = {cell.result.id: cell.result for line in (*lines, *others) for cell in line.cells if cell.result}

    def content() -> str:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return json.dumps(exchange.document([_whole(run) for run in runs.values()], created_at=now), indent=1)

    with section:
        st.download_button(
            _("Download the records (JSON)"),
            content,
            file_name=f"crossover-sweep-{choice.model.replace('/', '-')}.json",
            mime="application/json",
            icon=":material/download:",
            on_click="ignore",
        )
        command = _command(choice, sides, lines)
        if command:
            st.markdown(_("The same without a browser:"))
            st.code(command, language=None, wrap_lines=True)


def onwards(choice: Choice, found: Crossing | None, knees: Sequence[Knee | Note], translate: Translate) -> None:
    """The ways to the pages that use the answer."""
    _, default = translate, offers.DEFAULT
    work = {"model": choice.model, "dataset": choice.dataset}
    size = _nearest_offered(choice.model, found, knees)
    compared = {**work, "batch_size": str(size)}
    of_default = {name: str(getattr(default, name)) for name in compared}
    text = _("Compare the devices at a batch size of {batch}")
    with st.container(horizontal=True):
        for page, label, icon, given in (
            (_COMPARE, text.format(batch=units.number(size, 7)), ":material/compare_arrows:", compared),
            (_DECIDE, _("Decide which device is worth its price"), ":material/savings:", work),
        ):
            query = {name: value for name, value in given.items() if value != of_default[name]}
            st.page_link(page, label=label, icon=icon, query_params=query)


def _nearest_offered(model: str, found: Crossing | None, knees: Sequence[Knee | Note]) -> int:
    """To the crossing; where there is none, to the candidate's best batch."""
    limits = resources.runner().limits
    best = [one.batch_size for one in knees if isinstance(one, Knee)]
    wanted = float(best[-1] if best else offers.DEFAULT.batch_size)
    if found is not None and found.batch_size is not None:
        wanted = found.batch_size.value
    offered = limits.batch_sizes(model, offers.batch_sizes(model))
    return min(offered, key=lambda size: abs(math.log(size / wanted)))


def _whole(run: RunResult) -> RunResult:
    """With the readings that this page leaves in the store."""
    store = resources.storage().store
    stored = store.run(run.id) if store is not None and run.origin != "recorded" else None
    return stored or run


def _command(choice: Choice, sides: Sequence[Side], lines: Sequence[Line]) -> str:
    here = [one.setup for one in sides if one.here]
    if not here:
        return ""
    low, high = choice.ends(resources.runner().limits)
    sizes = f"{low}..{high}"
    for line in lines:
        if line.origin != "measured":  # this machine is swept where the other was
            there = [str(cell.batch_size) for cell in line.measured if low <= cell.batch_size <= high]
            sizes = ",".join(there) or sizes
    parts = ["python", "-m", "core", "sweep"]
    for model in choice.models:
        parts += ["--model", model]
    parts += ["--dataset", choice.dataset, "--batch-sizes", sizes]
    for setup in here:
        parts += ["--setup", setup_text(setup)]
    return shlex.join([*parts, "--max-seconds", str(choice.seconds)])
