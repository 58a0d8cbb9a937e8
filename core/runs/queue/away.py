"""Jobs that other machines measure: each is followed by a thread of its own, which folds what they tell.

What they tell is from outside: whatever no engine of ours would say ends the job with a message.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from core.analysis.soundness import refuse_unsound
from core.codec import from_plain, to_plain
from core.errors import CrossoverError, InputError, MeasurementError
from core.messages.notes import ABSENT
from core.records import CpuSample, Device, GpuSample, Machine, Note, RunResult, Software, Status
from core.runs.elsewhere.targets import Event, Targets
from core.runs.files.vetting import MOST_ITEMS, cleaned, problems_of_note, refuse_odd_values, vet
from core.runs.queue.assemble import Assembly, RunInProgress
from core.runs.queue.held import Held
from core.runs.queue.job import Job, Surroundings

_CANCEL_AGAIN_S = 1.0
_CANCELS = 10  # then the job is over here, whatever becomes of it there
_MOST_GPUS = 64
_LONGEST_PROBLEM = 200
# Values that aren't records and that the fold takes as they are
_PLAIN: dict[str, dict[str, Any]] = {
    "data": {"stage": str, "fraction": float | None},
    "warm": {"threads": int | None, "losses": tuple[float, ...], "steps_per_epoch": int},
    "block": {"losses": tuple[float, ...]},
    "run_end": {"status": Status},
    "error": {"code": str, "facts": dict[str, str | int | float | bool | None]},
}
_NOTES = {"note": "note", "run_end": "failure"}  # where an event holds one
_NOT_OURS = (InputError, LookupError, TypeError, ValueError, AttributeError)  # what malformed values lead to


class Away:
    """The jobs of a server that aren't its own machine's."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._open: dict[str, tuple[Job, Targets]] = {}  # guarded by held.changed

    def open_jobs(self) -> list[Job]:
        with self._held.changed:
            return [job for job, _ in self._open.values() if not job.done]

    def add(self, job: Job, targets: Targets) -> None:
        """Called with the lock held."""
        job.state, job.waiting_for_machine = "running", True
        self._open[job.id] = (job, targets)

    def send(self, job: Job, targets: Targets, wait_s: float | None) -> None:
        """Begin to follow a job that was added."""
        self._start(self._follow, job, targets, wait_s)

    def let_go(self, job: Job) -> None:
        """End a job there that is cancelled here. Returns at once: a cluster may take long to answer."""
        with self._held.changed:
            _, targets = self._open.get(job.id, (job, None))
        if targets is not None:
            self._start(self._end_there, job, targets)

    def give_up(self) -> None:
        """All that are open are over here, whatever becomes of them there."""
        for job in self.open_jobs():
            self._finish(job, Note("results_missing"))

    def _start(self, what: Callable[..., None], job: Job, *more: object) -> None:
        threading.Thread(target=what, args=(job, *more), name=f"away-{job.id}", daemon=True).start()

    def _follow(self, job: Job, targets: Targets, wait_s: float | None) -> None:
        end = Note("queue_stopped")  # by a fault of ours, which the log tells
        try:
            self._take_in(job, targets, wait_s)
            end = Note("results_missing")
        except CrossoverError as problem:
            end = problem.note
        finally:
            self._finish(job, end)

    def _take_in(self, job: Job, targets: Targets, wait_s: float | None) -> None:
        assert job.target is not None
        with self._held.changed:  # our own jobs on a machine come one after the other, however long others wait
            self._held.changed.wait_for(lambda: job.over or not self._is_behind(job, targets))
            if job.over:
                return
        for event in targets.submit(job.id, job.spec, job.target, wait_s):
            if job.done:  # the last events are let go by, so that the machine is tidied up
                continue
            try:
                self._hear(job, event)
            except _NOT_OURS as problem:
                self._start(self._end_there, job, targets)
                raise MeasurementError(
                    "told_nonsense", kind=job.target.kind, problem=_what(problem)
                ) from problem
            if job.told is not None:
                self._held.finish(job)

    def _is_behind(self, job: Job, targets: Targets) -> bool:
        """Whether an earlier job of ours has the same machine."""
        earlier = itertools.takewhile(lambda item: item[0] is not job, self._open.values())
        node = job.target.node if job.target else None
        return any(
            theirs is targets and other.target and other.target.node == node for other, theirs in earlier
        )

    def _finish(self, job: Job, end: Note) -> None:
        held = self._held
        with held.changed:
            if job.told is None:
                held.fail(job, cleaned(end))
                if not _sound(job):
                    job.assembly = Assembly(job.id, job.spec, job.created_at)
        held.finish(job)
        with held.changed:
            self._open.pop(job.id, None)
            held.changed.notify_all()

    def _end_there(self, job: Job, targets: Targets) -> None:
        try:
            for _ in range(_CANCELS):
                with contextlib.suppress(CrossoverError):  # lost: then its events end, too
                    targets.cancel(job.id)
                with self._held.changed:  # again: the job may have been on its way there
                    if self._held.changed.wait_for(lambda: job.id not in self._open, _CANCEL_AGAIN_S):
                        return
        finally:
            self._finish(job, Note("results_missing"))

    def _hear(self, job: Job, event: Event) -> None:
        held, kind = self._held, event["type"]
        _refuse_malformed(event, job.assembly.runs)
        if kind == "results":
            told, failure = _results(job, event)
            with held.changed:
                if not job.results_are_final:
                    job.told, job.failure = told, None if job.over else failure
        elif kind in ("placed", "waiting", "surroundings", "telemetry"):
            with held.changed:
                _look_around(job, event)
                held.changed.notify_all()
        elif kind in ("data", "error") or "run" in event:
            held.fold(job, _sayable(event))


