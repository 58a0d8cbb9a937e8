"""Jobs in a worker of a benchmark's own, without queue and store."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.pairing import BrokenError
from core.hardware import environment
from core.records import JobSpec, RunResult
from core.runs.queue.assemble import Assembly
from core.runs.queue.worker import Worker


def results(worker: Worker, spec: JobSpec, folder: Path) -> Sequence[RunResult]:
    """What a job measured. Raises BrokenError where the job as a whole can't be done."""
    assembly = Assembly(f"benchmark-{time.monotonic_ns()}", spec, "2026-01-01T00:00:00+00:00")
    for event in worker.run(spec, folder, time.perf_counter()):
        if event["type"] == "error":
            raise BrokenError(f"{event['code']}: {event['facts']}")
        assembly.add(event)
    devices = {device.id: device for device in worker.devices}
    return assembly.results(devices, {}, environment.machine(), worker.software, "failed", None)
