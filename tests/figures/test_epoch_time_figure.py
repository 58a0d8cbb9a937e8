from __future__ import annotations

import dataclasses

import pytest

from core.figures.epoch_time import epoch_time_alt, epoch_time_data, epoch_time_figure, epoch_time_title
from core.i18n import english
from tests.builders import make_epochs, make_gpu_result, make_result


def _cut_short():
    """One epoch and two blocks of the second; the third never began."""
    whole = make_result(status="out_of_time")
    part = dataclasses.replace(make_epochs(2)[1], samples=640)
    return dataclasses.replace(whole, blocks=whole.blocks[:7], epochs=(whole.epochs[0], part))


def test_measured_epochs_are_bars():
    figure = epoch_time_figure([make_result(), make_gpu_result()], english)
    assert [trace.name for trace in figure.data] == ["CPU", "GPU Test GPU"]
    assert figure.data[0].x == (1, 2, 3)
    assert figure.data[0].y == pytest.approx([8.8] * 3, rel=0.01)
    assert figure.data[1].y == pytest.approx([2.2] * 3, rel=0.01)
    assert figure.data[0].marker.pattern.shape == ""
    assert figure.layout.xaxis.title.text == "Epoch"
    assert figure.layout.yaxis.title.text == "Time per epoch (s)"


def test_projected_epochs_are_hatched_and_named_so():
    figure = epoch_time_figure([_cut_short()], english)
    assert [(trace.name, trace.x, trace.marker.pattern.shape) for trace in figure.data] == [
        ("CPU", (1,), ""),
        ("CPU, projected", (2, 3), "/"),
    ]
    assert figure.data[0].offsetgroup == figure.data[1].offsetgroup


def test_the_title_says_what_is_projected():
    found = make_result()
    projected = make_gpu_result(blocks=make_gpu_result().blocks[:3], epochs=())
    assert epoch_time_title(epoch_time_data([found, projected]), english) == (
        "One epoch takes 8.8 s (CPU), 2.21 s projected (GPU Test GPU)"
    )
    assert "hatched" in epoch_time_alt(epoch_time_data([found]), english)