def _look_around(job: Job, event: Event) -> None:
    kind = event["type"]
    if kind == "placed":
        job.placed, job.started_s = True, time.monotonic()
        job.saved_s = job.started_s
    elif kind == "waiting":
        job.waiting_for_machine = True
    elif kind == "telemetry":
        gpus = from_plain(dict[str, GpuSample], event["gpus"])
        if len(gpus) > _MOST_GPUS:
            _refuse("gpus", "too many")
        cpu = event["cpu"]
        job.told_latest = (None if cpu is None else from_plain(CpuSample, cpu), gpus)
    else:
        machine = cleaned(from_plain(Machine, event["machine"]))
        if machine.gpus_absent is not None and machine.gpus_absent not in ABSENT:
            _refuse("machine.gpus_absent", "unknown code")
        software = cleaned(from_plain(Software, event["software"]))
        devices = tuple(cleaned(from_plain(Device, item)) for item in event["devices"])
        job.surroundings, job.waiting_for_machine = Surroundings(machine, software, devices), False


def _refuse_malformed(event: Event, runs: Sequence[RunInProgress]) -> None:
    """Raises InputError where the fold would take what isn't so."""
    kind = event["type"]
    if "run" in event:
        if not (type(event["run"]) is int and 0 <= event["run"] < len(runs)):
            _refuse("run", f"not one of {len(runs)}")
        run = runs[event["run"]]
        if max(len(run.blocks), len(run.first_losses), len(run.epochs), len(run.notes)) > MOST_ITEMS:
            _refuse(kind, "too many")
    for name, of in _PLAIN.get(kind, {}).items():
        from_plain(of, event[name], f"{kind}.{name}")
    if kind == "warm" and event["steps_per_epoch"] < 1:
        _refuse("warm.steps_per_epoch", "must be above 0")
    if kind == "data" and event["fraction"] is not None and not 0 <= event["fraction"] <= 1:
        _refuse("data.fraction", "must be from 0 to 1")
    if kind == "error":
        _refuse_mute(Note(event["code"], event["facts"]), kind)
    elif _NOTES.get(kind, "") in event:
        _refuse_mute(from_plain(Note, event[_NOTES[kind]]), kind)


def _sayable(event: Event) -> Event:
    """The event with its texts as a screen may show them."""
    name = _NOTES.get(event["type"], "facts")
    return {**event, name: cleaned(event[name])} if name in event else event


def _what(problem: Exception) -> str:
    """What is wrong, and where."""
    if isinstance(problem, InputError) and {"where", "problem"} <= problem.facts.keys():
        text = f"{problem.facts['where']}: {problem.facts['problem']}"
    elif isinstance(problem, KeyError):
        text = f"{problem} is missing"
    else:
        text = str(problem)
    return str(cleaned(text[:_LONGEST_PROBLEM]))


def _results(job: Job, event: Event) -> tuple[tuple[RunResult, ...], Note | None]:
    """The runs under this job's own ids."""
    failure = event["failure"]
    if failure is not None:
        failure = cleaned(from_plain(Note, failure))
        _refuse_mute(failure, "results.failure")
    runs = [cleaned(from_plain(RunResult, run, f"runs[{i}]")) for i, run in enumerate(event["runs"])]
    if tuple(run.spec for run in runs) != job.spec.runs:
        _refuse("results.runs", "not those that were asked for")
    for i, run in enumerate(runs):
        refuse_odd_values(to_plain(run), f"runs[{i}]")
        _refuse_unsound(run)
    own = (
        replace(run, id=f"{job.id}-{i}", job_id=job.id, created_at=job.created_at, origin="measured")
        for i, run in enumerate(runs)
    )
    return tuple(own), failure


def _sound(job: Job) -> bool:
    """Whether what was folded can have been measured."""
    try:
        for run in job.results_now("failed"):
            refuse_odd_values(to_plain(run), "run")
            _refuse_unsound(run)
    except InputError:
        return False
    return True


def _refuse_unsound(run: RunResult) -> None:
    vet(run, "run")
    refuse_unsound(run, "run")


def _refuse_mute(note: Note, where: str) -> None:
    for place, problem in problems_of_note(note, where):
        _refuse(place, problem)


def _refuse(where: str, problem: str) -> NoReturn:
    raise InputError("malformed_record", where=where, problem=problem)
