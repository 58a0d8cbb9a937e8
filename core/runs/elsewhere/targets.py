"""Where jobs can be measured, in the same three calls for this machine and for others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from core.errors import CrossoverError
from core.records import JobSpec, Target

Event = dict[str, Any]


class Targets(Protocol):
    """This machine (`here`) or a cluster (`cluster`). Safe to call from several threads.

    The events of a job are those of `core.measure`, and of where it is measured:

        placed      node                           the machine is reserved; before that it waits for one
        waiting                                    another program measures on that machine
        surroundings  machine, software, devices   it begins
        telemetry   cpu, gpus                      the latest sample of each, about once a second
        results     runs, failure                  the last one: RunResults as plain values, as far as it came
    """

    @property
    def problem(self) -> CrossoverError | None:
        """Why nothing can be measured there any more; None while it can."""
        ...

    def targets(self) -> tuple[Target, ...]:
        """All that there is now, in an order that stays. Raises MeasurementError where nobody answers."""
        ...

    def submit(
        self, job_id: str, spec: JobSpec, target: Target, wait_s: float | None = None
    ) -> Iterator[Event]:
        """Measure one job there and return when its events are over; never tries again by itself.

        `wait_s`: for how long it waits for the machine to be free; None: as long as it takes. Raises
        MeasurementError where it can't be had (target_busy, target_gone, ...) or is lost on the way
        (node_lost, cluster_lost, ...).
        """
        ...

    def cancel(self, job_id: str) -> None:
        """End a job, whether it waits or runs, and free its device: its events end. Nothing if it is over."""
        ...

    def close(self) -> None:
        """End all jobs and let go of the cluster."""
        ...
