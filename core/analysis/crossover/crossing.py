"""From which batch size on one setup is faster than another, with its interval, or why that can't be said.

Where enough ratios were measured in turns around it, the crossing is theirs (`paired`). Else it is that of the
two fits, in closed form; its interval is the middle 95 % of the crossings of resampled fits (`step_noise`). One
resample in 40 without a crossing at an end leaves that end open, and then no number is given but the
reason. Where the fits describe what was measured less than well, only the points around the crossing count.
What was measured directly goes before any fit: where the two contradict each other, or the interval is open,
the crossing lies between the batch sizes that were surely won by one and by the other. A single ratio
doesn't go before the ratios around it: one that says otherwise is told.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.analysis import comparability, stats
from core.analysis.crossover import paired, step_noise, sweep
from core.analysis.crossover.step_fit import Regime, StepFit, fit, usable
from core.analysis.crossover.step_shape import Samples
from core.analysis.crossover.sweep import Line
from core.analysis.speedup import speedup
from core.records import Estimate, Note
from core.records.codes import Fact

Side = Literal["baseline", "candidate"]
Curve = tuple[Regime, ...]
Sure = Sequence[tuple[int, Side | None]]

FURTHEST = 10.0  # times beyond what was measured on both: a crossing further out isn't told
_TAIL = 0.025
_ROUGH = 0.03  # misfit from which on only the points around the crossing count
_AROUND, _ENOUGH = 8.0, 4  # times as small or large a batch, and how many of them


@dataclass(frozen=True, slots=True)
class Bracket:
    """What was measured directly, without any fit: the crossing lies between these batch sizes."""

    below: int | None  # the largest at which the one that is faster at small batches is surely faster
    above: int | None  # the smallest at which the other is surely faster


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where two lines cross. Either `batch_size`, or `reason` says why there is none."""

    batch_size: Estimate | None
    faster_above: Side | None  # beyond the crossing; without one, at every batch size that was measured
    reason: Note | None
    extrapolated: bool  # it lies outside of what was measured on both
    bracket: Bracket
    confirmed: bool | None  # whether the direct measurements on both sides agree; None: not on both sides
    fits: tuple[StepFit | Note, StepFit | Note]  # of the baseline and the candidate
    doubts: tuple[Note, ...]  # e.g. unlike software


@dataclass(frozen=True, slots=True)
class _Found:
    """What the fits say, before it is held against the direct measurements."""

    batch_size: Estimate | None = None
    above: Side | None = None
    reason: Note | None = None
    doubts: tuple[Note, ...] = ()
    by_ratios: bool = False  # by those around it, not by the fits


def crossing(baseline: Line, candidate: Line) -> Crossing:
    """The crossing of two lines of one model."""
    points = _samples(baseline), _samples(candidate)
    fits = fit(points[0]), fit(points[1])
    sure = surely(baseline, candidate)
    doubts = _unlike(baseline, candidate)
    if _work(baseline) != _work(candidate):
        return Crossing(None, None, Note("lines_of_other_work"), False, Bracket(None, None), None, fits, doubts)
    if isinstance(fits[0], StepFit) and isinstance(fits[1], StepFit):
        found = _of_fits((fits[0], fits[1]), points, sure, _ratios(baseline, candidate))
    else:
        found = _without_fits(fits, sure)
    return _against(found, sure, fits, doubts)


def surely(baseline: Line, candidate: Line) -> tuple[tuple[int, Side | None], ...]:
    """Who is surely faster at each batch size that was measured on both: the ratio's interval leaves out 1."""
    told: list[tuple[int, Side | None]] = []
    for cell, other in sweep.shared(baseline, candidate):
        ratio = sweep.ratio(cell, other)
        if ratio is not None:
            side: Side | None = "candidate" if ratio.low > 1 else "baseline" if ratio.high < 1 else None
            told.append((cell.batch_size, side))
    return tuple(told)


