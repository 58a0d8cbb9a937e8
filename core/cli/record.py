"""`python -m core record`: the shipped recordings, made by a real run on this machine and by nothing else."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core import messages, offers
from core.cli.engine import engine, follow, known_devices
from core.errors import InputError, MeasurementError
from core.i18n import Translate
from core.records import JobSpec, RunResult, Setup, Workload
from core.runs import optimise
from core.runs.files import recordings
from core.runs.queue.jobs import Runner

_MINUTES = 7.5
_PLAIN_SHARE, _SEQUENCE_SHARE = 0.5, 0.2  # of the time; the rest is for the accelerators' ladders
_LEAST_LADDER_S = 10.0
# Of a job's share of the time: the rest goes to building, warming up, testing and the instrumented pass.
_TIMED_SHARE = 0.6
_TIMED_S = (1.0, 12.0)


def add_to(commands: Any) -> None:
    parser = commands.add_parser(
        "record",
        help="record every model and batch size that the dashboard offers, and the small ones of sweeps",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--minutes", type=float, default=_MINUTES, help="time for all of it")
    parser.set_defaults(command=_main)


def _main(arguments: argparse.Namespace, translate: Translate) -> int:
    if not arguments.out.is_dir():
        raise InputError("folder_missing_out", path=str(arguments.out))
    workloads = offers.recorded_workloads()
    begun = time.monotonic()
    ends, deadline = (begun + arguments.minutes * 60 * share for share in (1.0, _PLAIN_SHARE))
    kept: list[RunResult] = []
    failed = 0
    with engine(translate, store=False) as runner:
        setups = tuple(Setup(device=device.id) for device in known_devices(runner))
        for done, workload in enumerate(workloads):
            share = (deadline - time.monotonic()) / (len(workloads) - done)
            low, high = _TIMED_S
            seconds = min(high, max(low, share * _TIMED_SHARE / len(setups)))
            print(f"{done + 1}/{len(workloads)} {workload.model} {workload.batch_size}", file=sys.stderr)
            spec = JobSpec(workload, setups, seconds, limits=offers.with_limits(workload))
            job = follow(runner, spec, translate)
            if job.state == "cancelled":
                return 130
            kept += [result for result in job.results if result.blocks]
            failed += sum(result.status == "failed" for result in job.results)
        for workload in offers.sequences() if len(setups) > 1 else ():
            spec = _sequence(workload, [setup.device for setup in setups], arguments.minutes * 60)
            job = follow(runner, spec, translate)
            if job.state == "cancelled":
                return 130
            kept += [result for result in job.results if result.blocks]
        ladders = offers.ladders() if len(setups) > 1 else ()  # nobody needs another machine's CPU's
        for done, workload in enumerate(ladders):
            seconds = max(_LEAST_LADDER_S, (ends - time.monotonic()) / (len(ladders) - done) * _TIMED_SHARE)
            print(f"{workload.model} {workload.batch_size}: {len(ladders) - done}", file=sys.stderr)
            kept += _climb(runner, workload, seconds, translate)
    path = recordings.write(arguments.out, kept, datetime.now(UTC).isoformat(timespec="seconds"))
    print(path.name)
    return 1 if failed else 0


def _sequence(workload: Workload, devices: Sequence[str], all_s: float) -> JobSpec:
    """One workload's steps to be watched on every device, each with all that can be set against it."""
    setups = tuple(setup for device in devices for setup in offers.sequence_setups(device))
    seconds = all_s * _SEQUENCE_SHARE / len(offers.sequences()) * _TIMED_SHARE / len(setups)
    return JobSpec(workload, setups, max(_TIMED_S[0], seconds), limits=True, trace=True, lessons=True)


def _climb(runner: Runner, workload: Workload, seconds: float, translate: Translate) -> list[RunResult]:
    """All runs of the accelerators' ladders; one without even its lowest rung is told of."""
    found: list[RunResult] = []
    for device in known_devices(runner)[1:]:
        jobs: list[RunResult] = []

        def measure(spec: JobSpec, jobs: list[RunResult] = jobs) -> Sequence[RunResult]:
            job = follow(runner, spec, translate)
            if job.state == "cancelled":
                raise KeyboardInterrupt
            jobs += [result for result in job.results if result.blocks]
            return job.results

        try:
            optimise.climb(workload, device, runner.default_threads, measure, seconds)
        except MeasurementError as problem:
            print(f"error: {messages.sentence(problem.code, problem.facts, translate)}", file=sys.stderr)
        found += jobs
    return found
