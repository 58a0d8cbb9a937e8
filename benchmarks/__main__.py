"""`python -m benchmarks [NAME ...] [--quick]`: measure, and say which goals are met.

A missed goal is no error: the exit code is 0 unless a benchmark itself breaks.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from benchmarks.pairing import HEADER, Row
from core.hardware import cpu

# Loaded when its turn comes: torch beside the benchmarks of the dashboard would only be in the way.
BENCHMARKS = {
    "loop": "loop.run",
    "feeds": "feeds.run",
    "server": "server.run",
    "live": "live.run",
    "visitors": "crowd.run",
    "sampler": "sampler.run",
    "monitor": "monitor.run",
    "store": "store.run",
    "sequence": "sequence.run",
    "same": "calibration.same_against_itself",
    "known": "calibration.known_ratios",
    "disturbed": "calibration.disturbed",
    "ladder": "ladder.run",
    "sweep": "sweep.run",
    "cells": "cells.run",
    "cluster": "cluster.run",
    "peers": "peers.contest.run",
    "load": "load.run",
    "rush": "rush.run",
    "hostile": "hostile.run",
    "killed": "killed.run",
    "full_disk": "full_disk.run",
    "gpu": "gpu.run",
}
ONLY_BY_NAME = {"gpu"}  # which most machines lack
NOT_QUICK = ONLY_BY_NAME | {
    "visitors",
    "monitor",
    "same",
    "known",
    "disturbed",
    "ladder",
    "sweep",
    "cells",
    "cluster",
    "peers",
    "load",
    "rush",
    "hostile",
    "killed",
}  # jobs, phases, other libraries, thousands of files, servers that are killed


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(BENCHMARKS)}")
    parser.add_argument(
        "--quick", action="store_true", help="a few repeats: does it work? The numbers are worth nothing"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - BENCHMARKS.keys():
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped on the way out
    left_out = NOT_QUICK if arguments.quick else ONLY_BY_NAME
    wanted = arguments.names or [name for name in BENCHMARKS if name not in left_out]
    print(_machine())
    with tempfile.TemporaryDirectory(prefix="crossover-bench-") as folder:
        missed = sum(_show(name, Path(folder), arguments.quick) for name in wanted)
    print(f"\n{missed} goals missed" if missed else "\nall goals met")


def _show(name: str, folder: Path, quick: bool) -> int:
    """Run one benchmark and print its rows as they come; how many goals were missed."""
    print(f"\n{name:10}{HEADER[10:]}", flush=True)
    started, missed = time.monotonic(), 0
    for row in _benchmark(name)(folder, quick):
        print(row, flush=True)
        missed += not row.met
    print(f"({time.monotonic() - started:.0f} s)")
    return missed


def _benchmark(name: str) -> Callable[[Path, bool], Iterator[Row]]:
    module, function = BENCHMARKS[name].rsplit(".", 1)
    found: Callable[[Path, bool], Iterator[Row]] = getattr(
        importlib.import_module(f"benchmarks.{module}"), function
    )
    return found


def _machine() -> str:
    described = cpu.describe()
    cores = f"{described.physical_cores} physical and {described.usable_cores} usable cores"
    there = [name for name in ("torch", "streamlit") if find_spec(name)]
    versions = ", ".join(f"{name} {version(name)}" for name in there)
    return f"{described.model}, {cores}, Python {sys.version.split()[0]}, {versions}"


if __name__ == "__main__":
    main()
