from __future__ import annotations

import pytest

from core.figures.crossover.target_times import (
    target_times_alt,
    target_times_data,
    target_times_figure,
    target_times_title,
)
from core.figures.crossover.time_to_accuracy import (
    point_labels,
    time_to_accuracy_alt,
    time_to_accuracy_data,
    time_to_accuracy_figure,
    time_to_accuracy_title,
)
from core.i18n import english
from core.records import EpochRecord, Setup
from tests.builders import make_spec
from tests.sweeps import make_sweep_result


def learning(batch, per_image_s, accuracies, setup=None, **changes):
    """A run of a sweep that was tested after each epoch of 60,000 images."""
    images = 60_000 // batch * batch
    setup = setup or Setup(threads=2)
    spec = make_spec(batch_size=batch, epochs=20, threads=setup.threads, device=setup.device)
    epochs = tuple(
        EpochRecord(epoch, images // batch, images, 1.0, accuracy, 360, 0.1)
        for epoch, accuracy in enumerate(accuracies, 1)
    )
    fields = {"spec": spec, "epochs": epochs, "id": f"{batch} {setup}", **changes}
    return make_sweep_result(batch, batch * per_image_s, setup, noise=0.001, **fields)


SMALL = learning(64, 30e-6, (0.92, 0.95))
LARGE = learning(4096, 10e-6, [0.5 + i / 50 for i in range(20)])  # never
GPU = learning(4096, 1e-6, (0.5, 0.85, 0.91), Setup("cuda:0"))
RUNS = [SMALL, LARGE, GPU]


def test_a_line_a_point_over_its_own_training_time():
    figure = time_to_accuracy_figure(RUNS, english, 0.9)
    lines, (stars, wanted) = figure.data[:3], figure.data[3:]
    assert [line.name for line in lines] == [
        "CPU · 2 threads · batch 64",
        "CPU · 2 threads · batch 4,096",
        "GPU Test GPU · batch 4,096",
    ]
    assert lines[0].x == pytest.approx((1.8, 3.6), rel=0.01)
    assert lines[0].y == pytest.approx((92, 95))
    assert lines[0].line.color == lines[1].line.color != lines[2].line.color
    assert lines[0].line.dash != lines[1].line.dash == lines[2].line.dash
    assert lines[0].marker.symbol != lines[1].marker.symbol
    assert (stars.name, len(stars.x), stars.y) == ("reached", 2, pytest.approx((92, 91)))
    assert (wanted.name, wanted.line.dash, set(wanted.y)) == ("90 % wanted", "dash", {90.0})
    assert figure.layout.xaxis.type == "log"
    assert "1" in figure.layout.xaxis.ticktext


def test_without_a_star_where_nothing_got_there():
    figure = time_to_accuracy_figure([LARGE], english, 0.99)
    assert [trace.name for trace in figure.data] == ["CPU · batch 4,096", "99 % wanted"]


def test_the_title_says_who_is_first():
    assert time_to_accuracy_title(time_to_accuracy_data(RUNS, 0.9), english) == (
        "First at 90 % test accuracy: GPU Test GPU · batch 4,096, after 172 ms of training"
    )
    alone = time_to_accuracy_title(time_to_accuracy_data([SMALL], 0.9), english)
    assert alone == "90 % test accuracy after 1.8 s of training: CPU · batch 64"
    never = time_to_accuracy_title(time_to_accuracy_data([LARGE], 0.95), english)
    assert never == "95 % test accuracy wasn't reached; the best was 88 % (CPU · batch 4,096)"
    assert "not reached, at best 88 %" in time_to_accuracy_alt(time_to_accuracy_data(RUNS, 0.9), english)


def test_a_row_a_point_with_an_epoch_and_the_whole_way():
    epochs, whole = target_times_figure(RUNS, english, 0.9).data
    assert (epochs.name, whole.name) == ("one epoch", "to 90 % test accuracy")
    assert epochs.marker.symbol != whole.marker.symbol
    assert len(epochs.x) == 3
    assert whole.y == ("CPU<br>2 threads<br>batch 64", "GPU Test GPU<br>batch 4,096")
    assert min(*whole.error_x.array, *whole.error_x.arrayminus) >= 0


def test_its_title_sets_the_two_measures_against_each_other():
    slow = learning(64, 30e-6, (0.95,))
    quick = learning(4096, 10e-6, [0.5] * 17 + [0.95])
    assert target_times_title(target_times_data([slow, quick], 0.9), english) == (
        "Fastest per image: CPU · batch 4,096; first at 90 % test accuracy: CPU · batch 64"
    )
    assert "is fastest per image and first" in target_times_title(target_times_data([slow], 0.9), english)
    assert "wasn't reached" in target_times_title(target_times_data([quick], 0.99), english)
    assert "reached after" in target_times_alt(target_times_data([slow], 0.9), english)


def test_no_two_points_have_one_name():
    runs = [*RUNS, learning(64, 1e-5, (0.9,), origin="recorded", id="recorded")]
    labels = point_labels(time_to_accuracy_data(runs).points, english)
    assert len(set(labels)) == len(labels) == 4
    assert "CPU · 2 threads · recorded · batch 64" in labels
