from __future__ import annotations

import dataclasses

import pytest

from core.figures.accuracy import accuracy_alt, accuracy_data, accuracy_figure, accuracy_title
from core.i18n import english
from tests.builders import make_epochs, make_gpu_result, make_result


def test_accuracy_in_per_cent_after_each_epoch():
    figure = accuracy_figure([make_result(), make_gpu_result(epochs=make_epochs(2))], english)
    assert [(trace.name, trace.x) for trace in figure.data] == [("CPU", (1, 2, 3)), ("GPU Test GPU", (1, 2))]
    assert figure.data[0].y == pytest.approx((75, 80, 85))
    assert figure.data[0].text[0] == "75 % of 360 images"
    assert figure.layout.xaxis.title.text == "Epoch"
    assert figure.layout.yaxis.title.text == "Test accuracy (%)"


def test_the_title_gives_the_last_one():
    data = accuracy_data([make_result(), make_gpu_result(epochs=make_epochs(2))])
    assert accuracy_title(data, english) == "Test accuracy at the end: 85 % (CPU), 80 % (GPU Test GPU)"
    assert "85 % (CPU)" in accuracy_alt(data, english)


def test_epochs_without_a_test_leave_a_gap():
    first, second, third = make_epochs(3)
    epochs = (first, dataclasses.replace(second, test_accuracy=None), third)
    assert accuracy_data([make_result(epochs=epochs)]).curves[0].epochs == (1, 3)
