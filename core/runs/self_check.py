"""What watching costs: the same blocks with the sampler on and off in turns. Kept beside the results."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.analysis import stats
from core.codec import from_plain, to_plain
from core.errors import InputError, MeasurementError
from core.hardware.sampler import Sampler
from core.records import Block, Estimate, JobSpec, Setup, Workload
from core.runs.files import exchange
from core.runs.queue.worker import Worker

SECONDS = 60.0
_WORK = Workload(model="mlp", dataset="digits", batch_size=64, epochs=1000)


@dataclass(frozen=True, slots=True)
class SelfCheck:
    cost_pct: Estimate  # of throughput, lost while the sampler runs; below 0: lost in the noise
    turns: int
    created_at: str


def measure(
    worker: Worker,
    data_root: Path,
    created_at: str,
    seconds: float = SECONDS,
    tell: Callable[[float], object] = print,
) -> SelfCheck:
    """Run blocks on one CPU thread, the sampler on for every other one. `tell` hears the fraction done.

    The sampler is switched when a block's end is told, so that neighbours differ in nothing else; starting it
    takes one reading more than it would by itself. Raises MeasurementError where too little could be measured.
    """
    origin = time.perf_counter()
    watched: list[float] = []
    alone: list[float] = []
    spent_s = 0.0
    with contextlib.ExitStack() as sampling:
        for event in worker.run(JobSpec(_WORK, (Setup(threads=1),), seconds), data_root, origin):
            if event["type"] != "block":
                continue
            block = from_plain(Block, event["block"])
            spent_s += block.duration_s
            tell(min(1.0, spent_s / seconds))
            number = len(watched) + len(alone)
            (watched if _is_watched(number) else alone).append(block.duration_s / block.samples)
            if _is_watched(number + 1) != _is_watched(number):
                if _is_watched(number):
                    sampling.close()
                else:
                    sampling.enter_context(Sampler(worker.pid, (), origin))
    pairs = min(len(watched), len(alone))
    ratio = stats.paired_ratio(watched[:pairs], alone[:pairs])
    if ratio is None:
        raise MeasurementError("too_few_blocks")
    # seconds with the sampler over seconds without: 1.003 is a cost of 0.3 %
    cost = Estimate(*(100 * (value - 1) for value in (ratio.value, ratio.low, ratio.high)))
    return SelfCheck(cost, pairs, created_at)


def _is_watched(block: int) -> bool:
    """Off on on off, off on on off: what drifts hits both alike."""
    return block % 4 in (1, 2)


def keep(check: SelfCheck, folder: Path) -> None:
    """Remember it for the dashboard."""
    folder.mkdir(parents=True, exist_ok=True)
    exchange.write_json(folder / "self-check.json", to_plain(check))


def last(folder: Path) -> SelfCheck | None:
    """The last one made on this machine; None if there is none that can be read."""
    path = folder / "self-check.json"
    if not path.exists():
        return None
    try:
        return from_plain(SelfCheck, exchange.read_json(path))
    except InputError:
        return None
