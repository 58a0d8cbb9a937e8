"""This machine as a place to measure, in the same calls as any other."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator

from core.codec import to_plain
from core.errors import CrossoverError, MeasurementError
from core.hardware import environment, nvml
from core.records import Device, JobSpec, Machine, Target, TargetState
from core.runs.elsewhere.targets import Event
from core.runs.queue.job import Job
from core.runs.queue.jobs import Runner

_LOOK_EVERY_S = 0.5


class ThisMachine:
    """Its jobs are those of the runner's queue, and wait for what is ahead of them there."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._lock = threading.Lock()
        self._jobs: dict[str, str] = {}  # the queue's id by the asking side's
        self._told: dict[str, queue.SimpleQueue[Event]] = {}  # by the queue's id
        runner.listen(self._hear)

    @property
    def problem(self) -> CrossoverError | None:
        """None: a worker that can't be started is tried again with each job."""
        return None

    def targets(self) -> tuple[Target, ...]:
        """One for each device, and one for all that are equal. Raises MeasurementError: there is no worker."""
        self._runner.wait_for_worker()
        devices, around = self._runner.devices, self._runner.surroundings
        if devices is None or around is None:
            problem = self._runner.worker_problem
            assert problem is not None
            raise MeasurementError(problem.code, **problem.facts)
        machine = environment.machine()
        packages = [("torch", around.software.torch), ("numpy", around.software.numpy)]
        if around.software.torchvision:
            packages.append(("torchvision", around.software.torchvision))
        state: TargetState = "busy" if self._runner.open_jobs() else "free"
        equal: dict[tuple[str, str], list[Device]] = {}
        for device in devices:
            equal.setdefault((device.id.partition(":")[0], _kind(device, machine)), []).append(device)
        return tuple(
            Target(None, same[0].id, kind, len(same), state, None, machine, tuple(packages))
            for (_, kind), same in equal.items()
        )

    def submit(
        self, job_id: str, spec: JobSpec, target: Target, wait_s: float | None = None
    ) -> Iterator[Event]:
        """As any Targets. Raises InputError at once for a job beyond the limits."""
        with self._lock:  # held until its events are waited for
            own = self._runner.submit(spec)
            self._jobs[job_id], self._told[own] = own, queue.SimpleQueue()
        events = self._events(job_id, own, target, wait_s)
        next(events)  # it ends with whoever holds its events, read or not
        return events

    def cancel(self, job_id: str) -> None:
        with self._lock:
            own = self._jobs.get(job_id)
        if own is not None:
            self._runner.cancel(own)

    def close(self) -> None:
        """End the jobs that were sent through here; the runner is somebody else's."""
        with self._lock:
            open_ids = tuple(self._jobs)
        for job_id in open_ids:
            self.cancel(job_id)

    def _hear(self, job: Job, event: Event) -> None:
        with self._lock:
            told = self._told.get(job.id)
        if told is not None:
            told.put(event)

    def _events(self, job_id: str, own: str, target: Target, wait_s: float | None) -> Iterator[Event]:
        """Begins with an empty one."""
        asked_at = time.monotonic()
        said: set[str] = set()
        try:
            yield {}
            while (job := self._runner.wait(own, _LOOK_EVERY_S)) is not None:
                if not said and wait_s is not None and time.monotonic() - asked_at > wait_s:
                    raise MeasurementError("target_busy", kind=target.kind, seconds=round(wait_s))
                heard = tuple(self._heard(own))  # after the surroundings, which are known before the first
                with self._runner.watching(own):
                    done, failure = job.done, to_plain(job.failure)
                    around = list(_around(job, said))
                yield from around
                yield from heard
                if done:
                    yield from self._heard(own)  # what came since
                    yield {"type": "results", "runs": to_plain(job.results), "failure": failure}
                    return
        finally:
            self._runner.cancel(own)
            with self._lock:
                self._jobs.pop(job_id, None)
                self._told.pop(own, None)

    def _heard(self, own: str) -> Iterator[Event]:
        while not self._told[own].empty():
            yield self._told[own].get()


def _around(job: Job, said: set[str]) -> Iterator[Event]:
    """What isn't the measuring process's to tell: each once, but for the telemetry."""
    around = job.surroundings
    now = {
        "placed": job.started_s is not None,
        "waiting": job.started_s is not None and job.waiting_for_machine,
        "surroundings": around is not None,
    }
    for kind in [kind for kind, holds in now.items() if holds and kind not in said]:
        said.add(kind)
        more: dict[str, object] = {"node": None} if kind == "placed" else {}
        if kind == "surroundings" and around is not None:
            more = {
                "machine": to_plain(around.machine),
                "software": to_plain(around.software),
                "devices": to_plain(around.devices),
            }
        yield {"type": kind, **more}
    cpu, gpus = job.latest()
    if cpu is not None:
        yield {"type": "telemetry", "cpu": to_plain(cpu), "gpus": to_plain(gpus)}


def _kind(device: Device, machine: Machine) -> str:
    """As its driver or its system calls it."""
    if device.id == "cpu":
        return machine.cpu.model
    named = (gpu.name for gpu in machine.gpus if device.uuid and nvml.same_gpu(device.uuid, gpu.uuid))
    return next(named, device.name)
