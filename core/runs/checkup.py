"""The doctor's examination: facts, what torch does on each device, and what follows. It must not know a rule.

What computes waits its turn: nothing here may disturb a measurement.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Protocol

from core.errors import CrossoverError, InputError
from core.hardware.doctor import child
from core.hardware.doctor.collect import collect
from core.hardware.doctor.diagnose import diagnose
from core.hardware.doctor.facts import DeviceCheck, Facts, Finding, Torch
from core.records import Device, Note

AGAIN_AFTER_S = 60.0
_MOST_HANGING = 2
_CPU = Device("cpu", "CPU")


@dataclass(frozen=True, slots=True)
class Examination:
    created_at: str
    facts: Facts
    findings: tuple[Finding, ...]  # the most severe first


def _without_torch() -> Facts:
    return collect(ask_torch=lambda: Note("torch_missing"))


def _torch_is_here() -> bool:
    return find_spec("torch") is not None


@dataclass(frozen=True, slots=True)
class Probes:
    """Where an examination gets its facts from."""

    collect: Callable[[], Facts] = _without_torch
    torch_is_here: Callable[[], bool] = _torch_is_here
    ask_torch: Callable[[], Torch | Note] = child.ask_torch
    check_device: Callable[[Device], DeviceCheck] = child.check_device


_HERE = Probes()


def examine(tell: Callable[[Note], object], probes: Probes = _HERE) -> Examination:
    """Examine this machine. `tell` hears what is being done, as a code that has a sentence.

    Raises MeasurementError("lock_failed").
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    if probes.torch_is_here():
        facts = _with_torch(tell, probes)
    else:
        tell(Note("doctor_looking"))
        facts = probes.collect()
    return Examination(now, facts, diagnose(facts))


def _with_torch(tell: Callable[[Note], object], probes: Probes) -> Facts:
    """With what a process that computes can tell; and no measurement's own load is taken for a stranger's.

    Torch first: some of the driver's files are there only once a program has asked for CUDA.
    """
    from core.runs.queue.machine_lock import machine_lock  # brings filelock, which may lack where torch does

    tell(Note("doctor_waiting"))
    with machine_lock(lambda: False):
        tell(Note("doctor_torch"))
        answer = probes.ask_torch()
        tell(Note("doctor_looking"))
        facts = probes.collect()
        if isinstance(answer, Note):
            return replace(facts, torch=None, torch_problem=answer)
        checks = tuple(_checks(answer.devices or (_CPU,), tell, probes))
        return replace(facts, torch=answer, torch_problem=None, checks=checks)


def _checks(devices: Sequence[Device], tell: Callable[[Note], object], probes: Probes) -> Iterator[DeviceCheck]:
    """Until two of them hang: then it is the driver, and the others would only take their time."""
    hanging = 0
    for device in devices:
        tell(Note("doctor_product", {"device": device.id}))
        check = probes.check_device(device)
        yield check
        hanging += check.failure is not None and check.failure.code == "device_check_hangs"
        if hanging == _MOST_HANGING:
            return


class Examine(Protocol):
    def __call__(self, tell: Callable[[Note], object]) -> Examination: ...


class Checkup:
    """One examination for all visitors of a server, in a thread of its own; the last one stays."""

    def __init__(self, examine: Examine = examine, clock: Callable[[], float] = time.monotonic) -> None:
        self._examine, self._clock = examine, clock
        self._lock = threading.Lock()
        self._stage: Note | None = None
        self._stage_at = 0.0
        self._examination: Examination | None = None
        self._failure: Note | None = None
        self._ended_at: float | None = None

    @property
    def stage(self) -> Note | None:
        """What is being done now; None: nothing is."""
        return self._stage

    @property
    def stage_s(self) -> float:
        """For how long that has been done."""
        return self._clock() - self._stage_at

    @property
    def examination(self) -> Examination | None:
        """The last that came to its end."""
        return self._examination

    @property
    def failure(self) -> Note | None:
        """Why there is no newer one."""
        return self._failure

    def start(self) -> None:
        """The first examination, unless there was one."""
        with self._lock:
            if self._stage is None and self._ended_at is None:
                self._begin()

    def again(self) -> None:
        """Another one; one that goes on is enough. Raises InputError("doctor_too_soon")."""
        with self._lock:
            if self._stage is not None:
                return
            if self._ended_at is not None:
                wait_s = self._ended_at + AGAIN_AFTER_S - self._clock()
                if wait_s > 0:
                    raise InputError("doctor_too_soon", seconds=max(1, round(wait_s)))
            self._begin()

    def _begin(self) -> None:
        self._tell(Note("doctor_looking"))
        threading.Thread(target=self._run, name="doctor", daemon=True).start()

    def _run(self) -> None:
        failure = None
        try:
            self._examination = self._examine(self._tell)
        except CrossoverError as problem:
            failure = problem.note
        except Exception as problem:  # or visitors would wait for ever
            logging.getLogger(__name__).exception("examination")
            failure = Note(
                "doctor_failed", {"problem": child.without_paths(f"{type(problem).__name__}: {problem}")}
            )
        with self._lock:
            self._failure, self._ended_at = failure, self._clock()
            self._stage = None

    def _tell(self, note: Note) -> None:
        self._stage_at, self._stage = self._clock(), note
