"""How soon a sweep tells from which batch size on another setup is faster, how narrowly in three minutes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import jobs
from benchmarks.pairing import BrokenError, Row, at_most
from core.analysis.crossover.crossing import Crossing, crossing
from core.hardware.cpu import describe
from core.records import JobSpec, Note, RunResult, Setup
from core.runs.campaigns import CancelledError
from core.runs.queue.worker import Worker
from core.runs.sweeping.sweep import Progress, SweepSpec, line_of, sweep

_FIRST_S, _NARROW_S, _WITHIN = 60.0, 180.0, 0.10
_SIZES = tuple(2**power for power in range(4, 14))  # ten: 16 to 8192
_ONE, _TWO, _HALF = Setup(threads=1), Setup(threads=2), Setup(precision="bf16", threads=1)
_PAIRS = (("mlp", _ONE, _TWO), ("mlp_64", _ONE, _TWO), ("mlp_16", _ONE, _TWO), ("cnn", _ONE, _TWO))
_WITH_BF16 = (("mlp_64", _ONE, _HALF), ("mlp", _ONE, _HALF))
_BF16 = {"avx512_bf16", "amx_bf16"}


@dataclass
class Watch:
    """What a sweep's points have told of one model's two setups, and when: seconds since the sweep began."""

    model: str
    setups: tuple[Setup, Setup]
    answered_s: float | None = None  # who is faster at every batch size measured so far, or where they cross
    crossed_s: float | None = None  # the first estimate of a crossing
    narrow_s: float | None = None  # its interval within _WITHIN
    last: Crossing | None = None
    points: int = 0
    _runs: int = field(default=0, repr=False)

    def look(self, results: Sequence[RunResult], at_s: float) -> None:
        """After each point, as the page does."""
        if len(results) == self._runs:
            return
        self._runs, self.points = len(results), self.points + 1
        lines = [line_of(results, self.model, setup) for setup in self.setups]
        if lines[0] is None or lines[1] is None:
            return
        self.last = crossing(lines[0], lines[1])
        if self.answered_s is None and self.last.faster_above is not None:
            self.answered_s = at_s
        if self.last.batch_size is None:
            return
        self.crossed_s = at_s if self.crossed_s is None else self.crossed_s
        width = self.half_width
        if self.narrow_s is None and width is not None and width <= _WITHIN:
            self.narrow_s = at_s

    @property
    def half_width(self) -> float | None:
        """Half of the crossing's interval, as a share of its value."""
        found = self.last.batch_size if self.last is not None else None
        return None if found is None else (found.high - found.low) / 2 / found.value


def run(folder: Path, quick: bool) -> Iterator[Row]:
    has_bf16 = bool(_BF16 & set(describe().isa))
    pairs = _PAIRS[:1] if quick else (*_PAIRS, *(_WITH_BF16 if has_bf16 else ()))
    worker = Worker()
    try:
        for model, baseline, candidate in pairs:
            watch = Watch(model, (baseline, candidate))
            yield from told(watch, _swept(watch, worker, folder, quick))
    finally:
        worker.kill()


def _swept(watch: Watch, worker: Worker, folder: Path, quick: bool) -> Progress:
    """Ends as soon as the crossing is known as narrowly as it is to be."""
    sizes, seconds = (_SIZES[::3], 20.0) if quick else (_SIZES, _NARROW_S)
    spec = SweepSpec((watch.model,), sizes, watch.setups, max_seconds=seconds)
    begun = time.perf_counter()

    def measure(job: JobSpec) -> Sequence[RunResult]:
        if watch.narrow_s is not None:
            raise CancelledError
        return jobs.results(worker, job, folder)

    def tell(progress: Progress) -> None:
        watch.look(progress.results, time.perf_counter() - begun)

    return sweep(spec, measure, tell)


def told(watch: Watch, end: Progress) -> Iterator[Row]:
    """Raises BrokenError where nothing could be concluded for lack of measurements."""
    found, ways = watch.last, " / ".join(f"{setup.precision} with {setup.threads}" for setup in watch.setups)
    name = f"{watch.model}, {ways}"
    if found is None:
        raise BrokenError(f"{name}: no two lines: {end.failure}")
    width = watch.half_width
    if found.batch_size is not None and watch.crossed_s is not None and width is not None:
        value, sure = found.batch_size, found.confirmed
        remark = f"{value.value:.0f}, {value.low:.0f} to {value.high:.0f}; confirmed on both sides: {sure}"
        yield Row(f"{name}: first crossing estimate", (watch.crossed_s,), at_most(_FIRST_S), "s")
        yield Row(f"{name}: half the interval at the end", (100 * width,), at_most(100 * _WITHIN), "%", remark)
        if watch.narrow_s is not None:
            yield Row(f"{name}: within +-10 %", (watch.narrow_s,), at_most(_NARROW_S), "s")
    elif found.faster_above is not None and watch.answered_s is not None:
        remark = f"no crossing; faster: {found.faster_above}"
        yield Row(f"{name}: first answer", (watch.answered_s,), at_most(_FIRST_S), "s", remark)
    else:
        reason = found.reason or Note("no_reason")
        yield Row(f"{name}: points without an answer", (float(watch.points),), None, "", reason.code)
