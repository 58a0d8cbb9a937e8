"""The quiz "Predict, then run": its plan, what came out, whether a guess was right and what explains it.

Pure. Says codes and numbers, no sentences. What failed, was cancelled or can't be told apart isn't scored.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from core.analysis import stats, timed
from core.analysis.comparison import compare
from core.errors import InputError
from core.records import Comparison, Estimate, JobSpec, Note, RunResult, Setup, Stage, Workload

SMALL, LARGE, LOOP = 16, 4096, 64  # images in a batch: of the two races, and of the article's loop
MORE = LARGE // SMALL
SIZES = ((1.0, 1.2), (1.2, 2.0), (2.0, 5.0), (5.0, 20.0), (20.0, math.inf))  # of a lead, to choose from
EVEN = 1.05  # a smaller lead is no real difference
POINTS = 10  # so far beside the share a guess still counts
_DATASET = "synthetic"  # small images, and enough of them for the large batch
_SECONDS = 4.0
_MOVING: tuple[Stage, ...] = ("load", "copy")

Winner = Literal["baseline", "candidate", "even"]
Problem = Literal["unmeasured", "cancelled", "failed", "withheld", "undecided", "impossible"]
Mark = Literal[
    "right",
    "other_won",
    "none_won",
    "one_won",
    "lead_smaller",
    "lead_larger",
    "share_smaller",
    "share_larger",
]


@dataclass(frozen=True, slots=True)
class Race:
    """Two setups at one batch size. Either a winner, or a problem why there is none to score against."""

    winner: Winner | None = None
    lead: Estimate | None = None  # how many times as fast the winner is; of the candidate where they are even
    problem: Problem | None = None
    failure: Note | None = None  # what failed, or can't have been measured
    comparison: Comparison | None = None


@dataclass(frozen=True, slots=True)
class Shares:
    """The stages of the article's loop, in per cent of a step."""

    moving: Estimate | None = None  # loading and copying together
    stages: dict[Stage, float] = field(default_factory=dict)  # each alone
    problem: Problem | None = None
    failure: Note | None = None


@dataclass(frozen=True, slots=True)
class Growth:
    """How many times as long a step takes with MORE times as many images."""

    baseline: Estimate
    candidate: Estimate

    @property
    def fixed(self) -> Literal["most", "some", "none"]:
        """How much of the candidate's small step would be there without images.

        On a line t = a + b * images the part a is more than half where the growth is below MORE / 2.
        """
        if self.candidate.high < MORE / 2:
            return "most"
        return "some" if self.candidate.high < MORE else "none"

    @property
    def code(self) -> Literal["helps_more", "alike", "helps_less"]:
        """What the large batch does for the candidate, against what it does for the baseline."""
        if self.candidate.high < self.baseline.low:
            return "helps_more"
        return "helps_less" if self.candidate.low > self.baseline.high else "alike"


def plan(device: str) -> tuple[JobSpec, JobSpec, JobSpec]:
    """The two races and the article's loop. The CPU alone races with one thread against its best number."""
    pair = (Setup(threads=1), Setup()) if device == "cpu" else (Setup(), Setup(device))
    small, large, loop = (
        Workload(dataset=_DATASET, batch_size=size, epochs=1) for size in (SMALL, LARGE, LOOP)
    )
    return (
        JobSpec(small, pair, _SECONDS, limits=True),
        JobSpec(large, pair, _SECONDS, limits=True),
        JobSpec(loop, (Setup(device, data_path="loader"),), _SECONDS, limits=True, trace=True),
    )


def device_of(specs: Sequence[JobSpec | None]) -> str | None:
    """The device that these jobs were planned for (None among them: lost); None where they aren't a quiz's."""
    known = next((spec for spec in specs if spec is not None), None)
    if known is None:
        return None
    device = known.setups[-1].device
    planned = plan(device)
    fits = len(specs) == len(planned) and all(
        spec is None or spec.runs == wanted.runs for spec, wanted in zip(specs, planned, strict=True)
    )
    return device if fits else None


# --- what came out -------------------------------------------------------------------------------