def _ratios(baseline: Line, candidate: Line) -> tuple[paired.Ratio, ...]:
    """Of blocks that took turns."""
    found = []
    for cell, other in sweep.shared(baseline, candidate):
        assert cell.result is not None
        assert other.result is not None
        ratio, pairs = speedup(cell.result, other.result)
        if ratio is not None and pairs:
            error, freedom = stats.paired_error(ratio, pairs)
            found.append(paired.Ratio(cell.batch_size, math.log(ratio.value), error, freedom))
    return tuple(found)


def _work(line: Line) -> tuple[str, str, str]:
    return line.task, line.model, line.dataset


def _samples(line: Line) -> Samples:
    return usable([(cell.batch_size, cell.step_times) for cell in line.measured])


def _of_fits(
    fits: tuple[StepFit, StepFit],
    points: tuple[Samples, Samples],
    sure: Sure,
    ratios: Sequence[paired.Ratio],
) -> _Found:
    low, high = _measured_on_both(fits)
    curves = fits[0].regimes, fits[1].regimes
    root = _root(curves, low, high)
    if root is not None and max(fits[0].misfit or 0, fits[1].misfit or 0) > _ROUGH:
        near = _around(points[0], root[0]), _around(points[1], root[0])
        closer = _curves(near)
        refined = closer and _root(closer, low, high)
        if closer and refined and refined[1] == root[1]:
            points, curves, root = near, closer, refined
    inside = [at for at, _ in _roots(*curves) if low <= at <= high]
    several = (Note("crosses_more_than_once", {"count": len(inside)}),) if len(inside) > 1 else ()
    about = root[0] if root else _middle(_bracket(sure, _changes_to(sure)))
    direct = None
    if about is not None and not _bend(curves, about):
        direct = paired.crossing(ratios, functools.partial(_log_ratio, curves), about)
    if direct is not None and (root is None or (root[1] == "candidate") == direct.rises):
        return _Found(direct.batch_size, "candidate" if direct.rises else "baseline", None, several, True)
    drawn = list(zip(step_noise.resampled(points[0], 1), step_noise.resampled(points[1], 2), strict=True))
    ends = [_winner(drawn, low), _winner(drawn, high)]
    ends = [side or _measured(sure, at) for side, at in zip(ends, (low, high), strict=True)]
    known = {side for _, side in sure if side} | {side for side in ends if side}
    if not known:
        return _Found(reason=Note("no_difference"))
    if root is None:
        if ends[0] == ends[1] and ends[0] is not None:
            return _always(ends[0], curves, low, high)
        middle = _faster(curves, math.sqrt(low * high))
        # the uncertain end is where they might cross
        root = (high, _other(middle)) if ends[1] is None else (low, middle)
        return _open(root[1], _interval(drawn, root), low, high)
    interval = _interval(drawn, root)
    closed = max(1.0, low / FURTHEST) <= interval[0] and interval[1] <= high * FURTHEST
    if not closed:
        return _open(root[1], interval, low, high, several)
    value = Estimate(root[0], min(interval[0], root[0]), max(interval[1], root[0]))
    return _Found(value, root[1], None, several)


def _without_fits(fits: Sequence[StepFit | Note], sure: Sure) -> _Found:
    """Two batch sizes or more at which the same side is surely faster say something without any fit."""
    sides = {side for _, side in sure}
    if len(sure) > 1 and len(sides) == 1 and (side := sides.pop()):
        return _Found(above=side, reason=_always_reason(side))
    return _Found(reason=next(item for item in fits if isinstance(item, Note)))


def _against(
    found: _Found,
    sure: Sure,
    fits: tuple[StepFit | Note, StepFit | Note],
    doubts: tuple[Note, ...],
) -> Crossing:
    """What the fits found, held against what was measured directly."""
    outvoted = _outvoted(found, sure)
    if outvoted is not None:
        sure = [item for item in sure if item[0] != outvoted]
        doubts = (*doubts, Note("ratio_outvoted", {"batch_size": outvoted}))
    above = _changes_to(sure) or (found.above if found.batch_size else None)
    bracket = _bracket(sure, above)
    doubts = (*found.doubts, *doubts)
    estimate = found.batch_size
    both = bracket.below is not None and bracket.above is not None
    agree = estimate is not None and found.above == above and _overlap(estimate, bracket)
    if both and not agree and all(isinstance(item, StepFit) for item in fits):
        assert bracket.below is not None
        assert bracket.above is not None
        middle = _middle(bracket) or 0.0
        estimate = Estimate(middle, bracket.below, bracket.above)
        contradicted = found.batch_size is not None or found.above is not None
        code = Note("fit_contradicted") if contradicted else Note("crossing_from_bracket")
        return Crossing(estimate, above, None, False, bracket, not contradicted, fits, (*doubts, code))
    if estimate is not None and not agree:
        return Crossing(None, None, Note("crossing_contradicted"), False, bracket, False, fits, doubts)
    outside = estimate is not None and not all(
        isinstance(item, StepFit) and item.covers(estimate.value) for item in fits
    )
    confirmed = True if both and estimate is not None else None
    return Crossing(estimate, found.above, found.reason, outside, bracket, confirmed, fits, doubts)


