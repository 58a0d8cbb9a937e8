"""The queue: one measurement at a time on this machine, for all visitors; any may watch and cancel.

One thread takes the jobs in order and blocks on the worker's events; it never spins. The worker stays warm
between jobs and is replaced after a crash or a cancel.
"""

from __future__ import annotations

import atexit
import collections
import contextlib
import math
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.errors import CrossoverError, InputError, MeasurementError, StoreError
from core.hardware import environment, idle, nvml
from core.hardware.cpu import CpuReader
from core.hardware.sampler import Sampler
from core.records import Device, Idle, JobSpec, Note
from core.runs import owner
from core.runs.admission import Limits, check
from core.runs.gate import Gate
from core.runs.job import Job, JobState, Surroundings
from core.runs.keeping import Keeper
from core.runs.machine_lock import machine_lock
from core.runs.worker import Event, Worker, killed_after

_KEPT_IN_MEMORY = 20  # jobs that are over; older ones are read from the store
_HEARTBEAT_S = 30.0
_PURGE_EVERY_S = 24 * 3600.0
_STALE = timedelta(seconds=4 * _HEARTBEAT_S)
_CLOSING_S = 5.0  # at most, for the running job's results to be stored
_PARTIAL_EVERY_S = 5.0  # what a dead server leaves behind is at most this old


