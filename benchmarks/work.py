"""The job that the benchmarks run: the dashboard's default one, or a tiny one for a smoke run."""

from __future__ import annotations


def dataset(quick: bool) -> str:
    return "synthetic:1x28x28,images=4096" if quick else "digits"


def address(quick: bool, **changes: object) -> str:
    """The page's parameters for a job of one epoch, over after seconds.

    Devices are named, so that the job is the same on a machine with a GPU.
    """
    devices = "cpu/1" if quick else "cpu/1,cpu"
    parameters = {"dataset": dataset(quick), "devices": devices, "epochs": 1, "max_seconds": 1} | changes
    return "&".join(f"{name}={value}" for name, value in parameters.items())
