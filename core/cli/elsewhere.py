"""Measuring on the machines of a cluster from the command line: a job for each, their results as they come."""

from __future__ import annotations

import argparse
import contextlib
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from core import messages, units
from core.analysis.summary import summarise
from core.cli.engine import as_error, engine, was_asked_for
from core.errors import InputError, MeasurementError
from core.i18n import Translate
from core.records import JobSpec, Note, RunResult, Setup, Target
from core.runs import admission
from core.runs.elsewhere.kinds import Kind, kinds, representative, setups_on
from core.runs.elsewhere.targets import Targets
from core.runs.queue.job import Job
from core.runs.queue.jobs import Runner

_LOOK_EVERY_S = 0.5
WAIT_S = 300.0
_LONGEST_WAIT_S = 7 * 24 * 3600.0

MakeSpec = Callable[[tuple[Setup, ...]], JobSpec]


@dataclass
class _Sent:
    """What is asked of one machine."""

    name: str
    target: Target | None
    problem: Note | None = None  # why it measures nothing
    job: Job | None = None  # None: nothing was sent


@dataclass(frozen=True)
class Outcome:
    results: tuple[RunResult, ...]  # in the order of the kinds
    cancelled: bool
    failed: bool  # whether anything that was asked for is missing


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """The options that say on which machines."""
    parser.add_argument(
        "--cluster", metavar="ADDRESS", help="measure on a Ray cluster: HOST:6379, ray://HOST:10001"
    )
    parser.add_argument(
        "--every-device",
        action="store_true",
        help="on every kind of device of the cluster; without --cluster on every device of this machine",
    )
    parser.add_argument(
        "--kind",
        dest="kinds",
        action="append",
        metavar="KIND",
        help="on this kind of the cluster's devices (`devices --cluster` lists them); repeatable",
    )
    parser.add_argument(
        "--all-machines", action="store_true", help="on all machines of a kind, instead of on one"
    )
    parser.add_argument(
        "--wait", type=float, metavar="SECONDS", help=f"for machines that others use; {WAIT_S:g} without it"
    )


def check_options(arguments: argparse.Namespace) -> None:
    """Raises InputError for options that say nothing."""
    about_clusters = {
        "--kind": arguments.kinds,
        "--all-machines": arguments.all_machines,
        "--wait": arguments.wait is not None,
    }
    for option, given in about_clusters.items():
        if given and arguments.cluster is None:
            raise InputError("cluster_not_named", option=option)
    wait_s = arguments.wait
    if wait_s is not None and not (math.isfinite(wait_s) and 0 <= wait_s <= _LONGEST_WAIT_S):
        raise InputError("out_of_range", name="wait", value=str(wait_s), low=0, high=_LONGEST_WAIT_S)


@contextlib.contextmanager
def cluster(address: str) -> Iterator[Targets]:
    """Raises InputError where Ray isn't installed, MeasurementError where no cluster answers."""
    try:
        connected = connect(address)
    except MeasurementError as problem:
        if problem.code == "cluster_extra_missing":
            raise InputError(problem.code, **problem.facts) from problem
        raise
    try:
        yield connected
    finally:
        connected.close()


def connect(address: str) -> Targets:
    from core.runs.elsewhere import cluster as clusters  # only here: nothing else needs it

    return clusters.connected(address)


def measure(
    arguments: argparse.Namespace, setups: Sequence[Setup], make_spec: MakeSpec, translate: Translate
) -> Outcome:
    """Everything that the options ask for. Ctrl-C cancels what isn't over and keeps what is.

    Raises InputError for what can't be asked; MeasurementError where the cluster doesn't answer.
    """
    admission.check(make_spec((Setup(),)))  # the workload: not after waiting
    with cluster(arguments.cluster) as targets, engine(translate, measures=False) as runner:
        asked = _asked(arguments, kinds(targets.targets()))
        wait_s = WAIT_S if arguments.wait is None else arguments.wait
        for one in asked:
            _send(one, runner, targets, setups, make_spec, wait_s)
        cancelled = _follow(asked, runner, translate)
    results = tuple(result for one in asked if one.job for result in one.job.results)
    measured = tuple(result for result in results if result.blocks or result.status == "failed")
    problems = [one.problem for one in asked if one.problem]
    if not any(result.blocks for result in results) and problems and all(map(was_asked_for, problems)):
        raise as_error(problems[0])
    failed = bool(problems) or any(result.status == "failed" for result in results)
    return Outcome(measured, cancelled, failed)


