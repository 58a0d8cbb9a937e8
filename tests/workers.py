"""Constructed runs of data-parallel workers, taking turns in one job. Nothing here was ever measured."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

from core.records import Communication, DataInfo, RunResult, RunSpec, Setup, Workload
from tests.builders import Block, make_environment, make_gpu_result, make_machine, make_result

IMAGES = 60_000


def make_workers_result(
    workers: int,
    step_s: float,
    batch_size: int = 1024,
    *,
    job: str = "job-strong",
    place: int = 0,
    noise: float = 0.01,
    blocks: int = 12,
    device: str = "cpu",
    threads: int | None = 1,
    memory_gib: int = 64,
    waiting: float | None = None,
    **changes: Any,
) -> RunResult:
    """`place`: in the order of turns. `waiting`: share of a step that waits for gradients."""
    chance = random.Random(f"{workers} {batch_size} {job}")
    timed = tuple(
        Block(1, 2, 2 * batch_size, i * 100.0 + place * 10, 2 * step_s * (1 + chance.gauss(0, noise)), 2.3)
        for i in range(blocks)
    )
    setup = Setup(device, threads=threads if device == "cpu" else None, workers=workers)
    make = make_result if device == "cpu" else make_gpu_result
    environment = make().environment
    assert environment is not None
    machine = make_machine(memory_bytes=memory_gib * 2**30)
    fields: dict[str, Any] = {
        "id": f"{job}-{device}-{batch_size}-{workers}-{threads}",
        "job_id": job,
        "spec": RunSpec(Workload("mlp", "synthetic", batch_size, 1), setup),
        "status": "out_of_time",
        "environment": make_environment(machine, device=environment.device),
        "threads": threads if device == "cpu" else 8,
        "data": DataInfo(IMAGES, 360, 10, (1, 28, 28), (1, 28, 28), 407_050, "abc"),
        "blocks": timed,
        "epochs": (),
        "anatomy": None,
        "telemetry": None,
        "communication": None
        if waiting is None or workers == 1
        else make_communication(waiting, chance=chance),
    }
    return dataclasses.replace(make(), **{**fields, **changes})


def make_communication(
    waiting: float, noise: float = 0.01, repeats: int = 10, chance: random.Random | None = None
) -> Communication:
    chance = chance or random.Random(0)
    averaged = tuple(0.1 * (1 + chance.gauss(0, noise)) for _ in range(repeats))
    apart = tuple(0.1 * (1 - waiting) * (1 + chance.gauss(0, noise)) for _ in range(repeats))
    return Communication("gloo", 1_628_200, averaged, apart, (0.004,) * repeats)


def make_strong(step_s: dict[int, float], batch_size: int = 1024, **changes: Any) -> list[RunResult]:
    """One job: seconds of a step by workers."""
    return [
        make_workers_result(workers, seconds, batch_size, place=place, **changes)
        for place, (workers, seconds) in enumerate(step_s.items())
    ]


def make_weak(step_s: dict[int, float], each: int = 1024, **changes: Any) -> list[RunResult]:
    """A job for each number of workers, of `each` images for every one."""
    return [
        make_workers_result(workers, seconds, each * workers, job=f"job-weak-{workers}", **changes)
        for workers, seconds in step_s.items()
    ]
