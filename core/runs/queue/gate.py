"""Who is let into the queue, and how long the wait will be. Called with the runner's lock held."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence

from core.errors import InputError
from core.runs.admission import Limits
from core.runs.queue.budget import Budget, minutes
from core.runs.queue.job import Job
from core.runs.queue.pace import Pace, asked_s


class Gate:
    """Keeps the hour's budget, where there is one, and the pace of the last jobs."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._budget = Budget(limits.allowance) if limits.allowance else None
        self._pace = Pace()

    def admit(
        self,
        jobs: Sequence[Job],
        running: Job | None,
        queue: Sequence[Job],
        visitor: str | None,
        network: str | None,
    ) -> None:
        """Raise InputError where there is no room for these; else charge them to the network's hour."""
        # The running one is counted: whether it has been fetched from the queue yet makes no difference.
        if len(queue) + (running is not None) + len(jobs) > self._limits.waiting + 1:
            raise InputError("queue_full", waiting=len(queue), minutes=minutes(self.left_s(running, queue, 0)))
        if self._budget is None or self._limits.allowance is None:
            return
        places = [*([(0, running)] if running else []), *enumerate(queue, 1)]
        mine = [place for place, job in places if job.visitor == visitor]
        if mine:
            raise InputError("visitor_busy", minutes=minutes(self.left_s(running, queue, max(mine))))
        near = [place for place, job in places if job.charge and job.charge.network == network]
        most = self._limits.allowance.open_jobs
        if len(near) + len(jobs) > most:
            first_s = self.left_s(running, queue, min(near, default=0))
            raise InputError("network_busy", most=most, minutes=minutes(first_s))
        self._budget.check(network, [asked_s(job.spec) for job in jobs])
        for job in jobs:
            job.charge = self._budget.charge(network, asked_s(job.spec))

    def left_s(self, running: Job | None, queue: Sequence[Job], waiting: int) -> float:
        """About how long until the running job and so many of the waiting ones are over."""
        left_s = 0.0
        if running is not None:
            told_s = running.assembly.seconds_left
            gone_s = time.monotonic() - running.started_s if running.started_s is not None else 0.0
            left_s = told_s if told_s is not None else max(0.0, self._pace.expected_s(running.spec) - gone_s)
        return left_s + sum(self._pace.expected_s(job.spec) for job in itertools.islice(queue, waiting))

    def over(self, job: Job) -> None:
        """The hour is charged with what a job took, and no longer with what it might have taken."""
        took_s = 0.0 if job.started_s is None else time.monotonic() - job.started_s
        if job.charge is not None:
            job.charge.seconds = took_s
        if job.state == "finished":
            self._pace.add(job.spec, took_s)
