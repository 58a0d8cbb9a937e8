"""This project's own training, as its worker does it, on a setup given as text: `device=cpu,threads=2`."""

from __future__ import annotations

import contextlib
import time

import torch

from benchmarks.peers import images, protocol
from core.measure import devices
from core.measure.apart import Apart, needed
from core.measure.data import Prepared
from core.measure.trainee import LEAD_IN_S, Trainee
from core.records import RunSpec, Workload
from core.setups import parse_setup

LIBRARY = protocol.named("torch")

_ENDLESS = 10**9
_BUDGET_S = 20.0  # of which warming up and the search for the best thread count take their share
_ENOUGH = 0.8  # of a turn; a block ends where its epoch does
_DEFAULT_THREADS = torch.get_num_threads()
_the_last = contextlib.ExitStack()  # a process apart is ended before the next setup's turn


def _data(model: str) -> Prepared:
    x, y = map(torch.from_numpy, images.load(model))
    return Prepared(x, y, x[:0], y[:0], images.CLASSES, fingerprint="")


def _warmed_up(spec: RunSpec) -> Trainee | Apart:
    _the_last.close()
    devices.load_the_rest()
    kind = Apart if needed(spec.setup) else Trainee
    trainee = kind(spec, _data(spec.workload.model), _DEFAULT_THREADS, time.perf_counter())
    if isinstance(trainee, Apart):
        _the_last.callback(trainee.close)
    trainee.warm_up(_BUDGET_S, None, 0.0)
    return trainee


def prepare(model: str, batch: int, setup: str) -> protocol.Prepared:
    workload = Workload(model, batch_size=batch, epochs=_ENDLESS, learning_rate=images.LEARNING_RATE)
    spec = RunSpec(workload, parse_setup(setup))
    trainee = _warmed_up(spec)

    def go(seconds: float) -> tuple[int, float]:
        trained, took = 0, 0.0
        while took < _ENOUGH * seconds:
            block, _ = trainee.block(seconds - took, lead_in=0.0 if trained else LEAD_IN_S)
            trained, took = trained + block.samples, took + block.duration_s
            if trainee.epoch_complete:
                trainee.end_epoch(max_evaluation_s=0.0)
        return trained, took

    searched = "" if spec.setup.threads else f", threads found best: {trainee.threads}"
    return f"{setup}{searched}", go
