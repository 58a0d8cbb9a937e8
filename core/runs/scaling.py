"""Measuring how a training scales over data-parallel workers: ordinary jobs, one for all of a strong line.

What fails with many workers (too few GPUs, memory) is told and ends nothing that fewer can do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

from core.analysis.crossover.scaling import Kind
from core.errors import CrossoverError, InputError, MeasurementError
from core.records import Note
from core.runs import campaigns
from core.runs.campaigns import Campaigns, CancelledError, Change, Measure
from core.runs.queue.jobs import Runner
from core.runs.scale_spec import (
    ScaleProgress,
    ScaleSpec,
    Unmeasured,
    check_scale,
    parse_workers,
    refuse_unknown_device,
    usual_workers,
)

__all__ = [
    "ScaleProgress",
    "ScaleSpec",
    "Scaler",
    "Unmeasured",
    "check_scale",
    "parse_workers",
    "refuse_unknown_device",
    "scale",
    "usual_workers",
]

# What is asked for in a job's own words, and still fails for this number of workers only
_OF_A_COUNT = ("batch_too_large", "too_few_gpus")


def scale(
    spec: ScaleSpec, measure: Measure, tell: Callable[[ScaleProgress], None] = lambda progress: None
) -> ScaleProgress:
    """Measure it all. What one worker can't do ends it as its failure; what several can't, only their number.

    `measure` runs a job and returns its results; it raises CancelledError to end it all. What was measured by
    then is kept. Raises InputError for a spec that can't be measured.
    """
    check_scale(spec)
    return _Scale(spec, measure, tell).run()


class _Scale:
    def __init__(self, spec: ScaleSpec, measure: Measure, tell: Callable[[ScaleProgress], None]) -> None:
        self._measure, self._tell = measure, tell
        self._now = ScaleProgress(spec)

    def run(self) -> ScaleProgress:
        end: dict[str, object] = {}
        try:
            for kind, counts in self._now.spec.plan:
                self._change(kind=kind, workers=counts)
                self._strong(counts) if kind == "strong" else self._weak(counts[0])
                self._change(jobs=self._now.jobs + 1)
        except CancelledError:
            end = {"cancelled": True}
        except CrossoverError as problem:
            end = {"failure": problem.note}
        return replace(self._now, kind=None, workers=(), done=True, **end)  # type: ignore[arg-type]

    def _strong(self, counts: tuple[int, ...]) -> None:
        """All in turns; where that fails as a whole, without the most workers."""
        while counts:
            failure = self._try("strong", counts)
            if failure is None:
                return
            self._give_up("strong", counts[-1], failure)
            counts = counts[:-1]
            self._change(workers=counts)

    def _weak(self, count: int) -> None:
        fewer = next((item for item in self._now.unmeasured if item.kind == "weak"), None)
        if fewer is not None:
            self._give_up("weak", count, Note("scaling_fewer_failed", {"workers": fewer.workers}))
            return
        failure = self._try("weak", (count,))
        if failure is not None:
            self._give_up("weak", count, failure)

    def _try(self, kind: Kind, counts: tuple[int, ...]) -> Note | None:
        """Run a job and keep its results; why nothing at all was measured. Raises what ends everything."""
        try:
            results = tuple(self._measure(self._now.spec.job(kind, counts)))
        except CancelledError as enough:
            if any(run.blocks for run in enough.results):
                self._change(results=(*self._now.results, *enough.results))
            raise
        except CrossoverError as problem:
            one_only = counts == (1,)
            asked = isinstance(problem, InputError) and problem.code not in _OF_A_COUNT
            if one_only or asked:
                raise
            return problem.note
        if any(run.blocks for run in results):
            self._change(results=(*self._now.results, *results))
            return None
        known = [run.failure for run in results if run.failure is not None]
        failure = known[-1] if known else Note("nothing_measured")
        if counts == (1,):
            raise MeasurementError(failure.code, **failure.facts)
        return failure

    def _give_up(self, kind: Kind, workers: int, reason: Note) -> None:
        self._change(unmeasured=(*self._now.unmeasured, Unmeasured(kind, workers, reason)))

    def _change(self, **changes: object) -> None:
        self._now = replace(self._now, **changes)  # type: ignore[arg-type]
        self._tell(self._now)


class Scaler:
    """Scaling for a server's visitors, in the background."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._campaigns = Campaigns[ScaleProgress](runner, "scale")

    def start(self, spec: ScaleSpec, visitor: str | None = None, network: str | None = None) -> str:
        """Begin, and return an id at once. Raises InputError for what can't be measured here, or not now."""
        check_scale(spec, self._runner.limits)
        refuse_unknown_device(spec, self._runner.devices or ())

        def go(measure: Measure, change: Change) -> None:
            def tell(progress: ScaleProgress) -> None:
                change(**{name: getattr(progress, name) for name in _TOLD})

            end = scale(spec, measure, tell)
            tell(end)
            if end.cancelled:
                raise CancelledError
            change(failure=end.failure)

        return self._campaigns.start(ScaleProgress(spec), go, visitor, network)

    def state(self, scale_id: str) -> ScaleProgress | None:
        """None: there is none of this id, or it was over long ago."""
        return self._campaigns.state(scale_id)

    def cancel(self, scale_id: str) -> None:
        """Stop; what is measured stays."""
        self._campaigns.cancel(scale_id)


# What it tells of itself; the rest is told by what waits for its jobs.
_TOLD = tuple(
    {item.name for item in fields(ScaleProgress)} - {item.name for item in fields(campaigns.Progress)}
)
