"""This machine's queue and the thread that serves it: one measurement at a time, on a worker that stays warm.

It takes the jobs in order and blocks on the worker's events; it never spins. The worker is replaced after a
crash or a cancel.
"""

from __future__ import annotations

import collections
import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

from core.errors import MeasurementError
from core.hardware import environment, idle, nvml
from core.hardware.cpu import CpuReader
from core.hardware.sampler import Sampler
from core.records import Device, Idle, Note
from core.runs.admission import Limits
from core.runs.elsewhere.targets import Event
from core.runs.queue.held import Held, note_of
from core.runs.queue.job import Job, Surroundings
from core.runs.queue.keeping import Keeper
from core.runs.queue.machine_lock import machine_lock
from core.runs.queue.worker import Worker, killed_after


class Serving(Held):
    """What is known of this machine, and its jobs from their turn to their stored results."""

    def __init__(
        self,
        keeper: Keeper,
        data_root: Path,
        limits: Limits | None,
        start_worker: Callable[[], Worker],
        heard: Callable[[Job, Event], None] | None,
    ) -> None:
        super().__init__(keeper, limits, heard)
        self._data_root, self._start_worker = data_root, start_worker
        self._queue: collections.deque[Job] = collections.deque()
        self._current: Job | None = None
        self._worker: Worker | None = None
        self.worker_problem: Note | None = None  # why no worker can be started, if none can
        self._idle: dict[str | None, Idle] = {}
        self._settled = False  # the idle draw is known, or can't be
        self._stopped: Note | None = None  # why nobody serves the queue any more
        self.devices: tuple[Device, ...] | None = None  # None until the first worker has said
        self.default_threads = 1  # torch's own choice; likewise
        self.surroundings: Surroundings | None = None  # of the next job; likewise

    def wait_for_worker(self) -> None:
        """Block until the first worker has told its devices, or can't be started."""
        with self.changed:
            while self.devices is None and self.worker_problem is None:
                self.changed.wait()

    def wait_until_settled(self) -> None:
        """Block until the idle draw of the devices is known, or it is known that it can't be."""
        with self.changed:
            while not self._settled:
                self.changed.wait()

    @property
    def worker_pid(self) -> int | None:
        with self.changed:
            return self._worker.pid if self._worker else None

    def start_serving(self) -> None:
        # a daemon thread, not a pool: a pool is joined at exit before atexit's hooks could end the worker
        threading.Thread(target=self._serve, name="jobs", daemon=True).start()

    def _measure_idle(self) -> None:
        """What the devices draw at rest, once, unless somebody is waiting; () where nothing can be read."""
        uuids = [gpu.uuid for gpu in environment.machine().gpus]
        if not uuids and CpuReader(None).sample(0.0).energy_j is None:
            return
        # an error of the lock is left to the first job, which meets it too and tells
        with (
            contextlib.suppress(MeasurementError),
            machine_lock(lambda: bool(self._queue) or self._closed) as mine,
            self.changed,
        ):
            found = idle.measure(uuids, sleep=self._sleep_undisturbed) if mine else {}
            if not self._queue:
                self._idle = {uuid: value for uuid, value in found.items() if value.source}

    def _sleep_undisturbed(self, seconds: float) -> None:
        self.changed.wait_for(lambda: self._queue or self._closed, seconds)

    def _serve(self) -> None:
        try:
            self._serve_jobs()
        finally:
            with self.changed:
                if not self._closed:  # by a fault of ours, which the log tells: waiting would be in vain
                    left = [*([self._current] if self._current else []), *self._queue]
                    self.worker_problem = self._stopped = Note("queue_stopped")
                    self._settled, self._current = True, None
                    self._queue.clear()
                    self.changed.notify_all()
                    for job in left:
                        self.give_up(job, self._stopped)

    def give_up(self, job: Job, why: Note) -> None:
        """A job that nobody will measure. Called with the lock held."""
        job.state, job.failure, job.done = "failed", why, True
        job.storage_problem = self.keeper.job_over(job.id, job.state, why)

    def _serve_jobs(self) -> None:
        self._warm_worker()
        self._measure_idle()
        with self.changed:
            self._settled = True
            self.changed.notify_all()
        while True:
            with self.changed:
                while not self._queue and not self._closed:
                    self.changed.wait()
                if self._closed:
                    return
                job = self._current = self._queue.popleft()
                job.started_s = job.saved_s = time.monotonic()
                job.state, job.waiting_for_machine = "running", True
                self.changed.notify_all()
            self._measure(job)
            with self.changed:
                self._current = None
                self.changed.notify_all()
            if self._worker is None and not self._closed:
                self._warm_worker()  # after a crash or a cancel: ready before the next visitor asks

    def _warm_worker(self) -> None:
        try:
            worker = self._start_worker()
        except (MeasurementError, OSError) as problem:
            with self.changed:
                self.worker_problem = note_of(problem, "worker_not_started")
                self.changed.notify_all()
            return
        machine = environment.machine()  # looked up here once, so that no visitor waits for it
        with self.changed:
            self._worker, self.worker_problem = worker, None
            self.devices, self.default_threads = worker.devices, worker.software.default_threads
            self.surroundings = Surroundings(machine, worker.software, worker.devices)
            if self._closed:
                worker.kill()
            self.changed.notify_all()

    def _measure(self, job: Job) -> None:
        """One job from its turn to its stored results."""
        self.keeper.job_running(job.id)
        try:
            with machine_lock(lambda: job.over or self._closed) as mine:
                if mine:
                    with self.changed:
                        job.waiting_for_machine = False
                    self._run_on_worker(job)
        except MeasurementError as problem:
            self.fail(job, problem.note)
        self.finish(job)

    def _run_on_worker(self, job: Job) -> None:
        if self._worker is None or not self._worker.alive:
            self._warm_worker()
        worker = self._worker
        if worker is None:
            self.fail(job, self.worker_problem or Note("worker_not_started", {"problem": ""}))
            return
        origin = time.perf_counter()
        around = Surroundings(environment.machine(), worker.software, worker.devices)
        gpus = sorted({uuid for setup in job.spec.setups if (uuid := around.gpu_uuid(setup.device))})
        foreign = {uuid: nvml.foreign_processes(uuid, worker.pid) for uuid in gpus}
        sampler = Sampler(worker.pid, gpus, origin)
        with self.changed:
            if job.over:  # cancelled before there was a worker to kill
                return
            job.surroundings, job.sampler = around, sampler
            job.idle, job.foreign = self._idle, foreign
        try:
            with sampler, self._in_time(job, worker):
                for event in worker.run(job.spec, self._data_root, origin):
                    self.fold(job, event)
        except MeasurementError as problem:  # the worker has died
            self.fail(job, problem.note)
        if not worker.alive:
            with self.changed:
                self._worker = None

    def _in_time(self, job: Job, worker: Worker) -> contextlib.AbstractContextManager[object]:
        """Where strangers ask, a job is ended whatever it does."""
        if self.limits.bounds is None:
            return contextlib.nullcontext()
        late = Note("took_too_long", {"seconds": self.limits.bounds.wall_s})
        return killed_after(worker, self.limits.bounds.wall_s, lambda: self.fail(job, late))
