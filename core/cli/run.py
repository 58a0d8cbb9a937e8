"""`python -m core run`: measure one workload on several setups and say which is faster."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from core.analysis.comparison import compare
from core.cli import elsewhere
from core.cli.engine import engine, follow, known_devices
from core.cli.files import refuse_unwritable
from core.cli.setups import add_setups
from core.cli.table import print_differences, print_results
from core.i18n import Translate
from core.records import JobSpec, RunResult, Setup, Target, Task, Workload
from core.runs.elsewhere.kinds import setups_on
from core.runs.files import exchange
from core.runs.files.chrome_trace import chrome_trace
from core.runs.queue.jobs import Runner
from core.setups import parse_setup

_CANCELLED = 130


def add_to(commands: Any) -> None:
    parser = commands.add_parser("run", help="train and time one workload on the devices you name")
    default = Workload()
    parser.add_argument("--model", default=default.model, help="mlp, mlp_N, cnn or any torchvision classifier")
    parser.add_argument("--dataset", default=default.dataset, help="digits, synthetic, mnist, ..., folder:PATH")
    parser.add_argument("--batch-size", type=int, default=default.batch_size)
    parser.add_argument("--epochs", type=int, default=default.epochs)
    parser.add_argument("--task", choices=get_args(Task), default=default.task)
    parser.add_argument("--learning-rate", type=float, default=default.learning_rate)
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument("--max-seconds", type=float, default=60.0, help="timed seconds for each setup")
    parser.add_argument("--target", type=float, default=3.0, metavar="PCT", help="interval wanted, +- per cent")
    parser.add_argument(
        "--until-accuracy",
        type=float,
        metavar="SHARE",
        help="train until the test accuracy after an epoch has reached this share, 0.9 for 90 %%",
    )
    add_setups(parser)
    elsewhere.add_cluster(parser)
    parser.add_argument(
        "--trace", type=Path, metavar="FILE", help="watch single steps and write them here, for Perfetto"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write records and summaries here")
    parser.set_defaults(command=_main)


def _main(arguments: argparse.Namespace, translate: Translate) -> int:
    elsewhere.check_options(arguments)
    for file in (arguments.json, arguments.trace):
        refuse_unwritable(file)
    workload = Workload(
        model=arguments.model,
        dataset=arguments.dataset,
        batch_size=arguments.batch_size,
        epochs=arguments.epochs,
        learning_rate=arguments.learning_rate,
        seed=arguments.seed,
        task=arguments.task,
    )
    asked = tuple(parse_setup(text) for text in arguments.setups or ())

    def spec(setups: tuple[Setup, ...]) -> JobSpec:
        return JobSpec(
            workload,
            setups,
            arguments.max_seconds,
            arguments.target,
            limits=True,
            trace=arguments.trace is not None,
            until_accuracy=arguments.until_accuracy,
        )

    if arguments.cluster is not None:
        outcome = elsewhere.measure(arguments, asked, spec, translate)
    else:
        outcome = _here(arguments, asked, spec, translate)
    return _end(arguments, outcome, translate)


def _here(
    arguments: argparse.Namespace, asked: tuple[Setup, ...], spec: elsewhere.MakeSpec, translate: Translate
) -> elsewhere.Outcome:
    """All in one job on this machine, taking turns."""
    with engine(translate) as runner:
        if arguments.every_device:
            asked = _on_every_device(runner, asked)
        elif not asked:  # the CPU, and the first accelerator if there is one
            asked = tuple(Setup(device=device.id) for device in known_devices(runner)[:2])
        job = follow(runner, spec(asked), translate)
    failed = job.state == "failed" or any(result.status == "failed" for result in job.results)
    return elsewhere.Outcome(job.results, job.state == "cancelled", failed)


def _on_every_device(runner: Runner, asked: Sequence[Setup]) -> tuple[Setup, ...]:
    targets = (Target(None, device.id, device.name) for device in known_devices(runner))
    return tuple(dict.fromkeys(setup for target in targets for setup in setups_on(target, asked)))


def _end(arguments: argparse.Namespace, outcome: elsewhere.Outcome, translate: Translate) -> int:
    results = outcome.results
    if not any(result.blocks for result in results):  # nothing was measured, and the reason is told
        return _CANCELLED if outcome.cancelled else 1
    baseline, *others = _measured_first(results)
    comparisons = [compare(baseline, other) for other in others]
    print_results(results, comparisons, translate)
    if arguments.cluster is not None and others:
        print()
        print_differences(baseline, others, results, translate)
    if arguments.json:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        exchange.write_json(arguments.json, exchange.document(results, comparisons, created_at=now))
    if arguments.trace:
        exchange.write_json(arguments.trace, chrome_trace(results))
    if outcome.cancelled:
        return _CANCELLED
    return 1 if outcome.failed else 0


def _measured_first(results: Sequence[RunResult]) -> Sequence[RunResult]:
    """The baseline is the first; one of another machine only if there is something to compare with."""
    if results[0].blocks or len({result.job_id for result in results}) == 1:
        return results
    first = next(result for result in results if result.blocks)
    return [first, *(result for result in results if result is not first)]
