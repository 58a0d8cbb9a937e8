"""Devices that aren't here: predicted with a band, or why not; and nothing is read before it is asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pages._crossover import predictions_view
from tests.pages.reading import errors, has_chinese, texts
from tests.predicted import GPUS, MODELS, Fake, make_runs, make_world

_PAGE = "pages/crossover.py"
HERE = Fake("Test CPU", 1e11)  # the machine's own processor
NEW, REST = MODELS[5], MODELS[:5]


def _visit(dashboard, locale="en-US", opened=True):
    visitor = dashboard.visit(locale, _PAGE, model=NEW.name)
    if opened:
        visitor.session_state[predictions_view.SECTION] = True
        visitor.run()
    assert not visitor.exception
    return visitor


def _keep(dashboard, *runs):
    for run in runs:
        dashboard.keep(replace(run, job_id=f"job-{run.id}"))


@pytest.fixture
def at_home(dashboard):
    """Every model swept on this machine's processor."""
    _keep(dashboard, *make_world((HERE,), (*REST, NEW)))
    return dashboard


def test_nothing_is_looked_for_before_it_is_opened(at_home, monkeypatch):
    monkeypatch.setattr(predictions_view, "learn", None)  # would raise
    visitor = _visit(at_home, opened=False)
    assert "Devices that I don't have" in [item.label for item in visitor.expander]


def test_without_another_device_it_says_what_to_do(at_home):
    visitor = _visit(at_home)
    assert "No other device with measured limits is known here." in str([item.value for item in visitor.info])
    assert "No prediction could be tested on measured runs yet" in texts(visitor)


def test_a_recorded_device_is_predicted_and_said_to_be(at_home):
    at_home.record(*make_world(GPUS, REST))
    visitor = _visit(at_home)
    shown = texts(visitor)
    assert "GPU Big GPU · recorded, predicted: a step of 16 images in 292 µs" in shown.replace("\\", "")
    assert "All 10 tested predictions of this kind were within a factor of 1" in shown
    assert "faster than this machine at every batch size that was measured here" in shown
    assert "Tested on measured runs, predictions were typically off by a factor of" in shown
    keys = [chart.proto.id.rsplit("-", 1)[0] for chart in visitor.get("plotly_chart")]
    assert sum("prediction" in key for key in keys) == 3  # two devices, and the errors
    assert len(errors(visitor)) == 0


def test_a_device_that_nothing_vouches_for_is_refused(at_home):
    at_home.record(*make_runs(GPUS[1], REST[0]))
    shown = texts(_visit(at_home))
    assert "no prediction. Whether a prediction for NVIDIA Big GPU could be trusted isn't known" in shown
    assert "predicted: a step" not in shown


def test_in_chinese(at_home):
    at_home.record(*make_world(GPUS, REST))
    visitor = _visit(at_home, "zh-CN")
    assert len(visitor.get("plotly_chart")) >= 3
    assert has_chinese(texts(visitor))
