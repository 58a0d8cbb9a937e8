"""`python -m core selfcheck`: what our own watching costs the measurement on this machine."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from typing import Any

from core import paths, units
from core.i18n import Translate
from core.runs import self_check
from core.runs.queue.machine_lock import machine_lock
from core.runs.queue.worker import Worker


def add_to(commands: Any) -> None:
    parser = commands.add_parser("selfcheck", help="measure what our own watching costs")
    parser.add_argument("--seconds", type=float, default=self_check.SECONDS, help="timed seconds")
    parser.set_defaults(command=_main)


def _main(arguments: argparse.Namespace, translate: Translate) -> int:
    def tell(fraction: float) -> None:
        if sys.stderr.isatty():
            print(f"\r{units.percent(100 * fraction)} ", end="", file=sys.stderr, flush=True)

    now = datetime.now(UTC).isoformat(timespec="seconds")
    with machine_lock(lambda: False):
        worker = Worker()
        try:
            found = self_check.measure(worker, paths.datasets_dir(), now, arguments.seconds, tell)
        finally:
            worker.kill()
    self_check.keep(found, paths.data_dir())
    cost = found.cost_pct
    text = translate(
        "Watching cost {value:.2f} % of the speed (95 % interval {low:.2f} to {high:.2f} %, {n} pairs)."
    )
    print(text.format(value=cost.value, low=cost.low, high=cost.high, n=found.turns))
    return 0
