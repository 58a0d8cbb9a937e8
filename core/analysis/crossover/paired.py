"""Where two lines cross by the ratios measured in turns around it. Knows no fit but as a shape to correct.

What both setups share in a job (clock, heat, other load, kernels) cancels in the ratio of blocks that took
turns, but moves two lines that are fitted apart. Up to a factor of 8 on either side the logarithm of the
ratio of two lines, (a1 + c1*b) / (a2 + c2*b), is the fits' own shape, curvature included, but for a level and
a slope over log b. These two are fitted to the paired ratios: a random effects meta-regression with the
variance between batch sizes by R. C. Paule and J. Mandel (Consensus values and weighting factors, J. Res.
Natl. Bur. Stand. 87, 1982) and Student's t (G. Knapp, J. Hartung, Improved tests for a random effects meta-
regression with a single covariate, Statist. Med. 22, 2003). The interval holds what batch sizes a ratio of 1
can't be refused at (E. C. Fieller, Some problems in interval estimation, J. R. Stat. Soc. B 16, 1954). What
the shape leaves out, a bend above all, grows with the distance from where it is needed, so the variance
between batch sizes does: far ratios count less, the less the shape fits. Ratios that bend at the crossing
have no line, and give nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.analysis import stats
from core.records import Estimate

AROUND = 8.0  # times as small or large a batch
_FEWEST, _A_SIDE = 5, 2  # ratios
_PARAMETERS = 3  # level, slope, and the bend that the shape took from the same measurements
_TAILS = 0.05
_BENT = 3.0  # standard errors of a bend at the crossing, beyond which the ratios have no line
_LEAST = 0.25  # share of the variance expected that is left, at least, when a bend is taken out
_ROUNDS = 3  # of looking around the crossing found, instead of the first estimate
_POOLED = 4  # degrees of freedom that all ratios together give to each one's variance
_STEP = 0.01  # of a logarithm, in which the ends are looked for
_HALVINGS = 40
_NEAR = math.log(2)  # distance at which what the shape leaves out has twice the variance
_SMALLEST = 1e-9  # relative error: what is nearer differs by rounding only

Shape = Callable[[float], float]  # logarithm of the ratio by the batch size, but for a level and a slope


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as fast as the baseline the candidate is, by the blocks of one job."""

    batch_size: int
    log: float
    error: float  # standard error of the logarithm
    freedom: int  # degrees of freedom that the error is known with


@dataclass(frozen=True, slots=True)
class Found:
    batch_size: Estimate
    rises: bool  # the ratio, beyond the crossing


@dataclass(frozen=True, slots=True)
class _Line:
    """A level and a slope about a middle, with their covariance."""

    middle: float
    level: float
    slope: float
    covariance: tuple[float, float, float]  # level's variance, both, slope's variance

    def at(self, x: float) -> float:
        return self.level + self.slope * (x - self.middle)

    def variance(self, x: float) -> float:
        d, (level, both, slope) = x - self.middle, self.covariance
        return level + 2 * d * both + d * d * slope


def crossing(ratios: Sequence[Ratio], shape: Shape, about: float) -> Found | None:
    """The crossing near `about`; None where too few ratios are around it, or they leave it open."""
    found = None
    for _ in range(_ROUNDS):
        near = [item for item in ratios if about / AROUND <= item.batch_size <= about * AROUND]
        found = _found(near, shape, math.log(about))
        if found is None or abs(math.log(found.batch_size.value / about)) < _STEP:
            return found
        about = found.batch_size.value
    return found


def _found(ratios: Sequence[Ratio], shape: Shape, about: float) -> Found | None:
    if len(ratios) < _FEWEST:
        return None
    line = _line(ratios, shape, about)
    if line is None:
        return None

    def gap(x: float) -> float:
        return shape(math.exp(x)) + line.at(x)

    sizes = sorted(math.log(item.batch_size) for item in ratios)
    low, high = sizes[_A_SIDE - 1], sizes[-_A_SIDE]
    if gap(low) * gap(high) >= 0:
        return None
    at = _edge(gap, low, high)
    limit = stats.student(len(ratios) - _PARAMETERS, _TAILS)

    def refused(x: float) -> float:
        return abs(gap(x)) - limit * math.sqrt(line.variance(x))

    ends = _first(refused, at, sizes[0]), _first(refused, at, sizes[-1])
    if ends[0] is None or ends[1] is None:
        return None
    return Found(Estimate(math.exp(at), math.exp(ends[0]), math.exp(ends[1])), gap(high) > 0)


