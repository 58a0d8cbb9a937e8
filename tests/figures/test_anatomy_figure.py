from __future__ import annotations

import pytest

from core.figures.anatomy import anatomy_alt, anatomy_data, anatomy_figure, anatomy_title
from core.i18n import english
from core.records import Anatomy, StageTimes
from tests.builders import make_gpu_result, make_result, make_spec


def test_one_stacked_bar_for_each_setup():
    figure = anatomy_figure([make_result(), make_gpu_result()], english)
    assert [trace.name for trace in figure.data] == ["load", "copy", "forward", "backward", "optimiser"]
    assert figure.data[3].y == ("CPU", "GPU Test GPU")
    assert figure.data[3].x == pytest.approx((240, 45))
    assert figure.layout.barmode == "stack"
    assert figure.layout.xaxis.title.text == "Time per step (ms)"


def test_setups_with_different_stages_share_the_picture():
    back = Anatomy("device", (StageTimes("forward", (0.01,)), StageTimes("copy_back", (0.002,))))
    figure = anatomy_figure([make_result(), make_gpu_result(anatomy=back)], english)
    traces = {trace.name: trace for trace in figure.data}
    assert traces["copy back"].y == ("GPU Test GPU",)
    assert traces["forward"].y == ("CPU", "GPU Test GPU")
    assert traces["load"].y == ("CPU",)


def test_the_title_names_the_longest_stage():
    data = anatomy_data([make_result(), make_gpu_result()])
    assert anatomy_title(data, english) == (
        "The longest stage of a step: backward 240 ms (CPU), backward 45 ms (GPU Test GPU)"
    )


def test_the_alternative_text_gives_the_inflation_with_its_interval():
    text = anatomy_alt(anatomy_data([make_result()]), english)
    assert "1.100×, 1.0" in text
    assert "separate pass" in text
    without_blocks = anatomy_data([make_result(blocks=(), spec=make_spec())])
    assert "clean one: – (CPU)" in anatomy_alt(without_blocks, english)
