"""Runs that tried the article's lines, with invented numbers: what the Learn page would leave in the store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from core.records import LessonTrial, RunResult
from tests.builders import make_blocks, make_gpu_result, make_result, make_setup, make_workload

_NOISE = (1.0, 1.02, 0.98, 1.01, 0.99)


def around(seconds: float) -> tuple[float, ...]:
    """Five repeats of about that time."""
    return tuple(seconds * part for part in _NOISE)


def make_lessons(*, gpu: bool = False) -> tuple[LessonTrial, ...]:
    """On the CPU nothing moves and both clocks agree; the GPU takes ten times as long as the hasty one says."""
    moved, weights = (12_800_000, 1_630_000) if gpu else (0, 0)
    falling = tuple(2.3 * 0.99**step for step in range(60))
    piled = (*falling[:2], *(2.3 * 1.01**step for step in range(2, 60)))
    return (
        LessonTrial("rebuild", "tensor", around(0.004), moved_bytes=12_800_000, samples=1600),
        LessonTrial("rebuild", "as_tensor", around(1e-6), moved_bytes=0, samples=1600),
        LessonTrial("rebuild", "list", around(0.02), samples=200),
        LessonTrial("to_device", "each_batch", around(0.01), moved_bytes=moved, samples=1600),
        LessonTrial("to_device", "once", around(0.002), moved_bytes=moved, samples=1600),
        LessonTrial("model_to_device", "model", around(0.003), moved_bytes=weights),
        LessonTrial("zero_grad", "with", losses=falling, samples=64),
        LessonTrial("zero_grad", "without", losses=piled, samples=64),
        LessonTrial("synchronise", "unsynchronised", around(0.001 if gpu else 0.01), samples=320),
        LessonTrial("synchronise", "synchronised", around(0.01), samples=320),
    )


def make_article(job_id: str = "article-1", *, gpu: bool = True, **changes: Any) -> tuple[RunResult, ...]:
    """One job: the article's loop and the one with images moved once, on the CPU and a GPU twice as fast."""
    found, at_s = [], 10.0
    for device in ("cpu", "cuda:0") if gpu else ("cpu",):
        on_gpu = device != "cpu"
        plain = make_gpu_result() if on_gpu else make_result()
        for path in ("loader", "resident"):
            step_s = (0.2 if on_gpu else 0.4) * (1.0 if path == "loader" else 0.5)
            spec = replace(
                plain.spec, workload=make_workload(epochs=1), setup=make_setup(device=device, data_path=path)
            )
            blocks = make_blocks(step_s, start_s=at_s, every_s=12.0, epochs=1, extra=11)
            at_s += 6 * step_s
            run = replace(plain, id=f"{job_id}-{device}-{path}", job_id=job_id, spec=spec, blocks=blocks)
            run = replace(run, epochs=run.epochs[:1], lessons=make_lessons(gpu=on_gpu))
            found.append(replace(run, **changes))
    return tuple(found)