def _measured_on_both(fits: tuple[StepFit, StepFit]) -> tuple[float, float]:
    """Smallest and largest batch size; where the two lines share no range, the gap between them."""
    low = max(item.batches[0] for item in fits)
    high = min(item.batches[-1] for item in fits)
    return min(low, high), max(low, high)


def _roots(baseline: Curve, candidate: Curve) -> list[tuple[float, Side]]:
    """Where the fits are equal, ascending, and who is faster just above."""
    edges = sorted({1.0, *(item.low for item in (*baseline, *candidate) if item.low > 1), math.inf})
    found: list[tuple[float, Side]] = []
    for low, high in itertools.pairwise(edges):
        one, other = _piece(baseline, low), _piece(candidate, low)
        slope = one.per_sample_s - other.per_sample_s
        if slope:
            at = (other.overhead_s - one.overhead_s) / slope
            if low <= at < high:
                found.append((at, "candidate" if slope > 0 else "baseline"))
    return found


def _piece(curve: Curve, batch_size: float) -> Regime:
    return curve[0] if batch_size < curve[0].high else curve[-1]


def _bend(curves: tuple[Curve, Curve], about: float) -> bool:
    """Whether one has its knot around there: where exactly isn't known well enough."""
    return any(about / paired.AROUND < curve[0].high < about * paired.AROUND for curve in curves)


def _log_ratio(curves: tuple[Curve, Curve], batch_size: float) -> float:
    one, other = (_piece(curve, batch_size) for curve in curves)
    return math.log(
        (one.overhead_s + one.per_sample_s * batch_size) / (other.overhead_s + other.per_sample_s * batch_size)
    )


def _root(curves: tuple[Curve, Curve], low: float, high: float) -> tuple[float, Side] | None:
    """The largest in what was measured, as it changes the winner for good; else the nearest, if near enough."""
    roots = [item for item in _roots(*curves) if low / FURTHEST <= item[0] <= high * FURTHEST]
    inside = [item for item in roots if low <= item[0] <= high]
    if inside:
        return inside[-1]
    return min(roots, key=lambda item: max(low / item[0], item[0] / high), default=None)


def _faster(curves: tuple[Curve, Curve], batch_size: float) -> Side:
    one, other = (_piece(curve, batch_size) for curve in curves)
    gap = one.overhead_s - other.overhead_s + (one.per_sample_s - other.per_sample_s) * batch_size
    return "candidate" if gap > 0 else "baseline"


def _winner(drawn: Sequence[tuple[Curve, Curve]], batch_size: float) -> Side | None:
    """Who is faster in all resamples but one tail's share."""
    share = sum(_faster(curves, batch_size) == "candidate" for curves in drawn) / len(drawn)
    return "candidate" if share >= 1 - _TAIL else "baseline" if share <= _TAIL else None


def _interval(drawn: Sequence[tuple[Curve, Curve]], root: tuple[float, Side]) -> tuple[float, float]:
    """The middle 95 % of the crossings; 0: it may be faster at every batch size, inf: at none."""
    values = sorted(_nearest(curves, root) for curves in drawn)
    cut = round(len(values) * _TAIL)
    return values[cut], values[-1 - cut]