def race(results: Sequence[RunResult]) -> Race:
    """Of a job's two results, in the order of the plan."""
    problem, failure = _stopped(results, 2)
    if problem is not None:
        return Race(problem=problem, failure=failure)
    try:
        comparison = compare(*results)
    except InputError as impossible:
        return Race(problem="impossible", failure=_note(impossible))
    speedup = comparison.speedup
    if speedup is None:
        return Race(problem="withheld", comparison=comparison)
    if comparison.verdict.code == "faster":
        return Race("candidate", speedup, comparison=comparison)
    if comparison.verdict.code == "slower":
        return Race("baseline", stats.inverse(speedup), comparison=comparison)
    least = SIZES[0][1]
    if speedup.high > least or speedup.low < 1 / least:
        return Race(problem="undecided", comparison=comparison)
    return Race("even", speedup, comparison=comparison)


def shares(results: Sequence[RunResult]) -> Shares:
    """Of the one result of the article's loop: medians over the steps of its instrumented pass."""
    problem, failure = _stopped(results, 1)
    if problem is not None:
        return Shares(problem=problem, failure=failure)
    anatomy = results[0].anatomy
    stages = {item.stage: item.seconds for item in anatomy.stages} if anatomy else {}
    steps = [sum(parts) for parts in zip(*stages.values(), strict=False)]
    if "load" not in stages or len(steps) < 2 or min(steps) <= 0:
        return Shares(problem="unmeasured")
    of_step = {
        stage: [100 * part / step for part, step in zip(seconds, steps, strict=False)]
        for stage, seconds in stages.items()
    }
    moving = [
        sum(parts) for parts in zip(*(of_step[stage] for stage in _MOVING if stage in of_step), strict=True)
    ]
    try:
        found = stats.median_interval(moving)
    except ValueError:  # which only an imported record can hold
        return Shares(problem="unmeasured")
    return Shares(found, {stage: stats.median(parts) for stage, parts in of_step.items() if min(parts) > 0})


def ceiling(moving: Estimate) -> Estimate:
    """Amdahl's: how many times as fast a step could be if loading and copying, in per cent, were all of it."""
    return stats.inverse(stats.scaled(moving, 1 / 100))


def growth(small: Race, large: Race) -> Growth | None:
    """None where either race can't be compared: then its steps explain nothing."""
    if not (_compared(small) and _compared(large)):
        return None
    assert small.comparison is not None
    assert large.comparison is not None
    grown = [
        stats.ratio_of_medians(_steps_s(after), _steps_s(before))
        for before, after in (
            (small.comparison.baseline, large.comparison.baseline),
            (small.comparison.candidate, large.comparison.candidate),
        )
    ]
    return Growth(*grown) if all(grown) else None  # type: ignore[arg-type]


def _compared(found: Race) -> bool:
    return found.comparison is not None and found.comparison.speedup is not None


def _steps_s(result: RunResult) -> list[float]:
    return [seconds * result.spec.workload.batch_size for seconds in timed.seconds_per_sample(result)]


def _stopped(results: Sequence[RunResult], expected: int) -> tuple[Problem | None, Note | None]:
    """Why these results aren't to be scored whatever they hold, and the failure if there is one."""
    failed = next((result for result in results if result.status == "failed"), None)
    if failed is not None:
        return "failed", failed.failure
    if any(result.status in ("cancelled", "interrupted") for result in results):
        return "cancelled", None
    return ("unmeasured", None) if len(results) != expected else (None, None)


def _note(problem: InputError) -> Note:
    return problem.note


# --- whether it was guessed ----------------------------------------------------------------------


def mark_race(winner: Winner, size: int | None, found: Race) -> Mark | None:
    """A guess is right where the interval doesn't refute it. `size`: of SIZES. None: not to be scored."""
    if found.winner is None or found.lead is None:
        return None
    if found.winner == "even":
        return "right" if winner == "even" else "none_won"
    if winner == "even":
        return "right" if found.lead.low < EVEN else "one_won"
    if winner != found.winner:
        return "other_won"
    if size is None:
        return "right"
    low, high = SIZES[size]
    if found.lead.high < low:
        return "lead_smaller"
    return "lead_larger" if found.lead.low > high else "right"


def mark_share(guessed_pct: float, found: Shares) -> Mark | None:
    """None: not to be scored."""
    if found.moving is None:
        return None
    if guessed_pct > found.moving.high + POINTS:
        return "share_smaller"
    return "share_larger" if guessed_pct < found.moving.low - POINTS else "right"
