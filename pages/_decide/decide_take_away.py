"""The results as a file: every number with its band, its labels, its prices and their sources."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from core.analysis.decide.candidates import key
from core.analysis.decide.cost import Costed
from core.i18n import Translate
from core.records import Estimate
from core.sharing.csv_table import guarded
from pages._decide import decide_words
from pages._decide.decide_costs import Decision

Cell = str | int | float | bool | None


def show(found: Decision, translate: Translate) -> None:
    """Two files of the same content."""
    _ = translate
    with st.expander(
        _("Take it away"), icon=":material/download:", on_change="rerun", key="decide_away"
    ) as section:
        if not section.open:
            return
        st.caption(
            _("All results with their intervals, the workload, prices with dates and sources, and the labels.")
        )
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with st.container(horizontal=True):
            st.download_button(
                _("Download the results (CSV)"),
                as_csv(found, now, _),
                file_name="crossover-decision.csv",
                mime="text/csv",
                icon=":material/table:",
                on_click="ignore",
            )
            st.download_button(
                _("Download the results (JSON)"),
                as_json(found, now, _),
                file_name="crossover-decision.json",
                mime="application/json",
                icon=":material/data_object:",
                on_click="ignore",
            )


def as_csv(found: Decision, created_at: str, translate: Translate) -> str:
    """A row for each device in each way; no text in it is calculated by a spreadsheet."""
    rows = _rows(found, created_at, translate)
    text = io.StringIO()
    writer = csv.writer(text)
    if rows:
        writer.writerow(rows[0])
    writer.writerows([_guarded(value) for value in row.values()] for row in rows)
    return text.getvalue()


def as_json(found: Decision, created_at: str, translate: Translate) -> str:
    """The same; a band is a value with its ends."""
    document = {
        "created_at": created_at,
        "workload": dataclasses.asdict(found.plan),
        "what_if": dataclasses.asdict(found.what_if),
        "conditions": dataclasses.asdict(found.conditions),
        "today": key(found.today.device),
        "results": [_entry(one, translate) for one in found.options],
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)


def _entry(one: Costed, translate: Translate) -> dict[str, Any]:
    work = one.candidate.result.spec.workload
    return {
        "device": key(one.candidate.device),
        "way": one.terms.way,
        "source": one.candidate.source,
        "run": one.candidate.result.id,
        "measured_at": one.candidate.result.created_at,
        "software": one.candidate.software,
        "model": work.model,
        "dataset": work.dataset,
        "batch_size": one.candidate.batch_size,
        "setup": dataclasses.asdict(one.candidate.result.spec.setup),
        **{name: _ends(value) for name, value in _estimates(one).items()},
        "machines": one.machines,
        "fits_in_memory": one.fit.code,
        "price": dataclasses.asdict(one.terms),
        "labels": [{"code": note.code, "text": decide_words.note(note, translate)} for note in one.labels],
    }


def _rows(found: Decision, created_at: str, translate: Translate) -> list[dict[str, Cell]]:
    return [_row(one, found, created_at, translate) for one in found.options]


def _row(one: Costed, found: Decision, created_at: str, translate: Translate) -> dict[str, Cell]:
    entry = _entry(one, translate)
    nested = ("setup", "price", "labels", *_estimates(one))
    row: dict[str, Cell] = {"created_at": created_at}
    row |= {name: value for name, value in entry.items() if name not in nested}
    row |= {f"setup_{name}": value for name, value in entry["setup"].items()}
    for name, value in _estimates(one).items():
        row |= {name: None, f"{name}_low": None, f"{name}_high": None}
        if value is not None:
            row |= {name: value.value, f"{name}_low": value.low, f"{name}_high": value.high}
    row |= {f"price_{name}": value for name, value in entry["price"].items() if name not in ("device", "way")}
    row |= _prefixed("conditions", found.conditions)
    row |= _prefixed("workload", found.plan)
    row |= _prefixed("what_if", found.what_if)
    row["today"] = key(found.today.device)
    row["labels"] = " ".join(note.code for note in one.labels)
    row["labels_in_words"] = " ".join(label["text"] for label in entry["labels"])
    return row


def _estimates(one: Costed) -> dict[str, Estimate | None]:
    money = one.money
    return {
        "run_s": one.run_s,
        "month_s": one.month_s,
        "saved_month_s": one.saved_month_s,
        "cost_run": money.run if money else None,
        "cost_month": money.month if money else None,
        "upfront": money.upfront if money else None,
        "energy_run_j": one.energy_run_j,
        "energy_month_j": one.energy_month_j,
        "co2_run_kg": one.co2_run_kg,
        "co2_month_kg": one.co2_month_kg,
    }


def _ends(value: Estimate | None) -> dict[str, float] | None:
    return dataclasses.asdict(value) if value else None


def _prefixed(prefix: str, record: Any) -> Iterable[tuple[str, Cell]]:
    return {f"{prefix}_{name}": value for name, value in dataclasses.asdict(record).items()}.items()


def _guarded(value: Cell) -> Cell:
    if isinstance(value, bool):
        return str(value).lower()
    return guarded(value) if isinstance(value, str) else value
