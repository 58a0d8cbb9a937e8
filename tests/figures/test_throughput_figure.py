from __future__ import annotations

import pytest

from core.figures.throughput import throughput_alt, throughput_data, throughput_figure, throughput_title
from core.i18n import english
from tests.builders import make_blocks, make_gpu_result, make_result, make_spec, make_uniform_blocks


def test_a_bar_with_its_interval_for_each_setup():
    half = make_gpu_result(spec=make_spec(device="cuda:0", precision="bf16"))
    results = [make_result(), half]
    data, figure = throughput_data(results), throughput_figure(results, english)
    assert [trace.name for trace in figure.data] == ["CPU · fp32", "GPU Test GPU · bf16"]
    assert figure.data[1].y == ("GPU Test GPU<br>bf16",)
    for trace, rate, expected in zip(figure.data, data.rates, (160, 640), strict=True):
        known = rate.samples_per_s
        assert trace.x[0] == pytest.approx(expected, rel=0.01)
        assert trace.x[0] + trace.error_x.array[0] == pytest.approx(known.high)
        assert trace.x[0] - trace.error_x.arrayminus[0] == pytest.approx(known.low)
    assert figure.data[0].text == ("160 images/s",)
    assert figure.layout.xaxis.title.text == "Images per second"


def test_the_title_names_a_winner_only_when_the_intervals_allow_it():
    assert throughput_title(throughput_data([make_result()]), english) == "CPU processes 160 images/s"
    fast = throughput_data([make_result(), make_gpu_result()])
    assert throughput_title(fast, english) == "GPU Test GPU is fastest: 640 images/s"
    alike = make_gpu_result(blocks=make_blocks(0.399))
    assert "close" in throughput_title(throughput_data([make_result(), alike]), english)


def test_the_alternative_text_gives_the_intervals():
    text = throughput_alt(throughput_data([make_result()]), english)
    assert "160 images/s, between 159 and 161 (CPU)" in text


def test_a_run_without_an_interval_is_left_out_but_keeps_the_others_colours():
    results = [make_result(id="short", blocks=make_uniform_blocks([1.0])), make_result()]
    figure = throughput_figure(results, english)
    assert [trace.name for trace in figure.data] == ["CPU (2)"]
    assert figure.data[0].marker.color != throughput_figure([make_result()], english).data[0].marker.color