class Runner:
    """The queue and the warm worker of one server (or one command)."""

    def __init__(
        self,
        keeper: Keeper,
        data_root: Path,
        limits: Limits | None = None,
        start_worker: Callable[[], Worker] = Worker,
        *,
        heir: bool = True,
        keep_days: int | None = None,
    ) -> None:
        """Start serving. A command is no `heir`: that goes on with the queue of servers that have died, and
        removes what was deleted and what is older than `keep_days`."""
        self.limits = limits or Limits()
        self._keeper, self._data_root, self._start_worker = keeper, data_root, start_worker
        self._owner = owner.me()
        self._heir, self._keep_days = heir, keep_days
        self._admitting = threading.Lock()  # held from a job's check to its place in the queue
        self._changed = threading.Condition()
        self._gate = Gate(self.limits)
        self._queue: collections.deque[Job] = collections.deque()
        self._jobs: collections.OrderedDict[str, Job] = collections.OrderedDict()
        self._current: Job | None = None
        self._worker: Worker | None = None
        self.worker_problem: Note | None = None  # why no worker can be started, if none can
        self.inheritance_problem: Note | None = None  # why a dead server's queue couldn't be taken over
        self.purge_problem: Note | None = None  # why old runs couldn't be removed
        self._closed = False
        self._idle: dict[str | None, Idle] = {}
        self._settled = False  # the idle draw is known, or can't be
        self.devices: tuple[Device, ...] | None = None  # None until the first worker has said
        self.default_threads = 1  # torch's own choice; likewise
        self.surroundings: Surroundings | None = None  # of the next job; likewise
        if heir:
            self._take_over()
        # daemon threads, not a pool: a pool is joined at exit before atexit's hooks could end the worker
        threading.Thread(target=self._serve, name="jobs", daemon=True).start()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()
        atexit.register(self.close)

    # --- for visitors ------------------------------------------------------------------------------

    def check(self, spec: JobSpec) -> None:
        """Raises InputError for a job beyond the limits."""
        check(spec, self.limits)

    def submit(self, spec: JobSpec, visitor: str | None = None, network: str | None = None) -> str:
        """Queue a job and return its id, as `submit_all` does."""
        return self.submit_all((spec,), visitor, network)[0]

    def submit_all(
        self, specs: Sequence[JobSpec], visitor: str | None = None, network: str | None = None
    ) -> list[str]:
        """Queue jobs one behind the other, all or none, in the order of asking; their ids.

        `network`: where the visitor comes from, where that is known. Raises InputError for a job beyond the
        limits, a full queue, or a visitor or network that has had its share."""
        for spec in specs:
            check(spec, self.limits)
        jobs = [Job(secrets.token_hex(5), spec, _now(), visitor) for spec in specs]
        with self._admitting:  # meanwhile the queue can only become shorter
            with self._changed:
                self._gate.admit(jobs, self._current, self._queue, visitor, network or visitor)
            for job in jobs:
                job.storage_problem = self._keeper.job_added(job, self._owner)
            with self._changed:
                for job in jobs:
                    self._hold(job)
                self._changed.notify_all()
        return [job.id for job in jobs]

    def cancel(self, job_id: str, visitor: str | None = None) -> None:
        """Take a job out of the queue, or stop it and keep what it has measured; nothing if it is over.
        A `visitor` may cancel their own alone: raises InputError("not_yours")."""
        with self._changed:
            job = self._jobs.get(job_id)
            if job is None or job.over:
                return
            if visitor is not None and job.visitor != visitor:
                raise InputError("not_yours")
            was, job.state = job.state, "cancelled"
            if was == "queued":
                self._queue.remove(job)
                self._keeper.job_over(job.id, "cancelled", None)
                job.results, job.done = job.results_now("cancelled"), True
                self._gate.over(job)
            elif self._worker is not None and not job.waiting_for_machine:
                self._worker.kill()  # the serving thread sees the end of its events and tidies up
            self._changed.notify_all()

    def job(self, job_id: str) -> Job | None:
        """A job held in memory: waiting, running or lately over."""
        with self._changed:
            return self._jobs.get(job_id)

    def place(self, job_id: str) -> int | None:
        """How many jobs are before this one; None if it isn't waiting."""
        with self._changed:
            ids = [job.id for job in self._queue]
            if job_id not in ids:
                return None
            return ids.index(job_id) + (self._current is not None)

    def wait_estimate_s(self, job_id: str) -> float | None:
        """About how long until this job is begun; None if it isn't waiting."""
        with self._changed:
            job = self._jobs.get(job_id)
            if job is None or job not in self._queue:
                return None
            return self._gate.left_s(self._current, self._queue, self._queue.index(job))

    def open_jobs(self) -> list[Job]:
        """Running and waiting jobs, in order."""
        with self._changed:
            return ([self._current] if self._current else []) + list(self._queue)

    @contextlib.contextmanager
    def watching(self, job_id: str) -> Iterator[Job | None]:
        """The job with its events held still; keep it short."""
        with self._changed:
            yield self._jobs.get(job_id)

    def wait(self, job_id: str, timeout_s: float) -> Job | None:
        """Block until the job changes or the time is over."""
        with self._changed:
            job = self._jobs.get(job_id)
            if job is not None and not job.done:
                self._changed.wait(timeout_s)
            return job

    def wait_for_worker(self) -> None:
        """Block until the first worker has told its devices, or can't be started."""
        with self._changed:
            while self.devices is None and self.worker_problem is None:
                self._changed.wait()

    def wait_until_settled(self) -> None:
        """Block until the idle draw of the devices is known, or it is known that it can't be."""
        with self._changed:
            while not self._settled:
                self._changed.wait()

    @property
    def worker_pid(self) -> int | None:
        with self._changed:
            return self._worker.pid if self._worker else None

    def close(self) -> None:
        """Stop everything; a running job is kept as cancelled. May be called again."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            worker, current = self._worker, self._current
            waiting = list(self._queue)
            self._changed.notify_all()
        for job in [*waiting, *([current] if current else [])]:
            self.cancel(job.id)
        if worker is not None:
            worker.kill()
        with self._changed:  # the serving thread ends with the interpreter, stored or not
            self._changed.wait_for(lambda: self._current is None, _CLOSING_S)

    # --- the serving thread ------------------------------------------------------------------------

    def _hold(self, job: Job) -> None:
        self._queue.append(job)
        self._jobs[job.id] = job
        old = [item.id for item in self._jobs.values() if item.done]
        for job_id in old[: max(0, len(old) - _KEPT_IN_MEMORY)]:
            del self._jobs[job_id]

    def _take_over(self) -> None:
        """What a dead server left: its running job is marked interrupted, its queue is gone on with."""
        stale = (datetime.now(UTC) - _STALE).isoformat()
        try:
            rows = self._keeper.left_behind(owner.is_alive, stale)
        except StoreError as problem:
            self.inheritance_problem = problem.note
            return
        for row in rows:
            if row.state == "running":
                self._keeper.job_over(row.id, "interrupted", Note("server_stopped"))
            elif self._keeper.adopted(row, self._owner, _now()):
                self._hold(Job(row.id, row.spec, row.created_at, row.visitor))

    def _measure_idle(self) -> None:
        """What the devices draw at rest, once, unless somebody is waiting; () where nothing can be read."""
        uuids = [gpu.uuid for gpu in environment.machine().gpus]
        if not uuids and CpuReader(None).sample(0.0).energy_j is None:
            return
        # an error of the lock is left to the first job, which meets it too and tells
        with (
            contextlib.suppress(MeasurementError),
            machine_lock(lambda: bool(self._queue) or self._closed) as mine,
            self._changed,
        ):
            found = idle.measure(uuids, sleep=self._sleep_undisturbed) if mine else {}
            if not self._queue:
                self._idle = {uuid: value for uuid, value in found.items() if value.source}

    def _sleep_undisturbed(self, seconds: float) -> None:
        self._changed.wait_for(lambda: self._queue or self._closed, seconds)

    def _serve(self) -> None:
        try:
            self._serve_jobs()
        finally:
            with self._changed:
                if not self._closed:  # by a fault of ours, which the log tells: waiting would be in vain
                    self.worker_problem = Note("queue_stopped")
                    for job in [*([self._current] if self._current else []), *self._queue]:
                        job.state, job.failure, job.done = "failed", self.worker_problem, True
                    self._settled = True
                    self._current = None
                    self._queue.clear()
                    self._changed.notify_all()

    def _serve_jobs(self) -> None:
        self._warm_worker()
        self._measure_idle()
        with self._changed:
            self._settled = True
            self._changed.notify_all()
        while True:
            with self._changed:
                while not self._queue and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                job = self._current = self._queue.popleft()
                job.started_s = time.monotonic()
                job.state, job.waiting_for_machine = "running", True
                self._changed.notify_all()
            self._measure(job)
            with self._changed:
                self._current = None
                self._changed.notify_all()
            if self._worker is None and not self._closed:
                self._warm_worker()  # after a crash or a cancel: ready before the next visitor asks

    def _warm_worker(self) -> None:
        try:
            worker = self._start_worker()
        except (MeasurementError, OSError) as problem:
            with self._changed:
                self.worker_problem = _note(problem, "worker_not_started")
                self._changed.notify_all()
            return
        machine = environment.machine()  # looked up here once, so that no visitor waits for it
        with self._changed:
            self._worker, self.worker_problem = worker, None
            self.devices, self.default_threads = worker.devices, worker.software.default_threads
            self.surroundings = Surroundings(machine, worker.software, worker.devices)
            if self._closed:
                worker.kill()
            self._changed.notify_all()

    def _measure(self, job: Job) -> None:
        """One job from its turn to its stored results."""
        self._keeper.job_running(job.id)
        try:
            with machine_lock(lambda: job.over or self._closed) as mine:
                if mine:
                    with self._changed:
                        job.waiting_for_machine = False
                    self._run_on_worker(job)
        except MeasurementError as problem:
            self._fail(job, _note(problem))
        self._finish(job)

    def _run_on_worker(self, job: Job) -> None:
        if self._worker is None or not self._worker.alive:
            self._warm_worker()
        worker = self._worker
        if worker is None:
            self._fail(job, self.worker_problem or Note("worker_not_started", {"problem": ""}))
            return
        origin = time.perf_counter()
        around = Surroundings(environment.machine(), worker.software, worker.devices)
        gpus = sorted({uuid for setup in job.spec.setups if (uuid := around.gpu_uuid(setup.device))})
        foreign = {uuid: nvml.foreign_processes(uuid, worker.pid) for uuid in gpus}
        sampler = Sampler(worker.pid, gpus, origin)
        with self._changed:
            if job.over:  # cancelled before there was a worker to kill
                return
            job.surroundings, job.sampler = around, sampler
            job.idle, job.foreign = self._idle, foreign
        try:
            with sampler, self._in_time(job, worker):
                self._follow(job, worker.run(job.spec, self._data_root, origin))
        except MeasurementError as problem:  # the worker has died
            self._fail(job, _note(problem))
        if not worker.alive:
            with self._changed:
                self._worker = None

    def _in_time(self, job: Job, worker: Worker) -> contextlib.AbstractContextManager[object]:
        """Where strangers ask, a job is ended whatever it does."""
        if self.limits.bounds is None:
            return contextlib.nullcontext()
        late = Note("took_too_long", {"seconds": self.limits.bounds.wall_s})
        return killed_after(worker, self.limits.bounds.wall_s, lambda: self._fail(job, late))

    def _follow(self, job: Job, events: Iterator[Event]) -> None:
        saved_at = time.monotonic()
        for event in events:
            with self._changed:
                if event["type"] == "error":
                    self._fail(job, Note(event["code"], event["facts"]))
                else:
                    job.assembly.add(event)
                self._changed.notify_all()
            if event["type"] in ("block", "epoch") and time.monotonic() - saved_at > _PARTIAL_EVERY_S:
                self._keeper.results(job.results_now("interrupted"))
                saved_at = time.monotonic()

    def _fail(self, job: Job, failure: Note) -> None:
        with self._changed:
            if not job.over:  # a cancel kills the worker too: that is no failure
                job.failure = job.failure or failure
            self._changed.notify_all()

    def _finish(self, job: Job) -> None:
        with self._changed:
            runs = job.assembly.runs
            if job.failure is None and all(run.status == "failed" for run in runs):
                job.failure = runs[0].failure
            state: JobState = "cancelled" if job.over else "failed" if job.failure else "finished"
            results = job.results_now("cancelled" if state == "cancelled" else "failed")
            job.results, job.state, job.sampler = results, state, None
        self._keeper.job_done(job, self._owner)
        with self._changed:
            job.done = True
            self._gate.over(job)
            self._changed.notify_all()

    def _beat(self) -> None:
        purge_at = time.monotonic() if self._heir else math.inf
        while not self._closed:
            self._keeper.beat(self._owner, _now())
            self._keeper.keep_again(self._owner)
            if time.monotonic() >= purge_at:
                self.purge_problem = self._keeper.purge(datetime.now(UTC), self._keep_days)
                purge_at = time.monotonic() + _PURGE_EVERY_S
            time.sleep(_HEARTBEAT_S)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _note(problem: Exception, code: str = "") -> Note:
    return problem.note if isinstance(problem, CrossoverError) else Note(code, {"problem": str(problem)})
