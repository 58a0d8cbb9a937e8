"""`python -m core sweep`: models over batch sizes on several setups, and from where on which is faster."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from core.cli import elsewhere, sweep_away
from core.cli.engine import as_error, engine, known_devices, watch
from core.cli.files import refuse_unwritable
from core.cli.setups import add_setups
from core.cli.sweep_table import print_sweep
from core.cli.sweep_told import Told
from core.errors import InputError
from core.i18n import Translate
from core.records import Device, JobSpec, RunResult, Setup, Task
from core.runs.campaigns import CancelledError, refuse_failed
from core.runs.files import exchange
from core.runs.queue.jobs import Runner
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
    sweep_away.add_options(parser)
    parser.set_defaults(command=_main)


def _main(arguments: argparse.Namespace, translate: Translate) -> int:
    file: Path | None = arguments.json
    refuse_unwritable(file)
    if arguments.resume and file is None:
        raise InputError("resume_needs_file")
    elsewhere.check_options(arguments)
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
    told = Told(known, file, translate)
    if arguments.cluster is not None:
        progress = sweep_away.swept(arguments, spec, known, told, translate)
    else:
        progress = _here(spec, known, told, translate)
    return _end(progress, told, translate)


def _here(spec: SweepSpec, known: Sequence[RunResult], told: Told, translate: Translate) -> Progress:
    """All of it on this machine; what was measured until then where somebody has had enough."""
    with engine(translate) as runner:
        devices = known_devices(runner)
        spec = spec if spec.setups else replace(spec, setups=_setups(devices, runner.default_threads))
        check_spec(spec, runner.limits)
        refuse_unknown_devices(spec, runner)
        told.begin(spec)

        def measure(job: JobSpec) -> Sequence[RunResult]:
            return _results(runner, job, told, translate)

        try:
            return sweep(spec, measure, told, known, around=runner.surroundings)
        except KeyboardInterrupt:  # between two jobs
            return told.enough()


def _setups(devices: Sequence[Device], threads: int) -> tuple[Setup, ...]:
    """The CPU and the first accelerator; without one, the CPU with one thread and with all."""
    if len(devices) > 1:
        return tuple(Setup(device.id) for device in devices[:2])
    threads = min(threads, os.cpu_count() or 1)  # OMP_NUM_THREADS may say more than there are
    return (Setup(threads=1), Setup(threads=threads)) if threads > 1 else (Setup(threads=1),)


def _results(runner: Runner, spec: JobSpec, told: Told, translate: Translate) -> Sequence[RunResult]:
    job = watch(runner, spec, translate)
    if job.state == "cancelled":
        raise CancelledError
    if job.storage_problem is not None:
        told.error(job.storage_problem)
    refuse_failed(job)
    return job.results


def _end(progress: Progress, told: Told, translate: Translate) -> int:
    if not progress.measured and progress.failure is not None:
        raise as_error(progress.failure)
    print_sweep(progress, translate)
    told.keep(progress)
    if progress.failure is not None:
        told.error(progress.failure)
    if progress.cancelled:
        return _CANCELLED
    return 1 if progress.failure is not None or not progress.measured else 0
