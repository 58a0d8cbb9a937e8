"""Sweeping a grid of models and batch sizes: ordinary jobs, each chosen by what the last ones have shown.

What doesn't fit in a device's memory, or would take too long, is a result and ends nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import fields, replace

from core.errors import CrossoverError, InputError, MeasurementError
from core.records import Note, RunResult
from core.runs import campaigns
from core.runs.admission import Limits
from core.runs.campaigns import Campaigns, CancelledError, Change, Measure
from core.runs.queue.job import Surroundings
from core.runs.queue.jobs import Runner
from core.runs.sweeping.cells import APART, OF_A_CELL, Cells
from core.runs.sweeping.points import Outcome, Point, Points, line_of
from core.runs.sweeping.spec import (
    Progress,
    SweepSpec,
    Untried,
    check_spec,
    parse_batch_sizes,
    parse_widths,
)

__all__ = [
    "LOST",
    "Progress",
    "SweepSpec",
    "Sweeper",
    "Untried",
    "check_spec",
    "line_of",
    "parse_batch_sizes",
    "parse_widths",
    "refuse_unknown_devices",
    "spread",
    "sweep",
]

# What is said where a machine is lost to a sweep, by what happened there
LOST = {
    "node_lost": "sweep_machine_lost",
    "target_gone": "sweep_machine_lost",
    "target_busy": "sweep_machine_busy",
    **dict.fromkeys(
        (
            "node_broken",
            "node_other_version",
            "node_packages_missing",
            "target_too_small",
            "told_nonsense",
            "results_missing",
        ),
        "sweep_machine_unfit",
    ),
}
_LOOK_EVERY_S = 0.5

Around = Callable[[], Surroundings | None]


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
    cells = Cells(spec)
    cells.take_over(known, around)
    return _Sweep(spec, cells, (measure,), tell, clock, most_s).run()


def spread(
    spec: SweepSpec,
    measures: Sequence[Measure],
    stop: Callable[[], None],
    tell: Callable[[Progress], None] = lambda progress: None,
    known: Sequence[RunResult] = (),
    clock: Callable[[], float] = time.monotonic,
    around: Around = lambda: None,
    most_s: float = Limits.max_seconds,
    cores: int | None = None,
) -> Progress:
    """The same on several equal machines at once, each with a function of its own that is called by one thread.

    Where one is lost (LOST), its point is open again and the others go on; without others that is the failure.
    `stop` ends all jobs: their functions then raise CancelledError. It is called when the sweep ends before its
    time, also by Ctrl-C. `around`: where it is measured, None until a job has told; `known` waits for it.
    `cores`: of each machine.
    """
    check_spec(spec, cores=cores)
    return _Sweep(spec, Cells(spec), measures, tell, clock, most_s, stop, known, around).run()


class _Sweep:
    """A thread for each machine: what comes next and what came of it under a lock, measuring outside of it."""

    def __init__(
        self,
        spec: SweepSpec,
        cells: Cells,
        measures: Sequence[Measure],
        tell: Callable[[Progress], None],
        clock: Callable[[], float],
        most_s: float,
        stop: Callable[[], None] = lambda: None,
        known: Sequence[RunResult] = (),
        around: Around = lambda: None,
    ) -> None:
        self._spec, self._cells, self._measures = spec, cells, measures
        self._tell, self._clock, self._stop = tell, clock, stop
        self._begun = clock()
        self._points = Points(spec, cells, most_s)
        self._known, self._around = known, around
        self._changed = threading.Condition()
        self._machines = self._running = len(measures)
        self._jobs = 0
        self._point: Point | None = None  # the latest
        self._end: dict[str, object] | None = None  # what ended it before its time

    def run(self) -> Progress:
        self._tell(self._progress())
        if len(self._measures) == 1:
            self._serve(self._measures[0])
        else:
            self._serve_together()
        if not self._end:
            self._cells.settle()
        self._point = None
        return replace(self._progress(), done=True, **self._end or {})  # type: ignore[arg-type]

    # --- the machines ------------------------------------------------------------------------------

    def _serve_together(self) -> None:
        for measure in self._measures:
            threading.Thread(target=self._serve, args=(measure,), name="sweep", daemon=True).start()
        while True:
            try:
                with self._changed:
                    if not self._running:
                        return
                    self._changed.wait(_LOOK_EVERY_S)
            except KeyboardInterrupt:
                self._finish({"cancelled": True})

    def _serve(self, measure: Measure) -> None:
        """Measure on one machine until nothing is left to measure, or it is lost."""
        end: dict[str, object] = {"failure": Note("queue_stopped")}  # by a fault of ours, which the log tells
        try:
            while (point := self._next()) is not None and self._measured(measure, point):
                pass
            end = {}
        except CancelledError:
            end = {"cancelled": True}
        except CrossoverError as problem:
            end = {"failure": problem.note}
        finally:
            if end:
                self._finish(end)
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _finish(self, end: dict[str, object]) -> None:
        """The whole sweep is over, with what it has; the jobs on other machines are ended."""
        with self._changed:
            first, self._end = self._end is None, self._end or end
            self._changed.notify_all()
        if first:
            self._stop()

    def _next(self) -> Point | None:
        """What a machine is to measure now; None: nothing more."""
        with self._changed:
            while self._end is None and (left_s := self._left_s) > 0:
                later = {key for run in self._known if (key := self._cells.key_of(run))}
                point = self._points.next(left_s, self._machines, later)
                if point is not None:
                    self._point = point
                    self._tell(self._progress())
                    return point
                if not self._points.under_way:
                    break
                self._changed.wait()  # for what the others find
            return None

    def _measured(self, measure: Measure, point: Point) -> bool:
        """Measure a point; False where the machine was lost over it."""
        try:
            found = self._try(measure, point, point.places)
            codes = {outcome.code if isinstance(outcome, Note) else None for outcome in found.values()}
            if len(point.places) > 1 and len(codes) == 1 and codes <= set(APART):
                for place in point.places:  # which of them it was
                    found |= self._try(measure, replace(point, limits=False), (place,))
        except MeasurementError as problem:
            if problem.code not in LOST:
                raise
            self._lose_machine(point, problem)
            return False
        with self._changed:
            self._jobs += 1
            self._points.judge(point, found)
            self._take_over()
            self._tell(self._progress())
            self._changed.notify_all()
        return True

    def _lose_machine(self, point: Point, problem: MeasurementError) -> None:
        """The others go on, with its point too. Raises what happened where there are none."""
        with self._changed:
            self._machines -= 1
            self._points.put_back(point)
            if not self._machines:
                raise problem
            self._cells.notes.append(
                Note(
                    LOST[problem.code],
                    {"model": point.model, "batch_size": point.size, "machines": self._machines},
                )
            )
            self._tell(self._progress())
            self._changed.notify_all()

    def _try(self, measure: Measure, point: Point, places: tuple[int, ...]) -> dict[int, Outcome]:
        """A job's results, by the place of the setup."""
        setups = tuple(self._spec.setups[place] for place in places)
        job = self._spec.job(point.model, point.size, setups, point.seconds, point.pct, limits=point.limits)
        try:
            results = measure(job)
        except CrossoverError as problem:
            if problem.code not in OF_A_CELL:
                raise
            return dict.fromkeys(places, problem.note)
        by_setup = {result.spec.setup: result for result in results}
        return {place: _outcome(by_setup[self._spec.setups[place]]) for place in places}

    def _take_over(self) -> None:
        """What was known before, once it is known where this is measured."""
        around = self._around() if self._known else None
        if around is not None:
            news = [run for run in self._known if self._cells.key_of(run) not in self._cells.runs]
            self._known = ()
            self._cells.take_over(news, around)

    # --- what is told ------------------------------------------------------------------------------

    @property
    def _left_s(self) -> float:
        return self._spec.max_seconds - (self._clock() - self._begun)

    def _progress(self) -> Progress:
        under_way = tuple((point.model, point.size) for point in self._points.under_way)
        latest = (self._point.model, self._point.size) if self._point else (None, None)
        model, size = under_way[0] if under_way else latest
        measured, settled, planned = self._cells.points()
        return Progress(
            self._spec,
            measured=measured,
            planned=planned,
            settled=settled,
            extra=self._points.extras,
            jobs=self._jobs,
            elapsed_s=self._clock() - self._begun,
            model=model,
            batch_size=size,
            under_way=under_way,
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
