"""The command line that measures the same again. Knows the options of `python -m core run`, and no result."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from core.records import RunResult, Workload
from core.setups import setup_text


def reproduce(
    results: Sequence[RunResult], max_seconds: float | None = None, target_pct: float | None = None
) -> tuple[str, ...]:
    """One line for each workload, with all setups that it was measured on, whoever measured them.

    `max_seconds` and `target_pct`: of the job, where they are known.
    """
    works = dict.fromkeys(result.spec.workload for result in results)
    return tuple(
        _line(work, [run for run in results if run.spec.workload == work], max_seconds, target_pct)
        for work in works
    )


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
    for setup in dict.fromkeys(result.spec.setup for result in results):
        parts += _option("--setup", setup_text(setup))
    return shlex.join(parts)


def _option(name: str, value: str) -> list[str]:
    """A value that looks like an option would be taken for one."""
    return [f"{name}={value}"] if value.startswith("-") else [name, value]
