"""Which curve describes a step's time by its batch size: a line, or two that meet. Says nothing of trust.

Two regimes are chosen over one only if that lowers Schwarz's criterion (G. Schwarz, Estimating the dimension of
a model, Ann. Statist. 6, 1978) by more than 10, "very strong" evidence (A. E. Raftery, Bayesian model selection
in social research, Sociol. Methodol. 25, 1995), with at least 3 batch sizes on either side of where they
meet. No residual counts for less than the blocks' own noise, which therefore is no evidence for a second one.
"""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from core.analysis.crossover import least_squares
from core.analysis.crossover.least_squares import Solution

Samples = tuple[tuple[int, tuple[float, ...]], ...]  # batch size, its blocks' seconds of a step; ascending

_A_SIDE = 3
_STRONG = 10.0
_OF_MEDIAN = math.sqrt(math.pi / 2)  # a median's standard error over a mean's
_TO_SIGMA = 1 / 0.6745
_PERFECT = 1e-9  # relative residual: what is nearer differs by rounding only
_STEPS = tuple(2 ** (0.5**i) for i in range(2, 9))
_SIGMAS = 3.0  # nearer to 0 is within noise: a flat line, as of a device bound by launches, is no rare case


@dataclass(frozen=True, slots=True)
class Shape:
    """t(b) = [a] + [c*b] + [d*max(0, b - knot)]; which of these there are."""

    overhead: bool = True
    slope: bool = True
    knot: float | None = None

    def row(self, batch_size: float) -> tuple[float, ...]:
        terms = ((1.0, self.overhead), (batch_size, self.slope))
        row = tuple(value for value, used in terms if used)
        return row if self.knot is None else (*row, max(0.0, batch_size - self.knot))

    def pieces(self, coefficients: tuple[float, ...]) -> tuple[tuple[float, float], ...]:
        """Overhead and slope of each regime."""
        rest = list(coefficients)
        overhead = rest.pop(0) if self.overhead else 0.0
        slope = rest.pop(0) if self.slope else 0.0
        first = (overhead, slope)
        return (first,) if self.knot is None else (first, (overhead - rest[0] * self.knot, slope + rest[0]))


@dataclass(frozen=True, slots=True)
class Curve:
    """A shape with the coefficients that describe the samples best."""

    shape: Shape
    solution: Solution
    noise: float  # typical relative standard error of a batch size's median, by its blocks

    @property
    def parameters(self) -> int:
        return len(self.solution.coefficients) + (self.shape.knot is not None)

    @property
    def spare(self) -> int:
        """Degrees of freedom that the residuals have."""
        return len(self.solution.residuals) - self.parameters

    @property
    def scatter(self) -> float:
        """Relative standard deviation about the curve, no less than the blocks' noise."""
        squares = math.fsum(residual**2 for residual in self.solution.residuals)
        return max(self.noise, math.sqrt(squares / self.spare)) if self.spare > 0 else self.noise

    @property
    def pieces(self) -> tuple[tuple[float, float], ...]:
        return self.shape.pieces(self.solution.coefficients)


@functools.lru_cache(maxsize=512)
def best(samples: Samples) -> Curve | None:
    """The curve for two batch sizes or more; None where none is positive at every one."""
    noise = block_noise(samples)
    line = _within_bounds(samples, Shape(), noise)
    if line is not None and _spread(line) <= max(noise, _PERFECT) ** 2:
        return line
    hinges = (_hinge(samples, knot, noise) for knot in _knots(samples))
    hinge = min((curve for curve in hinges if curve), key=_squares, default=None)
    if line is None or hinge is None or _criterion(hinge) > _criterion(line):
        return line
    hinge = _refined(samples, hinge)
    return hinge if _criterion(line) - _criterion(hinge) > _STRONG else line


