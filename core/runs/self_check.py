"""What watching costs: the same blocks with the sampler on and off in turns. Kept beside the results."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from core.analysis import stats
from core.codec import from_plain, to_plain
from core.errors import InputError, MeasurementError
from core.hardware.sampler import Sampler
from core.records import Block, Estimate, JobSpec, Setup, Workload
from core.runs import exchange
from core.runs.worker import Worker

SECONDS = 60.0
_TURN_S = 2.0  # four blocks or more, so that each turn has some that lie wholly inside it
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
    """Run blocks on one CPU thread, the sampler on every other turn. `tell` hears the fraction done.

    Raises MeasurementError where too little could be measured.
    """
    origin = time.perf_counter()
    over = threading.Event()
    turns: list[tuple[float, float, bool]] = []
    switch = threading.Thread(target=_switch, args=(worker.pid, origin, over, turns), daemon=True)
    blocks: list[Block] = []
    job = JobSpec(_WORK, (Setup(threads=1),), seconds)
    for event in worker.run(job, data_root, origin):
        if event["type"] == "warm":
            switch.start()
        if event["type"] == "block":
            blocks.append(from_plain(Block, event["block"]))
            tell(min(1.0, sum(block.duration_s for block in blocks) / seconds))
    over.set()
    switch.join()
    paces = list(_paces(turns, blocks))
    pairs = [(on, off) for (on, _), (off, other) in zip(paces[::2], paces[1::2], strict=False) if not other]
    ratio = stats.paired_ratio([on for on, _ in pairs], [off for _, off in pairs])
    if ratio is None:
        raise MeasurementError("too_few_blocks")
    # seconds with the sampler over seconds without: 1.003 is a cost of 0.3 %
    return SelfCheck(
        Estimate(*(100 * (value - 1) for value in (ratio.value, ratio.low, ratio.high))), len(pairs), created_at
    )


def _switch(pid: int, origin: float, over: threading.Event, turns: list[tuple[float, float, bool]]) -> None:
    watching = True
    while not over.is_set():
        start = time.perf_counter() - origin
        if watching:
            with Sampler(pid, (), origin):
                over.wait(_TURN_S)
        else:
            over.wait(_TURN_S)
        turns.append((start, time.perf_counter() - origin, watching))
        watching = not watching


def _paces(turns: list[tuple[float, float, bool]], blocks: list[Block]) -> Iterator[tuple[float, bool]]:
    """Seconds per image of each turn's own blocks, and whether the sampler ran."""
    for start, end, watching in turns:
        inside = [b for b in blocks if b.start_s >= start and b.start_s + b.duration_s <= end]
        if inside:
            yield sum(b.duration_s for b in inside) / sum(b.samples for b in inside), watching


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
