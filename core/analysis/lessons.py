"""What the article's lines, tried one by one, say together. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from core.analysis import stats
from core.records import Estimate, LessonName, LessonTrial, RunResult

# Sums are taken in another order on each run of some devices: losses that differ by less haven't parted.
_SAME_LOSS = 1e-4


@dataclass(frozen=True, slots=True)
class AddingUp:
    """The same first steps with gradients set to zero before each, and without."""

    step: int  # the last one that both have a loss of, from 1
    with_loss: float
    without_loss: float
    parted_at: int | None  # the first step whose losses differ; None: none does
    diverged_at: int | None  # without: the first step whose loss is no number; None: each is one


def trial(result: RunResult, lesson: LessonName, variant: str) -> LessonTrial | None:
    """None where it wasn't tried."""
    found = (item for item in result.lessons if item.lesson == lesson and item.variant == variant)
    return next(found, None)


def seconds(tried: LessonTrial | None) -> Estimate | None:
    """The typical repeat. None for fewer than two, or one that was too short for the clock."""
    if tried is None or not tried.seconds or min(tried.seconds) <= 0:
        return None
    return stats.median_interval(tried.seconds)


def seconds_per_sample(tried: LessonTrial | None) -> Estimate | None:
    typical = seconds(tried)
    if tried is None or typical is None or not tried.samples:
        return None
    return stats.scaled(typical, 1 / tried.samples)


def times_as_long(slow: LessonTrial | None, quick: LessonTrial | None) -> Estimate | None:
    """Time of `slow` over that of `quick`: for each image where they took different numbers of them."""
    if slow is None or quick is None or seconds(slow) is None or seconds(quick) is None:
        return None
    ratio = stats.ratio_of_medians(slow.seconds, quick.seconds)
    if ratio is None or slow.samples == quick.samples:
        return ratio
    return stats.scaled(ratio, quick.samples / slow.samples) if slow.samples and quick.samples else None


def no_difference(ratio: Estimate) -> bool:
    """Whether the interval of a ratio holds 1."""
    return ratio.low <= 1 <= ratio.high


def adding_up(result: RunResult) -> AddingUp | None:
    """None where it wasn't tried, or no step has a loss both ways."""
    clean, piled = trial(result, "zero_grad", "with"), trial(result, "zero_grad", "without")
    pairs = list(zip(clean.losses, piled.losses, strict=False)) if clean and piled else []
    if clean is None or piled is None or not pairs:
        return None
    parted = next(
        (step for step, (one, other) in enumerate(pairs, 1) if abs(one - other) > _SAME_LOSS * abs(one)), None
    )
    diverged = len(piled.losses) + 1 if len(piled.losses) < len(clean.losses) else None
    return AddingUp(len(pairs), *pairs[-1], parted, diverged)