def _nearest(curves: tuple[Curve, Curve], root: tuple[float, Side]) -> float:
    near, above = root
    roots = [at for at, side in _roots(*curves) if side == above]
    if roots:
        return min(roots, key=lambda at: max(at / near, near / at))
    return 0.0 if _faster(curves, near) == above else math.inf


def _always(side: Side, curves: tuple[Curve, Curve], low: float, high: float) -> _Found:
    beyond = any(at > high or 1 < at < low for at, _ in _roots(*curves))
    facts: dict[str, Fact] = {"low": round(low), "high": round(high)}
    return _Found(above=side, reason=Note("beyond_range", facts) if beyond else _always_reason(side))


def _always_reason(side: Side) -> Note:
    return Note("always_faster") if side == "candidate" else Note("never_faster")


def _open(
    above: Side, interval: tuple[float, float], low: float, high: float, doubts: tuple[Note, ...] = ()
) -> _Found:
    """Why an interval with an open end gives no crossing."""
    least, most = interval
    facts: dict[str, Fact] = {"low": round(low), "high": round(high)}
    if least >= high:
        return _Found(above=_other(above), reason=Note("beyond_range", facts), doubts=doubts)
    if most <= low:
        return _Found(above=above, reason=Note("beyond_range", facts), doubts=doubts)
    if least >= max(1.0, low / FURTHEST):
        return _Found(reason=Note("crossing_open_above", {"batch_size": round(least)}), doubts=doubts)
    if most <= high * FURTHEST:
        return _Found(reason=Note("crossing_open_below", {"batch_size": round(most)}), doubts=doubts)
    return _Found(reason=Note("no_difference"), doubts=doubts)


def _other(side: Side) -> Side:
    return "baseline" if side == "candidate" else "candidate"


def _curves(points: tuple[Samples, Samples]) -> tuple[Curve, Curve] | None:
    """Of the points around a crossing; None where they are too few, or have no fit."""
    one, other = fit(points[0]), fit(points[1])
    if min(map(len, points)) < _ENOUGH or isinstance(one, Note) or isinstance(other, Note):
        return None
    return one.regimes, other.regimes


def _around(samples: Samples, batch_size: float) -> Samples:
    return tuple(item for item in samples if batch_size / _AROUND <= item[0] <= batch_size * _AROUND)


def _measured(sure: Sure, batch_size: float) -> Side | None:
    return next((side for size, side in sure if size == batch_size), None)


def _changes_to(sure: Sure) -> Side | None:
    """Who is surely faster at the largest batches, where the other one is at smaller ones."""
    sides = [side for _, side in sure if side]
    return sides[-1] if len(set(sides)) > 1 else None


def _bracket(sure: Sure, above: Side | None) -> Bracket:
    if above is None:
        return Bracket(None, None)
    below = max((size for size, side in sure if side == _other(above)), default=None)
    beyond = [size for size, side in sure if side == above and (below is None or size > below)]
    return Bracket(below, min(beyond, default=None))


def _middle(bracket: Bracket) -> float | None:
    below, above = bracket.below, bracket.above
    return None if below is None or above is None else math.sqrt(below * above)


def _outvoted(found: _Found, sure: Sure) -> int | None:
    """The batch size of the only ratio that contradicts the crossing of all those around it."""
    estimate = found.batch_size
    if not found.by_ratios or estimate is None:
        return None
    wrong = [
        size
        for size, side in sure
        if side is not None and (size > estimate.high if side != found.above else size < estimate.low)
    ]
    near = estimate.value / paired.AROUND <= wrong[0] <= estimate.value * paired.AROUND if wrong else False
    return wrong[0] if len(wrong) == 1 and near else None


def _overlap(estimate: Estimate, bracket: Bracket) -> bool:
    below, above = bracket.below or 0, bracket.above or math.inf
    return estimate.low <= above and below <= estimate.high


def _unlike(baseline: Line, candidate: Line) -> tuple[Note, ...]:
    one, other = baseline.example, candidate.example
    if one is None or other is None:
        return ()
    found = comparability.differences(one, other)
    fields = [item.field for item in found if item.level != "green" and item.field != "batch_size"]
    return (Note("lines_differ", {"fields": ", ".join(dict.fromkeys(fields))}),) if fields else ()
