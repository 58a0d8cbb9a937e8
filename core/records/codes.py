"""The codes that records speak instead of words, and the facts that a message may quote."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Task = Literal["train", "classify", "extract"]
Precision = Literal["fp32", "tf32", "bf16"]
DataPath = Literal["transforms", "loader", "workers", "resident"]
Products = Literal["default", "onednn", "mkl_fast"]
StepKind = Literal["eager", "compiled", "graph", "compiled_graph"]
Status = Literal["finished", "out_of_time", "cancelled", "failed", "interrupted"]
Origin = Literal["measured", "recorded", "imported"]
Stage = Literal["load", "copy", "forward", "backward", "optimiser", "copy_back"]
ParityCause = Literal["precision", "batch_norm", "non_determinism", "divergence", "different_data", "accuracy"]
Backend = Literal["gloo", "nccl"]  # what carries gradients from worker to worker
EnergySource = Literal["counter", "power", "rapl"]  # the GPU's counter, its power integrated, the CPU's counter

STAGES: tuple[Stage, ...] = ("load", "copy", "forward", "backward", "optimiser", "copy_back")

# A fact is something a message can quote; nothing nested, so that every store and locale can carry it.
Fact = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Note:
    """Something the reader must know about this run: a code and its facts, never a sentence."""

    code: str
    facts: dict[str, Fact] = field(default_factory=dict)
