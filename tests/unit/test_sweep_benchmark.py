"""The sweep's and the cells' benchmarks: when what was known, without timing anything."""

from __future__ import annotations

import pytest

from benchmarks import cells
from benchmarks.pairing import BrokenError
from benchmarks.sweep import Watch, told
from core.records import Setup
from core.runs.store import Store
from core.runs.sweeping.sweep import Progress, SweepSpec
from tests.sweeps import BATCHES, make_grid

ONE, TWO = Setup(threads=1), Setup(threads=2)
END = Progress(SweepSpec(("mlp",), BATCHES, (ONE, TWO)), done=True)


def _watched(one, two, sizes=BATCHES[::2]):
    """A point each second, from the ends inwards as a sweep does it."""
    runs = [make_grid(*one, ONE, sizes), make_grid(*two, TWO, sizes)]
    order = sorted(range(len(sizes)), key=lambda i: min(i, len(sizes) - 1 - i))
    watch, seen = Watch("mlp", (ONE, TWO)), []
    for second, place in enumerate(order, 1):
        seen += [grid[place] for grid in runs]
        watch.look(tuple(seen), float(second))
    return watch


def test_the_first_estimate_and_the_narrow_one_are_told_with_their_seconds():
    watch = _watched((1e-4, 10e-6), (11e-4, 5e-6))
    assert watch.crossed_s is not None
    assert 3 <= watch.crossed_s <= watch.narrow_s <= 5
    rows = {row.name.split(": ")[1]: row for row in told(watch, END)}
    assert rows["first crossing estimate"].values == (watch.crossed_s,)
    assert rows["half the interval at the end"].median < 10
    assert rows["within +-10 %"].met
    assert watch.last.batch_size.low < 200 < watch.last.batch_size.high


def test_without_a_crossing_the_first_answer_is_told():
    watch = _watched((1e-4, 10e-6), (2e-4, 20e-6))
    [row] = told(watch, END)
    assert row.name.endswith("first answer")
    assert row.remark == "no crossing; faster: baseline"
    assert row.values == (watch.answered_s,)


def test_a_sweep_that_measured_nothing_breaks_the_benchmark():
    with pytest.raises(BrokenError):
        list(told(Watch("mlp", (ONE, TWO)), END))


def test_the_cells_are_what_was_asked_for(tmp_path):
    cells.fill(tmp_path / "cells.sqlite3", 50)
    store = Store(f"sqlite:///{tmp_path / 'cells.sqlite3'}")
    rows = store.swept("train", "digits")
    store.close()
    assert len(rows) == 50
    assert rows[0].model == "mlp"
    assert len({(row.model, row.batch_size, row.setup) for row in rows}) == 50
