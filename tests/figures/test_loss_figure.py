from __future__ import annotations

import dataclasses

import pytest

from core.figures.loss import loss_alt, loss_data, loss_figure, loss_title
from core.i18n import english
from tests.builders import make_gpu_result, make_result, make_spec


def test_block_means_over_the_images_seen_without_extra_blocks():
    figure = loss_figure([make_result(), make_gpu_result()], english)
    assert [trace.name for trace in figure.data] == ["CPU", "GPU Test GPU"]
    assert len(figure.data[0].x) == 15
    assert figure.data[0].x[:3] == (160, 480, 768)
    assert figure.data[0].y[:2] == pytest.approx((2.3, 2.07))
    assert figure.layout.xaxis.title.text == "Images seen"
    assert figure.layout.yaxis.title.text == "Training loss"


def test_equal_curves_can_both_be_seen():
    first, second = loss_figure([make_result(), make_gpu_result()], english).data
    assert first.line.width > second.line.width
    assert first.line.color != second.line.color


def test_the_title_says_whether_the_work_was_the_same():
    assert "agree" in loss_title(loss_data([make_result(), make_gpu_result()]), english)
    parted = make_gpu_result(first_losses=(9.0, 8.0))
    assert "part" in loss_title(loss_data([make_result(), parted]), english)
    assert loss_title(loss_data([make_result()]), english) == "The loss goes from 2.3 to 0.526 (CPU)"
    other = make_gpu_result(spec=make_spec(batch_size=128, device="cuda:0"))
    assert loss_data([make_result(), other]).agreement == "not_checked"
    assert "0.526 (GPU Test GPU)" in loss_alt(loss_data([make_result(), make_gpu_result()]), english)


def test_a_diverged_run_stops_where_its_loss_does():
    blocks = tuple(
        dataclasses.replace(b, loss=None) if i > 3 else b for i, b in enumerate(make_result().blocks)
    )
    (curve,) = loss_data([make_result(blocks=blocks)]).curves
    assert len(curve.losses) == len(curve.images) == 4
