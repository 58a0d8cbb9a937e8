"""A peer's side: orders as lines on standard input, answers as JSON lines on standard output.

    (started)                       {"ready": what it is, and its version}
    prepare MODEL BATCH [SETUP]     built and warmed up: {"ready": how it trains}
    go SECONDS                      trained for about so long: {"images": n, "seconds": s}

A peer that can't do it dies; the last line on its standard error is the reason. Between two orders it waits,
so that only one of them works at a time. Knows no library: it is imported under each peer's interpreter.
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

Go = Callable[[float], tuple[int, float]]  # seconds wanted -> images trained, seconds that they took
Train = Callable[[int], float]  # so many steps -> the seconds that they took
Prepared = tuple[str, Go]  # how it trains, in a few words, and the training

# Untimed steps before each turn: caches fill, threads wake.
_LEAD_IN_S = 0.05


def serve(module: str) -> None:
    """Follow orders until standard input ends.

    A peer is a module with LIBRARY (what it is, and its version) and `prepare(model, batch, setup)`, which
    gives `Prepared`; the setup is "" for all but this project's own.
    """
    answers = _claim_stdout()  # before its library has a chance to print
    peer = importlib.import_module(module)

    def answer(**fields: Any) -> None:
        answers.write(json.dumps(fields, allow_nan=False) + "\n")
        answers.flush()

    answer(ready=peer.LIBRARY)
    go: Go | None = None
    for line in sys.stdin:
        order, *words = line.split()
        if order == "prepare":
            go = None  # what the last one held is freed first
            how, go = peer.prepare(words[0], int(words[1]), " ".join(words[2:]))
            answer(ready=how)
        else:
            assert go is not None, f"{order}: nothing is prepared"
            images, seconds = go(float(words[0]))
            answer(images=images, seconds=seconds)


def by_steps(train: Train, batch: int, chunk: int = 1, most: int | None = None) -> Go:
    """Turns of whole chunks of steps, of at most `most` steps; the pace is known from the turn before."""
    train(chunk)  # whatever is compiled at first use
    pace = train(chunk) / chunk

    def steps_in(seconds: float) -> int:
        steps = max(1, round(seconds / pace / chunk)) * chunk
        return steps if most is None else min(steps, most)

    def go(seconds: float) -> tuple[int, float]:
        nonlocal pace
        lead_in = steps_in(_LEAD_IN_S)
        pace = train(lead_in) / lead_in
        steps = steps_in(seconds)
        took = train(steps)
        pace = took / steps
        return steps * batch, took

    return go


def timed(train: Callable[[int], object]) -> Train:
    """`train` with its seconds, without garbage collection: it would be charged to whoever is at work."""

    def measure(steps: int) -> float:
        gc.disable()
        try:
            started = time.perf_counter()
            train(steps)
            return time.perf_counter() - started
        finally:
            gc.enable()

    return measure


def named(package: str) -> str:
    """The package and its version."""
    return f"{package} {version(package)}"


def _claim_stdout() -> io.TextIOBase:
    """The real standard output for answers alone; whatever a library prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return answers
