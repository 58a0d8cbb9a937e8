"""How a training's speed grows with data-parallel workers, and whether several devices beat a bigger one.

Strong scaling: the same global batch is shared out among more workers (G. M. Amdahl, AFIPS 1967). Weak scaling:
each worker keeps its batch, so the global batch grows with them (J. L. Gustafson, CACM 31(5), 1988). Of runs
only; knows neither how they were measured nor where they are kept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from core.analysis import stats
from core.analysis.caveats import of_pair, of_run
from core.analysis.comparability import differences
from core.analysis.comparison import compare
from core.analysis.crossover.placed import Place, Placed, age, by_workers, keep, placed, rate, untimed
from core.analysis.parity import REASONS, parity
from core.analysis.speedup import MIN_BLOCKS, speedup
from core.errors import InputError
from core.records import Communication, Comparison, Estimate, Note, Parity, RunResult, Workload

Kind = Literal["strong", "weak"]
Winner = Literal["one", "several", "no_difference", "unknown"]

_Counts = dict[tuple[Place, Workload], dict[int, RunResult]]

OVERSUBSCRIBED = "workers_oversubscribed"
_ONE = Estimate(1.0, 1.0, 1.0)
# Doubts that say that it wasn't only the workers that differed
_APART = ("separate_jobs", "separate_machines")
_UNLIKE = ("unlike_conditions", "unlike_software")
_UNLIKE_WORKERS = "unlike_gpus"


@dataclass(frozen=True, slots=True)
class ScalingPoint:
    """One count of workers against one worker."""

    workers: int
    batch_size: int  # of all workers together
    samples_per_s: Estimate | None
    speedup: Estimate | None  # images per second over those of one worker
    efficiency: Estimate | None  # speedup / workers
    waiting_share: Estimate | None  # of a step, for gradients that aren't averaged yet; 0 to 1
    parity: Parity | None  # with one worker at the same global batch; None: no such run, or it is that one
    reason: Note | None  # why there is no speed-up
    run: RunResult
    doubts: tuple[Note, ...] = ()

    @property
    def serial_share(self) -> Estimate | None:
        """Of a strong point: the share of one worker's time that more workers don't shorten.

        (1/S - 1/N) / (1 - 1/N) of the speed-up S with N workers (A. H. Karp, H. P. Flatt, Measuring parallel
        processor performance, CACM 33(5), 1990). Grows it with N, then communication is what holds it up.
        """
        if self.speedup is None or self.workers == 1:
            return None
        each = 1 / self.workers
        value, low, high = (
            (1 / s - each) / (1 - each) for s in (self.speedup.value, self.speedup.high, self.speedup.low)
        )
        return _share(Estimate(value, low, high))


@dataclass(frozen=True, slots=True)
class Scaling:
    """One workload, executed in one way on one machine, with ever more workers."""

    kind: Kind
    model: str
    dataset: str
    device: str  # its name
    points: tuple[ScalingPoint, ...]  # by workers, ascending; each count once: its newest run

    @property
    def batch_size(self) -> int:
        """Strong: of all workers together; weak: of each."""
        first = self.points[0]
        return first.batch_size if self.kind == "strong" else first.batch_size // first.workers

    @property
    def example(self) -> RunResult:
        """Its newest run, which tells machine, software and origin."""
        return max((point.run for point in self.points), key=age)


@dataclass(frozen=True, slots=True)
class OneOrSeveral:
    """One bigger device and several smaller ones at the same work."""

    batch_size: int  # of all workers together
    workers: int
    one: RunResult
    several: RunResult
    one_name: str
    several_name: str
    one_samples_per_s: Estimate | None
    several_samples_per_s: Estimate | None
    ratio: Estimate | None  # above 1: the several are faster
    winner: Winner
    parity: Parity | None
    reason: Note | None  # why it is unknown
    doubts: tuple[Note, ...] = ()


def scalings(runs: Iterable[RunResult]) -> tuple[Scaling, ...]:
    """Every line that runs make up, strong ones first; runs of unlike machines, software or setups share none.

    A strong line has several numbers of workers, or one that is on no weak line and lacks the run to compare it
    with. A weak line has one worker and more.
    """
    every = placed(runs)
    strong, weak = by_workers(every), _by_share(every)
    on_weak = {run.id for counts in weak.values() for run in counts.values()}
    lines = [
        Scaling("strong", work.model, work.dataset, place.device.name, _strong(place, counts, every))
        for (place, work), counts in strong.items()
        if len(counts) > 1 or any(n > 1 and run.id not in on_weak for n, run in counts.items())
    ]
    for (place, work), counts in weak.items():
        lines.append(Scaling("weak", work.model, work.dataset, place.device.name, _weak(place, counts, strong)))
    return tuple(sorted(lines, key=lambda line: (line.kind, line.model, line.dataset, line.batch_size)))


def one_or_several(one: Iterable[RunResult], several: Iterable[RunResult]) -> tuple[OneOrSeveral, ...]:
    """Each bigger device against several smaller ones, by global batch and workers, at equal work only.

    `one`: runs of one worker; on CPUs its threads are its size. `several`: runs of more workers. Others of each
    are left aside, and so are pairs of equal devices, which are a matter of scaling.
    """
    single, many = by_workers(placed(one)), by_workers(placed(several))
    found = [
        _pair(here, counts[1], there, run)
        for (here, work), counts in single.items()
        for (there, same), others in many.items()
        if work == same and 1 in counts and _differ_in_size(here, there)
        for workers, run in others.items()
        if workers > 1
    ]
    return tuple(sorted(found, key=lambda item: (item.batch_size, item.workers, item.one_name)))


def waiting_share(communication: Communication | None) -> Estimate | None:
    """The share of a step that waits for averaged gradients, as it isn't hidden behind the backward pass.

    Steps with and without averaging took turns. None for fewer than three of each; or where averaging made the
    steps surely faster, which only a disturbed measurement can say.
    """
    if communication is None:
        return None
    apart, averaged = communication.apart_s, communication.averaged_s
    if min(len(apart), len(averaged)) < MIN_BLOCKS or min(*apart, *averaged) <= 0:
        return None
    ratio_of = stats.paired_ratio if len(apart) == len(averaged) else stats.ratio_of_medians
    ratio = ratio_of(apart, averaged)
    return None if ratio is None else _share(Estimate(1 - ratio.value, 1 - ratio.high, 1 - ratio.low))


def _share(found: Estimate) -> Estimate | None:
    """Without the part below 0, which noise alone explains; None where all of the interval is below."""
    if found.high <= 0:
        return None
    return Estimate(max(0.0, found.value), max(0.0, found.low), found.high)


# --- lines -----------------------------------------------------------------------------------------


def _by_share(every: Iterable[Placed]) -> _Counts:
    """By what each worker has of a batch, where one worker and more have it."""
    found: _Counts = {}
    for place, run in every:
        work, workers = run.spec.workload, run.spec.setup.workers
        if work.batch_size % workers == 0:
            each = dataclasses.replace(work, batch_size=work.batch_size // workers)
            keep(found.setdefault((place, each), {}), run)
    return {key: counts for key, counts in found.items() if 1 in counts and len(counts) > 1}


def _strong(place: Place, counts: Mapping[int, RunResult], every: Sequence[Placed]) -> tuple[ScalingPoint, ...]:
    return tuple(_strong_point(place, counts, counts[n], every) for n in sorted(counts))


def _strong_point(
    place: Place, counts: Mapping[int, RunResult], run: RunResult, every: Sequence[Placed]
) -> ScalingPoint:
    single = _of_the_same_job(place, run, every) or counts.get(1)
    reason = _reason(single, run)
    if run.spec.setup.workers == 1 or reason is not None or single is None:
        return _point(run, _ONE if reason is None else None, None, reason)
    try:
        found = compare(single, run)
    except InputError as problem:
        return _point(run, None, None, problem.note)
    why = Note(found.verdict.reason or "too_few_blocks") if found.speedup is None else None
    return _point(run, found.speedup, found.parity, why, _of_the_pair(found))


def _of_the_same_job(place: Place, run: RunResult, every: Sequence[Placed]) -> RunResult | None:
    """The one-worker run that took turns with this one."""
    for where, other in every:
        same = other.job_id == run.job_id and other.spec.workload == run.spec.workload and where == place
        if same and other.spec.setup.workers == 1 and untimed(other) is None:
            return other
    return None


def _weak(place: Place, counts: Mapping[int, RunResult], strong: _Counts) -> tuple[ScalingPoint, ...]:
    return tuple(_weak_point(place, counts[1], counts[n], strong) for n in sorted(counts))


def _weak_point(place: Place, single: RunResult, run: RunResult, strong: _Counts) -> ScalingPoint:
    """The ratio of images per second at unequal global batches: of two jobs, so each side is resampled."""
    reason = _reason(single, run)
    if run.spec.setup.workers == 1:
        return _point(run, _ONE if reason is None else None, None, reason)
    same_work = strong.get((place, run.spec.workload), {}).get(1)
    agreement = parity(same_work, run) if same_work is not None and untimed(same_work) is None else None
    if reason is None and agreement is not None and agreement.cause is not None:
        reason = Note(REASONS[agreement.cause])
    if reason is None and any(item.code == "other_data" for item in differences(single, run)):
        reason = Note("parity_lost_different_data")
    if reason is not None:
        return _point(run, None, agreement, reason)
    ratio = speedup(single, run)[0]
    if ratio is None:
        return _point(run, None, agreement, Note("too_few_blocks"))
    unlike = (Note(item.code, item.facts) for item in of_pair(single, run) if item.code in _UNLIKE)
    return _point(run, ratio, agreement, None, (Note("scaling_jobs_apart"), *unlike))


def _reason(single: RunResult | None, run: RunResult) -> Note | None:
    """Why two runs have no ratio, whatever their work."""
    own = untimed(run)
    if own is not None:
        return own
    if single is None:
        return Note("scaling_without_one")
    return Note("scaling_one_failed") if untimed(single) is not None else None


def _point(
    run: RunResult,
    ratio: Estimate | None,
    agreement: Parity | None,
    reason: Note | None,
    doubts: tuple[Note, ...] = (),
) -> ScalingPoint:
    workers = run.spec.setup.workers
    waiting = waiting_share(run.communication)
    return ScalingPoint(
        workers=workers,
        batch_size=run.spec.workload.batch_size,
        samples_per_s=rate(run),
        speedup=ratio,
        efficiency=stats.scaled(ratio, 1 / workers) if ratio is not None else None,
        waiting_share=waiting,
        parity=agreement,
        reason=reason,
        run=run,
        doubts=(*_doubts(run, waiting), *doubts),
    )


def _doubts(run: RunResult, waiting: Estimate | None) -> tuple[Note, ...]:
    """What says that more workers weren't more hardware, or that their waiting isn't known."""
    if rate(run) is None:
        return ()
    found = [Note(item.code, item.facts) for item in of_run(run) if item.code == OVERSUBSCRIBED]
    found += [note for note in run.notes if note.code == _UNLIKE_WORKERS]
    if waiting is None and run.communication is not None:
        found.append(Note("waiting_unknown"))
    return tuple(found)


def _of_the_pair(found: Comparison) -> tuple[Note, ...]:
    return tuple(Note(item.code, item.facts) for item in found.caveats if item.code in (*_APART, *_UNLIKE))


# --- one or several ---------------------------------------------------------------------------------


def _differ_in_size(one: Place, several: Place) -> bool:
    """Whether the one is another device, or has more threads; executed alike otherwise."""
    alike = dataclasses.replace(several.setup, device=one.setup.device)
    if one.setup != alike:
        return False
    return one.device != several.device or (one.threads or 0) > (several.threads or 0)


def _pair(here: Place, one: RunResult, there: Place, several: RunResult) -> OneOrSeveral:
    reason: Note | None = untimed(one) or untimed(several)
    agreement: Parity | None = None
    ratio: Estimate | None = None
    doubts = _doubts(several, waiting_share(several.communication))
    if reason is None:
        try:
            found = compare(one, several)
        except InputError as problem:
            reason = problem.note
        else:
            agreement, ratio = found.parity, found.speedup
            reason = Note(found.verdict.reason or "too_few_blocks") if ratio is None else None
            doubts += _of_the_pair(found)
    return OneOrSeveral(
        batch_size=one.spec.workload.batch_size,
        workers=several.spec.setup.workers,
        one=one,
        several=several,
        one_name=here.device.name,
        several_name=there.device.name,
        one_samples_per_s=rate(one),
        several_samples_per_s=rate(several),
        ratio=ratio,
        winner=_winner(ratio),
        parity=agreement,
        reason=reason,
        doubts=doubts,
    )


def _winner(ratio: Estimate | None) -> Winner:
    if ratio is None:
        return "unknown"
    if ratio.low > 1:
        return "several"
    return "one" if ratio.high < 1 else "no_difference"
