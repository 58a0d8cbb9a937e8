"""`python -m core optimise`: the ladder of a workload on each device, and each at its best."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core import messages, units
from core.analysis import bottleneck, ladder, limits
from core.analysis.ladder import Ladder, Rung
from core.cli.engine import engine, follow, known_devices
from core.cli.files import refuse_unwritable
from core.codec import to_plain
from core.errors import InputError, MeasurementError
from core.i18n import Translate
from core.records import JobSpec, RunResult, Setup, Workload
from core.runs import optimise
from core.runs.files import exchange
from core.runs.queue.jobs import Runner
from core.setups import setup_text
from core.wording import rung_words

_CANCELLED = 130


def add_to(commands: Any) -> None:
    parser = commands.add_parser("optimise", help="climb from the tutorial's loop to the device's best")
    default = Workload()
    parser.add_argument("--model", default=default.model)
    parser.add_argument("--dataset", default=default.dataset)
    parser.add_argument("--batch-size", type=int, default=default.batch_size)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--learning-rate", type=float, default=default.learning_rate)
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument(
        "--device", dest="devices", action="append", help="repeatable; all there are without it"
    )
    parser.add_argument(
        "--max-seconds", type=float, default=optimise.SECONDS, help="timed seconds for a device"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write rungs, limits and records here")
    parser.set_defaults(command=_main)


def _main(arguments: argparse.Namespace, translate: Translate) -> int:
    refuse_unwritable(arguments.json)
    work = Workload(
        model=arguments.model,
        dataset=arguments.dataset,
        batch_size=arguments.batch_size,
        epochs=arguments.epochs,
        learning_rate=arguments.learning_rate,
        seed=arguments.seed,
    )
    ladders: list[Ladder] = []
    with engine(translate) as runner:
        known = {device.id: device for device in known_devices(runner)}
        for name in arguments.devices or known:
            if name not in known:
                raise InputError("unknown_device", device=name, available=", ".join(known))
            runner.check(JobSpec(work, (Setup(name),), arguments.max_seconds))
        for name in dict.fromkeys(arguments.devices or known):
            try:
                ladders.append(
                    optimise.climb(
                        work,
                        known[name],
                        runner.default_threads,
                        lambda spec: _results(runner, spec, translate),
                        arguments.max_seconds,
                        lambda step, found: print(f"{step}/{optimise.STEPS}", file=sys.stderr),
                    )
                )
            except KeyboardInterrupt:
                return _CANCELLED
    for found in ladders:
        _print(found, translate)
    if arguments.json:
        exchange.write_json(arguments.json, _document(ladders))
    return 0


def _results(runner: Runner, spec: JobSpec, translate: Translate) -> Sequence[RunResult]:
    job = follow(runner, spec, translate)
    if job.state == "cancelled":
        raise KeyboardInterrupt
    if job.failure is not None and not any(result.blocks for result in job.results):
        raise MeasurementError(job.failure.code, **job.failure.facts)
    return job.results


def _print(found: Ladder, translate: Translate) -> None:
    print(f"\n{found.device}")
    for rung in found.rungs:
        print(_line(rung, translate))
    top = ladder.best(found)
    if top is None or top.result is None:
        return
    print(translate("Best: {setup}").format(setup=setup_text(top.setup)))
    share = limits.floor_share(top.result)
    if share is not None:
        text = translate("Its matrix products alone would take {x} of its step.")
        print(text.format(x=units.percent(100 * share.value)))
    loader = next((rung for rung in found.rungs if rung.name == "loader" and rung.result), None)
    slow = bottleneck.bottleneck(loader.result) if loader and loader.result else None
    for note in bottleneck.notes(slow, bottleneck.helped(found, slow)) if slow else ():
        facts = note.facts
        if "rung" in facts:
            facts = facts | {"rung": rung_words(facts["rung"], translate)}  # type: ignore[arg-type]
        print(messages.sentence(note.code, facts, translate))


def _line(rung: Rung, translate: Translate) -> str:
    name = f"  {rung_words(rung.name, translate)} · {rung.setup.precision}"
    if rung.result is None:
        reason = messages.sentence(rung.reason.code, rung.reason.facts, translate) if rung.reason else ""
        return f"{name}: {reason}"
    against = rung.against_loader
    if against is not None and against.verdict.reason is not None:
        why = messages.sentence(against.verdict.reason, {}, translate)
        return f"{name}: {units.rate(ladder.rate(rung), translate)} · {why}"
    gain = units.ratio(against.speedup) if against else "1×"
    interval = f" ({units.interval(against.speedup)})" if against and against.speedup else ""
    parity = "" if against is None else f" · {against.parity.code}"
    return f"{name}: {units.rate(ladder.rate(rung), translate)} · {gain}{interval}{parity}"


def _document(ladders: Sequence[Ladder]) -> dict[str, Any]:
    """`rungs` in ladder order; `limits` and `bottleneck` by device; the runs as `run` writes them."""
    results = {run.id: run for found in ladders for rung in found.rungs for run in (rung.result,) if run}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    own = {
        "rungs": [_rung(found.device, rung) for found in ladders for rung in found.rungs],
        "limits": {found.device: _limits(found) for found in ladders},
        "bottleneck": {found.device: _bottleneck(found) for found in ladders},
    }
    return {**exchange.document(tuple(results.values()), created_at=now), **own}


def _rung(device: str, rung: Rung) -> dict[str, Any]:
    against = rung.against_loader
    return {
        "device": device,
        "name": rung.name,
        "precision": rung.setup.precision,
        "setup": setup_text(rung.setup),
        "available": rung.result is not None,
        "reason": to_plain(rung.reason) if rung.result is None else None,
        "samples_per_s": ladder.rate(rung),
        "over_loader": to_plain(against.speedup) if against else None,
        "parity": to_plain(against.parity) if against else None,
        "run": rung.result.id if rung.result else None,
    }


def _limits(found: Ladder) -> Any:
    runs = (rung.result for rung in found.rungs if rung.result is not None and rung.result.limits is not None)
    return [{"run": run.id, **to_plain(run.limits)} for run in runs]


def _bottleneck(found: Ladder) -> Any:
    loader = next((rung.result for rung in found.rungs if rung.name == "loader" and rung.result), None)
    return to_plain(bottleneck.bottleneck(loader)) if loader else None
