"""Which point of a sweep comes next, and for how long it is timed. It measures nothing and knows no clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from core.analysis.crossover import sweep_plan
from core.analysis.crossover.crossing import crossing
from core.analysis.crossover.sweep import Line, lines
from core.records import Note, RunResult, Setup
from core.runs.sweeping.cells import OF_THE_BATCH, Cells, Key
from core.runs.sweeping.spec import TARGET_PCT, SweepSpec

_POINT_S = 1.0  # timed, for each setup of a point, at most: it ends as soon as its ratios are known
_SHORTEST_S = 0.2
_TIMED_SHARE = 0.6  # of a point's share of the time: the rest goes to building and warming up
_FEWEST_BLOCKS = 6
_LIMITS_FROM_S = 60.0  # shorter sweeps don't measure the devices' limits
_STEPS_OF_LIMITS, _LIMITS_SHARE = 25, 0.1
_NARROW = 0.10  # half of a crossing's interval that is good enough
_OPEN = ("crossing_open_above", "crossing_open_below", "crossing_contradicted")
_MOST_EXTRAS, _EXTRA_S, _EXTRA_PCT = 6, 3.0, 1.0  # points beyond the grid, for each model

Outcome = RunResult | Note  # a Note where nothing at all was measured


@dataclass(frozen=True)
class Point:
    """One job: a model at a batch size, on some setups, by their places."""

    model: str
    size: int
    places: tuple[int, ...]
    seconds: float  # timed, for each setup
    pct: float = TARGET_PCT
    limits: bool = False
    extra: bool = False  # beyond the grid

    @property
    def keys(self) -> set[Key]:
        return {(self.model, self.size, place) for place in self.places}


def line_of(results: Sequence[RunResult], model: str, setup: Setup) -> Line | None:
    """The longest line that a setup has for a model."""
    found = lines(run for run in results if (run.spec.workload.model, run.spec.setup) == (model, setup))
    return max(found, key=lambda line: len(line.cells), default=None)


class Points:
    """The points of one sweep; those that machines measure now are under way and aren't chosen again."""

    def __init__(self, spec: SweepSpec, cells: Cells, most_s: float) -> None:
        self._spec, self._cells, self._most_s = spec, cells, most_s
        self._extras: Counter[str] = Counter()  # that are over, by model
        self.under_way: list[Point] = []  # the oldest first

    @property
    def extras(self) -> int:
        return sum(self._extras.values())

    def next(self, left_s: float, machines: int, later: Collection[Key] = ()) -> Point | None:
        """Take the point that tells most; None: nothing, as long as no other point is over.

        `machines`: so many measure at once. `later`: what needn't be measured soon.
        """
        point = self._of_grid(left_s, machines, later) or self._beyond_grid(left_s)
        if point is not None:
            self.under_way.append(point)
            self._cells.taken |= point.keys
        return point

    def judge(self, point: Point, found: Mapping[int, Outcome]) -> None:
        """A point is over; what came of it by the place of the setup."""
        self.put_back(point)
        codes = {outcome.code if isinstance(outcome, Note) else None for outcome in found.values()}
        if not codes <= set(OF_THE_BATCH):  # else its neighbour is the end of what can be measured
            self._cells.tried[point.model].add(point.size)
        for place, outcome in found.items():
            self._cells.judge((point.model, point.size, place), outcome)
        if point.extra:
            self._extras[point.model] += 1

    def put_back(self, point: Point) -> None:
        """Nobody measures it any more; if nothing came of it, it may be chosen again."""
        self.under_way.remove(point)
        self._cells.taken -= point.keys

    # --- choosing ----------------------------------------------------------------------------------

    def _of_grid(self, left_s: float, machines: int, later: Collection[Key]) -> Point | None:
        cells = self._cells
        cells.rule_out()
        waiting = cells.waiting.difference(later) or cells.waiting
        costs_s = {key: cost_s for key in waiting if (cost_s := cells.cost_s(key)) <= left_s}
        taken_s = sum(cells.cost_s(key) for key in cells.taken)
        enough = sweep_plan.affordable(costs_s, machines * left_s - taken_s)
        candidates = {model: self._candidates(model, waiting, enough) for model in self._spec.models}
        tried = {model: sorted(sizes | self._sizes_under_way(model)) for model, sizes in cells.tried.items()}
        times = {model: cells.times(model) for model in self._spec.models}
        found = sweep_plan.next_point(self._spec.models, tried, candidates, times)
        if found is None:
            return None
        model, size = found
        places = cells.places(model, size, enough)
        seconds = self._fair_s(left_s * machines, len(places))
        return self._point(model, size, places, seconds, left_s)

    def _candidates(self, model: str, waiting: set[Key], enough: set[Key]) -> list[int]:
        """The batch sizes that may be measured next."""
        cells = self._cells
        sizes = {size for name, size, _ in enough if name == model}
        if len(cells.tried[model]) < sweep_plan.FIRST_PICTURE:  # what is predicted may be far too much as yet
            sizes = {size for size in sizes if not cells.places(model, size, waiting - enough)} or sizes
        if self._sizes_under_way(model) and not any(cells.times(model)):
            sizes = set(sorted(sizes)[:1])  # of a larger one nobody knows yet how long it takes
        return sorted(sizes)

    def _beyond_grid(self, left_s: float) -> Point | None:
        """Once a model's grid is done: at a crossing that isn't known well enough."""
        pairs = [(model, other) for model in self._spec.models for other in range(1, len(self._spec.setups))]
        for model, other in pairs if left_s > _EXTRA_S else ():
            of_model = [point for point in self.under_way if point.model == model]
            if not all(point.extra for point in of_model):
                continue
            extras = self._extras[model] + len(of_model)
            size = self._refined(model, other) if extras < _MOST_EXTRAS else None
            if size is None:
                continue
            if sum(self._cells.cost_s((model, size, place)) for place in (0, other)) < left_s:
                seconds = min((1 + extras // 3) * _EXTRA_S, left_s / 2)
                return self._point(model, size, (0, other), seconds, left_s, extra=True)
        return None

    def _refined(self, model: str, other: int) -> int | None:
        """The batch size that a crossing needs: at it and around it in turn."""
        setups, results = self._spec.setups, self._cells.results
        baseline, candidate = (line_of(results, model, setups[place]) for place in (0, other))
        if baseline is None or candidate is None:
            return None
        found = crossing(baseline, candidate)
        value, times = found.batch_size, self._cells.times(model)
        if value is None:
            is_open = found.reason is not None and found.reason.code in _OPEN
            about = sweep_plan.crossing_about(times[0], times[other]) if is_open else None
        else:
            narrow = max(value.high - value.value, value.value - value.low) <= _NARROW * value.value
            enough = found.extrapolated or (narrow and found.confirmed is not None)
            about = None if enough else value.value
        if about is None:
            return None
        known = {size for tried in times for size in tried} | self._sizes_under_way(model)
        return sweep_plan.beside(about, known, min(self._spec.batch_sizes), max(self._spec.batch_sizes))

    # --- how long ----------------------------------------------------------------------------------

    def _point(
        self,
        model: str,
        size: int,
        places: tuple[int, ...],
        seconds: float,
        left_s: float,
        *,
        extra: bool = False,
    ) -> Point:
        """With time for a few steps, and for the devices' limits where it is to measure them."""
        slowest_s = max(self._cells.predicted_s((model, size, place)) or 0.0 for place in places)
        seconds = max(seconds, _FEWEST_BLOCKS * slowest_s)
        limits = self._wants_limits(model)
        if limits:
            seconds = max(seconds, min(_STEPS_OF_LIMITS * slowest_s, _LIMITS_SHARE * left_s))
        pct = _EXTRA_PCT if extra else TARGET_PCT
        return Point(model, size, places, min(seconds, self._most_s), pct, limits, extra)

    def _fair_s(self, left_s: float, setups: int) -> float:
        """Timed seconds for each setup of a point of the grid; `left_s`: of all machines together."""
        points = len({(name, size) for name, size, _ in self._cells.open})
        share_s = _TIMED_SHARE * left_s / max(1, points) / setups
        return max(_SHORTEST_S, min(_POINT_S, share_s))

    def _wants_limits(self, model: str) -> bool:
        """Once for each model, in the middle: what predictions for other devices rest on."""
        middle = min(sweep_plan.FIRST_PICTURE, len(self._spec.batch_sizes)) - 1
        known = any(run.limits is not None for key, run in self._cells.runs.items() if key[0] == model)
        known = known or any(point.limits for point in self.under_way if point.model == model)
        return (
            self._spec.max_seconds >= _LIMITS_FROM_S and len(self._cells.tried[model]) >= middle and not known
        )

    def _sizes_under_way(self, model: str) -> set[int]:
        return {point.size for point in self.under_way if point.model == model}
