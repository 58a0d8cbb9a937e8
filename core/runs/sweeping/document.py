"""A sweep as a JSON document: its runs as `exchange` writes them, and what is concluded from them."""

from __future__ import annotations

import math
from typing import Any

from core.analysis.crossover import sweep as swept
from core.analysis.crossover.crossing import Crossing, crossing
from core.analysis.crossover.step_fit import StepFit, fit
from core.analysis.crossover.sweep import Cell
from core.codec import to_plain
from core.records import Note, Setup
from core.runs.files import exchange
from core.runs.sweeping.sweep import Progress, line_of
from core.setups import setup_text

_STATES = {"memory_full_before": "out_of_memory", "not_reached": "not_reached"}
_TOO_SLOW = ("too_slow", "took_too_long")


def document(progress: Progress, *, created_at: str, concluded: bool = True) -> dict[str, Any]:
    """`cells`, and where it is `concluded` also `fits`, `crossover` and `crossovers`.

    `created_at`: UTC, ISO 8601. "complete": it wasn't cancelled, and nothing ended it early.
    """
    pairs = _crossovers(progress) if concluded else []
    own = {
        "complete": progress.done and not progress.cancelled and progress.failure is None,
        "failure": to_plain(progress.failure),
        "notes": to_plain(progress.notes),
        "cells": _cells(progress),
        "fits": _fits(progress) if concluded else [],
        "crossover": pairs[0] if pairs else None,
        "crossovers": pairs,
    }
    return {**exchange.document(progress.results, created_at=created_at), **own}


def _cells(progress: Progress) -> list[dict[str, Any]]:
    """Every cell that was settled, by model, batch size and setup."""
    setups, models = progress.spec.setups, progress.spec.models
    found: dict[tuple[int, int, int], dict[str, Any]] = {}
    untried = {(item.model, item.batch_size, item.setup): item.reason for item in progress.untried}
    measured = {
        (run.spec.workload.model, run.spec.workload.batch_size, run.spec.setup): swept.cell_of(run)
        for run in progress.results
    }
    for model, size, setup in {**untried, **measured}:
        key = (model, size, setup)
        place = (models.index(model), size, setups.index(setup))
        baseline = measured.get((model, size, setups[0]))
        plain = {"model": model, "batch_size": size, "setup": setup_text(setup)}
        known = measured.get(key)
        found[place] = plain | (_measured(known, baseline, setup == setups[0]) if known else _not(untried[key]))
    return [found[place] for place in sorted(found)]


def _measured(cell: Cell, baseline: Cell | None, is_baseline: bool) -> dict[str, Any]:
    ratio = None if is_baseline else swept.ratio(baseline, cell)
    return {
        "state": cell.state,
        "step_s": to_plain(cell.step_s),
        "samples_per_s": to_plain(cell.rate),
        "memory_bytes": cell.memory_bytes,
        "over_baseline": to_plain(ratio),
        "reason": to_plain(cell.reason),
        "run": cell.result.id if cell.result else None,
    }


def _not(reason: Note) -> dict[str, Any]:
    state = "too_slow" if reason.code in _TOO_SLOW else _STATES.get(reason.code, "failed")
    empty = dict.fromkeys(("step_s", "samples_per_s", "memory_bytes", "over_baseline"))
    return {"state": state, **empty, "reason": to_plain(reason), "run": None}


def _fits(progress: Progress) -> list[dict[str, Any]]:
    return [_fit(progress, model, setup) for model in progress.spec.models for setup in progress.spec.setups]


def _fit(progress: Progress, model: str, setup: Setup) -> dict[str, Any]:
    found = fit_of(progress, model, setup)
    plain: dict[str, Any] = {"model": model, "setup": setup_text(setup)}
    if isinstance(found, Note):
        empty: dict[str, Any] = {"regimes": [], "batch_sizes": [], "misfit": None, "held_out": [], "doubts": []}
        return {**plain, **empty, "reason": to_plain(found)}
    return {
        **plain,
        "regimes": [_regime(to_plain(regime)) for regime in found.regimes],
        "batch_sizes": list(found.batches),
        "misfit": found.misfit,
        "held_out": [{"batch_size": size, "error": error} for size, error in found.held_out],
        "doubts": to_plain(found.doubts),
        "reason": None,
    }


def _regime(plain: dict[str, Any]) -> dict[str, Any]:
    """Without the infinite ends, which JSON can't say."""
    return {name: value if math.isfinite(value) else None for name, value in plain.items()}


def _crossovers(progress: Progress) -> list[dict[str, Any]]:
    """Of every model and every setup with the baseline."""
    baseline, *others = progress.spec.setups
    return [_crossover(progress, model, baseline, other) for model in progress.spec.models for other in others]


def _crossover(progress: Progress, model: str, baseline: Setup, candidate: Setup) -> dict[str, Any]:
    plain = {"model": model, "baseline": setup_text(baseline), "candidate": setup_text(candidate)}
    found = crossing_of(progress, model, candidate)
    if found is None:
        names = ("value", "low", "high", "faster_above", "confirmed", "below", "above")
        reason = to_plain(Note("too_few_points", {"count": 0, "needed": 3}))
        return {**plain, **dict.fromkeys(names), "extrapolated": False, "reason": reason, "doubts": []}
    at = found.batch_size
    return {
        **plain,
        "value": at.value if at else None,
        "low": at.low if at else None,
        "high": at.high if at else None,
        "faster_above": found.faster_above,
        "extrapolated": found.extrapolated,
        "confirmed": found.confirmed,
        "below": found.bracket.below,
        "above": found.bracket.above,
        "reason": to_plain(found.reason),
        "doubts": to_plain(found.doubts),
    }


def crossing_of(progress: Progress, model: str, candidate: Setup) -> Crossing | None:
    """Of a setup with the baseline; None where one of them has no line."""
    one = line_of(progress.results, model, progress.spec.setups[0])
    other = line_of(progress.results, model, candidate)
    return crossing(one, other) if one and other else None


def fit_of(progress: Progress, model: str, setup: Setup) -> StepFit | Note:
    """How long a setup's step takes by its batch size, or why that can't be said."""
    line = line_of(progress.results, model, setup)
    return fit([(cell.batch_size, cell.step_times) for cell in line.measured] if line else [])
