"""The cells of a sweep: which are open, what came of the others, and what that says of those still open."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from core.analysis.crossover.sweep import cell_of, software
from core.analysis.crossover.sweep_plan import Times, predicted_step_s
from core.analysis.leaderboard import hardware
from core.analysis.machines import same_memory
from core.records import Environment, Note, RunResult
from core.runs.queue.job import Surroundings
from core.runs.sweeping.spec import SweepSpec, Untried
from core.setups import setup_text

Key = tuple[str, int, int]  # model, batch size, place of the setup

_FEWEST_STEPS = 16  # that a setup takes in a point: to warm up, to lead in, and six timed blocks
_BESIDE_S = 0.5  # what it takes beside its steps
_TOO_SLOW = 0.2  # of the whole time, for one cell
_FAILURES = 2  # after so many without anything measured a setup isn't tried any more

_FULL = ("out_of_memory", "out_of_memory_fits", "worker_killed", "node_process_lost")
OF_THE_BATCH = ("batch_too_large", "batch_needs_two")
_ONCE = ("batch_needs_two", "too_few_blocks")  # nothing follows from it for another batch size
_NEVER = ("tf32_unavailable",)
# One setup's doing that ends the whole job
APART = (*_NEVER, "worker_killed", "node_process_lost", "worker_died", "device_failed")
# What a job can fail of without the sweep's end
OF_A_CELL = (*_FULL, *OF_THE_BATCH, *APART, "took_too_long")


class Cells:
    def __init__(self, spec: SweepSpec) -> None:
        self._spec = spec
        self.open: set[Key] = {
            (model, size, place)
            for model in spec.models
            for size in spec.batch_sizes
            for place in range(len(spec.setups))
        }
        self.taken: set[Key] = set()  # by machines that measure them now; most of them are open
        self.runs: dict[Key, RunResult] = {}
        self.tried: dict[str, set[int]] = {model: set() for model in spec.models}
        self.notes: list[Note] = [Note("one_point_no_line")] if len(spec.batch_sizes) == 1 else []
        self._timed: set[Key] = set()
        self._step_s: dict[tuple[str, int], dict[int, float]] = {}  # by model and setup, then by batch size
        self._untried: dict[Key, Note] = {}
        self._largest: dict[
            tuple[str, int], tuple[int, Note]
        ] = {}  # from which batch on none is tried, and why
        self._failures: Counter[tuple[str, int]] = Counter()

    # --- what came of them -------------------------------------------------------------------------

    def take_over(self, known: Sequence[RunResult], around: Surroundings | None) -> None:
        """What needn't be measured again; runs from unlike surroundings are left out, and that is said."""
        unlike = 0
        for run in sorted(known, key=lambda run: (run.created_at, run.id)):
            key = self.key_of(run)
            if key is None or run.status in ("cancelled", "interrupted") or cell_of(run).state == "failed":
                continue
            if around is not None and not _is_like(run, around):
                unlike += 1
                continue
            self.tried[key[0]].add(key[1])
            self.judge(key, run if around is None else replace(run, origin="measured"))
        if unlike:
            self.notes.append(Note("sweep_unlike_runs", {"count": unlike}))

    def judge(self, key: Key, outcome: RunResult | Note) -> None:
        """A cell was measured, or it is known why not."""
        model, size, place = key
        self.open.discard(key)
        if isinstance(outcome, Note):
            reason: Note | None = outcome
            if key not in self.runs:
                self._untried[key] = outcome
        else:
            cell = cell_of(outcome)
            reason = cell.reason
            if (
                cell.step_s is not None or key not in self.runs
            ):  # what is measured isn't lost by a later failure
                self.runs[key] = outcome
                self._untried.pop(key, None)
            if cell.step_s is not None:
                self._timed.add(key)
            if cell.step_times:  # one block says how slow it is, if no more
                self._step_s.setdefault((model, place), {})[size] = statistics.median(cell.step_times)
        if reason is not None:
            self._learn(model, size, place, reason)

    def rule_out(self) -> None:
        """Give up what can't be measured, by what happened at a smaller batch."""
        for key in self.waiting:
            model, size, place = key
            limit = self._largest.get((model, place))
            if limit is not None and size >= limit[0]:
                self._give_up(key, limit[1])

    def settle(self) -> None:
        """Give up what is left when the time is over, or isn't enough for more."""
        self.rule_out()
        for key in tuple(self.open):
            cost_s, step_s = self.cost_s(key), self.predicted_s(key)
            if step_s is not None and cost_s > _TOO_SLOW * self._spec.max_seconds:
                self._give_up(key, Note("too_slow", {"step_s": round(step_s, 3), "seconds": round(cost_s, 1)}))
            else:
                self._give_up(key, Note("not_reached"))

    # --- what is known -----------------------------------------------------------------------------

    @property
    def waiting(self) -> set[Key]:
        """What is open and isn't being measured."""
        return self.open - self.taken

    def places(self, model: str, size: int, among: set[Key]) -> tuple[int, ...]:
        """The setups that a point has among these cells."""
        return tuple(sorted(place for name, batch, place in among if (name, batch) == (model, size)))

    def times(self, model: str) -> list[Times]:
        """What was measured of each setup."""
        return [self._step_s.get((model, place), {}) for place in range(len(self._spec.setups))]

    def predicted_s(self, key: Key) -> float | None:
        """Of a step."""
        model, size, place = key
        return predicted_step_s(self._step_s.get((model, place), {}), size)

    def cost_s(self, key: Key) -> float:
        """The least that a cell takes."""
        return _BESIDE_S + _FEWEST_STEPS * (self.predicted_s(key) or 0.0)

    @property
    def results(self) -> tuple[RunResult, ...]:
        return tuple(self.runs.values())

    @property
    def untried(self) -> tuple[Untried, ...]:
        ordered = sorted(self._untried.items(), key=lambda item: item[0])
        setups = self._spec.setups
        return tuple(Untried(model, size, setups[place], why) for (model, size, place), why in ordered)

    def points(self) -> tuple[int, int, int]:
        """Of the grid: measured, settled, all."""
        grid = [(model, size) for model in self._spec.models for size in self._spec.batch_sizes]
        still = {(model, size) for model, size, _ in self.open}
        timed = {(model, size) for model, size, _ in self._timed}
        return sum(point in timed for point in grid), sum(point not in still for point in grid), len(grid)

    def key_of(self, run: RunResult) -> Key | None:
        """The cell of a run; None where it is of other work."""
        if not self._spec.holds(run.spec):
            return None
        work = run.spec.workload
        return work.model, work.batch_size, self._spec.setups.index(run.spec.setup)

    def _learn(self, model: str, size: int, place: int, reason: Note) -> None:
        """What a failure says of larger batches, or of the setup."""
        if reason.code in _FULL:
            self._stop_at(model, place, size, Note("memory_full_before", {"batch_size": size}))
        elif reason.code == "took_too_long":
            self._stop_at(model, place, size, reason)
        elif reason.code == "batch_too_large":
            self._stop_at_images(reason.facts.get("train_samples"), size)
        elif reason.code not in _ONCE:
            self._count_failure(model, place, reason)

    def _stop_at(self, model: str, place: int, size: int, reason: Note) -> None:
        known = self._largest.get((model, place))
        if known is None or size < known[0]:
            self._largest[model, place] = (size, reason)

    def _stop_at_images(self, images: object, size: int) -> None:
        """No batch has more than there are, whatever the model and the setup."""
        most = images if isinstance(images, int) else size - 1
        for model in self._spec.models:
            for place in range(len(self._spec.setups)):
                self._stop_at(model, place, most + 1, Note("batches_too_large", {"train_samples": most}))

    def _count_failure(self, model: str, place: int, reason: Note) -> None:
        """A setup that fails whatever the batch size is told of once, and dropped."""
        self._failures[model, place] += 1
        if (model, place) in self._step_s or (
            self._failures[model, place] < _FAILURES and reason.code not in _NEVER
        ):
            return
        text = setup_text(self._spec.setups[place])
        self.notes.append(Note("setup_dropped", {"setup": text, "model": model}))
        self._stop_at(model, place, 0, reason)

    def _give_up(self, key: Key, reason: Note) -> None:
        self.open.discard(key)
        self._untried[key] = reason


def _is_like(run: RunResult, around: Surroundings) -> bool:
    """Whether a run was made on such a machine's device, with this software."""
    device = around.device(run.spec.setup.device)
    if device is None or run.environment is None:
        return False
    here = replace(run, environment=Environment(around.machine, around.software, device))
    memory = run.environment.machine.memory_bytes
    return (
        same_memory(memory, around.machine.memory_bytes)
        and hardware(here) == hardware(run)
        and software(here) == software(run)
    )
