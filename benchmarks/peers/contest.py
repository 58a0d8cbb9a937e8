"""The peers, their cases and the turns they take. It must not know how any of them trains."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.pairing import BrokenError, Row, take_turns
from benchmarks.peers import table
from benchmarks.peers.best import best_setup
from benchmarks.peers.process import GoneError, Process
from benchmarks.peers.table import Measured, Outcome, Pairs
from benchmarks.servers import ROOT
from core.hardware import cpu


@dataclass(frozen=True)
class Peer:
    """A module of this package, started under the interpreter that has its library."""

    words: tuple[str, ...]  # its module and that module's arguments
    models: tuple[str, ...]
    built_in: bool = False  # needs no more than this project does


_ALL, _SMALL, _MLP = ("mlp", "cnn", "resnet18"), ("mlp", "cnn"), ("mlp",)
OURS = Peer(("ours",), _ALL, built_in=True)
PEERS = {
    table.ARTICLE: Peer(("article",), _ALL, built_in=True),
    table.SKLEARN: Peer(("sklearn",), _MLP, built_in=True),
    table.LIGHTNING: Peer(("lightning",), _ALL),
    "Lightning, batches by index": Peer(("lightning", "indexed"), _MLP),
    "Keras on torch": Peer(("keras", "torch"), _SMALL),
    "Keras on JAX": Peer(("keras", "jax"), _SMALL),
    "JAX": Peer(("jax",), _SMALL),
    table.TINYGRAD: Peer(("tinygrad",), _MLP),
}
CASES = (("mlp", 16), ("mlp", 64), ("mlp", 256), ("mlp", 1024), ("cnn", 64), ("resnet18", 64))
_QUICK_CASES = (("mlp", 256),)
_BF16_FROM = 256  # the batch of `mlp` from which on there is a goal for it


@dataclass(frozen=True)
class Turns:
    """How long each trains at a time, and how many times beside each other."""

    seconds: float
    pairs: int

    def take(self, ours: Process, other: Process) -> Pairs:
        """Images per second of both, neighbours in time. Raises GoneError where the other one fails."""

        def mine() -> float:
            try:
                return ours.rate(self.seconds)
            except GoneError as problem:
                raise BrokenError(f"ours: {problem}") from problem

        return take_turns(mine, lambda: other.rate(self.seconds), self.pairs)


def run(folder: Path, quick: bool) -> Iterator[Row]:
    """The rows of every case; a peer that can't be measured gives one with the reason."""
    turns = Turns(0.05, 2) if quick else Turns(0.2, 5)
    with contextlib.ExitStack() as stack:
        ours, in_bf16 = (Process(command(OURS), folder / name) for name in ("ours", "ours-bf16"))
        others = {name: Process(command(peer), folder / name) for name, peer in PEERS.items()}
        everyone = (*others.values(), ours, in_bf16)
        for ending in (Process.close, Process.dismiss):  # all are dismissed before the first is waited for
            for item in everyone:
                stack.callback(ending, item)
        for item in everyone:  # loading their libraries side by side
            with contextlib.suppress(GoneError):  # told when its first case comes
                item.start()
        for model, batch in _QUICK_CASES if quick else CASES:
            entered = {name: others[name] for name, peer in PEERS.items() if model in peer.models}
            outcome = contest(model, batch, ours, entered, turns)
            if model == "mlp" and batch >= _BF16_FROM and _has_bf16() and table.ARTICLE in outcome.peers:
                outcome = with_bf16(outcome, in_bf16, others[table.ARTICLE], turns)
            yield from table.rows(outcome)


def contest(model: str, batch: int, ours: Process, others: Mapping[str, Process], turns: Turns) -> Outcome:
    """Ours beside each of them, one after the other. All are ready before the first turn is taken."""
    ways: dict[str, str] = {}
    gone: dict[str, str] = {}
    peers: dict[str, Measured] = {}
    for name, other in others.items():
        try:
            ways[name] = other.prepare(model, batch)
        except GoneError as problem:
            gone[name] = str(problem)
    setup = prepared(ours, model, batch, "fp32")
    for name, way in ways.items():
        try:
            peers[name] = Measured(f"{others[name].version}: {way}", turns.take(ours, others[name]))
        except GoneError as problem:
            gone[name] = str(problem)
    return Outcome(model, batch, setup, peers, gone)


def with_bf16(outcome: Outcome, ours: Process, article: Process, turns: Turns) -> Outcome:
    """The case with ours in bf16 beside the article's loop, which is ready for it."""
    setup = prepared(ours, outcome.model, outcome.batch, "bf16")
    try:
        return replace(outcome, bf16=Measured(setup, turns.take(ours, article)))
    except GoneError as problem:
        return replace(outcome, gone=outcome.gone | {table.ARTICLE: str(problem)})


def prepared(ours: Process, model: str, batch: int, precision: str) -> str:
    """Let ours be ready with its best setup; what that is. Raises BrokenError where it can't."""
    setup = best_setup(model, batch, precision, ours)
    try:
        return ours.prepare(model, batch, setup)
    except GoneError as problem:
        raise BrokenError(f"ours, {setup}: {problem}") from problem


def command(peer: Peer) -> list[str]:
    """How it is started. CROSSOVER_PEERS_PYTHON: another interpreter than that of `make bench`."""
    default = str(ROOT / ".venv-peers" / "bin" / "python")
    python = sys.executable if peer.built_in else os.environ.get("CROSSOVER_PEERS_PYTHON", default)
    return [python, "-m", "benchmarks.peers", *peer.words]


def _has_bf16() -> bool:
    return any("bf16" in name for name in cpu.describe().isa)
