"""Which point of a sweep to measure next: the one that tells most. Knows no clock, nor how it is measured.

At first both ends of the batch sizes and the middle, then what narrows the crossing most. With two straight
lines t = a + c*b, crossing at b* = (a2 - a1) / (c1 - c2), the delta method gives

    var(b*) = (f' M1^-1 f + f' M2^-1 f) / (c1 - c2)^2,    f = (1, b*),    M = sum of x x' / t(x)^2,  x = (1, b)

as the noise of a step's time is relative to it. The next batch size is the one after which this is least: a
locally c-optimal design (H. Chernoff, Locally optimal designs for estimating parameters, Ann. Math. Statist.
24, 1953, 586-602), built one point at a time as H. P. Wynn does for D-optimal ones (The sequential generation
of D-optimum experimental designs, Ann. Math. Statist. 41, 1970, 1655-1664).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Mapping, Sequence

Times = Mapping[int, float]  # seconds of a step, by batch size: what was measured of a model in a setup

FIRST_PICTURE = 3  # points: both ends and the middle
_BESIDE = (1, 1 / 1.5, 1.5, 1 / 1.2, 1.2, 1 / 1.8, 1.8, 1 / 2.2, 2.2)  # times the crossing, as it tells most
_APART = 0.04  # of a batch size: what is nearer is the same one
_BEYOND = 2.0  # so many times beyond the batch sizes swept, a crossing is nothing to refine


def next_point(
    models: Sequence[str],
    tried: Mapping[str, Sequence[int]],
    candidates: Mapping[str, Sequence[int]],
    times: Mapping[str, Sequence[Times]],
) -> tuple[str, int] | None:
    """The model and the batch size to measure next; None where there are no candidates left.

    By model: `tried`, the batch sizes that are over, whatever came of it; `candidates`, those that may be
    measured; `times`, what was measured of each setup, the baseline first. The model with the fewest points
    comes first, so that every model gets its first picture before any is refined.
    """
    open_models = [model for model in models if candidates.get(model)]
    if not open_models:
        return None
    model = min(open_models, key=lambda name: (len(tried.get(name, ())), models.index(name)))
    return model, next_batch(tried.get(model, ()), candidates[model], times.get(model, ()))


def next_batch(tried: Sequence[int], candidates: Sequence[int], times: Sequence[Times]) -> int:
    """The same for one model."""
    lowest, highest = min(candidates), max(candidates)
    if not tried or lowest < min(tried):
        return lowest
    if highest > max(tried):
        return highest
    if len(tried) >= FIRST_PICTURE:
        found = _narrowing(candidates, times)
        if found is not None:
            return found
    return _widest_gap(tried, candidates)


def predicted_step_s(times: Times, batch_size: int) -> float | None:
    """About how long a step takes, at most: along straight lines between what was measured, and beyond in
    proportion to the last slope. Of one point, in proportion to the images. None: nothing was measured."""
    if not times:
        return None
    known = sorted(times.items())
    first, last = known[0], known[-1]
    if batch_size <= first[0]:
        return first[1]
    for (low, low_s), (high, high_s) in itertools.pairwise(known):
        if batch_size <= high:
            return low_s + (high_s - low_s) * (batch_size - low) / (high - low)
    in_proportion = last[1] * batch_size / last[0]
    if len(known) < 2:
        return in_proportion
    slope = (last[1] - known[-2][1]) / (last[0] - known[-2][0])
    return min(in_proportion, max(last[1], last[1] + slope * (batch_size - last[0])))


def affordable(needed_s: Mapping[tuple[str, int, int], float], left_s: float) -> set[tuple[str, int, int]]:
    """The cells (model, batch size, setup by its place) that the time left is enough for, the cheapest first:
    so it is enough for as many as can be."""
    found, spent_s = set(), 0.0
    for cell, cost_s in sorted(needed_s.items(), key=lambda item: (item[1], item[0])):
        spent_s += cost_s
        if spent_s > left_s:
            break
        found.add(cell)
    return found


def crossing_about(baseline: Times, candidate: Times) -> float | None:
    """About where two setups cross, among the batch sizes measured of both or near them."""
    both = sorted(set(baseline) & set(candidate))
    if len(both) < 2:
        return None
    between = [
        (low, high)
        for low, high in itertools.pairwise(both)
        if (baseline[low] - candidate[low]) * (baseline[high] - candidate[high]) < 0
    ]
    (a1, c1), (a2, c2) = _line(baseline), _line(candidate)
    found = (a2 - a1) / (c1 - c2) if c1 != c2 else math.inf
    if between:  # what was measured says more than two straight lines do
        low, high = between[-1]
        return found if low <= found <= high else _interpolated(baseline, candidate, low, high)
    return found if both[0] / _BEYOND <= found <= both[-1] * _BEYOND else None


def beside(crossing: float, known: Collection[int], low: int, high: int) -> int | None:
    """A further batch size at a crossing or on either side of it, in whole images; None: all are measured.

    None that is as good as measured: what is off at one batch size only shows at another.
    """
    sizes = (min(high, max(low, round(crossing * factor))) for factor in _BESIDE)
    return next((size for size in sizes if all(abs(size - other) >= _APART * size for other in known)), None)


def _narrowing(candidates: Sequence[int], times: Sequence[Times]) -> int | None:
    """The candidate after which the least known crossing of the baseline with another setup is known best."""
    if not times:
        return None
    baseline, *others = times
    widest: tuple[float, float, Times] | None = None
    for other in others:
        crossing = crossing_about(baseline, other)
        if crossing is not None:
            spread = _variance(baseline, other, crossing, None) / crossing**2
            if widest is None or spread > widest[0]:
                widest = (spread, crossing, other)
    if widest is None:
        return None
    _, crossing, other = widest
    return min(candidates, key=lambda size: (_variance(baseline, other, crossing, size), size))


def _variance(baseline: Times, candidate: Times, crossing: float, more: int | None) -> float:
    """var(b*) by the formula above, in units of the noise's variance, once `more` is measured, too."""
    slopes = _line(baseline)[1] - _line(candidate)[1]
    if slopes == 0:
        return math.inf
    return sum(_variance_at(crossing, times, more) for times in (baseline, candidate)) / slopes**2


