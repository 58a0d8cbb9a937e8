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
from core.cli.files import refuse_unwritable_folder
from core.errors import InputError, MeasurementError
from core.i18n import Translate
from core.records import Device, JobSpec, RunResult, Setup, Workload
from core.runs import optimise
from core.runs.campaigns import CancelledError
from core.runs.files import recordings
from core.runs.queue.jobs import Runner

_MINUTES, _ALL_MINUTES = 7.5, (0.1, 24 * 60.0)
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
    refuse_unwritable_folder(arguments.out)
    low, high = _ALL_MINUTES
    if not low <= arguments.minutes <= high:  # nan, too
        value = str(arguments.minutes)
        raise InputError("out_of_range", name="minutes", value=value, low=low, high=high)
    with engine(translate, store=False) as runner:
        recording = _Recording(runner, arguments.minutes * 60, translate)
        try:
            recording.make()
        except CancelledError:
            return 130
    path = recordings.write(arguments.out, recording.kept, datetime.now(UTC).isoformat(timespec="seconds"))
    print(path.name)
    return 1 if recording.failed else 0


class _Recording:
    """Everything that is recorded on this machine, one job after the other."""

    def __init__(self, runner: Runner, all_s: float, translate: Translate) -> None:
        self._runner, self._all_s, self._translate = runner, all_s, translate
        self._begun = time.monotonic()
        self._devices = known_devices(runner)
        self.kept: list[RunResult] = []
        self.failed = False

    def make(self) -> None:
        """Raises CancelledError upon Ctrl-C."""
        workloads, ids = offers.recorded_workloads(), [device.id for device in self._devices]
        setups = tuple(Setup(device=name) for name in ids)
        for done, workload in enumerate(workloads):
            print(f"{done + 1}/{len(workloads)} {workload.model} {workload.batch_size}", file=sys.stderr)
            share_s = self._left_s(_PLAIN_SHARE) / (len(workloads) - done)
            low, high = _TIMED_S
            seconds = min(high, max(low, share_s * _TIMED_SHARE / len(setups)))
            self._record(JobSpec(workload, setups, seconds, limits=offers.with_limits(workload)))
        if len(setups) == 1:
            return  # nobody needs another machine's CPU's
        for workload in offers.sequences():
            self._record(_sequence(workload, ids, self._all_s))
        ladders = offers.ladders()
        for done, workload in enumerate(ladders):
            print(f"{workload.model} {workload.batch_size}: {len(ladders) - done}", file=sys.stderr)
            seconds = max(_LEAST_LADDER_S, self._left_s() / (len(ladders) - done) * _TIMED_SHARE)
            for device in self._devices[1:]:
                self._climb(workload, device, seconds)

    def _left_s(self, share: float = 1.0) -> float:
        return self._begun + self._all_s * share - time.monotonic()

    def _record(self, spec: JobSpec) -> None:
        failed = any(result.status == "failed" for result in self._measure(spec))
        self.failed = self.failed or failed

    def _measure(self, spec: JobSpec) -> Sequence[RunResult]:
        job = follow(self._runner, spec, self._translate)
        if job.state == "cancelled":
            raise CancelledError
        self.kept += [result for result in job.results if result.blocks]
        return job.results

    def _climb(self, workload: Workload, device: Device, seconds: float) -> None:
        """Not every rung of a ladder need be possible, but one without even its lowest is told of."""
        try:
            optimise.climb(workload, device, self._runner.default_threads, self._measure, seconds)
        except MeasurementError as problem:
            sentence = messages.sentence(problem.code, problem.facts, self._translate)
            print(f"error: {sentence}", file=sys.stderr)
            self.failed = True


def _sequence(workload: Workload, devices: Sequence[str], all_s: float) -> JobSpec:
    """One workload's steps to be watched on every device, each with all that can be set against it."""
    setups = tuple(setup for device in devices for setup in offers.sequence_setups(device))
    seconds = all_s * _SEQUENCE_SHARE / len(offers.sequences()) * _TIMED_SHARE / len(setups)
    return JobSpec(workload, setups, max(_TIMED_S[0], seconds), limits=True, trace=True, lessons=True)
