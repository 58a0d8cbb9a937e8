"""Predictions drawn: the line measured here, the predicted one with its band, how far such ones were off."""

from __future__ import annotations

import json
import re

import pytest

from core.analysis.crossover.prediction import learn, predict
from core.analysis.crossover.prediction_error import Calibration
from core.analysis.crossover.sweep import lines
from core.figures.crossover.prediction import (
    prediction_alt,
    prediction_data,
    prediction_figure,
    prediction_title,
)
from core.figures.crossover.prediction_error import (
    prediction_error_alt,
    prediction_error_data,
    prediction_error_figure,
    prediction_error_title,
)
from core.i18n import english
from tests.predicted import CPU, GPUS, MODELS, SIZES, make_line, make_runs, make_world

HERE = make_line(CPU, MODELS[5])
KNOWN = learn((*lines(make_world((CPU, *GPUS), MODELS[:5])), HERE))
PREDICTED = prediction_data(predict(HERE, make_runs(GPUS[1], MODELS[0])[0], KNOWN), "CPU", "GPU Big")
ERRORS = prediction_error_data(KNOWN.errors)


def _marked(text):
    return f"¤{text}"


def _themed(figure):
    text = figure.to_json()
    layout = json.loads(text)["layout"]
    assert "layout" not in layout["template"]
    assert not {"font", "paper_bgcolor", "plot_bgcolor", "colorway", "title"} & set(layout)
    assert layout["legend"]["orientation"] == "h"
    return len(text)


def test_the_measured_line_and_the_predicted_one_with_its_band():
    figure = prediction_figure(PREDICTED, english)
    names = [trace.name for trace in figure.data if trace.showlegend is not False]
    assert names == ["how far off such predictions were", "GPU Big, predicted", "CPU, measured"]
    band, predicted = figure.data[:2]
    half = len(band.y) // 2
    factor = PREDICTED.prediction.factor
    assert band.y[0] == pytest.approx(predicted.y[0] * factor, rel=1e-4)
    assert band.y[-1] == pytest.approx(predicted.y[0] / factor, rel=1e-4)
    assert band.x[:half] == predicted.x
    assert predicted.x[0] == SIZES[0]
    assert predicted.x[-1] == pytest.approx(SIZES[-1])
    assert predicted.line.dash == "dash"  # not by colour alone
    assert list(figure.data[-1].x) == list(SIZES)
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"
    assert "ms" in "".join(figure.layout.yaxis.ticktext)


def test_title_and_alternative_text_say_predicted():
    title, alt = prediction_title(PREDICTED, english), prediction_alt(PREDICTED, english)
    assert re.match(r"GPU Big, predicted: 3\d.* ms for a step of 4,096 images, within a factor of 1", title)
    assert "GPU Big as predicted, with its band" in alt
    assert "GPU Big with batches of 16: 29" in alt


def test_a_dot_for_each_case_that_was_left_out():
    figure = prediction_error_figure(ERRORS, english)
    assert [trace.name for trace in figure.data] == ["the model left out", "the device left out"]
    assert sum(len(trace.x) for trace in figure.data) == len(KNOWN.errors.cases)
    assert len(ERRORS.rows) == 15
    assert {trace.marker.symbol for trace in figure.data} == {"circle", "diamond"}
    assert figure.layout.xaxis.type == "log"
    assert "1×" in figure.layout.xaxis.ticktext
    assert figure.layout.shapes[0].x0 == 1
    off = [row.off_by for row in ERRORS.rows]
    assert off == sorted(off, reverse=True)


def test_the_errors_title_gives_the_typical_and_the_worst():
    assert prediction_error_title(ERRORS, english).endswith("at worst by 1.5")
    alt = prediction_error_alt(ERRORS, english)
    assert "mlp_32 on NVIDIA Big GPU: 0.67" in alt


def test_without_a_case_there_is_nothing_to_draw():
    data = prediction_error_data(Calibration(()))
    assert len(prediction_error_figure(data, english).data) == 0
    assert prediction_error_title(data, english) == "No prediction could be tested on measured runs yet"
    assert prediction_error_alt(data, english).endswith("–.")


def test_names_from_outside_are_text():
    data = prediction_data(PREDICTED.prediction, "<b>CPU</b>", "<img src=x>")
    assert "<img" not in prediction_figure(data, english).to_json()
    assert "<b>" not in prediction_title(data, english)


def test_small_themed_by_the_front_end_and_translated():
    for figure, words in (
        (prediction_figure(PREDICTED, _marked), (prediction_title, prediction_alt)),
        (prediction_error_figure(ERRORS, _marked), (prediction_error_title, prediction_error_alt)),
    ):
        assert _themed(figure) < 10_000
        data = PREDICTED if words[0] is prediction_title else ERRORS
        shown = [trace.name for trace in figure.data if trace.showlegend is not False]
        shown += [axis.title.text for axis in (figure.layout.xaxis, figure.layout.yaxis) if axis.title.text]
        shown += [word(data, _marked) for word in words]
        assert [text for text in shown if not text.startswith("¤")] == []
