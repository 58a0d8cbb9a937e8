"""One job: its setups built, warmed up and then run in alternating blocks, so that drift hits all alike."""

from __future__ import annotations

import contextlib
import gc
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from core.codec import to_plain
from core.errors import InputError, MeasurementError
from core.measure import apart, devices, failures
from core.measure.apart import Apart, needed
from core.measure.data import Prepared, prepare
from core.measure.parallel import Parallel
from core.measure.stopping import Stopping
from core.measure.trainee import LEAD_IN_S, Trainee
from core.records import ColdStart, DataInfo, Device, JobSpec, Note, RunSpec

Emit = Callable[..., None]
T = TypeVar("T")

# Enough blocks for an interval, none so short that its two synchronisations would show.
_BLOCKS_WANTED = 30
_BLOCK_SECONDS = (0.05, 0.5)
_FEWEST_BLOCKS, _FEWEST_ROUGH = 15, 6
_ROUGH_LEAD_IN_S = 0.02
_FEWEST_IN_TIME, _PATIENCE = 5, 3.0  # blocks that a run gets even over its time, up to so many times over it
# A setup whose own work is done keeps pace in short blocks, so that the others' blocks have neighbours.
_RESTING_SECONDS = 0.1
_STEPS_OF_LIMITS = 20  # about as long as a step's products take, warmed up and repeated in every precision
_EVALUATION_SHARE = 0.5  # of the time budget, at most, for each look at the test images


@dataclass(frozen=True)
class Context:
    """What a job needs to know about the process it runs in."""

    devices: tuple[Device, ...]
    default_threads: int
    data_root: Path
    worker_start_s: float | None
    clock_origin: float  # perf_counter at the job's start, on the parent's clock (the same on one machine)


@dataclass
class _Contestant:
    index: int
    trainee: Trainee | Apart
    blocks: int = 0
    over: bool = False
    failed: bool = False
    best_accuracy: float | None = None  # on the test images, after any of its epochs
    reached: bool = False  # the accuracy that the job goes for

    @property
    def done(self) -> bool:
        """Whether its own work is: its epochs, or the accuracy."""
        return self.reached or self.trainee.epochs_done


def run(job: JobSpec, context: Context, emit: Emit) -> bool:
    """Measure every setup and tell it all through `emit`; whether this process is used up by it.

    Raises InputError or MeasurementError where the job can't be done as asked. A setup that fails later
    fails alone: the others go on.
    """
    for setup in job.setups:
        devices.check(setup, context.devices)
    apart.keep(job.setups)
    started = time.perf_counter()
    data = prepare(
        job.workload.dataset,
        job.workload.seed,
        context.data_root,
        lambda stage, fraction: emit("data", stage=stage, fraction=fraction),
    )
    data_s = time.perf_counter() - started
    if job.workload.batch_size > len(data.train_y):
        raise InputError("batch_too_large", batch_size=job.workload.batch_size, train_samples=len(data.train_y))
    contestants: list[_Contestant] = []
    try:
        for index, spec in enumerate(job.runs):
            contestant = _enter(index, spec, data, data_s, job, context, emit)
            contestants += [contestant] if contestant else []
        gc.collect()
        gc.freeze()  # what is built stays: nothing to look through again in later collections
        _race(contestants, job, context, emit)
        _look_closer(contestants, job, emit)
        return any(_profiled_elsewhere(contestant, job) for contestant in contestants)
    finally:
        gc.unfreeze()
        for contestant in contestants:
            contestant.trainee.close()


def _enter(
    index: int, spec: RunSpec, data: Prepared, data_s: float, job: JobSpec, context: Context, emit: Emit
) -> _Contestant | None:
    emit("setup", run=index)
    for note in data.notes:
        emit("note", run=index, note=to_plain(note))
    try:
        trainee, cold = _warm(spec, data, data_s, job.max_seconds, context)
    except InputError:  # the same for every setup: the job is refused
        raise
    except (RuntimeError, MemoryError, ValueError, MeasurementError) as problem:
        _fail(index, spec, data, problem, context.default_threads, emit)
        return None
    info = DataInfo(
        len(data.train_y),
        len(data.test_y),
        data.classes,
        data.shape,
        trainee.input_shape,
        trainee.parameters,
        data.fingerprint,
    )
    emit(
        "warm",
        run=index,
        threads=trainee.threads,
        thread_trials=to_plain(trainee.thread_trials),
        data=to_plain(info),
        cold_start=to_plain(cold),
        memory=to_plain(trainee.memory),
        steps_per_epoch=trainee.steps_per_epoch,
        losses=trainee.first_losses,
    )
    return _Contestant(index, trainee)


