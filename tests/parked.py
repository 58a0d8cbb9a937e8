"""Scripted machines for a sweep: each measures one job at a time, held as long as a test wants. No clock."""

from __future__ import annotations

import threading

from core.errors import MeasurementError
from core.runs.campaigns import CancelledError

LONG_S = 60  # nothing is waited for that long


class Park:
    """Machines that measure one job at a time each; `hold` keeps a machine's jobs until `release`."""

    def __init__(self, machines, bench):
        self.bench = bench
        self.lock = threading.Condition()
        self.busy, self.most_at_once = set(), 0
        self.begun = []  # (machine, model, batch size, places)
        self.told = []
        self.held = set()
        self.lost = {}  # machine -> what it raises
        self.stopped = False
        self.measures = [self._machine(number) for number in range(machines)]

    def _machine(self, number):
        def measure(job):
            with self.lock:
                assert number not in self.busy, "two on one machine"
                self.busy.add(number)
                self.most_at_once = max(self.most_at_once, len(self.busy))
                self.begun.append((number, job.workload.batch_size, job.setups))
                self.lock.notify_all()
                try:
                    free = lambda: number not in self.held or self.stopped or number in self.lost  # noqa: E731
                    assert self.lock.wait_for(free, LONG_S)
                    if number in self.lost:
                        raise self.lost[number]
                    if self.stopped:
                        raise CancelledError
                    return self.bench(job)
                finally:
                    self.busy.discard(number)
                    self.lock.notify_all()

        return measure

    def stop(self):
        with self.lock:
            self.stopped = True
            self.lock.notify_all()

    def hear(self, progress):
        with self.lock:
            self.told.append(progress)
            self.lock.notify_all()

    def release(self, number):
        with self.lock:
            self.held.discard(number)
            self.lock.notify_all()

    def lose(self, number, code="node_lost"):
        with self.lock:
            self.lost[number] = MeasurementError(code)
            self.lock.notify_all()

    def until(self, condition, what):
        with self.lock:
            assert self.lock.wait_for(condition, LONG_S), what

    @property
    def sizes(self):
        return [size for _, size, _ in self.begun]
