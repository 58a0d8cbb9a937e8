from __future__ import annotations

import pytest

from core.analysis.anatomy import inflation, stage_seconds
from core.records import Anatomy, StageTimes
from tests.builders import make_anatomy, make_result


def test_the_median_of_each_stage():
    found = stage_seconds(make_result())
    assert list(found) == ["load", "copy", "forward", "backward", "optimiser"]
    assert found["backward"] == pytest.approx(0.24)
    assert stage_seconds(make_result(anatomy=None)) == {}
    assert stage_seconds(make_result(anatomy=Anatomy("host", (StageTimes("load", ()),)))) == {}


def test_inflation_compares_whole_steps_with_the_clean_loop():
    found = inflation(make_result())
    assert found.value == pytest.approx(0.44 / 0.4, rel=0.01)
    assert found.low <= found.value <= found.high


def test_inflation_needs_both_passes():
    assert inflation(make_result(anatomy=None)) is None
    assert inflation(make_result(blocks=())) is None
    assert inflation(make_result(anatomy=Anatomy("host", ()))) is None
    assert inflation(make_result(anatomy=make_anatomy((0.0, 0.0, 0.0, 0.0, 0.0)))) is None