def _warm(
    spec: RunSpec, data: Prepared, data_s: float, max_seconds: float, context: Context
) -> tuple[Trainee | Apart, ColdStart]:
    # a frame of its own: where memory ran out it is cleared, and what it holds is freed
    kind = Parallel if spec.setup.workers > 1 else Apart if needed(spec.setup) else Trainee
    trainee = kind(spec, data, context.default_threads, context.clock_origin)
    try:
        return trainee, trainee.warm_up(max_seconds, context.worker_start_s, data_s)
    except BaseException:
        trainee.close()
        raise


def _race(contestants: list[_Contestant], job: JobSpec, context: Context, emit: Emit) -> None:
    """Rounds of A B B A, in an order drawn anew for each, until every ratio is known or the time is up."""
    chance = random.Random(job.workload.seed)
    stopping = Stopping(len(job.setups), job.target_pct)
    lead_in = _ROUGH_LEAD_IN_S if job.rough else LEAD_IN_S
    last = None
    while running := [contestant for contestant in contestants if not contestant.over]:
        order = chance.sample(running, len(running))
        resting = any(not contestant.done for contestant in running)
        for contestant in (*order, *reversed(order)):
            if contestant.over:
                continue
            with _failing_alone(contestant, context, emit):
                follows = last not in (None, contestant)
                pace = _turn(contestant, job, emit, lead_in if follows else 0.0, resting=resting)
                stopping.add(contestant.index, pace)
            last = contestant
        running = [contestant for contestant in running if not contestant.over]
        for contestant in _known_enough(contestants, running, stopping, job.rough):
            with _failing_alone(contestant, context, emit):
                _finish(contestant, job, emit, compared=len(running) > 1)


@contextlib.contextmanager
def _failing_alone(contestant: _Contestant, context: Context, emit: Emit) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, MemoryError, MeasurementError) as problem:
        contestant.over = contestant.failed = True
        trainee = contestant.trainee
        _fail(contestant.index, trainee.spec, trainee.data, problem, context.default_threads, emit)


def _known_enough(
    contestants: list[_Contestant], running: list[_Contestant], stopping: Stopping, rough: bool
) -> list[_Contestant]:
    """Whose measurement may end: everybody's at once, or in a rough job each as soon as its ratio is known."""
    if rough and len(contestants) > 1:
        baseline, fewest = contestants[0], min(contestant.blocks for contestant in running or contestants)
        if baseline.over:
            return running
        known = [
            contestant
            for contestant in running[1:]
            if fewest >= _FEWEST_ROUGH and stopping.known(baseline.index, contestant.index)
        ]
        return running if len(known) == len(running) - 1 else known
    if not all(item.done and item.blocks >= _FEWEST_BLOCKS for item in running):
        return []
    return running if len(running) < 2 or stopping.narrow([item.index for item in running]) else []


def _turn(contestant: _Contestant, job: JobSpec, emit: Emit, lead_in: float, resting: bool) -> float:
    """One block of one setup and what follows from it; its seconds per image."""
    trainee, index = contestant.trainee, contestant.index
    at_rest = resting and contestant.done
    seconds = _RESTING_SECONDS if at_rest else _block_seconds(trainee, job)
    block, losses = trainee.block(seconds, lead_in)
    contestant.blocks += 1
    emit("block", run=index, block=to_plain(block), losses=losses)
    if trainee.epoch_complete:
        _close_epoch(contestant, job, emit)
    if _time_is_up(contestant, job):
        _finish(contestant, job, emit, compared=False)
    return block.duration_s / block.samples


def _time_is_up(contestant: _Contestant, job: JobSpec) -> bool:
    """A hiccup of the machine may make one block last as long as all: a few more are then allowed."""
    over = contestant.trainee.progress.spent_s / job.max_seconds
    return over >= (1.0 if contestant.blocks >= _FEWEST_IN_TIME else _PATIENCE)


def _finish(contestant: _Contestant, job: JobSpec, emit: Emit, compared: bool) -> None:
    trainee, index = contestant.trainee, contestant.index
    contestant.over = True
    out_of_time = trainee.progress.spent_s >= job.max_seconds
    if not contestant.done:
        _close_epoch(contestant, job, emit)  # what was trained is still tested
    notes = trainee.take_notes()
    if job.until_accuracy is not None and not contestant.reached:
        notes.append(_not_reached(contestant, job.until_accuracy))
    if compared or (out_of_time and len(job.setups) > 1):
        code = "stopped_by_time" if out_of_time else "stopped_by_interval"
        notes.append(Note(code, {"target_pct": job.target_pct}))
    for note in notes:
        emit("note", run=index, note=to_plain(note))
    dissected = None if job.rough else trainee.dissect(job.max_seconds)
    if isinstance(trainee, Parallel):
        averaged = _explained(trainee.communicate, "communication_failed", contestant, job, emit)
        if averaged is not None:
            emit("communication", run=index, communication=to_plain(averaged))
    if job.limits and _alone(contestant, "limits_of_one_device", emit):
        _measure_limits(contestant, job, emit)
    if dissected is not None:
        emit("anatomy", run=index, anatomy=to_plain(dissected))
    emit("run_end", run=index, status="finished" if contestant.done else "out_of_time")