def block_noise(samples: Samples) -> float:
    """Relative standard error of a batch size's median, from how its blocks scatter about it."""
    scatter = [
        abs(value / statistics.median(values) - 1) * math.sqrt(len(values) / (len(values) - 1))
        for _, values in samples
        for value in values
    ]
    typical = statistics.median(len(values) for _, values in samples)
    return _TO_SIGMA * statistics.median(scatter) * _OF_MEDIAN / math.sqrt(typical)


def standard_errors(curve: Curve, samples: Samples) -> tuple[float, ...]:
    """Of each coefficient."""
    rows = [curve.shape.row(size) for size, _ in samples]
    moved = least_squares.influence(rows, curve.solution.weights)
    fitted = curve.solution.fitted
    return tuple(
        curve.scatter * math.sqrt(sum((by * value) ** 2 for by, value in zip(line, fitted, strict=True)))
        for line in moved
    )


def surely_negative(curve: Curve, samples: Samples, coefficient: int) -> bool:
    value = curve.solution.coefficients[coefficient]
    return value < 0 and value < -_SIGMAS * standard_errors(curve, samples)[coefficient]


def _within_bounds(samples: Samples, shape: Shape, noise: float) -> Curve | None:
    """Overhead and slope that are below 0 by no more than noise are 0."""
    curve = _curve(samples, shape, noise)
    if curve is None:
        return None
    overhead, slope = curve.solution.coefficients[:2]
    if slope <= 0 and not surely_negative(curve, samples, 1):
        return _curve(samples, Shape(slope=False, knot=shape.knot), noise)
    if overhead < 0 and not surely_negative(curve, samples, 0):
        return _curve(samples, Shape(overhead=False, knot=shape.knot), noise)
    return curve


def _hinge(samples: Samples, knot: float, noise: float) -> Curve | None:
    """Two regimes of which none falls."""
    curve = _within_bounds(samples, Shape(knot=knot), noise)
    return curve if curve and curve.pieces[0][1] >= 0 and curve.pieces[1][1] > 0 else None


def _refined(samples: Samples, hinge: Curve) -> Curve:
    """With the knot where it describes the samples best: by halved steps around the best of the coarse ones."""
    sizes = [size for size, _ in samples]
    lowest, highest = sizes[_A_SIDE - 1], sizes[-_A_SIDE]
    for step in _STEPS:
        assert hinge.shape.knot is not None
        near = (hinge.shape.knot * step, hinge.shape.knot / step)
        moved = (_hinge(samples, knot, hinge.noise) for knot in near if lowest < knot < highest)
        hinge = min([hinge, *(curve for curve in moved if curve)], key=_squares)
    return hinge


def of_shape(shape: Shape, samples: Samples) -> Curve | None:
    return _curve(samples, shape, block_noise(samples))


def _curve(samples: Samples, shape: Shape, noise: float) -> Curve | None:
    rows = [shape.row(size) for size, _ in samples]
    solution = least_squares.solve(rows, medians(samples), noise)
    return None if solution is None else Curve(shape, solution, noise)


@functools.lru_cache(maxsize=512)
def medians(samples: Samples) -> tuple[float, ...]:
    return tuple(statistics.median(values) for _, values in samples)


def _knots(samples: Samples) -> Iterator[float]:
    """Batch sizes, and geometric middles between them, with enough on either side."""
    sizes = [size for size, _ in samples]
    for i in range(_A_SIDE, len(sizes) - _A_SIDE + 1):
        yield math.sqrt(sizes[i - 1] * sizes[i])
        if i < len(sizes) - _A_SIDE:
            yield float(sizes[i])


def _squares(curve: Curve) -> float:
    """What the robust fit made as small as it could."""
    found = curve.solution
    return math.fsum(
        weight * (residual * value) ** 2
        for weight, residual, value in zip(found.weights, found.residuals, found.fitted, strict=True)
    )


def _criterion(curve: Curve) -> float:
    count = len(curve.solution.residuals)
    spread = max(_spread(curve), curve.noise**2, _PERFECT**2)
    return count * math.log(spread) + curve.parameters * math.log(count)


def _spread(curve: Curve) -> float:
    return statistics.fmean(residual**2 for residual in curve.solution.residuals)
