"""What a measurement loses to the sampler that watches it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import trainees
from benchmarks.pairing import BrokenError, Row, at_least, ratios, take_turns
from benchmarks.servers import ROOT
from core.measure.trainee import Trainee


def run(folder: Path, quick: bool) -> Iterator[Row]:
    """Blocks with a sampler of another process watching this one, and without, in turns."""
    data = trainees.images(folder, quick)
    block_s, pairs = (0.05, 2) if quick else (0.4, 60)  # two samples in each block at the default rate
    trainee = trainees.warmed_up(data, 64, 1, "resident")
    shares = on_over_off("sampler", trainee, block_s, pairs)
    yield Row("speed with the sampler on / off, 1 thread", shares, at_least(0.995))


def on_over_off(what: str, trainee: Trainee, block_s: float, pairs: int) -> tuple[float, ...]:
    """The speed of a block that another process watches to that of one alone, for each pair."""
    with _watching(what) as switch:

        def watched() -> float:
            switch("on")
            rate = trainees.block_rate(trainee, block_s, lead_in=0.0)
            switch("off")
            return rate

        def alone() -> float:
            return trainees.block_rate(trainee, block_s, lead_in=0.0)

        return ratios(take_turns(watched, alone, pairs))


@contextlib.contextmanager
def _watching(what: str) -> Iterator[Callable[[str], None]]:
    """Turns a process "on" and "off" that watches this one and the machine: see benchmarks.watcher."""
    command = [sys.executable, "-m", "benchmarks.watcher", what, str(os.getpid())]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        orders, answers = process.stdin, process.stdout

        def switch(state: str) -> None:
            print(state, file=orders, flush=True)
            if answers.readline().strip() != state:
                raise BrokenError("the watching process has died")

        yield switch  # leaving the block closes its standard input, which ends it
