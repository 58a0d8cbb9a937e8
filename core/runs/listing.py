"""One list of the runs in the store and those in memory: what ships with Crossover, what a visitor imported.

It must not know how a run is shown, nor read more of the store than a page of the list needs.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from core.analysis.leaderboard import MOST_RUNS
from core.errors import InputError
from core.records import Precision, RunResult, Setup, Workload
from core.runs.queue.keeping import listed
from core.runs.store import RunRow, Store, unstored
from core.runs.wanted import Choices, Order, Wanted

_QUOTED = 40  # characters of an id that isn't known: it may come from an address
_MOST_ROWS = 1000  # of one workload: how far back a board looks
_MOST_SETUPS = 4  # of one device: doubts may take the fastest off the board


class OnBoard(NamedTuple):
    """A workload that was measured, on how many devices and how often."""

    workload: Workload
    devices: int
    runs: int


class Listing:
    """The store's runs and `others`. What is in both is listed as the store has it, where it may have a name.

    Raises StoreError as the store does.
    """

    def __init__(self, store: Store | None, others: Sequence[RunResult]) -> None:
        self._store = store
        self._given = others

    def find(self, wanted: Wanted, order: Order, limit: int, offset: int) -> tuple[RunRow, ...]:
        """The runs that are `wanted`, in `order`: `limit` of them after the first `offset`."""
        others = self._matching(wanted)
        # Of the list's first `offset`, at most len(others) aren't the store's, so the page starts no earlier.
        first = max(0, offset - len(others))
        stored = self._store.find(wanted, order, offset + limit - first, first) if self._store else ()
        merged = sorted((*stored, *others), key=_KEYS[order], reverse=order != "oldest")
        return tuple(merged[offset - first : offset - first + limit])

    def count(self, wanted: Wanted) -> int:
        return len(self._matching(wanted)) + (self._store.count_wanted(wanted) if self._store else 0)

    def choices(self) -> Choices:
        known = self._store.choices() if self._store else Choices()
        rows = tuple(map(_row, self._others))
        return Choices(
            models=_sorted(known.models, (row.workload.model for row in rows)),
            datasets=_sorted(known.datasets, (row.workload.dataset for row in rows)),
            devices=_sorted(known.devices, (row.device_name for row in rows if row.device_name)),
            machines=_sorted(known.machines, (row.elsewhere for row in rows if row.elsewhere)),
        )

    def run(self, run_id: str) -> RunResult | None:
        """The whole run; None where there is none of that id."""
        found = self._in_memory(run_id)
        return found if found or self._store is None else self._store.run(run_id)

    def row(self, run_id: str) -> RunRow | None:
        """The run as the list shows it; None where there is none of that id."""
        found = self._in_memory(run_id)
        if found is not None:
            return _row(found)
        return self._store.row(run_id) if self._store else None

    def runs(self, run_ids: Iterable[str]) -> tuple[RunResult, ...]:
        """Whole runs, in the order of their ids. Raises InputError("unknown_run") for a missing one."""
        return tuple(map(self._known, run_ids))

    def boards(self) -> tuple[OnBoard, ...]:
        """The workloads that were timed, those on most devices first: what there can be a leaderboard of."""
        devices: dict[Workload, set[str]] = {}
        runs: dict[Workload, int] = {}
        stored = self._store.timed_workloads() if self._store else ()
        others = [
            (row.workload, row.device_name, 1)
            for row in map(_row, self._others)
            if row.samples_per_s is not None
        ]
        for workload, device, count in (*stored, *others):
            if device is not None:
                devices.setdefault(workload, set()).add(device)
                runs[workload] = runs.get(workload, 0) + count
        found = [OnBoard(workload, len(names), runs[workload]) for workload, names in devices.items()]
        return tuple(
            sorted(found, key=lambda one: (-one.devices, -one.runs, dataclasses.astuple(one.workload)))
        )

    def contenders(self, workload: Workload, precision: Precision | None = "fp32") -> tuple[RunResult, ...]:
        """The runs of a workload that may be on its leaderboard, whole: the newest of each device's
        fastest setups.

        Of the store's runs only the newest of this workload are looked at, so that years of them cost no more.
        """
        rows = self._store.history(workload, _MOST_ROWS) if self._store else ()
        # Kinds of machines with one processor may differ in cores: the fast one mustn't leave out the slow.
        devices: dict[tuple[str | None, str | None], dict[Setup, list[RunRow]]] = {}
        for row in rows:  # the newest first
            if row.samples_per_s is not None and precision in (None, row.setup.precision):
                setups = devices.setdefault((row.device_name, row.elsewhere), {})
                setups.setdefault(row.setup, []).append(row)
        wanted = [row.id for setups in devices.values() for same in _fastest(setups.values()) for row in same]
        mine = [other for other in self._others if other.spec.workload == workload]
        return (*mine, *self.runs(wanted))

    @functools.cached_property
    def _others(self) -> tuple[RunResult, ...]:
        """Those that the store hasn't got, each once."""
        once = {other.id: other for other in reversed(self._given)}
        kept = self._store.kept(tuple(once)) if self._store and once else frozenset()
        return tuple(other for run_id, other in once.items() if run_id not in kept)

    def _in_memory(self, run_id: str) -> RunResult | None:
        return next((other for other in self._others if other.id == run_id), None)

    def _matching(self, wanted: Wanted) -> tuple[RunRow, ...]:
        return tuple(row for row in map(_row, self._others) if _is_wanted(row, wanted))

    def _known(self, run_id: str) -> RunResult:
        found = self.run(run_id)
        if found is None:
            short = run_id if len(run_id) <= _QUOTED else f"{run_id[: _QUOTED - 1]}…"
            raise InputError("unknown_run", run=short)
        return found


