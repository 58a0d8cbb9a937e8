"""A disk that is full in the middle of a write: of a run, of an export. What was there before must stay.

The disk is a file system of a few megabytes in memory, where this user may mount one (root may). Anywhere, the
system's limit on the size of a file stops a write at the same places, but calls it by another name.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import os
import random
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.pairing import BrokenError, Row, at_least, at_most
from core.errors import InputError, StoreError
from core.records import RunResult
from core.runs.files import exchange
from core.runs.store import RunSummary, Store
from tests.builders import make_result

SEED = 20261107
_TIMES, _TIMES_QUICK = 50, 5
_DISK_BYTES = 4 << 20
_RUNS_BEFORE, _RUNS_AT_ONCE = 5, 10
_MOST_LEFT_BYTES = 160 << 10  # what is free when the write begins: from nothing to enough
_EXPORT_BYTES = 80 << 10

# Leaves room for so many bytes more on the disk for as long as the block lasts.
Narrow = Callable[[Path, int], contextlib.AbstractContextManager[None]]


@dataclass
class Faults:
    """What is wrong after writes to a full disk; all empty is what is hoped for."""

    lost: list[str] = field(default_factory=list)  # what was there before
    half: list[str] = field(default_factory=list)  # a part of what wasn't stored
    untold: list[str] = field(default_factory=list)  # a message that doesn't say what to do
    stuck: list[str] = field(default_factory=list)  # can't be written although there is room again


def run(folder: Path, quick: bool) -> Iterator[Row]:
    times = _TIMES_QUICK if quick else _TIMES
    with _disk(folder) as place:
        if place is not None:
            yield from _rows("a full disk", *writes(place, _ballast, "disk_full", times))
    own = Path(tempfile.mkdtemp(dir=folder))
    yield from _rows("files that mustn't grow", *writes(own, no_growth, "database_write_failed", times))


def writes(place: Path, narrow: Narrow, code: str, times: int) -> tuple[Faults, int, int]:
    """Write with ever different room left; the faults, how many writes were refused, and of how many."""
    chance, faults, refused = random.Random(SEED), Faults(), 0
    for _ in range(times):
        room = chance.randrange(_MOST_LEFT_BYTES)
        refused += _store(place, narrow, room, code, faults)
        refused += _export(place, narrow, room, faults)
    return faults, refused, 2 * times


def _store(place: Path, narrow: Narrow, room: int, code: str, faults: Faults) -> bool:
    """Whether there was no room to store some runs."""
    file = place / "crossover.sqlite3"
    store = Store(f"sqlite:///{file.as_posix()}")
    before, more = _RUNS["before"], _RUNS["more"]
    try:
        _add(store, before)
        refused = False
        with narrow(place, room):
            try:
                _add(store, more)
            except StoreError as problem:
                refused = True
                faults.untold += [] if problem.code == code else [str(problem)]
            faults.lost += _unlike(store, before)  # to be read even while there is no room
        faults.half += [run.id for run in more if refused and store.run(run.id) is not None]
        _again(lambda: _add(store, more), faults)
        store.close()
        store = Store(f"sqlite:///{file.as_posix()}")
        faults.lost += _unlike(store, (*before, *more))
    finally:
        store.close()
        for part in place.glob(f"{file.name}*"):
            part.unlink()
    return refused


def _export(place: Path, narrow: Narrow, room: int, faults: Faults) -> bool:
    """Whether there was no room for an export; then the one before must still be there, and nothing else."""
    old, new = {"runs": ["old"]}, {"runs": ["new"], "padding": "x" * _EXPORT_BYTES}
    file, refused = place / "runs.json", False
    exchange.write_json(file, old)
    with narrow(place, room):
        try:
            exchange.write_json(file, new)
        except InputError as problem:
            refused = True
            said = os.strerror(errno.ENOSPC), os.strerror(errno.EFBIG)
            faults.untold += [] if problem.facts.get("problem") in said else [str(problem)]
    faults.lost += [file.name] if json.loads(file.read_text()) != (old if refused else new) else []
    faults.half += [path.name for path in place.glob(".runs.json*")]
    _again(lambda: exchange.write_json(file, new), faults)
    file.unlink()
    return refused


def _again(write: Callable[[], None], faults: Faults) -> None:
    try:
        write()
    except (InputError, StoreError) as problem:
        faults.stuck.append(str(problem))


def _unlike(store: Store, runs: tuple[RunResult, ...]) -> list[str]:
    """The ids of the runs that aren't stored as they were."""
    try:
        return [run.id for run in runs if store.run(run.id) != run]
    except StoreError as problem:
        return [str(problem)]


def _add(store: Store, runs: tuple[RunResult, ...]) -> None:
    store.add_runs([(run, RunSummary()) for run in runs])


def _runs(name: str, count: int) -> tuple[RunResult, ...]:
    """Of a size that no compression takes away: their losses are pure chance."""
    chance = random.Random(name)
    return tuple(
        dataclasses.replace(
            make_result(id=f"{name}-{number}", job_id=name),
            first_losses=tuple(chance.random() for _ in range(100)),
        )
        for number in range(count)
    )


_RUNS = {"before": _runs("before", _RUNS_BEFORE), "more": _runs("more", _RUNS_AT_ONCE)}


@contextlib.contextmanager
def _disk(folder: Path) -> Iterator[Path | None]:
    """A small file system of its own; None where this user may mount none."""
    place, mount = folder / "small", shutil.which("mount")
    place.mkdir()
    command = [mount, "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tmpfs", str(place)]
    if mount is None or subprocess.run(command, capture_output=True).returncode:
        print("no file system of its own can be mounted here: left out")
        yield None
        return
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@contextlib.contextmanager
def _ballast(place: Path, room: int) -> Iterator[None]:
    ballast = place / "ballast"
    try:
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, shutil.disk_usage(place).free - room))
        yield
    finally:
        ballast.unlink()


@contextlib.contextmanager
def no_growth(place: Path, room: int) -> Iterator[None]:
    """No file of this process can be written to beyond the largest here and `room`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max((file.stat().st_size for file in place.iterdir()), default=0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _rows(what: str, faults: Faults, refused: int, tried: int) -> Iterator[Row]:
    if not refused:
        raise BrokenError(f"{what}: there was room for everything")
    yield Row(
        f"{what}: writes that there was no room for", (float(refused),), at_least(1), "writes", f"of {tried}"
    )
    names = {
        "lost": "what was there before isn't, or can't be read",
        "half": "a part of what was refused is there",
        "untold": "the message doesn't say so",
        "stuck": "can't be written although there is room again",
    }
    for kind, name in names.items():
        found = getattr(faults, kind)
        yield Row(name, (float(len(found)),), at_most(0), "cases", "; ".join(found[:3]))
