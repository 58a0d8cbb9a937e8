"""Robust straight-line and hinge fits of positive numbers. Knows no batch size and no time: numbers in and out.

Residuals are relative, measured / fitted - 1, as a timed step scatters in proportion to how long it takes:
each is weighted with 1 / fitted^2, and Huber's weights keep one that lies far off from deciding (P. J. Huber,
Robust estimation of a location parameter, Ann. Math. Statist. 35, 1964; by iterated reweighting: P. W.
Holland, R. E. Welsch, Robust regression using iteratively reweighted least-squares, Comm. Statist. A 6, 1977).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

Row = Sequence[float]  # of the design: what each coefficient is multiplied by

_HUBER = 1.345  # keeps 95 % efficiency where nothing lies far off
_TO_SIGMA = 1 / 0.6745  # a normal distribution's standard deviation over its median absolute deviation
_SMALLEST = 1e-9  # relative scatter, so that a perfect fit has weights
_ITERATIONS = 15


@dataclass(frozen=True, slots=True)
class Solution:
    coefficients: tuple[float, ...]
    residuals: tuple[float, ...]  # measured / fitted - 1
    weights: tuple[float, ...]  # of the squared absolute residuals, at the end
    fitted: tuple[float, ...]


def solve(rows: Sequence[Row], measured: Sequence[float], noise: float) -> Solution | None:
    """The robust fit. `noise` is how far a point is off by its own scatter: none that is nearer counts less.

    None where the rows don't determine it, or where it isn't positive at every point.
    """
    fitted, trust = list(measured), [1.0] * len(measured)
    found = None
    for turn in range(_ITERATIONS):
        weights = [share / value**2 for share, value in zip(trust, fitted, strict=True)]
        coefficients = _weighted(rows, measured, weights)
        if coefficients is None:
            return None
        fitted = [_dot(row, coefficients) for row in rows]
        if not all(math.isfinite(value) and value > 0 for value in fitted):
            return None
        residuals = [value / model - 1 for value, model in zip(measured, fitted, strict=True)]
        found = Solution(tuple(coefficients), tuple(residuals), tuple(weights), tuple(fitted))
        middle = statistics.median(map(abs, residuals))
        reach = _HUBER * max(noise, middle * _TO_SIGMA * _spare(rows), _SMALLEST)
        new = [min(1.0, reach / abs(residual)) if residual else 1.0 for residual in residuals]
        settled = max(abs(a - b) for a, b in zip(new, trust, strict=True)) < 1e-3
        trust = new
        if settled and turn > 0:
            break
    return found


def influence(rows: Sequence[Row], weights: Sequence[float]) -> list[list[float]]:
    """How much each measured value moves each coefficient, with the weights as they are."""
    inverse = _inverse(_normal(rows, weights))
    if inverse is None:
        raise ValueError("the rows don't determine the coefficients")
    return [[weight * _dot(line, row) for row, weight in zip(rows, weights, strict=True)] for line in inverse]


def _spare(rows: Sequence[Row]) -> float:
    """Residuals are smaller than the errors, as the fit bends towards the points."""
    count, parameters = len(rows), len(rows[0])
    return math.sqrt(count / (count - parameters)) if count > parameters else 1.0


def _weighted(rows: Sequence[Row], measured: Sequence[float], weights: Sequence[float]) -> list[float] | None:
    inverse = _inverse(_normal(rows, weights))
    if inverse is None:
        return None
    size = len(rows[0])
    right = [
        sum(w * row[i] * y for row, w, y in zip(rows, weights, measured, strict=True)) for i in range(size)
    ]
    return [_dot(line, right) for line in inverse]


def _normal(rows: Sequence[Row], weights: Sequence[float]) -> list[list[float]]:
    size = len(rows[0])
    return [
        [sum(w * row[i] * row[j] for row, w in zip(rows, weights, strict=True)) for j in range(size)]
        for i in range(size)
    ]


def _inverse(matrix: list[list[float]]) -> list[list[float]] | None:
    """Gauss-Jordan of a matrix that is symmetric and, unless it is singular, positive definite."""
    size = len(matrix)
    scale = [math.sqrt(matrix[i][i]) if matrix[i][i] > 0 else 0.0 for i in range(size)]
    if not all(scale) or not all(map(math.isfinite, scale)):
        return None
    work = [
        [matrix[i][j] / scale[i] / scale[j] for j in range(size)] + [float(i == j) for j in range(size)]
        for i in range(size)
    ]
    for i in range(size):
        pivot = work[i][i]
        if pivot < 1e-12:
            return None
        work[i] = [value / pivot for value in work[i]]
        for j in range(size):
            if j != i:
                factor = work[j][i]
                work[j] = [a - factor * b for a, b in zip(work[j], work[i], strict=True)]
    return [[work[i][size + j] / scale[i] / scale[j] for j in range(size)] for i in range(size)]


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))
