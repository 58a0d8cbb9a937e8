"""The command line that measures the same again. Knows the options of `python -m core run`, and no result."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from core.analysis.machines import kind_elsewhere
from core.records import RunResult, Setup, Workload
from core.setups import setup_text

_ADDRESS = "ADDRESS"  # for whoever reads it to fill in: a cluster's own is nobody else's business


def reproduce(
    results: Sequence[RunResult], max_seconds: float | None = None, target_pct: float | None = None
) -> tuple[str, ...]:
    """One line for each workload, with all setups that it was measured on, whoever measured them; and another
    for what a cluster measured, whose address isn't told.

    `max_seconds` and `target_pct`: of the job, where they are known.
    """
    works = dict.fromkeys(result.spec.workload for result in results)
    lines = []
    for work in works:
        mine = [run for run in results if run.spec.workload == work]
        for group in ([run for run in mine if kind_elsewhere(run) is None], *_of_clusters(mine)):
            if group:
                lines.append(_line(work, group, max_seconds, target_pct))
    return tuple(lines)


def _of_clusters(results: Sequence[RunResult]) -> list[list[RunResult]]:
    """What one command can measure: on a cluster each CPU is asked for the same, and so is each accelerator."""
    by_kind: dict[str, list[RunResult]] = {}
    for run in results:
        if kind := kind_elsewhere(run):
            by_kind.setdefault(kind, []).append(run)
    asked: dict[bool, set[frozenset[Setup]]] = {True: set(), False: set()}
    for runs in by_kind.values():
        setups = frozenset(run.spec.setup for run in runs)
        for on_cpu in {setup.device == "cpu" for setup in setups}:
            asked[on_cpu].add(setups)
    if all(len(found) <= 1 for found in asked.values()):
        return [[run for runs in by_kind.values() for run in runs]]
    return list(by_kind.values())


def _line(
    work: Workload, results: Sequence[RunResult], max_seconds: float | None, target_pct: float | None
) -> str:
    options: dict[str, object] = {
        "--model": work.model,
        "--dataset": work.dataset,
        "--batch-size": work.batch_size,
        "--epochs": work.epochs,
        "--task": work.task,
        "--learning-rate": work.learning_rate,
        "--seed": work.seed,
    }
    if max_seconds is not None:
        options["--max-seconds"] = f"{max_seconds:g}"
    if target_pct is not None:
        options["--target"] = f"{target_pct:g}"
    parts = ["python", "-m", "core", "run"]
    for name, value in options.items():
        parts += _option(name, str(value))
    jobs: dict[tuple[str, Setup], set[str]] = {}
    for run in results:
        if kind := kind_elsewhere(run):
            jobs.setdefault((kind, run.spec.setup), set()).add(run.job_id)
    if jobs:
        parts += ["--cluster", _ADDRESS]
    for kind in dict.fromkeys(kind for kind, _setup in jobs):
        parts += _option("--kind", kind)
    if any(len(found) > 1 for found in jobs.values()):
        parts.append("--all-machines")
    for setup in dict.fromkeys(result.spec.setup for result in results):
        parts += _option("--setup", setup_text(setup))
    return shlex.join(parts)


def _option(name: str, value: str) -> list[str]:
    """A value that looks like an option would be taken for one."""
    return [f"{name}={value}"] if value.startswith("-") else [name, value]