def _fastest(setups: Iterable[list[RunRow]]) -> list[list[RunRow]]:
    """Of the setups that were fastest in their newest run, the newest runs."""
    ranked = sorted(setups, key=lambda same: -(same[0].samples_per_s or 0.0))
    return [same[:MOST_RUNS] for same in ranked[:_MOST_SETUPS]]


def _sorted(stored: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*stored, *others}))


def _is_wanted(row: RunRow, wanted: Wanted) -> bool:
    """As the store judges its own; what is in memory has neither a name nor tags."""
    asked = (
        (wanted.models, row.workload.model),
        (wanted.datasets, row.workload.dataset),
        (wanted.devices, row.device_name),
        (wanted.origins, row.origin),
        (wanted.qualities, row.quality),
    )
    return (
        not wanted.text.strip()
        and all(not any_of or value in any_of for any_of, value in asked)
        and (not wanted.machines or _is_on(row, wanted.machines))
        and (wanted.since is None or row.created_at >= wanted.since)
        and (wanted.until is None or row.created_at < wanted.until)
    )


def _is_on(row: RunRow, machines: Sequence[str | None]) -> bool:
    if row.elsewhere is not None:
        return row.elsewhere in machines
    return None in machines and row.origin == "measured"


def _highest_first(value: float | None) -> tuple[bool, float]:
    """For sorting in reverse: what wasn't measured comes last."""
    return value is not None, value or 0.0


def _lowest_first(value: float | None) -> tuple[bool, float]:
    return value is not None, -(value or 0.0)


# The store's orders. All but the oldest first are in reverse: the newer first also where values are equal.
_KEYS: dict[Order, Callable[[RunRow], tuple[object, ...]]] = {
    "newest": lambda row: (row.created_at, row.id),
    "oldest": lambda row: (row.created_at, row.id),
    "fastest": lambda row: (_highest_first(row.samples_per_s), row.created_at, row.id),
    "shortest_epoch": lambda row: (_lowest_first(row.epoch_s), row.created_at, row.id),
    "most_accurate": lambda row: (_highest_first(row.test_accuracy), row.created_at, row.id),
}


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class _This:
    """A run as the very object it is: two visitors may have imported different ones of the same id."""

    result: RunResult

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _This) and self.result is other.result

    def __hash__(self) -> int:
        return id(self.result)


def _row(result: RunResult) -> RunRow:
    return _derived(_This(result))


@functools.lru_cache(maxsize=512)  # the recordings' objects stay the same until their files change
def _derived(this: _This) -> RunRow:
    return unstored(this.result, listed(this.result))
