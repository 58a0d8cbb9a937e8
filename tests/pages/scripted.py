"""A worker that tells what it is given and never measures, and the events that a result stands for."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.codec import to_plain
from core.errors import MeasurementError
from core.records import Device, JobSpec, RunResult
from tests.builders import TEST_GPU, make_software

CPU = Device("cpu", "Test CPU", None, 64 * 2**30)
GPU = Device("cuda:0", f"NVIDIA {TEST_GPU}", "GPU-test", 16 * 2**30, "9.0")
END = {"type": "end", "last": False}

Event = dict[str, Any]


class ScriptedWorker:
    """Stands in for core.runs.queue.worker.Worker. A job's events are those told to it, until END."""

    pid = os.getpid()  # the sampler reads this process instead
    start_s = 1.0

    def __init__(self, devices: tuple[Device, ...]) -> None:
        self.devices, self.software = devices, make_software()
        self.alive = True
        self._events: queue.SimpleQueue[Event | MeasurementError] = queue.SimpleQueue()

    def tell(self, *events: Event) -> None:
        for event in events:
            self._events.put(event)

    def die(self, problem: MeasurementError) -> None:
        """End as a process does that crashes."""
        self.alive = False
        self._events.put(problem)

    def run(self, job: JobSpec, data_root: Path, clock_origin: float) -> Iterator[Event]:
        while (event := self._events.get()) != END:
            if isinstance(event, MeasurementError):
                raise event
            yield event

    def kill(self) -> None:
        self.die(MeasurementError("worker_killed"))


class Workers:
    """Starts scripted workers, the next one when the last has died; `hold` keeps the first from being ready."""

    def __init__(self) -> None:
        self.devices: tuple[Device, ...] = (CPU,)
        self.problem: MeasurementError | None = None
        self.ready = threading.Event()
        self.ready.set()
        self.current: ScriptedWorker | None = None

    def start(self) -> ScriptedWorker:
        self.ready.wait()
        if self.problem is not None:
            raise self.problem
        self.current = ScriptedWorker(self.devices)
        return self.current


def begun(run: int, result: RunResult, blocks: int) -> list[Event]:
    """What a worker tells of a run up to its `blocks`-th block."""
    assert result.data is not None
    steps_per_epoch = result.data.train_samples // result.spec.workload.batch_size
    warm = {
        "threads": result.threads,
        "thread_trials": to_plain(result.thread_trials),
        "data": to_plain(result.data),
        "cold_start": to_plain(result.cold_start),
        "memory": to_plain(result.memory),
        "steps_per_epoch": steps_per_epoch,
        "losses": list(result.first_losses),
    }
    timed = [{"type": "block", "run": run, "block": to_plain(block), "losses": []} for block in result.blocks]
    return [{"type": "setup", "run": run}, {"type": "warm", "run": run, **warm}, *timed[:blocks]]


def whole(run: int, result: RunResult) -> list[Event]:
    """Everything that a worker tells of a run."""
    return [
        *begun(run, result, len(result.blocks)),
        *({"type": "epoch", "run": run, "epoch": to_plain(epoch)} for epoch in result.epochs),
        {"type": "anatomy", "run": run, "anatomy": to_plain(result.anatomy)},
        {"type": "run_end", "run": run, "status": result.status},
    ]
