"""Runs and blocks as CSV, for spreadsheets and scripts. Units are in the columns' names; codes, no words."""

from __future__ import annotations

import csv
import dataclasses
import io
import unicodedata
from collections.abc import Iterable, Iterator, Mapping

from core.analysis import caveats, stats
from core.analysis.machines import cores_of, kind_elsewhere
from core.analysis.quality import quality
from core.analysis.summary import summarise
from core.records import Estimate, RunResult, Setup, Workload
from core.sharing.bundle import Bundle

Cell = str | int | float | bool | None

# What makes a spreadsheet take a text for a formula, in half and full width
_FORMULA = "=+-@\t\r＝＋－＠"


def runs(bundle: Bundle) -> str:
    """A row for each run; its speed-up is the one against the first measured run."""
    return _table([_run(run, bundle) for run in bundle.runs])


def blocks(bundle: Bundle) -> str:
    """A row for each timed block: the raw samples."""
    return _table([row for run in bundle.runs for row in _blocks(run)])


def guarded(text: str) -> str:
    """The text as no spreadsheet calculates it: an apostrophe before what would start a formula."""
    start = next((i for i, letter in enumerate(text) if not _unseen(letter)), 0)
    return f"'{text}" if text and (text[0] in _FORMULA or text[start] in _FORMULA) else text


def _unseen(letter: str) -> bool:
    """A space of any kind, or a character that isn't shown."""
    return letter.isspace() or unicodedata.category(letter).startswith("C")


def _run(run: RunResult, bundle: Bundle) -> dict[str, Cell]:
    summary = summarise(run)
    spent = summary.energy
    memory = run.memory
    return {
        "id": run.id,
        "job_id": run.job_id,
        "created_at": run.created_at,
        "origin": run.origin,
        "status": run.status,
        "quality": quality(run).badge,
        **{field.name: getattr(run.spec.workload, field.name) for field in dataclasses.fields(Workload)},
        **{f"setup_{field.name}": getattr(run.spec.setup, field.name) for field in dataclasses.fields(Setup)},
        "threads_used": run.threads,
        **_hardware(run),
        "blocks": len(run.blocks),
        **_estimate("samples_per_s", summary.samples_per_s),
        **_estimate("step_s", summary.step_s),
        **_estimate("epoch_s", summary.epoch_s),
        "epoch_measured_s": summary.epoch_measured_s,
        "epoch_is_projected": summary.projected,
        "first_step_s": summary.first_step_s,
        "cold_start_s": summary.cold_start_s,
        "final_train_loss": summary.final_loss,
        "test_accuracy_fraction": summary.test_accuracy,
        "energy_j_per_epoch": spent.joules_per_epoch if spent else None,
        "energy_j_per_1000_samples": spent.joules_per_1000_samples if spent else None,
        "energy_of": spent.of if spent else None,
        "energy_source": spent.source if spent else None,
        "host_peak_bytes": memory.host_peak_bytes if memory else None,
        "device_peak_bytes": memory.device_peak_bytes if memory else None,
        **_communication(run),
        **_against_first(run, bundle),
        "caveats": " ".join(dict.fromkeys(caveat.code for caveat in caveats.of_run(run))),
        "failure": run.failure.code if run.failure else None,
    }


def _communication(run: RunResult) -> dict[str, Cell]:
    """What several workers pay for averaging their gradients, for each step."""
    found = run.communication
    return {
        "communication_backend": found.backend if found else None,
        "gradient_bytes": found.gradient_bytes if found else None,
        **_estimate("averaged_step_s", stats.median_interval(found.averaged_s) if found else None),
        **_estimate("apart_step_s", stats.median_interval(found.apart_s) if found else None),
        **_estimate("averaging_alone_s", stats.median_interval(found.alone_s) if found else None),
    }


def _hardware(run: RunResult) -> dict[str, Cell]:
    around = run.environment
    return {
        "cluster_machine": kind_elsewhere(run),
        "device_name": around.device.name if around else None,
        "device_memory_bytes": around.device.memory_bytes if around else None,
        "processor": around.machine.cpu.model if around else None,
        "usable_cores": cores_of(around.machine.cpu) if around else None,
        "host_memory_bytes": around.machine.memory_bytes if around else None,
        "system": around.machine.os if around else None,
        "driver": around.machine.driver if around else None,
        "python": around.software.python if around else None,
        "torch": around.software.torch if around else None,
        "cuda": around.software.cuda if around else None,
    }


def _against_first(run: RunResult, bundle: Bundle) -> dict[str, Cell]:
    found = bundle.against_first(run)
    return {
        "speedup_against": found.baseline.id if found else None,
        **_estimate("speedup", found.speedup if found else None),
        "verdict": found.verdict.code if found else None,
        "verdict_reason": found.verdict.reason if found else None,
        "comparison_quality": quality(found).badge if found else None,
        "comparison_caveats": " ".join(dict.fromkeys(caveat.code for caveat in found.caveats))
        if found
        else None,
    }


def _estimate(name: str, found: Estimate | None) -> dict[str, Cell]:
    """The value and its 95 % interval."""
    return {
        name: found.value if found else None,
        f"{name}_low": found.low if found else None,
        f"{name}_high": found.high if found else None,
    }


def _blocks(run: RunResult) -> Iterator[dict[str, Cell]]:
    for number, block in enumerate(run.blocks, 1):
        yield {
            "run_id": run.id,
            "job_id": run.job_id,
            "origin": run.origin,
            "device": run.spec.setup.device,
            "block": number,
            **{field.name: getattr(block, field.name) for field in dataclasses.fields(block)},
        }


def _table(rows: Iterable[Mapping[str, Cell]]) -> str:
    rows = list(rows)
    text = io.StringIO()
    writer = csv.writer(text)
    if rows:
        writer.writerow(rows[0])
    writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return text.getvalue()


def _cell(value: Cell) -> Cell:
    if isinstance(value, bool):
        return str(value).lower()
    return guarded(value) if isinstance(value, str) else value
