"""Sweeping a grid of models and batch sizes: ordinary jobs, each chosen by what the last ones have shown.

What doesn't fit in a device's memory, or would take too long, is a result and ends nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import fields, replace

from core.analysis.crossover import sweep_plan
from core.analysis.crossover.crossing import crossing
from core.analysis.crossover.sweep import Line, lines
from core.errors import CrossoverError, InputError
from core.records import Note, RunResult, Setup
from core.runs import campaigns
from core.runs.admission import Limits
from core.runs.campaigns import Campaigns, CancelledError, Change, Measure
from core.runs.job import Surroundings
from core.runs.jobs import Runner
from core.runs.sweeping.cells import APART, OF_A_CELL, OF_THE_BATCH, Cells
from core.runs.sweeping.spec import (
    TARGET_PCT,
    Progress,
    SweepSpec,
    Untried,
    check_spec,
    parse_batch_sizes,
    parse_widths,
)

__all__ = [
    "Progress",
    "SweepSpec",
    "Sweeper",
    "Untried",
    "check_spec",
    "line_of",
    "parse_batch_sizes",
    "parse_widths",
    "refuse_unknown_devices",
    "sweep",
]

_POINT_S = 1.0  # timed, for each setup of a point, at most: it ends as soon as its ratios are known
_SHORTEST_S = 0.2
_TIMED_SHARE = 0.6  # of a point's share of the time: the rest goes to building and warming up
_FEWEST_BLOCKS = 6
_LIMITS_FROM_S = 60.0  # shorter sweeps don't measure the devices' limits
_STEPS_OF_LIMITS, _LIMITS_SHARE = 25, 0.1
_NARROW = 0.10  # half of a crossing's interval that is good enough
_OPEN = ("crossing_open_above", "crossing_open_below", "crossing_contradicted")
_MOST_EXTRAS, _EXTRA_S, _EXTRA_PCT = 6, 3.0, 1.0  # points beyond the grid, for each model


def sweep(
    spec: SweepSpec,
    measure: Measure,
    tell: Callable[[Progress], None] = lambda progress: None,
    known: Sequence[RunResult] = (),
    clock: Callable[[], float] = time.monotonic,
    around: Surroundings | None = None,
    most_s: float = Limits.max_seconds,
) -> Progress:
    """Measure the grid as far as the time allows, in the order in which it tells most.

    `measure` runs a job and returns its results; it raises CancelledError to end the sweep, and what else it
    raises ends it as its failure, but for what is one cell's: both keep what was measured. `known`: runs that
    aren't measured again, if they are of this work and were made in these surroundings (None: not compared).
    `most_s`: timed seconds that a job may take for each setup.

    Raises InputError for a spec that can't be swept.
    """
    check_spec(spec)
    return _Sweep(spec, measure, tell, known, clock, around, most_s).run()


def line_of(results: Sequence[RunResult], model: str, setup: Setup) -> Line | None:
    """The longest line that a setup has for a model."""
    found = lines(run for run in results if (run.spec.workload.model, run.spec.setup) == (model, setup))
    return max(found, key=lambda line: len(line.cells), default=None)


class _Sweep:
    def __init__(
        self,
        spec: SweepSpec,
        measure: Measure,
        tell: Callable[[Progress], None],
        known: Sequence[RunResult],
        clock: Callable[[], float],
        around: Surroundings | None,
        most_s: float,
    ) -> None:
        self._spec, self._measure, self._tell, self._clock = spec, measure, tell, clock
        self._begun, self._most_s = clock(), most_s
        self._cells = Cells(spec)
        self._cells.take_over(known, around)
        self._extras: Counter[str] = Counter()  # by model
        self._jobs = 0
        self._point: tuple[str, int] | None = None

    def run(self) -> Progress:
        end: dict[str, object] = {}
        try:
            self._tell(self._progress())
            while self._left_s > 0 and (self._grid_point() or self._extra_point()):
                self._tell(self._progress())
            self._cells.settle()
        except CancelledError:
            end = {"cancelled": True}
        except CrossoverError as problem:
            end = {"failure": problem.note}
        self._point = None
        return replace(self._progress(), done=True, **end)  # type: ignore[arg-type]

    # --- choosing ----------------------------------------------------------------------------------

    def _grid_point(self) -> bool:
        """Measure the next point of the grid; whether there was one."""
        cells = self._cells
        cells.rule_out()
        enough = sweep_plan.affordable({key: cells.cost_s(key) for key in cells.open}, self._left_s)
        candidates: dict[str, list[int]] = {}
        for model in self._spec.models:
            sizes = {size for name, size, _ in enough if name == model}
            if (
                len(cells.tried[model]) < sweep_plan.FIRST_PICTURE
            ):  # what is predicted may be far too much as yet
                whole = {size for size in sizes if not cells.places(model, size, cells.open - enough)}
                sizes = whole or sizes
            candidates[model] = sorted(sizes)
        tried = {model: sorted(sizes) for model, sizes in cells.tried.items()}
        times = {model: cells.times(model) for model in self._spec.models}
        point = sweep_plan.next_point(self._spec.models, tried, candidates, times)
        if point is not None:
            self._measure_point(*point, cells.places(*point, enough))
        return point is not None

    def _extra_point(self) -> bool:
        """Once the grid is done: a point at a crossing that isn't known well enough; whether there was one."""
        pairs = [(model, other) for model in self._spec.models for other in range(1, len(self._spec.setups))]
        for model, other in pairs if self._left_s > _EXTRA_S else ():
            size = self._refined(model, other) if self._extras[model] < _MOST_EXTRAS else None
            if size is None:
                continue
            if sum(self._cells.cost_s((model, size, place)) for place in (0, other)) < self._left_s:
                self._measure_point(model, size, (0, other), extra=True)
                self._extras[model] += 1
                return True
        return False

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
        known = {size for tried in times for size in tried}
        return sweep_plan.beside(about, known, min(self._spec.batch_sizes), max(self._spec.batch_sizes))

    # --- measuring ---------------------------------------------------------------------------------

    def _measure_point(self, model: str, size: int, places: tuple[int, ...], *, extra: bool = False) -> None:
        self._point = (model, size)
        self._tell(self._progress())
        slowest_s = max(self._cells.predicted_s((model, size, place)) or 0.0 for place in places)
        seconds = max(self._fair_s(model, len(places), extra=extra), _FEWEST_BLOCKS * slowest_s)
        limits = self._wants_limits(model)
        if limits:
            seconds = max(seconds, min(_STEPS_OF_LIMITS * slowest_s, _LIMITS_SHARE * self._left_s))
        seconds, pct = min(seconds, self._most_s), _EXTRA_PCT if extra else TARGET_PCT
        found = self._try(model, size, places, seconds, pct, limits=limits)
        codes = {outcome.code if isinstance(outcome, Note) else None for outcome in found.values()}
        if len(places) > 1 and len(codes) == 1 and codes <= set(APART):
            for place in places:  # which of them it was
                found |= self._try(model, size, (place,), seconds, pct)
        self._jobs += 1
        if not codes <= set(OF_THE_BATCH):  # else its neighbour is the end of what can be measured
            self._cells.tried[model].add(size)
        for place, outcome in found.items():
            self._cells.judge((model, size, place), outcome)

    def _try(
        self,
        model: str,
        size: int,
        places: tuple[int, ...],
        seconds: float,
        pct: float,
        *,
        limits: bool = False,
    ) -> dict[int, RunResult | Note]:
        """A job's results, by the place of the setup; a Note where nothing at all was measured of it."""
        setups = tuple(self._spec.setups[place] for place in places)
        try:
            results = self._measure(self._spec.job(model, size, setups, seconds, pct, limits=limits))
        except CrossoverError as problem:
            if problem.code not in OF_A_CELL:
                raise
            return dict.fromkeys(places, problem.note)
        by_setup = {result.spec.setup: result for result in results}
        return {place: _outcome(by_setup[self._spec.setups[place]]) for place in places}

    def _fair_s(self, model: str, setups: int, *, extra: bool) -> float:
        """Timed seconds for each setup of a point."""
        if extra:
            return min((1 + self._extras[model] // 3) * _EXTRA_S, self._left_s / setups)
        points = len({(name, size) for name, size, _ in self._cells.open})
        share_s = _TIMED_SHARE * self._left_s / max(1, points) / setups
        return max(_SHORTEST_S, min(_POINT_S, share_s))

    def _wants_limits(self, model: str) -> bool:
        """Once for each model, in the middle: what predictions for other devices rest on."""
        middle = min(sweep_plan.FIRST_PICTURE, len(self._spec.batch_sizes)) - 1
        known = any(run.limits is not None for key, run in self._cells.runs.items() if key[0] == model)
        return (
            self._spec.max_seconds >= _LIMITS_FROM_S and len(self._cells.tried[model]) >= middle and not known
        )

    @property
    def _left_s(self) -> float:
        return self._spec.max_seconds - (self._clock() - self._begun)

    def _progress(self) -> Progress:
        model, size = self._point or (None, None)
        measured, settled, planned = self._cells.points()
        return Progress(
            self._spec,
            measured=measured,
            planned=planned,
            settled=settled,
            extra=sum(self._extras.values()),
            jobs=self._jobs,
            elapsed_s=self._clock() - self._begun,
            model=model,
            batch_size=size,
            results=self._cells.results,
            untried=self._cells.untried,
            notes=tuple(self._cells.notes),
        )


def _outcome(run: RunResult) -> RunResult | Note:
    """A run; only its reason where it doesn't even know what it was to be measured on."""
    if run.environment is None and not run.blocks:
        return run.failure or Note("too_few_blocks")
    return run


class Sweeper:
    """Sweeps for a server's visitors, in the background."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._campaigns = Campaigns[Progress](runner, "sweep")

    def start(
        self,
        spec: SweepSpec,
        visitor: str | None = None,
        network: str | None = None,
        known: Sequence[RunResult] = (),
    ) -> str:
        """Begin, and return an id at once. Raises InputError for what can't be swept here, or not now."""
        limits = self._runner.limits
        check_spec(spec, limits)
        refuse_unknown_devices(spec, self._runner)
        most_s = limits.max_seconds
        if limits.bounds is not None:
            most_s = min(most_s, limits.bounds.asked_s / len(spec.setups))
        begun = Progress(spec, planned=len(spec.models) * len(spec.batch_sizes))

        def go(measure: Measure, change: Change) -> None:
            def tell(progress: Progress) -> None:
                change(**{name: getattr(progress, name) for name in _TOLD})

            end = sweep(spec, measure, tell, known, around=self._runner.surroundings, most_s=most_s)
            tell(end)
            if end.cancelled:
                raise CancelledError
            change(failure=end.failure)

        return self._campaigns.start(begun, go, visitor, network)

    def state(self, sweep_id: str) -> Progress | None:
        """None: there is none of this id, or it was over long ago."""
        return self._campaigns.state(sweep_id)

    def cancel(self, sweep_id: str) -> None:
        """Stop; the points that are measured stay."""
        self._campaigns.cancel(sweep_id)


def refuse_unknown_devices(spec: SweepSpec, runner: Runner) -> None:
    """Raise InputError for a device that isn't here."""
    known = [device.id for device in runner.devices or ()]
    for setup in spec.setups:
        if setup.device not in known and f"{setup.device}:0" not in known:
            raise InputError("unknown_device", device=setup.device, available=", ".join(known))


# What a sweep tells of itself; the rest is told by what waits for its jobs.
_TOLD = tuple({field.name for field in fields(Progress)} - {field.name for field in fields(campaigns.Progress)})
