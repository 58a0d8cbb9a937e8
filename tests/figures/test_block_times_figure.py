from __future__ import annotations

import pytest

from core.figures.block_times import block_times_alt, block_times_data, block_times_figure, block_times_title
from core.i18n import english
from tests.builders import make_blocks, make_gpu_result, make_result, make_uniform_blocks


def test_every_block_is_a_point_at_its_middle():
    result = make_result()
    figure = block_times_figure([result, make_gpu_result()], english)
    assert [trace.name for trace in figure.data] == ["CPU", "GPU Test GPU"]
    first = result.blocks[0]
    assert len(figure.data[0].x) == len(result.blocks)
    assert figure.data[0].x[0] == pytest.approx(first.start_s + first.duration_s / 2)
    assert figure.data[0].y[0] == pytest.approx(1000 * first.duration_s / first.samples)
    assert figure.data[0].text[0] == "6.25 s"
    assert figure.layout.xaxis.title.text == "Time since the job's start (s)"
    assert figure.layout.yaxis.title.text == "Seconds per 1,000 images"


def test_a_logarithmic_axis_only_for_setups_far_apart():
    near, far = make_gpu_result(), make_gpu_result(blocks=make_blocks(0.01))
    assert block_times_figure([make_result(), near], english).layout.yaxis.type is None
    assert block_times_figure([make_result(), far], english).layout.yaxis.type == "log"


def test_title_and_alternative_text():
    data = block_times_data([make_result(blocks=make_uniform_blocks([1.0, 2.0, 3.0])), make_gpu_result()])
    assert block_times_title(data, english) == (
        "The middle half of the block times spreads over 50 % (CPU), 1 % (GPU Test GPU)"
    )
    assert "Blocks: 3 (CPU), 16 (GPU Test GPU)" in block_times_alt(data, english)
