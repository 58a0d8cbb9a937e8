"""`python -m core scale`: one training shared out among ever more workers, and what each of them adds."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core import messages
from core.analysis.crossover.scaling import Kind
from core.cli.engine import as_error, engine, known_devices, watch
from core.cli.files import refuse_unwritable
from core.cli.scale_table import job_words, print_scale
from core.codec import to_plain
from core.errors import InputError
from core.i18n import Translate
from core.records import Device, JobSpec, Note, RunResult
from core.runs.campaigns import CancelledError, refuse_failed
from core.runs.files import exchange
from core.runs.queue.jobs import Runner
from core.runs.scaling import (
    ScaleProgress,
    ScaleSpec,
    check_scale,
    parse_workers,
    refuse_unknown_device,
    scale,
    usual_workers,
)

_CANCELLED = 130
_KINDS: dict[str, tuple[Kind, ...]] = {"strong": ("strong",), "weak": ("weak",), "both": ("strong", "weak")}


def add_to(commands: Any) -> None:
    parser = commands.add_parser("scale", help="share one training out among 1, 2, 4, 8 workers")
    default = ScaleSpec()
    parser.add_argument("--model", default=default.model)
    parser.add_argument("--dataset", default=default.dataset)
    parser.add_argument(
        "--batch-size",
        type=int,
        default=default.batch_size,
        help="strong: of all workers together; weak: of each",
    )
    parser.add_argument("--device", default=default.device, help="cpu, or the first of several equal GPUs")
    parser.add_argument("--threads", type=int, default=default.threads, help="of each worker on the CPU")
    parser.add_argument("--workers", metavar="1,2,4,8", help="without it as many as there are GPUs or cores")
    parser.add_argument(
        "--kind", choices=_KINDS, default="both", help="strong: one batch shared out; weak: one each"
    )
    parser.add_argument("--learning-rate", type=float, default=default.learning_rate)
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument("--max-seconds", type=float, default=default.max_seconds, help="timed seconds, in all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write lines and records here")
    parser.set_defaults(command=_main)


def _main(arguments: argparse.Namespace, translate: Translate) -> int:
    file: Path | None = arguments.json
    refuse_unwritable(file)
    spec = ScaleSpec(
        model=arguments.model,
        dataset=arguments.dataset,
        batch_size=arguments.batch_size,
        device=arguments.device,
        threads=arguments.threads,
        workers=parse_workers(arguments.workers) if arguments.workers is not None else (),
        kinds=_KINDS[arguments.kind],
        learning_rate=arguments.learning_rate,
        seed=arguments.seed,
        max_seconds=arguments.max_seconds,
    )
    with engine(translate) as runner:
        devices = known_devices(runner)
        refuse_unknown_device(spec, devices)
        spec = spec if arguments.workers is not None else replace(spec, workers=_usual(spec, devices))
        check_scale(spec, runner.limits)
        if spec.device == "cpu":
            text = translate("Threads for each worker: {n}, so that more workers are more cores.")
            print(text.format(n=spec.threads), file=sys.stderr)
        progress = _Terminal(runner, translate).scale(spec)
    if not progress.results and not progress.cancelled:
        raise as_error(progress.failure or progress.unmeasured[0].reason)
    print_scale(progress, translate)
    if file is not None:
        exchange.write_json(file, _document(progress))
    if progress.failure is not None:
        _complain(progress.failure, translate)
    if progress.cancelled:
        return _CANCELLED
    failed = any(run.status == "failed" for run in progress.results)
    return 1 if failed or progress.unmeasured or progress.failure is not None else 0


def _usual(spec: ScaleSpec, devices: Sequence[Device]) -> tuple[int, ...]:
    found = usual_workers(spec.device, devices, spec.threads)
    if len(found) < 2:
        raise InputError("scaling_one_device", device=spec.device)
    return found


class _Terminal:
    """Measures and tells; after Ctrl-C what the job had measured is kept, and no other follows."""

    def __init__(self, runner: Runner, translate: Translate) -> None:
        self._runner, self._translate = runner, translate

    def scale(self, spec: ScaleSpec) -> ScaleProgress:
        last = ScaleProgress(spec)

        def tell(progress: ScaleProgress) -> None:
            nonlocal last
            if progress.kind and (progress.kind, progress.workers) != (last.kind, last.workers):
                self._say(progress, progress.kind, progress.workers)
            last = progress

        try:
            return scale(spec, self._results, tell)
        except KeyboardInterrupt:  # between two jobs
            return replace(last, cancelled=True, done=True)

    def _say(self, progress: ScaleProgress, kind: Kind, counts: tuple[int, ...]) -> None:
        text = self._translate("Job {n} of {total} · {job}")
        words = job_words(kind, counts, self._translate)
        print(text.format(n=progress.jobs + 1, total=progress.planned, job=words), file=sys.stderr)

    def _results(self, spec: JobSpec) -> Sequence[RunResult]:
        job = watch(self._runner, spec, self._translate)
        if job.storage_problem is not None:
            _complain(job.storage_problem, self._translate)
        if job.state == "cancelled":
            raise CancelledError(job.results)
        refuse_failed(job)
        return job.results


def _document(progress: ScaleProgress) -> dict[str, Any]:
    """`scalings`: each line's points without their records, which are written as `run` does."""
    lines = [
        {
            "kind": line.kind,
            "model": line.model,
            "dataset": line.dataset,
            "device": line.device,
            "points": [to_plain(replace(point, run=None)) | {"run": point.run.id} for point in line.points],  # type: ignore[arg-type]
        }
        for line in progress.scalings
    ]
    own = {
        "complete": not progress.cancelled and progress.failure is None,
        "failure": to_plain(progress.failure),
        "unmeasured": to_plain(progress.unmeasured),
        "scalings": lines,
    }
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {**exchange.document(progress.results, created_at=now), **own}


def _complain(note: Note, translate: Translate) -> None:
    print(f"error: {messages.sentence(note.code, note.facts, translate)}", file=sys.stderr)
