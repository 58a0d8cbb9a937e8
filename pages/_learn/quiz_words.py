"""What explains the answers of a quiz, in sentences with the numbers of its own runs. Draws nothing."""

from __future__ import annotations

from collections.abc import Iterator

from core import units
from core.analysis import limits, quiz
from core.analysis.bottleneck import bottleneck, notes
from core.analysis.quiz import Growth, Mark, Problem, Shares
from core.i18n import N_, Translate
from core.messages import sentence
from core.records import STAGES, Comparison, Estimate, RunResult
from core.wording import device_of, labels_of
from pages._shared.doubts import named
from pages._shared.markdown import plain

MARKS: dict[Mark, str] = {
    "right": N_("You were right."),
    "other_won": N_("You expected another winner."),
    "none_won": N_("You expected a winner, and there is none."),
    "one_won": N_("You expected no real difference, and there is one."),
    "lead_smaller": N_("You named the winner, but its lead is smaller than you thought."),
    "lead_larger": N_("You named the winner, but its lead is larger than you thought."),
    "share_smaller": N_("It is less than you thought."),
    "share_larger": N_("It is more than you thought."),
}
PROBLEMS: dict[Problem, str] = {
    "unmeasured": N_("Too little was measured for an answer."),
    "cancelled": N_("This measurement was stopped before its end."),
    "failed": N_("This measurement failed."),
    "withheld": N_("These two can't be compared."),
    "undecided": N_(
        "The interval is too wide to tell a winner from a tie. Try again when the machine is quiet."
    ),
    "impossible": N_("The records of this measurement contradict each other."),
}
# What of a step would be there without images, by how it grows with them (quiz.Growth.fixed)
_FIXED_ON_CPU = {
    "most": N_(
        "With {more} times as many images a step on {candidate} takes only {candidate_times} as long. So most "
        "of the step with {small} images isn't work on images: it is what a step costs whatever its size, such "
        "as Python and starting one operation after the other, which threads can't share, and updating the "
        "weights."
    ),
    "some": N_(
        "With {more} times as many images a step on {candidate} takes {candidate_times} as long. So a part of "
        "the step with {small} images isn't work on images: it is what a step costs whatever its size, such as "
        "Python and starting one operation after the other, which threads can't share, and updating the "
        "weights."
    ),
    "none": N_(
        "With {more} times as many images a step on {candidate} takes {candidate_times} as long: already "
        "{small} images keep it busy."
    ),
}
_FIXED_ON_DEVICE = {
    "most": N_(
        "With {more} times as many images a step on {candidate} takes only {candidate_times} as long. So most "
        "of the step with {small} images isn't work on images: it is what a step costs whatever its size, such "
        "as starting one small operation after the other. So few images don't fill this device."
    ),
    "some": N_(
        "With {more} times as many images a step on {candidate} takes {candidate_times} as long. So a part of "
        "the step with {small} images isn't work on images: it is what a step costs whatever its size, such as "
        "starting one small operation after the other."
    ),
    "none": _FIXED_ON_CPU["none"],
}
_GROWTH = {
    "helps_more": N_(
        "With {more} times as many images as in the batch of {small}, a step takes {baseline_times} as long on "
        "{baseline} and only {candidate_times} as long on {candidate}. That tips the balance towards "
        "{candidate}: what a step costs whatever its size is shared by more images, and there is enough work "
        "to divide."
    ),
    "alike": N_(
        "With {more} times as many images as in the batch of {small}, a step takes {baseline_times} as long on "
        "{baseline} and {candidate_times} as long on {candidate}. These can't be told apart: no effect of "
        "the batch's size on who leads can be seen."
    ),
    "helps_less": N_(
        "With {more} times as many images as in the batch of {small}, a step takes {baseline_times} as long on "
        "{baseline} and {candidate_times} as long on {candidate}. That tips the balance towards {baseline}: "
        "on the other side the work meets a limit that dividing it doesn't move."
    ),
}


def of_race(images: int, comparison: Comparison, grown: Growth | None, translate: Translate) -> Iterator[str]:
    """How long the steps took, what more images change, and what the candidate's steps wait for; Markdown."""
    pair = (comparison.baseline, comparison.candidate)
    labels = [plain(name) for name in labels_of(pair, translate)]
    times = [units.duration(limits.step_s(result)) for result in pair]
    text = translate(
        "A step with {images:,} images takes {baseline_time} on {baseline} and {candidate_time} on {candidate}."
    )
    yield text.format(
        images=images,
        baseline=labels[0],
        candidate=labels[1],
        baseline_time=times[0],
        candidate_time=times[1],
    )
    yield from of_threads(comparison, translate)
    if grown is not None:
        yield _of_growth(images, pair[1], grown, translate)
    if told := _bound(pair[1], translate):
        yield named(labels[1], told, translate)


def of_threads(comparison: Comparison, translate: Translate) -> Iterator[str]:
    """Where the CPU raced with itself, in effect: nothing else explains a tie as well."""
    if comparison.candidate.spec.setup.device == "cpu" and comparison.candidate.threads == 1:
        yield translate("The search for the best number of threads chose 1: more were no faster.")


def _of_growth(images: int, candidate: RunResult, grown: Growth, translate: Translate) -> str:
    """Why few images don't keep many threads, or an accelerator, busy; and what many images change."""
    on_cpu = candidate.spec.setup.device == "cpu"
    # not their labels: the best number of threads may be another one in the other race
    baseline = translate("one thread") if on_cpu else "CPU"
    name = translate("the best number of threads") if on_cpu else plain(device_of(candidate))
    if images == quiz.SMALL:
        text = translate((_FIXED_ON_CPU if on_cpu else _FIXED_ON_DEVICE)[grown.fixed])
    else:
        text = translate(_GROWTH[grown.code])
    return text.format(
        more=quiz.MORE,
        small=quiz.SMALL,
        baseline=baseline,
        candidate=name,
        baseline_times=_times(grown.baseline, translate),
        candidate_times=_times(grown.candidate, translate),
    )


def of_share(found: Shares, result: RunResult, translate: Translate) -> Iterator[str]:
    """The parts of a step of the article's loop, and what a faster device could gain; Markdown."""
    stages = {stage: percent(found.stages.get(stage)) for stage in STAGES}
    text = translate(
        "To load the next {images} images takes {load} of a step, to copy them to the device {copy}."
    )
    if result.spec.setup.device == "cpu":
        text = translate(
            "To load the next {images} images takes {load} of a step; to copy them takes next to nothing "
            "({copy}), as they are in the CPU's memory already."
        )
    yield text.format(images=quiz.LOOP, **stages)
    text = translate(
        "The rest is the training itself: the forward pass {forward}, the backward pass {backward} and the "
        "weights' update {optimiser}."
    )
    yield text.format(**stages)
    if told := _bound(result, translate):
        yield told
    if found.moving is not None:
        text = translate(
            "However fast a device were, this loop could become at most {times} as fast: loading and "
            "copying stay."
        )
        yield text.format(times=_times(quiz.ceiling(found.moving), translate))


def percent(value_pct: float | None) -> str:
    """With as many digits as a share of a step carries."""
    return units.percent(None if value_pct is None else float(f"{value_pct:.2g}"))


def _times(of: Estimate, translate: Translate) -> str:
    text = translate("{ratio} (95 % interval {interval})")
    return text.format(ratio=units.ratio(of), interval=units.interval(of))


def _bound(result: RunResult, translate: Translate) -> str | None:
    """What the steps wait for, where that is known."""
    found = bottleneck(result)
    if found is None:
        return None
    note = notes(found)[0]
    return plain(sentence(note.code, note.facts, translate))