def _variance_at(batch_size: float, times: Times, more: int | None) -> float:
    """f' M^-1 f of one line."""
    points = dict(times)
    if more is not None:
        points[more] = predicted_step_s(times, more) or math.inf
    m0, m1, m2 = _moments(points)
    determinant = m0 * m2 - m1 * m1
    if determinant <= 0:
        return math.inf
    return (m2 - 2 * batch_size * m1 + batch_size**2 * m0) / determinant


def _moments(times: Times) -> tuple[float, float, float]:
    weights = [(size, seconds**-2) for size, seconds in times.items()]
    return (
        math.fsum(weight for _, weight in weights),
        math.fsum(size * weight for size, weight in weights),
        math.fsum(size * size * weight for size, weight in weights),
    )


def _line(times: Times) -> tuple[float, float]:
    """a and c of t = a + c*b by least squares of the relative errors."""
    m0, m1, m2 = _moments(times)
    y0 = math.fsum(1 / seconds for seconds in times.values())
    y1 = math.fsum(size / seconds for size, seconds in times.items())
    determinant = m0 * m2 - m1 * m1
    if determinant <= 0:
        return 0.0, y0 / m1
    return (m2 * y0 - m1 * y1) / determinant, (m0 * y1 - m1 * y0) / determinant


def _interpolated(baseline: Times, candidate: Times, low: int, high: int) -> float:
    """Where the logarithm of their ratio is 0, between two neighbours, over the logarithm of the batch size."""
    at_low, at_high = (math.log(baseline[size] / candidate[size]) for size in (low, high))
    share = at_low / (at_low - at_high)
    return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))


def _widest_gap(tried: Sequence[int], candidates: Sequence[int]) -> int:
    """The candidate in the middle of the widest gap between what was tried, on a logarithmic scale."""
    gaps = sorted(itertools.pairwise(sorted(tried)), key=lambda gap: (-gap[1] / gap[0], gap[0]))
    for low, high in gaps:
        inside = [size for size in candidates if low < size < high]
        if inside:
            return min(inside, key=lambda size: (round(abs(math.log(size * size / (low * high))), 9), size))
    return min(candidates)
