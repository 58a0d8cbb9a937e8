"""Constructed sweeps: runs that take a + c*b seconds a step. Nothing here was ever measured."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from core.records import Block, DataInfo, RunResult, RunSpec, Setup, Workload
from tests.builders import make_gpu_result, make_result

TRAIN_IMAGES = 60_000
BATCHES = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)


def make_sweep_result(
    batch_size: int,
    step_s: float,
    setup: Setup | None = None,
    *,
    noise: float = 0.01,
    blocks: int = 8,
    chance: random.Random | None = None,
    model: str = "mlp",
    **changes: Any,
) -> RunResult:
    """A run of a sweep, `step_s` seconds a step; each block's time is off by about `noise` of it."""
    setup = setup or Setup()
    told = str(setup).replace(", workers=1", "")  # a field more in Setup leaves the noise as it was
    chance = chance or random.Random(f"{model} {batch_size} {told}")
    steps = max(1, round(0.05 / step_s))
    timed, at_s = [], 0.0
    for _ in range(blocks):
        duration_s = steps * step_s * (1 + chance.gauss(0, noise))
        timed.append(Block(1, steps, steps * batch_size, at_s, duration_s, 2.3))
        at_s += duration_s * 2
    work = Workload(model=model, batch_size=batch_size, epochs=1)
    make = make_result if setup.device == "cpu" else make_gpu_result
    fields: dict[str, Any] = {
        "id": f"{model}-{setup.device}-{setup.threads}-{setup.precision}-{batch_size}",
        "job_id": f"job-{model}-{batch_size}",
        "spec": RunSpec(work, setup),
        "status": "out_of_time",
        "data": DataInfo(TRAIN_IMAGES, 360, 10, (1, 28, 28), (1, 28, 28), 407_050, "digits"),
        "blocks": tuple(timed),
        "epochs": (),
        "anatomy": None,
        "telemetry": None,
    }
    return make(**{**fields, **changes})


def make_grid(
    overhead_s: float,
    per_sample_s: float,
    setup: Setup | None = None,
    batches: Sequence[int] = BATCHES,
    **changes: Any,
) -> list[RunResult]:
    """A line's runs: t(b) = overhead_s + per_sample_s * b."""
    return [make_sweep_result(b, overhead_s + per_sample_s * b, setup, **changes) for b in batches]
