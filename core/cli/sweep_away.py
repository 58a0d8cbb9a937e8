"""`sweep --cluster`: which machines of a cluster are equal, and a sweep's jobs on them, one each at a time."""

from __future__ import annotations

import argparse
import math
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from core import messages
from core.analysis.machines import cores_of
from core.cli import elsewhere
from core.cli.engine import engine
from core.cli.sweep_told import Told
from core.errors import MeasurementError
from core.i18n import Translate
from core.records import JobSpec, RunResult, Setup, Target
from core.runs.campaigns import CancelledError, Measure, refuse_failed
from core.runs.elsewhere.targets import Targets
from core.runs.queue.job import Job, Surroundings
from core.runs.queue.jobs import MOST_AWAY, MOST_CORES, Runner
from core.runs.sweeping.nodes import Chosen, Node, choose
from core.runs.sweeping.sweep import LOST, Progress, SweepSpec, check_spec, spread

_LOOK_EVERY_S = 0.5
_LEAST_WAIT_S = 1.0


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="spread it over equal machines of a Ray cluster: HOST:6379, ray://...",
    )
    parser.add_argument(
        "--kind",
        dest="kinds",
        metavar="KIND",
        help="machines with this kind of device (`devices --cluster` lists them); else of what there is most",
    )
    parser.add_argument(
        "--wait",
        type=float,
        metavar="SECONDS",
        help="also for machines that others use; else these are left out",
    )
    parser.set_defaults(all_machines=False)  # for elsewhere.check_options: a sweep uses all that are equal


def swept(
    arguments: argparse.Namespace,
    spec: SweepSpec,
    known: Sequence[RunResult],
    told: Told,
    translate: Translate,
) -> Progress:
    """All of it, on all equal machines. Ctrl-C ends all jobs and keeps what there is.

    Raises InputError for what can't be asked, MeasurementError where no cluster answers.
    """
    check_spec(replace(spec, setups=spec.setups or (Setup(),)), cores=MOST_CORES)  # not after waiting
    with elsewhere.cluster(arguments.cluster) as targets, engine(translate, measures=False) as runner:
        found = targets.targets()
        chosen = _chosen(found, spec.setups, arguments)
        if not spec.setups:
            spec = replace(spec, setups=_usual(chosen.nodes[0]))
            chosen = _chosen(found, spec.setups, arguments)
        _say(chosen, translate)
        told.begin(spec)
        jobs = _Jobs(runner, targets, spec.max_seconds, arguments.wait, told)
        measures = [jobs.on(node) for node in chosen.nodes]
        cores = _cores(chosen.nodes[0]) or MOST_CORES
        try:
            return spread(spec, measures, jobs.stop, told, known, around=jobs.around, cores=cores)
        except KeyboardInterrupt:  # between two jobs
            jobs.stop()
            return told.enough()


class _Jobs:
    """The jobs that are under way on the machines."""

    def __init__(
        self, runner: Runner, targets: Targets, max_s: float, wait_s: float | None, told: Told
    ) -> None:
        self._runner, self._targets, self._told = runner, targets, told
        self._ends_at = time.monotonic() + max_s
        self._wait_s = elsewhere.WAIT_S if wait_s is None else wait_s
        self._lock = threading.Lock()
        self._open: set[str] = set()
        self._stopped = False
        self._around: Surroundings | None = None  # of the first that began

    def around(self) -> Surroundings | None:
        return self._around

    def on(self, node: Node) -> Measure:
        return lambda spec: self._measure(node, spec)

    def stop(self) -> None:
        """End all, and begin no more."""
        with self._lock:
            self._stopped = True
            under_way = tuple(self._open)
        for job_id in under_way:
            self._runner.cancel(job_id)

    def _measure(self, node: Node, spec: JobSpec) -> Sequence[RunResult]:
        left_s = max(_LEAST_WAIT_S, self._ends_at - time.monotonic())
        with self._lock:
            if self._stopped:
                raise CancelledError
            job_id = self._runner.submit_away(
                spec, node.target(spec.setups), self._targets, wait_s=min(self._wait_s, left_s)
            )
            self._open.add(job_id)
            job = self._runner.job(job_id)
        assert job is not None
        self._wait_for(job)
        with self._lock:
            self._open.discard(job_id)
            self._around = self._around or job.surroundings
        if job.state == "cancelled":
            raise CancelledError
        if job.storage_problem is not None:
            self._told.error(job.storage_problem)
        if job.failure is not None and job.failure.code in LOST:
            self._told.error(job.failure)
            raise MeasurementError(job.failure.code, **job.failure.facts)
        refuse_failed(job)
        return job.results

    def _wait_for(self, job: Job) -> None:
        while not job.done:
            try:
                self._runner.wait(job.id, _LOOK_EVERY_S)
            except KeyboardInterrupt:  # of a single machine's jobs the main thread waits for them itself
                self._runner.cancel(job.id)


def _chosen(found: Sequence[Target], setups: Sequence[Setup], arguments: argparse.Namespace) -> Chosen:
    chosen = choose(found, setups, arguments.kinds, may_wait=arguments.wait is not None)
    return replace(chosen, nodes=chosen.nodes[:MOST_AWAY])


def _usual(node: Node) -> tuple[Setup, ...]:
    """As on this machine: CPU and accelerator, or else the CPU with one thread and with all."""
    if node.accelerator is not None:
        return Setup(), Setup(node.accelerator)
    cores = _cores(node) or 1
    return (Setup(threads=1), Setup(threads=cores)) if cores > 1 else (Setup(threads=1),)


def _cores(node: Node) -> int | None:
    """As many as a setup may have threads; None: it hasn't said."""
    machine = node.targets[0].machine
    cores = (cores_of(machine.cpu) or machine.cpu.logical_cores) if machine else None
    return None if cores is None else max(1, math.floor(cores))


def _say(chosen: Chosen, translate: Translate) -> None:
    """Which machines are used, and why others aren't."""
    kind = chosen.nodes[0].name
    used = translate("Measuring on {count} equal machines: {kind}").format(count=len(chosen.nodes), kind=kind)
    if len(chosen.nodes) == 1:
        used = translate("Measuring on one machine, as no other equals it: {kind}").format(kind=kind)
    print(used, file=sys.stderr)
    for node, reason in chosen.left_out:
        why = messages.sentence(reason.code, reason.facts, translate)
        print(translate("Not used: {kind}. {reason}").format(kind=node.name, reason=why), file=sys.stderr)