def _line(ratios: Sequence[Ratio], shape: Shape, about: float) -> _Line | None:
    """What is to be added to the shape; None where that isn't straight."""
    xs = [math.log(item.batch_size) - about for item in ratios]
    ys = [item.log - shape(item.batch_size) for item in ratios]
    own, far = _variances(ratios), [1 + (x / _NEAR) ** 2 for x in xs]

    def fitted(between: float) -> tuple[_Line, float]:
        weights = [1 / (noise + between * times) for noise, times in zip(own, far, strict=True)]
        line = _least_squares(xs, ys, weights)
        squares = math.fsum(w * (y - line.at(x)) ** 2 for w, x, y in zip(weights, xs, ys, strict=True))
        return line, squares / (len(xs) - _PARAMETERS)

    least, most = 0.0, max((y - min(ys)) ** 2 for y in ys) + 1e-12
    if fitted(0.0)[1] > 1:
        for _ in range(_HALVINGS):
            middle = (least + most) / 2
            least, most = (middle, most) if fitted(middle)[1] > 1 else (least, middle)
    else:
        most = 0.0
    line = fitted(most)[0]
    weights = [1 / (noise + most * times) for noise, times in zip(own, far, strict=True)]
    if _bends(xs, [y - line.at(x) for x, y in zip(xs, ys, strict=True)], weights):
        return None
    return _Line(about, line.level, line.slope, line.covariance)


def _bends(xs: Sequence[float], residuals: Sequence[float], weights: Sequence[float]) -> bool:
    """Whether the residuals say that the ratio bends at 0: regressed on what a line leaves of |x| (R. Frisch,
    F. V. Waugh, Partial time regressions as compared with individual trends, Econometrica 1, 1933)."""
    bend = [abs(x) for x in xs]
    line = _least_squares(xs, bend, weights)
    bend = [value - line.at(x) for x, value in zip(xs, bend, strict=True)]
    of_bend = math.fsum(w * value**2 for w, value in zip(weights, bend, strict=True))
    if not of_bend:
        return False
    both = math.fsum(w * value * rest for w, value, rest in zip(weights, bend, residuals, strict=True))
    squares = math.fsum(w * rest**2 for w, rest in zip(weights, residuals, strict=True))
    explained = both**2 / of_bend
    unexplained = max((squares - explained) / (len(xs) - _PARAMETERS), _LEAST)
    return explained > _BENT**2 * unexplained


def _variances(ratios: Sequence[Ratio]) -> list[float]:
    """Each one's own, drawn towards what all have for each pair: few pairs may agree by chance."""
    per_pair = [item.error**2 * (item.freedom + 1) for item in ratios]
    freedom = math.fsum(item.freedom for item in ratios)
    pooled = math.fsum(item.freedom * value for item, value in zip(ratios, per_pair, strict=True)) / freedom
    return [
        max(
            (item.freedom * value + _POOLED * pooled) / (item.freedom + _POOLED) / (item.freedom + 1),
            _SMALLEST**2,
        )
        for item, value in zip(ratios, per_pair, strict=True)
    ]


def _least_squares(xs: Sequence[float], ys: Sequence[float], weights: Sequence[float]) -> _Line:
    """About 0."""
    total = math.fsum(weights)
    middle = math.fsum(w * x for w, x in zip(weights, xs, strict=True)) / total
    spread = math.fsum(w * (x - middle) ** 2 for w, x in zip(weights, xs, strict=True))
    slope = math.fsum(w * (x - middle) * y for w, x, y in zip(weights, xs, ys, strict=True)) / spread
    level = math.fsum(w * y for w, y in zip(weights, ys, strict=True)) / total - slope * middle
    return _Line(0.0, level, slope, (1 / total + middle**2 / spread, -middle / spread, 1 / spread))


def _first(refused: Callable[[float], float], start: float, end: float) -> float | None:
    """From the crossing outwards, where it is first refused; None: nowhere in what was measured."""
    steps = max(1, math.ceil(abs(end - start) / _STEP))
    inside = start
    for i in range(1, steps + 1):
        x = start + (end - start) * i / steps
        if refused(x) > 0:
            return _edge(refused, inside, x)
        inside = x
    return None


def _edge(value: Callable[[float], float], one: float, other: float) -> float:
    """Where it changes its sign, by halving."""
    sign = value(one) > 0
    for _ in range(_HALVINGS):
        middle = (one + other) / 2
        one, other = (middle, other) if (value(middle) > 0) == sign else (one, middle)
    return (one + other) / 2
