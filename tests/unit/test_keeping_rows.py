"""What the history lists is what the summary says."""

from __future__ import annotations

import pytest

from core.analysis.quality import quality
from core.analysis.summary import summarise
from core.runs.queue.keeping import Keeper
from core.runs.store import Store
from tests.builders import make_blocks, make_result


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"blocks": make_blocks(epochs=3, extra=4), "epochs": ()},
        {"blocks": make_blocks()[:1]},
        {"blocks": (), "data": None},
    ],
)
def test_a_stored_run_is_listed_with_its_summary(changes):
    store, result = Store("sqlite://"), make_result(**changes)
    try:
        assert Keeper(store).results([result]) is None
        (row,) = store.history()
    finally:
        store.close()
    found = summarise(result)
    rate, epoch = found.samples_per_s, found.epoch_s
    assert row.samples_per_s == (pytest.approx(rate.value) if rate else None)
    assert row.epoch_s == (pytest.approx(epoch.value) if epoch else None)
    assert row.test_accuracy == found.test_accuracy
    assert row.quality == quality(result).badge