def _not_reached(contestant: _Contestant, target: float) -> Note:
    best = contestant.best_accuracy
    if best is None:
        return Note("accuracy_unknown")
    return Note("accuracy_not_reached", {"target_pct": 100 * target, "best_pct": 100 * best})


def _look_closer(contestants: list[_Contestant], job: JobSpec, emit: Emit) -> None:
    """What explains the runs, once all are measured: a profiler may leave its traces in the process."""
    measured = [item for item in contestants if item.blocks and not item.failed]
    for contestant in measured if job.lessons else ():
        if not _alone(contestant, "lessons_of_one_worker", emit):
            continue
        trials = _explained(contestant.trainee.try_lessons, "lessons_failed", contestant, job, emit)
        if trials:
            emit("lessons", run=contestant.index, lessons=to_plain(trials))
    for contestant in measured if job.trace else ():  # last
        if not _alone(contestant, "trace_of_one_worker", emit):
            continue
        trace = _explained(contestant.trainee.watch, "trace_failed", contestant, job, emit)
        if trace:
            emit("trace", run=contestant.index, trace=to_plain(trace))


def _alone(contestant: _Contestant, otherwise: str, emit: Emit) -> bool:
    """Whether it works alone; a note of that code where it doesn't."""
    if contestant.trainee.spec.setup.workers == 1:
        return True
    emit("note", run=contestant.index, note=to_plain(Note(otherwise)))
    return False


def _profiled_elsewhere(contestant: _Contestant, job: JobSpec) -> bool:
    """Whether the profiler has listened to an accelerator's driver: that may slow all later launches down."""
    setup = contestant.trainee.spec.setup
    return job.trace and setup.device != "cpu" and setup.workers == 1


def _explained(
    look: Callable[[float], T], failure: str, contestant: _Contestant, job: JobSpec, emit: Emit
) -> T | None:
    """What `look` finds. Where it fails, that is noted: the run is measured already, and loses nothing."""
    try:
        return look(job.max_seconds)
    except MeasurementError as problem:
        note = problem.note
    except (RuntimeError, MemoryError) as problem:
        if failures.is_lost(problem):
            raise
        note = Note(failure, {"problem": _first_line(problem)})
    emit("note", run=contestant.index, note=to_plain(note))
    return None


def _first_line(problem: Exception) -> str:
    return (next(iter(str(problem).splitlines()), "") or type(problem).__name__)[:200]


def _measure_limits(contestant: _Contestant, job: JobSpec, emit: Emit) -> None:
    """The device's limits, which explain a run that is measured already: their lack takes nothing from it."""
    trainee, index = contestant.trainee, contestant.index
    if trainee.step_s * _STEPS_OF_LIMITS > job.max_seconds:
        emit("note", run=index, note=to_plain(Note("limits_too_slow")))
        return
    found = _explained(lambda seconds: trainee.limits(), "limits_failed", contestant, job, emit)
    if found is not None:
        emit("limits", run=index, limits=to_plain(found))


def _block_seconds(trainee: Trainee | Apart, job: JobSpec) -> float:
    whole_s = trainee.step_s * trainee.steps_per_epoch * job.workload.epochs
    shortest, longest = _BLOCK_SECONDS
    left_s = job.max_seconds - trainee.progress.spent_s
    wanted_s = min(whole_s, job.max_seconds) / _BLOCKS_WANTED
    return max(shortest, min(wanted_s, longest, left_s))


def _close_epoch(contestant: _Contestant, job: JobSpec, emit: Emit) -> None:
    record = contestant.trainee.end_epoch(job.max_seconds * _EVALUATION_SHARE)
    if record is None:
        return
    emit("epoch", run=contestant.index, epoch=to_plain(record))
    accuracy = record.test_accuracy
    if accuracy is not None:
        contestant.best_accuracy = max(accuracy, contestant.best_accuracy or 0.0)
        contestant.reached |= job.until_accuracy is not None and accuracy >= job.until_accuracy


def _fail(
    index: int, spec: RunSpec, data: Prepared, problem: Exception, default_threads: int, emit: Emit
) -> None:
    """This setup has failed; the others go on, unless the device itself is lost."""
    note = failures.explain(problem, spec, data, default_threads)
    emit("run_end", run=index, status="failed", failure=to_plain(note))
    if note.code == "device_failed":
        raise failures.ProcessSpoilt(note.code, **note.facts) from problem
