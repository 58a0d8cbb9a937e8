"""The benchmarks run and print finite numbers; what the numbers are is no test's business."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS, NOT_QUICK
from benchmarks.pairing import BrokenError, Row, at_least, at_most, take_turns

ROOT = Path(__file__).resolve().parents[2]
# Two processes side by side, for most of the time is spent waiting for servers.
HALVES = [("loop", "feeds", "sampler", "live", "full_disk", "sequence"), ("server", "store")]
NUMBERS = re.compile(r" +(\S+) +(\S+) +(\S+) +(\d+)(?:  (?:<=|>=) \S+ \S+: (?:met|MISSED).*)?$")


def _rows(text: str) -> dict[str, list[tuple[float, ...]]]:
    """The numbers of every row, by the benchmark that printed it."""
    found: dict[str, list[tuple[float, ...]]] = {}
    for line in text.splitlines():
        if re.match(r"\w+ +min +median +max ", line):
            found[line.split()[0]] = []
        elif found and (match := NUMBERS.search(line)):
            found[list(found)[-1]].append(tuple(map(float, match.groups())))
    return found


def test_every_benchmark_prints_finite_numbers():
    assert {name for half in HALVES for name in half} == BENCHMARKS.keys() - NOT_QUICK
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks", "--quick", *names],
            cwd=ROOT,
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
            },  # several wait for each other where others take their cores
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for names in HALVES
    ]
    outputs = [process.communicate() for process in processes]
    for names, process, (told, problems) in zip(HALVES, processes, outputs, strict=True):
        assert process.returncode == 0, told + problems
        rows = _rows(told)
        assert tuple(rows) == names, told
        for name in names:
            assert rows[name], f"{name} printed no row:\n{told}"
            for low, median, high, count in rows[name]:
                assert low <= median <= high, told
                assert math.isfinite(low + high), told
                assert count >= 1, told


def test_turns_are_taken_forth_and_back():
    order = []

    def side(name):
        def measure():
            order.append(name)
            return float(len(order))

        return measure

    assert take_turns(side("a"), side("b"), 3) == [(1.0, 2.0), (4.0, 3.0), (5.0, 6.0)]
    assert "".join(order) == "abbaab"


def test_a_row_says_whether_the_median_reaches_the_goal():
    assert str(Row("speed", (0.9, 1.0, 0.98), at_least(0.98))).split() == [
        *("speed", "0.9000", "0.9800", "1.000", "3", ">=", "0.98", "x:", "met"),
    ]
    assert not Row("size", (9.0, 11.0, 30.0), at_most(10), "kB").met
    assert Row("for information", (9.0,)).met


@pytest.mark.parametrize("values", [(), (1.0, math.nan), (math.inf,)])
def test_a_row_without_finite_numbers_is_a_broken_benchmark(values):
    with pytest.raises(BrokenError):
        Row("nothing", values)
