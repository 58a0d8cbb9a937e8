"""A server killed while it measures, stores and imports; then a PostgreSQL that is stopped under one."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import postgres
from benchmarks.aftermath import Witness
from benchmarks.pairing import BrokenError, Row, at_most
from benchmarks.servers import ROOT
from scripts import postgresql

SEED = 20261107
_KILLS, _KILLS_QUICK = 50, 3
_AT_START = 0.2  # for each kill at work, one while the server starts
_STOPS, _STOPS_QUICK = 10, 2
_AT_WORK_S, _STARTING_S = (0.05, 2.0), (0.05, 0.6)
_PATIENCE_S = 60.0


def run(folder: Path, quick: bool) -> Iterator[Row]:
    kills, stops = (_KILLS_QUICK, _STOPS_QUICK) if quick else (_KILLS, _STOPS)
    own = folder / "killed"
    own.mkdir()
    url = f"sqlite:///{(own / 'crossover.sqlite3').as_posix()}"
    yield from _rows(kill(url, own, kills, round(_AT_START * kills)), f"SQLite, {kills} kills of the server")
    if (missing := postgres.missing()) is not None:
        print(f"PostgreSQL is left out: {missing}")
        return
    with postgres.cluster() as server:
        own = folder / "stopped"
        own.mkdir()
        yield from _rows(_stop(server, own, stops), f"PostgreSQL, stopped {stops} times under the server")


def kill(url: str, folder: Path, at_work: int, at_start: int) -> Witness:
    """Start and kill a server again and again; what was found after each."""
    chance, witness = random.Random(SEED), Witness(url, folder / "journal.jsonl")
    moments = [(True, chance.uniform(*_AT_WORK_S)) for _ in range(at_work)]
    moments += [(False, chance.uniform(*_STARTING_S)) for _ in range(at_start)]
    chance.shuffle(moments)
    for working, seconds in [*moments, (True, 0.0)]:  # the last one sees to what the one before has left
        with _victim(url, folder) as victim:
            if working:
                _until(witness.opened, victim)
            time.sleep(seconds)
        witness.look()
    return witness


def _stop(server: postgresql.Server, folder: Path, stops: int) -> Witness:
    """One server that goes on working while its database goes down and comes back."""
    chance, witness = random.Random(SEED), Witness(server.url(), folder / "journal.jsonl")
    with _victim(server.url(), folder) as victim:
        _until(witness.opened, victim)
        for _ in range(stops):
            time.sleep(chance.uniform(*_AT_WORK_S))
            server.stop("immediate")
            server.start()
            witness.look()
            if victim.poll() is not None:
                raise BrokenError(f"the server has ended by itself, exit code {victim.returncode}")
    witness.look()
    with _victim(server.url(), folder) as heir:
        _until(witness.opened, heir)
    witness.look()
    return witness


@contextlib.contextmanager
def _victim(url: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server at work; killed at the end of the block, and its worker is gone too then."""
    command = [sys.executable, "-m", "benchmarks.victim", url, str(folder)]
    with (folder / "victim.log").open("ab") as log:
        victim = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        try:
            yield victim
        finally:
            victim.kill()  # SIGKILL; the worker ends with its standard input
            victim.wait()


def _until(condition: Callable[[], bool], victim: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        if victim.poll() is not None or time.monotonic() > deadline:
            raise BrokenError(f"the server doesn't come up (exit code {victim.returncode})")
        time.sleep(0.005)


def _rows(witness: Witness, what: str) -> Iterator[Row]:
    faults = witness.faults
    remark = f"{witness.finished} jobs told as finished, {witness.imported} files as imported"
    yield _count(f"{what}: it doesn't open", faults.unopened, "")
    yield _count("told as done, and not there in full", faults.missing, remark)
    yield _count("half there, or not to be read", faults.half, "")
    yield _count(
        "left open by a dead server", faults.forgotten, f"{witness.interrupted} were marked as interrupted"
    )


def _count(name: str, found: list[str], remark: str) -> Row:
    shown = "; ".join(found[:3])
    return Row(name, (float(len(found)),), at_most(0), "cases", " — ".join(filter(None, (remark, shown))))
