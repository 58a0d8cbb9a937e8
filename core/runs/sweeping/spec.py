"""What a sweep is asked to measure, read from text and checked, and how far it is. It measures nothing."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from core.errors import InputError
from core.records import JobSpec, Note, RunResult, RunSpec, Setup, Task, Workload
from core.runs import campaigns
from core.runs.admission import Limits, check

MOST_POINTS, MOST_SETUPS, MOST_CELLS = 400, 8, 2_000
SECONDS = (1.0, 24 * 3600.0)
# On a server for everybody
PUBLIC_POINTS, PUBLIC_SECONDS = 12, 120.0
WIDEST = 16_384  # hidden units of mlp_N
_ARTICLES_WIDTH = 512  # of the model that is called mlp

TARGET_PCT = 3.0
_RANGE = re.compile(r"(\d{1,9})\s*(?:\.\.\s*(\d{1,9}))?", re.ASCII)


@dataclass(frozen=True)
class SweepSpec:
    """What is swept: every model at every batch size, all setups of a cell taking turns in one job."""

    models: tuple[str, ...]
    batch_sizes: tuple[int, ...]
    setups: tuple[Setup, ...]  # the first is the baseline
    dataset: str = "digits"
    task: Task = "train"
    learning_rate: float = 0.01
    seed: int = 0
    max_seconds: float = 300.0  # for all of it, by the wall's clock

    def job(
        self,
        model: str,
        batch_size: int,
        setups: tuple[Setup, ...],
        seconds: float = 1.0,
        target_pct: float = TARGET_PCT,
        *,
        limits: bool = False,
    ) -> JobSpec:
        """The job of one point: one epoch at most, and over as soon as the ratios are known."""
        work = Workload(model, self.dataset, batch_size, 1, self.learning_rate, self.seed, self.task)
        return JobSpec(work, setups, seconds, target_pct, limits=limits, rough=True)

    def holds(self, run: RunSpec) -> bool:
        """Whether a run is of this work: at one of its batch sizes, or between them."""
        work = run.workload
        same = work == self.job(work.model, work.batch_size, ()).workload
        inside = min(self.batch_sizes) <= work.batch_size <= max(self.batch_sizes)
        return same and inside and work.model in self.models and run.setup in self.setups


@dataclass(frozen=True)
class Untried:
    """A cell that wasn't measured, and why: too_slow, out_of_memory at a smaller batch, no time left."""

    model: str
    batch_size: int
    setup: Setup
    reason: Note


@dataclass(frozen=True)
class Progress(campaigns.Progress):
    """How far a sweep is, and everything that it has measured by now."""

    spec: SweepSpec
    measured: int = 0  # points of the grid: a model at a batch size, all setups
    planned: int = 0  # of the grid
    settled: int = 0  # of the grid: measured, or known not to be
    extra: int = 0  # points beyond the grid, around the crossings
    jobs: int = 0  # points measured by this sweep itself, and not taken over
    elapsed_s: float = 0.0
    model: str | None = None  # of the job that is being measured or waits; of several the oldest
    batch_size: int | None = None
    under_way: tuple[tuple[str, int], ...] = ()  # all such points: model and batch size, the oldest first
    results: tuple[RunResult, ...] = ()
    untried: tuple[Untried, ...] = ()
    notes: tuple[Note, ...] = ()  # what a reader should know of the sweep as a whole

    @property
    def refining(self) -> bool:
        """Whether the grid is done and the crossings are looked at more closely."""
        return self.settled >= self.planned > 0 and not self.done

    @property
    def fraction(self) -> float:
        """How much is done, 0 to 1."""
        if self.done:
            return 1.0
        by_points = 0.9 * self.settled / self.planned if self.planned else 0.0
        return min(0.99, max(by_points, self.elapsed_s / self.spec.max_seconds))

    @property
    def seconds_left(self) -> float | None:
        """About how long it will still take, and never more than the time given; None: not known yet."""
        if self.jobs < 2:
            return None
        left_s = max(0.0, self.spec.max_seconds - self.elapsed_s)
        return left_s if self.refining else min(left_s, self._open * self.elapsed_s / self.jobs)

    @property
    def _open(self) -> int:
        return max(0, self.planned - self.settled)


def parse_batch_sizes(text: str, most: int = Limits.batch_size) -> tuple[int, ...]:
    """ "16..8192": both ends and the powers of two between; "16,64,256": these; ascending.

    Raises InputError: sweep_no_batches, batches_not_read, batches_reversed, out_of_range, sweep_twice.
    """
    return _numbers(text, "batch_size", most)


def parse_widths(text: str) -> tuple[str, ...]:
    """The models mlp_N of so many hidden units, written as batch sizes are."""
    widths = _numbers(text, "width", WIDEST)
    return tuple("mlp" if width == _ARTICLES_WIDTH else f"mlp_{width}" for width in widths)


def check_spec(spec: SweepSpec, limits: Limits | None = None, cores: int | None = None) -> None:
    """Raise InputError for a sweep that is empty, too large or says something twice, and for any job of it that
    is beyond the limits. `cores`: of the machine that measures it, if it isn't this one."""
    limits = limits or Limits()
    if not spec.models:
        raise InputError("sweep_no_models")
    if not spec.batch_sizes:
        raise InputError("sweep_no_batches")
    if not 1 <= len(spec.setups) <= MOST_SETUPS:
        raise InputError("setups_count", count=len(spec.setups), most=MOST_SETUPS)
    if any(setup.workers > 1 for setup in spec.setups):  # which can't share out every batch between two others
        raise InputError("sweep_of_one_worker")
    _refuse_twice(spec.models)
    _refuse_twice(spec.batch_sizes)
    points = len(spec.models) * len(spec.batch_sizes)
    most = MOST_POINTS if limits.free else PUBLIC_POINTS
    most = min(most, MOST_CELLS // len(spec.setups))
    if points > most:
        raise InputError("sweep_too_large", points=points, most=most)
    low, high = SECONDS if limits.free else (SECONDS[0], PUBLIC_SECONDS)
    if type(spec.max_seconds) not in (int, float) or not low <= spec.max_seconds <= high:
        value = str(spec.max_seconds)[:80]
        raise InputError("out_of_range", name="max_seconds", value=value, low=low, high=high)
    for model in spec.models:
        for batch_size in spec.batch_sizes:
            check(spec.job(model, batch_size, spec.setups), limits, cores)


def _numbers(text: str, name: str, most: int) -> tuple[int, ...]:
    if not text.strip():
        raise InputError("sweep_no_batches")
    found: list[int] = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            raise InputError("batches_not_read", text=text[:80])
        low, high = int(match[1]), int(match[2] or match[1])
        if low > high:
            raise InputError("batches_reversed", low=low, high=high)
        for end in (low, high):
            if not 1 <= end <= most:
                raise InputError("out_of_range", name=name, value=str(end), low=1, high=most)
        powers = (1 << power for power in range(low.bit_length(), high.bit_length()))
        found += sorted({low, *(size for size in powers if low < size < high), high})
    _refuse_twice(found)
    return tuple(sorted(found))


def _refuse_twice(items: Iterable[Hashable]) -> None:
    seen: set[Hashable] = set()
    for item in items:
        if item in seen:
            raise InputError("sweep_twice", what=str(item)[:80])
        seen.add(item)
