"""The jobs of one server: one at a time on this machine, for all visitors, and any number on others.

Whoever asks may watch and cancel; what is asked beyond the limits is refused here.
"""

from __future__ import annotations

import atexit
import math
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import InputError, StoreError
from core.records import JobSpec, Note, Target
from core.runs.admission import Limits, check
from core.runs.elsewhere.targets import Event, Targets
from core.runs.queue import owner
from core.runs.queue.away import Away
from core.runs.queue.job import Job
from core.runs.queue.keeping import Keeper
from core.runs.queue.serving import Serving
from core.runs.queue.worker import Worker

if TYPE_CHECKING:  # the store needs SQLAlchemy, which a machine that only measures may lack
    from core.runs.store import JobRow

_HEARTBEAT_S = 30.0
_PURGE_EVERY_S = 24 * 3600.0
_STALE = timedelta(seconds=4 * _HEARTBEAT_S)
_CLOSING_S = 5.0  # at most, for the running jobs' results to be stored
MOST_AWAY = 64  # jobs on other machines at once: each has a thread here
MOST_CORES = 1024  # of a machine that hasn't said how many it has


class Runner(Serving):
    """The queue and the warm worker of one server (or one command), and its jobs elsewhere."""

    def __init__(
        self,
        keeper: Keeper,
        data_root: Path,
        limits: Limits | None = None,
        start_worker: Callable[[], Worker] = Worker,
        *,
        heir: bool = True,
        keep_days: int | None = None,
        measures: bool = True,
        heard: Callable[[Job, Event], None] | None = None,
    ) -> None:
        """Start serving. A command is no `heir`: that goes on with the queue of servers that have died, and
        removes what was deleted and what is older than `keep_days`. One that `measures` nothing on this machine
        has no worker. `heard` is told every event of `core.measure`, before it is folded."""
        super().__init__(keeper, data_root, limits, start_worker, heard)
        self._heir, self._keep_days = heir, keep_days
        self._admitting = threading.Lock()  # held from a job's check to its place in the queue
        self._away = Away(self)
        self._ending = threading.Event()
        self.inheritance_problem: Note | None = None  # why a dead server's queue couldn't be taken over
        self.purge_problem: Note | None = None  # why old runs couldn't be removed
        if heir:
            self._take_over()
        self._measures = measures
        if measures:
            self.start_serving()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()
        atexit.register(self.close)

    def check(self, spec: JobSpec, target: Target | None = None) -> None:
        """Raises InputError for a job beyond the limits, on this machine or on the target's."""
        cpu = target.machine.cpu if target is not None and target.machine is not None else None
        there = (cpu.logical_cores if cpu is not None else None) or MOST_CORES
        check(spec, self.limits, None if target is None or target.node is None else there)

    def submit(self, spec: JobSpec, visitor: str | None = None, network: str | None = None) -> str:
        """Queue a job and return its id, as `submit_all` does."""
        return self.submit_all((spec,), visitor, network)[0]

    def submit_all(
        self, specs: Sequence[JobSpec], visitor: str | None = None, network: str | None = None
    ) -> list[str]:
        """Queue jobs one behind the other, all or none, in the order of asking; their ids.

        `network`: where the visitor comes from, where that is known. Raises InputError for a job beyond the
        limits, a full queue, or a visitor or network that has had its share."""
        assert self._measures, "nobody would ever serve this queue"
        for spec in specs:
            check(spec, self.limits)
        jobs = [Job(secrets.token_hex(5), spec, _now(), visitor) for spec in specs]
        with self._admitting:  # meanwhile the queue can only become shorter
            with self.changed:
                self._gate.admit(jobs, self._current, self._queue, visitor, network or visitor)
            for job in jobs:
                job.storage_problem = self.keeper.job_added(job, self.owner)
            with self.changed:
                for job in jobs:
                    self._put_in_line(job)
                self.changed.notify_all()
        return [job.id for job in jobs]

    def submit_away(
        self,
        spec: JobSpec,
        target: Target,
        targets: Targets,
        visitor: str | None = None,
        network: str | None = None,
        wait_s: float | None = None,
    ) -> str:
        """Send a job to another machine and return its id at once; it is in no queue of this one.

        `wait_s`: for how long it waits there for a machine that others use. Raises InputError for a job beyond
        the limits, where strangers ask (cluster_not_public), and where too many are under way."""
        if not self.limits.free:
            raise InputError("cluster_not_public")
        self.check(spec, target)
        job = Job(secrets.token_hex(5), spec, _now(), visitor, target=target)
        with self._admitting:
            with self.changed:
                if self._closed or len(self._away.open_jobs()) >= MOST_AWAY:
                    raise InputError("too_many_away", most=MOST_AWAY)
            job.storage_problem = self.keeper.job_added(job, self.owner)
            with self.changed:
                self._away.add(job, targets)
                self.hold(job)
                self.changed.notify_all()
        self._away.send(job, targets, wait_s)
        return job.id

    def cancel(self, job_id: str, visitor: str | None = None) -> None:
        """Take a job out of the queue, or stop it and keep what it has measured; nothing if it is over.
        A `visitor` may cancel their own alone: raises InputError("not_yours")."""
        with self.changed:
            job = self._jobs.get(job_id)
            if job is None or job.over:
                return
            if visitor is not None and job.visitor != visitor:
                raise InputError("not_yours")
            was, job.state = job.state, "cancelled"
            if job.target is not None:
                self._away.let_go(job)
            elif was == "queued":
                self._queue.remove(job)
            elif self._worker is not None and not job.waiting_for_machine:
                self._worker.kill()  # the serving thread sees the end of its events and tidies up
            self.changed.notify_all()
        if was == "queued":  # nobody else would; a database may take its time, which nobody has to wait for
            self.finish(job)

    def place(self, job_id: str) -> int | None:
        """How many jobs are before this one; None if it isn't waiting."""
        with self.changed:
            ids = [job.id for job in self._queue]
            if job_id not in ids:
                return None
            return ids.index(job_id) + (self._current is not None)

    def wait_estimate_s(self, job_id: str) -> float | None:
        """About how long until this job is begun; None if it isn't waiting."""
        with self.changed:
            job = self._jobs.get(job_id)
            if job is None or job not in self._queue:
                return None
            return self._gate.left_s(self._current, self._queue, self._queue.index(job))

    def open_jobs(self) -> list[Job]:
        """This machine's running and waiting jobs, in order."""
        with self.changed:
            return ([self._current] if self._current else []) + list(self._queue)

    def jobs_away(self) -> list[Job]:
        """The jobs that other machines are measuring, or that wait for them."""
        return self._away.open_jobs()

    def close(self) -> None:
        """Stop everything; running jobs are kept as cancelled. May be called again."""
        with self.changed:
            if self._closed:
                return
            self._closed = True
            self._ending.set()
            worker, current = self._worker, self._current
            waiting = list(self._queue)
            self.changed.notify_all()
        for job in [*waiting, *([current] if current else []), *self.jobs_away()]:
            self.cancel(job.id)
        if worker is not None:
            worker.kill()
        with self.changed:  # the threads end with the interpreter, stored or not
            self.changed.wait_for(lambda: self._current is None and not self.jobs_away(), _CLOSING_S)
        self._away.give_up()

    def _put_in_line(self, job: Job) -> None:
        self.hold(job)
        if self._stopped is None:
            self._queue.append(job)
        else:
            self.give_up(job, self._stopped)

    def _take_over(self) -> None:
        """What a dead server left: its running job is marked interrupted, its queue is gone on with."""
        stale = (datetime.now(UTC) - _STALE).isoformat()
        try:
            for row in self.keeper.left_behind(owner.is_alive, stale):
                if row.state == "running":
                    self.keeper.job_over(row.id, "interrupted", Note("server_stopped"))
                elif self.keeper.adopted(row, self.owner, _now()):
                    self._inherit(row)
        except StoreError as problem:
            self.inheritance_problem = problem.note

    def _inherit(self, row: JobRow) -> None:
        try:
            check(row.spec, self.limits)  # it may have been asked of a server with others
        except InputError as problem:
            self.keeper.job_over(row.id, "failed", problem.note)
        else:
            self._put_in_line(Job(row.id, row.spec, row.created_at, row.visitor))

    def _beat(self) -> None:
        purge_at = time.monotonic() if self._heir else math.inf
        while True:
            self.keeper.beat(self.owner, _now())
            self.keeper.keep_again(self.owner)
            if time.monotonic() >= purge_at:
                self.purge_problem = self.keeper.purge(datetime.now(UTC), self._keep_days)
                purge_at = time.monotonic() + _PURGE_EVERY_S
            if self._ending.wait(_HEARTBEAT_S):
                return


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
