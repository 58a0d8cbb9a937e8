"""Jobs that climb a ladder, with invented numbers: what an optimisation would leave in the store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from core.analysis import ladder as ladders
from core.analysis.ladder import Ladder
from core.records import Limits, Note, Rate, RunResult
from tests.builders import make_blocks, make_epochs, make_gpu_result, make_result, make_setup, make_workload

# Seconds of a step of 64 images: the article's loop makes 160 images/s on the CPU and 320 on the GPU.
CPU_STEPS: dict[str, tuple[float, dict[str, Any]]] = {
    "transforms": (0.9, {"data_path": "transforms", "threads": 8}),
    "loader": (0.4, {"data_path": "loader", "threads": 8}),
    "resident": (0.3, {"threads": 8}),
    "fused": (0.29, {"flush_denormals": True, "fused": True}),
    "onednn": (0.16, {"flush_denormals": True, "fused": True, "products": "onednn"}),
    "bf16": (0.1, {"flush_denormals": True, "fused": True, "precision": "bf16"}),
    "compiled": (0.2, {"flush_denormals": True, "fused": True, "step": "compiled"}),
}
GPU_STEPS: dict[str, tuple[float, dict[str, Any]]] = {
    "loader": (0.2, {"data_path": "loader"}),
    "resident": (0.1, {}),
    "bf16": (0.09, {"fused": True, "precision": "bf16"}),
    "graph": (0.01, {"fused": True, "step": "graph"}),
    "graph_steps": (0.008, {"fused": True, "precision": "bf16", "step": "compiled_graph", "steps_per_call": 4}),
}
_NOISE = (0.0, 0.02, -0.02, 0.01, -0.01)


def make_limits(peak_flops: float = 1e9, **changes: Any) -> Limits:
    """1 MFLOP an image, so that a peak of 1 GFLOP/s allows 1,000 images/s in fp32 and 2,000 in bf16."""
    plain = Limits(
        1e6,
        (
            Rate("large_product", peak_flops / 100, (0.01, 0.0101, 0.0099), "fp32", "onednn", 8),
            Rate("large_product", peak_flops / 50, (0.01, 0.0101, 0.0099), "bf16", "default", 8),
            Rate("step_products", 0.7 * peak_flops / 100, (0.01, 0.0101, 0.0099), "fp32", "onednn", 8),
            Rate("memory", peak_flops / 1000, (0.01, 0.0101, 0.0099), threads=8),
        ),
    )
    return replace(plain, **changes)


def make_climb(
    device: str = "cpu", job_id: str | None = None, speed: float = 1.0, **changes: Any
) -> tuple[RunResult, ...]:
    """One job's results, in the ladder's order; `changes` are of every result."""
    steps = CPU_STEPS if device == "cpu" else GPU_STEPS
    plain = make_result() if device == "cpu" else make_gpu_result()
    turn_s = 6 * sum(step_s for step_s, _ in steps.values())
    found, at_s = [], 10.0
    for place, (name, (step_s, setup)) in enumerate(steps.items()):
        noise = tuple(_NOISE[(place + i) % len(_NOISE)] for i in range(len(_NOISE)))
        work = changes["spec"].workload if "spec" in changes else make_workload(epochs=1)
        found.append(
            replace(
                plain,
                id=f"{device}-{name}",
                job_id=job_id or f"climb-{device}",
                blocks=make_blocks(
                    step_s / speed, start_s=at_s, every_s=turn_s, jitter=noise, epochs=1, extra=11
                ),
                epochs=make_epochs(1),
                limits=make_limits(1e9 if device == "cpu" else 1e13) if name == "loader" else None,
                **{
                    **changes,
                    "spec": replace(plain.spec, workload=work, setup=make_setup(device=device, **setup)),
                },
            )
        )
        at_s += 6 * step_s
    return tuple(found)


def make_ladder(device: str = "cpu", **changes: Any) -> Ladder:
    [ladder] = ladders.from_results(make_climb(device, **changes))
    return ladder


def failed(result: RunResult, code: str, **facts: str) -> RunResult:
    """The same setup, which couldn't be measured."""
    nothing = {
        "blocks": (),
        "epochs": (),
        "anatomy": None,
        "first_losses": (),
        "telemetry": None,
        "limits": None,
    }
    return replace(result, status="failed", failure=Note(code, facts), **nothing)  # type: ignore[arg-type]