def _asked(arguments: argparse.Namespace, known: tuple[Kind, ...]) -> list[_Sent]:
    """What is to be measured on. Raises InputError: cluster_empty, kind_not_named, unknown_kind."""
    if not known:
        raise InputError("cluster_empty")
    available = ", ".join(kind.name for kind in known)
    if not (arguments.every_device or arguments.kinds):
        raise InputError("kind_not_named", available=available)
    named = {kind.name for name in arguments.kinds or () for kind in _called(name, known)}
    chosen = [kind for kind in known if arguments.every_device or kind.name in named]
    found: list[_Sent] = []
    for kind in chosen:
        found += _all_of(kind) if arguments.all_machines else [_one_of(kind, found)]
    return found


def _called(name: str, known: Sequence[Kind]) -> list[Kind]:
    """The kind of this name, or all that their machines' labels call so, as results do. Raises InputError."""
    found = [kind for kind in known if kind.name == name]
    found = found or [kind for kind in known if any(target.kind == name for target in kind.targets)]
    if not found:
        raise InputError("unknown_kind", kind=name[:80], available=", ".join(kind.name for kind in known))
    return found


def _one_of(kind: Kind, others: Sequence[_Sent]) -> _Sent:
    """A machine that measures nothing else, where there is one."""
    used = {one.target.node for one in others if one.target}
    unused = replace(kind, targets=tuple(item for item in kind.targets if item.node not in used))
    free = representative(unused) if any(item.state == "free" for item in unused.targets) else None
    target = free or representative(kind)
    return _Sent(kind.name, target, kind.problem if target is None else None)


def _all_of(kind: Kind) -> Iterator[_Sent]:
    for number, target in enumerate(kind.targets, 1):
        name = kind.name if len(kind.targets) == 1 else f"{kind.name} ({number})"
        if target.state == "unfit":
            yield _Sent(name, None, target.problem)
        else:
            yield _Sent(name, target)


def _send(
    one: _Sent, runner: Runner, targets: Targets, setups: Sequence[Setup], make_spec: MakeSpec, wait_s: float
) -> None:
    if one.target is None:
        one.problem = one.problem or Note("target_unfit", {"kind": one.name})
        return
    there = setups_on(one.target, setups)
    if not there:
        one.problem = Note("kind_without_setup", {"kind": one.name})
        return
    try:
        job_id = runner.submit_away(make_spec(there), one.target, targets, wait_s=wait_s)
        one.job = runner.job(job_id)  # kept here: the runner forgets the oldest that are over
    except InputError as problem:  # beyond this machine, such as more threads than it has
        one.problem = problem.note


def _follow(asked: Sequence[_Sent], runner: Runner, translate: Translate) -> bool:
    """Until all are over, a line for each as it ends; whether somebody has had enough."""
    cancelled = False
    left = [(one, one.job) for one in asked if one.job]
    for one in asked:
        if not one.job:
            _tell(one, translate)
    while left:
        try:
            runner.wait(left[0][1].id, _LOOK_EVERY_S)
            for one, job in tuple(left):
                if job.done:
                    left.remove((one, job))
                    one.problem = job.failure
                    _tell(one, translate)
            _show_progress(runner, [job for _, job in left], len(asked))
        except KeyboardInterrupt:
            cancelled = True
            for _, job in left:
                runner.cancel(job.id)
    return cancelled


def _tell(one: _Sent, translate: Translate) -> None:
    """How one machine ended; what was measured goes to the output, what went wrong to the errors."""
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    results = one.job.results if one.job else ()
    rates = [summarise(result).samples_per_s for result in results if result.blocks]
    if rates:
        speeds = ", ".join(units.rate(rate.value if rate else None, translate) for rate in rates)
        print(f"{one.name}: {speeds}", flush=True)
    storage = one.job.storage_problem if one.job else None
    for note in filter(None, (one.problem, storage)):
        sentence = messages.sentence(note.code, note.facts, translate)
        print(f"error: {one.name}: {sentence}", file=sys.stderr, flush=True)


def _show_progress(runner: Runner, left: Sequence[Job], asked: int) -> None:
    if not (left and sys.stderr.isatty()):
        return
    done = float(asked - len(left))
    with runner.changed:
        done += sum(job.assembly.fraction for job in left)
    text = f"{asked - len(left)}/{asked} · {units.percent(100 * done / asked)}"
    print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
