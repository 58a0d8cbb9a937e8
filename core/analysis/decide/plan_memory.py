"""Whether a workload fits into a device's memory, judged by what fitted when it was measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from core.analysis.decide.candidates import Candidate
from core.analysis.decide.plan import Plan
from core.records import Fact, Note

_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether it fits into the device's memory; `reason` says what that rests on."""

    code: Literal["yes", "no", "unknown"]
    reason: Note


def fit(candidate: Candidate, plan: Plan) -> Fit:
    """A batch that fitted shows that smaller ones do, one that didn't that larger ones don't.

    The images of an epoch count where the setup keeps them all on the device. Larger images than those
    measured need more, and by how much isn't known.
    """
    batch = plan.batch_size or candidate.batch_size
    full = [cell.batch_size for cell in candidate.cells if cell.state == "out_of_memory"]
    if any(size <= batch for size in full):
        return Fit("no", Note("memory_was_full", {"batch": min(full)}))
    has, images = candidate.capacity_bytes, _images_bytes(candidate, plan)
    if has is not None and images is not None and images > has:
        return Fit("no", Note("memory_images", {"needed": _gib(images), "has": _gib(has)}))
    if candidate.source == "predicted":
        return Fit("unknown", Note("memory_predicted"))
    if candidate.size_factor(plan.side) > 1:
        return Fit("unknown", Note("memory_other_size"))
    largest = max(cell.batch_size for cell in candidate.cells if cell.step_s is not None)
    if batch > largest:
        return Fit("unknown", Note("memory_not_measured", {"batch": largest}))
    return _with_all_images(candidate, plan, batch, images)


def _with_all_images(candidate: Candidate, plan: Plan, batch: int, images: int | None) -> Fit:
    """The smallest measured batch that isn't smaller, with the plan's images in place of the measured ones."""
    cell = next(one for one in candidate.cells if one.step_s is not None and one.batch_size >= batch)
    facts: dict[str, Fact] = {"batch": cell.batch_size}
    has, had = candidate.capacity_bytes, _measured_images_bytes(candidate)
    if images is None or images <= (had or 0):
        return Fit("yes", Note("memory_fitted", facts))
    if has is None or had is None or cell.memory_bytes is None:
        return Fit("unknown", Note("memory_more_images"))
    needed = cell.memory_bytes - had + images
    code: Literal["yes", "no"] = "yes" if needed <= has else "no"
    return Fit(code, Note("memory_with_images", {"needed": _gib(needed), "has": _gib(has), **facts}))


def _images_bytes(candidate: Candidate, plan: Plan) -> int | None:
    """Of an epoch's images, a byte a channel and pixel; None: they aren't kept there, or it isn't known."""
    data = candidate.result.data
    if candidate.result.spec.setup.data_path != "resident" or data is None or plan.images is None:
        return None
    pixels = plan.side**2 if plan.side is not None else math.prod(data.shape[1:])
    return plan.images * data.shape[0] * pixels


def _measured_images_bytes(candidate: Candidate) -> int | None:
    data = candidate.result.data
    return (data.train_samples + data.test_samples) * math.prod(data.shape) if data else None


def _gib(count: float) -> float:
    return float(f"{count / _GIB:.3g}")
