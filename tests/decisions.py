"""Constructed candidates with round numbers. Nothing here was ever measured."""

from __future__ import annotations

from typing import Any

from core.analysis.crossover.sweep import cell_of
from core.analysis.decide.candidates import Candidate
from core.analysis.leaderboard import Hardware
from core.records import Estimate, RunResult, Setup
from tests.sweeps import make_sweep_result


def make_candidate(result: RunResult, seconds: Estimate, **changes: Any) -> Candidate:
    work = result.spec.workload
    fields: dict[str, Any] = {
        "device": Hardware("Test CPU", 8.0),
        "software": "torch 2.13.0",
        "source": "measured",
        "result": result,
        "batch_size": work.batch_size,
        "seconds_per_image": seconds,
        "start_s": 40.0,
        "power_w": 100.0,
        "no_energy": None,
        "doubtful": False,
        "cells": (cell_of(result),),
    }
    return Candidate(**{**fields, **changes})


def slow_cpu(**changes: Any) -> Candidate:
    """1 ms an image (0.8 to 1.2), 40 s to start, 100 W."""
    return make_candidate(make_sweep_result(64, 0.064), Estimate(0.001, 0.0008, 0.0012), **changes)


def fast_gpu(**changes: Any) -> Candidate:
    """0.1 ms an image (0.09 to 0.11), 20 s to start, 300 W."""
    fields = {"device": Hardware("NVIDIA Test GPU"), "start_s": 20.0, "power_w": 300.0, **changes}
    result = make_sweep_result(64, 0.0064, Setup(device="cuda:0"))
    return make_candidate(result, Estimate(0.0001, 0.00009, 0.00011), **fields)
