"""Runs in the JSON shape of pytest-benchmark, so that its `compare` reads them. It doesn't need the package.

https://pytest-benchmark.readthedocs.io: a round is a timed block, a value the seconds of one step in it.
"""

from __future__ import annotations

import statistics
from typing import Any

from core.analysis import caveats
from core.analysis.machines import kind_elsewhere
from core.analysis.quality import quality
from core.codec import to_plain
from core.records import RunResult
from core.setups import setup_text
from core.sharing.bundle import Bundle

_VERSION = "5.3.1"  # of pytest-benchmark, whose shape this is


def document(bundle: Bundle, *, created_at: str) -> dict[str, Any]:
    """The runs that have timed blocks. `created_at`: UTC, ISO 8601."""
    measured = bundle.measured
    return {
        "machine_info": _machine(measured[0] if measured else None),
        "commit_info": _commit(measured[0] if measured else None),
        "benchmarks": [_benchmark(run) for run in measured],
        "datetime": created_at,
        "version": _VERSION,
    }


def _machine(run: RunResult | None) -> dict[str, Any]:
    """Of the first run; each benchmark's own is in its extra_info."""
    if run is None or run.environment is None:
        return {}
    around = run.environment
    return {
        "node": "",  # pytest-benchmark's word for the host's name, which isn't recorded
        "machine": around.machine.cpu.model,
        "processor": around.machine.cpu.model,
        "python_version": around.software.python,
        "system": around.machine.os,
        "release": around.machine.kernel,
        "cpu": {"brand_raw": around.machine.cpu.model, "count": around.machine.cpu.logical_cores},
    }


def _commit(run: RunResult | None) -> dict[str, Any]:
    revision = run.environment.machine.git_revision if run and run.environment else None
    return {
        "id": (revision or "unknown").removesuffix("+"),
        "dirty": (revision or "").endswith("+"),
        "project": "crossover",
    }


def _benchmark(run: RunResult) -> dict[str, Any]:
    work, setup = run.spec.workload, setup_text(run.spec.setup)
    kind = kind_elsewhere(run)
    where = "" if kind is None else f"@{kind}"
    name = f"{work.task}[{work.model}-{work.dataset}-{work.batch_size}-{setup}{where}]"
    return {
        "group": f"{work.task} {work.model} {work.dataset} batch {work.batch_size}",
        "name": name,
        "fullname": f"crossover::{name}::{run.id}",
        "params": {**to_plain(work), **to_plain(run.spec.setup)},
        "param": setup,
        "extra_info": {
            "run": run.id,
            "job": run.job_id,
            "origin": run.origin,
            "status": run.status,
            "created_at": run.created_at,
            "quality": quality(run).badge,
            "caveats": list(dict.fromkeys(caveat.code for caveat in caveats.of_run(run))),
            "cluster_machine": kind,
            "device": run.environment.device.name if run.environment else None,
            "processor": run.environment.machine.cpu.model if run.environment else None,
            "torch": run.environment.software.torch if run.environment else None,
            "steps_of_block": [block.steps for block in run.blocks],
        },
        "options": {},
        "stats": _stats(run),
    }


def _stats(run: RunResult) -> dict[str, Any]:
    """As pytest-benchmark defines them: quartiles by Tukey's hinges, fences at 1.5 interquartile ranges."""
    data = [block.duration_s / block.steps for block in run.blocks]
    ordered, rounds = sorted(data), len(data)
    mean = statistics.fmean(data)
    stddev = statistics.stdev(data) if rounds > 1 else 0.0
    q1, q3 = _hinges(ordered)
    low, high = q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)
    inside = [value for value in ordered if low <= value <= high]
    far = sum(abs(value - mean) > stddev for value in data)
    return {
        "min": ordered[0],
        "max": ordered[-1],
        "mean": mean,
        "stddev": stddev,
        "rounds": rounds,
        "median": statistics.median(data),
        "iqr": q3 - q1,
        "q1": q1,
        "q3": q3,
        "iqr_outliers": rounds - len(inside),
        "stddev_outliers": far,
        "outliers": f"{far};{rounds - len(inside)}",
        "ld15iqr": inside[0],
        "hd15iqr": inside[-1],
        "ops": 1 / mean,
        "total": sum(data),
        "data": data,
        "iterations": round(statistics.median(block.steps for block in run.blocks)),
    }


def _hinges(ordered: list[float]) -> tuple[float, float]:
    """The medians of the lower and the upper half; of an odd number, each as method 3 of pytest-benchmark."""
    rounds = len(ordered)
    if rounds == 1:
        return ordered[0], ordered[0]
    if rounds % 2 == 0:
        return statistics.median(ordered[: rounds // 2]), statistics.median(ordered[rounds // 2 :])
    n, rest = divmod(rounds, 4)
    if rest == 1:
        return (
            0.25 * ordered[n - 1] + 0.75 * ordered[n],
            0.75 * ordered[3 * n] + 0.25 * ordered[3 * n + 1],
        )
    return (
        0.75 * ordered[n] + 0.25 * ordered[n + 1],
        0.25 * ordered[3 * n + 1] + 0.75 * ordered[3 * n + 2],
    )
