"""When a run knew enough, by hand-worked numbers: 0.4 s for 64 images, 1,408 images an epoch."""

from __future__ import annotations

import pytest

from core.analysis.crossover.time_to_accuracy import (
    Reached,
    curve,
    frontier,
    per_image_gain,
    reached,
    time_ratio,
    wilson,
)
from core.errors import InputError
from core.messages import sentence
from core.records import EpochRecord
from tests.builders import make_gpu_result, make_result, make_spec, make_telemetry
from tests.sweeps import make_sweep_result

IMAGES = 1408  # an epoch of 22 steps of 64


def records(accuracies, samples=IMAGES, batch=64, tested=360):
    return tuple(
        EpochRecord(epoch, samples // batch, samples, 1.0, accuracy, tested, 9.0)
        for epoch, accuracy in enumerate(accuracies, 1)
    )


def learning(batch, step_s, accuracies, *, samples=None, **changes):
    """A run of a sweep that was tested after each epoch of 60,000 images."""
    samples = samples or 60_000 // batch * batch
    spec = make_spec(batch_size=batch, epochs=20)
    epochs = records(accuracies, samples, batch)
    return make_sweep_result(batch, step_s, noise=0.0, **{"spec": spec, "epochs": epochs, **changes})


def test_wilsons_interval_is_the_textbooks():
    known = wilson(0.9, 360)
    assert (known.low, known.high) == (pytest.approx(0.8647, abs=1e-4), pytest.approx(0.9269, abs=1e-4))
    assert wilson(1.0, 360).high == 1.0
    assert wilson(0.0, 360).low == 0.0
    with pytest.raises(ValueError, match="trials"):
        wilson(0.5, 0)


def test_seconds_are_the_images_at_the_runs_own_rate_without_tests_and_start_up():
    found = reached(make_result(epochs=records((0.5, 0.93, 0.99))), 0.9)
    assert isinstance(found, Reached)
    assert (found.epochs, found.after.images) == (2, 2 * IMAGES)
    assert found.after.seconds.value == pytest.approx(2 * 22 * 0.4, rel=0.01)
    assert found.after.seconds.low < found.after.seconds.value < found.after.seconds.high
    assert found.start_up_s == pytest.approx(0.3 + 0.2 + 0.5)
    assert found.hours.value == pytest.approx(found.after.seconds.value / 3600)
    assert found.per_hour.value == pytest.approx(1 / found.hours.value)
    assert found.kwh is found.per_kwh is None


def test_energy_is_that_of_the_images_until_then():
    run = make_gpu_result(epochs=records((0.5, 0.93, 0.99)))
    found = reached(run, 0.9)
    assert found.joules == pytest.approx(300 * 2 * 22 * 0.1, rel=0.02)  # 300 W
    assert found.kwh == pytest.approx(found.joules / 3.6e6)
    assert found.per_kwh == pytest.approx(1 / found.kwh)


def test_a_target_within_the_accuracys_interval_is_doubted_and_the_epochs_given_as_a_range():
    found = reached(make_result(epochs=records((0.88, 0.90, 0.99))), 0.9)
    assert (found.earliest, found.epochs, found.surely) == (1, 2, 3)
    [doubt] = found.doubts
    assert doubt.code == "accuracy_uncertain"
    assert "from 86.5 to 92.7 % only" in sentence(doubt.code, doubt.facts)


def test_a_target_far_below_what_was_reached_is_certain():
    found = reached(make_result(epochs=records((0.3, 0.99))), 0.9)
    assert (found.earliest, found.epochs, found.surely, found.doubts) == (2, 2, 2, ())


def test_a_test_within_an_epoch_is_no_match_for_others():
    part = EpochRecord(2, 11, IMAGES // 2, 1.0, 0.99, 360, 9.0)
    found = reached(make_result(epochs=(*records((0.5,)), part)), 0.9)
    assert (found.epochs, found.after.images) == (2, IMAGES * 3 // 2)
    assert [note.code for note in found.doubts] == ["accuracy_within_epoch"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"epochs": records((0.5, 0.7))}, "accuracy_not_reached"),
        ({"epochs": ()}, "accuracy_unknown"),
        ({"epochs": records((None, None))}, "accuracy_unknown"),
        ({"epochs": records((0.95,)), "blocks": ()}, "too_few_blocks"),
        ({"spec": make_spec(task="classify")}, "accuracy_needs_training"),
    ],
)
def test_why_there_is_no_time(changes, code):
    found = reached(make_result(**changes), 0.9)
    assert found.code == code
    assert sentence(found.code, found.facts)


def test_what_was_best_is_told_where_it_wasnt_reached():
    found = reached(make_result(epochs=records((0.5, 0.7123, 0.6))), 0.95)
    assert "had reached 95 %; the best was 71.2 %" in sentence(found.code, found.facts)


@pytest.mark.parametrize("target", [0, -0.1, 1.01, float("nan")])
def test_no_such_accuracy(target):
    for ask in (lambda: reached(make_result(), target), lambda: frontier([make_result()], target)):
        with pytest.raises(InputError, match="bad_accuracy"):
            ask()


def test_extra_epochs_that_only_narrowed_the_ratio_are_no_part_of_the_curve():
    run = make_result(epochs=records((0.5, 0.6, 0.7, 0.95)))  # of a workload of three
    assert [learnt.epoch for learnt in curve(run)] == [1, 2, 3]


def test_a_large_batch_that_is_fast_per_image_and_slow_to_learn_is_seen_as_such():
    small = learning(64, 64 * 30e-6, (0.95,))
    large = learning(4096, 4096 * 10e-6, [0.5] * 17 + [0.95])
    found = frontier([large, small])
    assert [point.batch_size for point in found.points] == [64, 4096]
    quick, first = found.fastest_per_image, found.fastest_to_target
    assert (quick.batch_size, first.batch_size) == (4096, 64)
    assert per_image_gain(quick, first).value == pytest.approx(3.0)
    images = 18 * (60_000 // 4096 * 4096) / (60_000 // 64 * 64)
    assert time_ratio(quick, first).value == pytest.approx(images / 3)


def test_what_never_got_there_is_on_the_frontier_without_a_time():
    never = learning(4096, 0.04, [0.5] * 20)
    found = frontier([learning(64, 0.002, (0.95,)), never])
    assert found.fastest_to_target.batch_size == 64
    point = found.points[1]
    assert (point.reached, point.outcome.code) == (None, "accuracy_not_reached")
    assert time_ratio(point, found.points[0]) is None
    assert frontier([never]).fastest_to_target is None
    assert frontier([]).fastest_per_image is None


def test_of_a_setups_runs_the_newest_that_got_there_counts():
    runs = [
        learning(64, 0.002, (0.95,), id="old", created_at="2026-11-20T10:00:00+00:00"),
        learning(64, 0.002, (0.93,), id="newer", created_at="2026-11-21T10:00:00+00:00"),
        learning(64, 0.002, (0.5,), id="newest", created_at="2026-11-22T10:00:00+00:00"),
    ]
    [point] = frontier(runs).points
    assert point.result.id == "newer"


def test_a_setup_of_its_own_is_a_recording_or_another_device():
    runs = [
        make_result(epochs=records((0.95,))),
        make_result(id="recorded", epochs=records((0.95,)), origin="recorded"),
        make_gpu_result(epochs=records((0.95,))),
        make_result(id="nothing", epochs=()),
        make_result(id="untested", epochs=records((None,)), telemetry=make_telemetry()),
    ]
    assert [point.result.id for point in frontier(runs).points] == ["run-cpu", "recorded", "run-gpu"]
