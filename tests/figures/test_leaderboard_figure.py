from __future__ import annotations

import json

import pytest

from core.analysis.leaderboard import board
from core.figures.leaderboard import (
    device_labels,
    leaderboard_alt,
    leaderboard_data,
    leaderboard_figure,
    leaderboard_title,
    place_words,
    setup_label,
)
from core.i18n import english
from core.records import Device
from tests.builders import (
    make_blocks,
    make_cpu,
    make_environment,
    make_gpu_result,
    make_machine,
    make_result,
)


def on(name, step_s=0.1, **changes):
    environment = make_environment(device=Device("cuda:0", name, f"GPU-{name}", 16 * 2**30, "9.0"))
    whole = {"id": name, "job_id": name, "environment": environment, "telemetry": None}
    return make_gpu_result(**(whole | {"blocks": make_blocks(step_s)} | changes))


def cpu(model="AMD EPYC 9454 48-Core Processor", **changes):
    environment = make_environment(make_machine(cpu=make_cpu(model=model)))
    return make_result(
        **({"id": "cpu", "job_id": "cpu", "environment": environment, "telemetry": None} | changes)
    )


def titled(*runs):
    return leaderboard_title(leaderboard_data(board(runs)), english)


def test_a_dot_with_its_interval_for_each_device_the_fastest_first():
    found = board([cpu(), on("NVIDIA H200", origin="recorded")])
    figure = leaderboard_figure(found, english)
    assert [trace.name for trace in figure.data] == ["GPU H200 · recorded", "AMD EPYC 9454 · 16 cores"]
    assert [trace.y for trace in figure.data] == [
        ("1 · GPU H200<br>recorded",),
        ("2 · AMD EPYC 9454<br>16 cores",),
    ]
    for trace, entry, expected in zip(figure.data, found.entries, (640, 160), strict=True):
        assert trace.x[0] == pytest.approx(expected, rel=0.01)
        assert trace.x[0] + trace.error_x.array[0] == pytest.approx(entry.rate.high)
        assert trace.x[0] - trace.error_x.arrayminus[0] == pytest.approx(entry.rate.low)
    assert [trace.marker.symbol for trace in figure.data] == [
        "circle-open",
        "circle",
    ]  # recorded; measured here
    assert figure.layout.xaxis.title.text == "Images per second"


def test_far_apart_devices_are_drawn_on_a_logarithmic_axis_with_whole_numbers():
    near = leaderboard_figure(board([on("a", 0.1), on("b", 0.5)]), english)
    assert (near.layout.xaxis.type, near.layout.xaxis.rangemode) == (None, "tozero")
    found = board([on("a", 0.001), on("b", 0.5)])
    far = leaderboard_figure(found, english)
    assert far.layout.xaxis.type == "log"
    assert far.layout.xaxis.ticktext == ("100", "1,000", "10,000", "100,000")
    assert [trace.textposition for trace in far.data] == ["top left", "top right"]
    assert "logarithmic" in leaderboard_alt(leaderboard_data(found), english)


@pytest.mark.parametrize(
    ("steps", "title"),
    [
        ([0.1], "GPU 0 processes 640 images/s"),
        ([0.1, 0.4], "GPU 0 is fastest: 4.00× as fast as the next (3.96–4.04)"),
        ([0.1, 0.1002, 0.4], "Places 1 to 2 can't be told apart"),
        ([0.1, 0.1002, 0.1001], "Places 1 to 3 can't be told apart"),
    ],
)
def test_the_title_names_a_winner_only_where_the_intervals_allow_it(steps, title):
    assert titled(*(on(f"GPU {i}", step) for i, step in enumerate(steps))) == title


def test_the_title_says_which_places_after_the_first_are_open():
    title = titled(on("GPU A", 0.1), on("GPU B", 0.4), on("GPU C", 0.4002))
    assert title.startswith("GPU A is fastest: ")
    assert title.endswith("; places 2 to 3 can't be told apart")


def test_a_winner_that_isnt_from_here_is_called_so_in_the_title():
    assert titled(on("GPU A", origin="imported")).startswith("GPU A · imported ")


def test_the_alternative_text_gives_places_intervals_and_setups():
    text = leaderboard_alt(leaderboard_data(board([on("NVIDIA H200"), cpu()])), english)
    assert "mlp on digits, batch 64, 3 epochs" in text
    assert "place 2, 160 images/s, between 159 and 161, from 1 run: CPU · best thread count · fp32" in text
    assert "(GPU H200)" in text


def test_labels_are_different_short_and_without_markup():
    runs = [on("NVIDIA <a href='x'>T4</a>"), on("NVIDIA A"), on("A", 0.2), cpu(model="<b>" + "x" * 300)]
    labels = device_labels(board(runs).entries, english)
    assert len(set(labels)) == len(labels)
    assert not any("<" in label for label in labels)
    assert max(map(len, labels)) < 60


def test_setups_and_places_in_words():
    first, second, third = board([on("a"), on("b", 0.1002), cpu()]).entries
    assert [place_words(entry) for entry in (first, second, third)] == ["1–2", "1–2", "3"]
    assert setup_label(first, english) == "GPU a · fp32 · data resident"


def test_nothing_to_draw_is_an_empty_figure_and_said():
    data = leaderboard_data(board([]))
    assert len(leaderboard_figure(board([]), english).data) == 0
    assert leaderboard_title(data, english) == "No device has a rate for this workload yet"
    assert "{" not in leaderboard_alt(data, english)


def test_every_text_is_translated_and_the_front_end_may_theme_it():
    def marked(text):
        return f"¤{text}"

    found = board([on("a"), cpu()])
    assert leaderboard_title(leaderboard_data(found), marked).startswith("¤")
    assert leaderboard_alt(leaderboard_data(found), marked).startswith("¤")
    drawn = json.loads(leaderboard_figure(found, marked).to_json())
    assert drawn["layout"]["xaxis"]["title"]["text"].startswith("¤")
    assert "layout" not in drawn["layout"]["template"]
    assert not {"font", "paper_bgcolor", "plot_bgcolor", "colorway", "title"} & set(drawn["layout"])
