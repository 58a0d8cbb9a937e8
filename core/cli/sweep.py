"""`python -m core sweep`: models over batch sizes on several setups, and from where on which is faster."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from core import messages, units
from core.cli.engine import as_error, engine, known_devices, watch
from core.cli.setups import add_setups
from core.cli.sweep_table import print_sweep
from core.errors import InputError
from core.i18n import Translate
from core.records import Device, JobSpec, Note, RunResult, Setup, Task
from core.runs import exchange
from core.runs.campaigns import CancelledError, refuse_failed
from core.runs.jobs import Runner
from core.runs.sweeping import document as sweep_document
from core.runs.sweeping.sweep import (
    Progress,
    SweepSpec,
    check_spec,
    parse_batch_sizes,
    parse_widths,
    refuse_unknown_devices,
    sweep,
)
from core.setups import parse_setup

_CANCELLED = 130


def add_to(commands: Any) -> None:
    parser = commands.add_parser("sweep", help="find the batch size from which on a device is faster")
    default = SweepSpec((), (), ())
    parser.add_argument("--model", dest="models", action="append", help="repeatable; mlp without it")
    parser.add_argument("--widths", metavar="64..4096", help="also mlp_N, with so many hidden units")
    parser.add_argument("--batch-sizes", default="16..8192", metavar="16..8192", help="or 16,64,256")
    parser.add_argument("--dataset", default=default.dataset)
    parser.add_argument("--task", choices=get_args(Task), default=default.task)
    parser.add_argument("--learning-rate", type=float, default=default.learning_rate)
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument("--max-seconds", type=float, default=default.max_seconds, help="for all of it")
    add_setups(parser)
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write cells and records here, point by point"
    )
    parser.add_argument("--resume", action="store_true", help="don't measure again what is in that file")
    parser.set_defaults(command=_main)


def _main(arguments: argparse.Namespace, translate: Translate) -> int:
    file: Path | None = arguments.json
    if file is not None and not file.absolute().parent.is_dir():
        raise InputError("file_not_written", name=file.name, problem="there is no such folder")
    if arguments.resume and file is None:
        raise InputError("resume_needs_file")
    models = arguments.models or ([] if arguments.widths else ["mlp"])
    widths = parse_widths(arguments.widths) if arguments.widths is not None else ()
    spec = SweepSpec(
        models=(*models, *(name for name in widths if name not in models)),
        batch_sizes=parse_batch_sizes(arguments.batch_sizes),
        setups=tuple(parse_setup(text) for text in arguments.setups or ()),
        dataset=arguments.dataset,
        task=arguments.task,
        learning_rate=arguments.learning_rate,
        seed=arguments.seed,
        max_seconds=arguments.max_seconds,
    )
    known = exchange.read_document(exchange.read_json(file)) if arguments.resume and file else ()
    with engine(translate) as runner:
        devices = known_devices(runner)
        spec = spec if spec.setups else replace(spec, setups=_setups(devices, runner.default_threads))
        check_spec(spec, runner.limits)
        refuse_unknown_devices(spec, runner)
        other = sum(not spec.holds(run.spec) for run in known)
        if other:
            _say(Note("resume_other_sweep", {"count": other}), translate)
        progress = _sweep(spec, runner, known, file, translate)
    return _end(progress, file, translate)


def _setups(devices: Sequence[Device], threads: int) -> tuple[Setup, ...]:
    """The CPU and the first accelerator; without one, the CPU with one thread and with all."""
    if len(devices) > 1:
        return tuple(Setup(device.id) for device in devices[:2])
    threads = min(threads, os.cpu_count() or 1)  # OMP_NUM_THREADS may say more than there are
    return (Setup(threads=1), Setup(threads=threads)) if threads > 1 else (Setup(threads=1),)


def _sweep(
    spec: SweepSpec, runner: Runner, known: Sequence[RunResult], file: Path | None, translate: Translate
) -> Progress:
    """All of it; what was measured until then where somebody has had enough."""
    last = Progress(spec)

    def tell(progress: Progress) -> None:
        nonlocal last
        if (progress.model, progress.batch_size) != (last.model, last.batch_size):
            print(_line(progress, translate), file=sys.stderr)
        for note in progress.notes[len(last.notes) :]:
            _say(note, translate)
        if file is not None and progress.jobs > last.jobs:
            exchange.write_json(file, sweep_document.document(progress, created_at=_now(), concluded=False))
        last = progress

    def measure(job: JobSpec) -> Sequence[RunResult]:
        return _results(runner, job, translate)

    try:
        return sweep(spec, measure, tell, known, around=runner.surroundings)
    except KeyboardInterrupt:  # between two jobs
        return replace(last, cancelled=True, done=True)


def _results(runner: Runner, spec: JobSpec, translate: Translate) -> Sequence[RunResult]:
    job = watch(runner, spec, translate)
    if job.state == "cancelled":
        raise CancelledError
    if job.storage_problem is not None:
        _complain(job.storage_problem, translate)
    refuse_failed(job)
    return job.results


def _end(progress: Progress, file: Path | None, translate: Translate) -> int:
    if not progress.measured and progress.failure is not None:
        raise as_error(progress.failure)
    print_sweep(progress, translate)
    if file is not None:
        exchange.write_json(file, sweep_document.document(progress, created_at=_now()))
    if progress.failure is not None:
        _complain(progress.failure, translate)
    if progress.cancelled:
        return _CANCELLED
    return 1 if progress.failure is not None or not progress.measured else 0


def _line(progress: Progress, translate: Translate) -> str:
    if progress.model is None:
        return f"{progress.settled}/{progress.planned}"
    said = f"{progress.settled}/{progress.planned} {progress.model} {progress.batch_size}"
    if progress.seconds_left is None:
        return said
    left = translate("{time} left").format(time=units.duration(progress.seconds_left))
    return f"{said} · {left}"


def _complain(note: Note, translate: Translate) -> None:
    print(f"error: {messages.sentence(note.code, note.facts, translate)}", file=sys.stderr)


def _say(note: Note, translate: Translate) -> None:
    print(messages.sentence(note.code, note.facts, translate), file=sys.stderr)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
