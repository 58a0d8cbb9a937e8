"""Where two lines cross, whether direct measurements agree, and why it sometimes can't be said."""

import pytest

from core.analysis.crossover.crossing import Bracket, crossing, surely
from core.analysis.crossover.step_fit import StepFit
from core.analysis.crossover.sweep import Line, lines
from core.records import Note, Setup
from tests.builders import make_environment, make_software
from tests.sweeps import make_grid

ONE, TWO = Setup(threads=1), Setup(threads=2)


def _lines(slow, fast, **changes) -> tuple[Line, Line]:
    one, other = lines([*make_grid(*slow, ONE, **changes), *make_grid(*fast, TWO, **changes)])
    return one, other


def _stepped(one, other, batches, noise=0.005, **changes):
    """Lines of any shape: seconds of a step by its batch size."""
    runs = []
    for seconds, setup in ((one, ONE), (other, TWO)):
        for b in batches:
            runs += make_grid(seconds(b), 0.0, setup, (b,), noise=noise, **changes)
    baseline, candidate = lines(runs)
    return crossing(baseline, candidate)


def test_the_crossing_of_known_lines():
    found = crossing(*_lines((1e-4, 2e-6), (4e-4, 1e-6)))
    assert found.batch_size.value == pytest.approx(300, rel=0.05)
    assert found.batch_size.low < 300 < found.batch_size.high
    assert found.faster_above == "candidate"
    assert found.reason is None
    assert found.bracket == Bracket(256, 512)
    assert found.confirmed is True
    assert not found.extrapolated
    assert found.doubts == ()


def test_it_is_the_same_seen_from_the_other_side():
    one, other = _lines((1e-4, 2e-6), (4e-4, 1e-6))
    there, back = crossing(one, other), crossing(other, one)
    assert back.faster_above == "baseline"
    assert back.batch_size.value == pytest.approx(there.batch_size.value)
    assert back.bracket == there.bracket


def test_without_noise_it_is_exact():
    found = crossing(*_lines((1e-4, 2e-6), (4e-4, 1e-6), noise=0.0))
    assert found.batch_size.value == pytest.approx(300)
    assert found.batch_size.low == pytest.approx(300) == found.batch_size.high


@pytest.mark.parametrize(
    ("slow", "fast", "reason", "side"),
    [
        ((4e-4, 2e-6), (1e-4, 1e-6), "always_faster", "candidate"),
        ((1e-4, 1e-6), (4e-4, 2e-6), "never_faster", "baseline"),
        ((1e-4, 1.001e-6), (9e-3, 1e-6), "beyond_range", "baseline"),
    ],
)
def test_without_a_crossing_the_faster_one_is_named(slow, fast, reason, side):
    found = crossing(*_lines(slow, fast))
    assert found.batch_size is None
    assert (found.reason.code, found.faster_above) == (reason, side)


def test_lines_that_are_alike_have_no_crossing():
    found = crossing(*_lines((1e-4, 1e-6), (1e-4, 1e-6)))
    assert (found.batch_size, found.faster_above, found.reason) == (None, None, Note("no_difference"))
    line = _lines((1e-4, 1e-6), (1e-4, 1e-6))[0]
    assert crossing(line, line).reason == Note("no_difference")


def test_just_beyond_what_was_measured_it_is_extrapolated():
    found = crossing(*_lines((1e-4, 2e-6), (2e-3, 1e-6), batches=(16, 64, 256, 512, 1024)))
    assert found.extrapolated
    assert found.confirmed is None
    assert found.batch_size.low < 1900 < found.batch_size.high
    assert found.bracket == Bracket(1024, None)


def test_an_interval_with_an_open_end_is_no_number():
    found = crossing(*_lines((1e-4, 1.03e-6), (1.1e-4, 1e-6), noise=0.03, batches=(16, 32, 64, 128, 256)))
    assert found.batch_size is None
    assert found.reason.code in ("crossing_open_above", "crossing_open_below", "no_difference", "beyond_range")


def test_too_few_batch_sizes_still_show_between_which_it_lies():
    found = crossing(*_lines((1e-4, 2e-6), (4e-4, 1e-6), batches=(64, 1024)))
    assert found.reason == Note("too_few_points", {"count": 2, "needed": 3})
    assert found.bracket == Bracket(64, 1024)
    assert found.batch_size is None


def test_two_batch_sizes_that_agree_are_enough_to_say_who_is_faster():
    found = crossing(*_lines((4e-4, 2e-6), (1e-4, 1e-6), batches=(64, 1024)))
    assert (found.faster_above, found.reason) == ("candidate", Note("always_faster"))


def test_a_line_whose_step_gets_faster_with_more_images_is_refused():
    found = _stepped(lambda b: 1e-3 - 1e-7 * b, lambda b: 1e-4 + 1e-6 * b, (16, 256, 1024, 2048, 4096))
    assert found.batch_size is None
    assert found.reason.code == "slope_negative"
    assert isinstance(found.fits[1], StepFit)
    assert isinstance(found.fits[0], Note)


def test_of_several_crossings_the_last_is_told():
    found = _stepped(
        lambda b: 2e-4 + 2e-6 * b,
        lambda b: max(1e-3, 1e-3 + 3e-6 * (b - 1000)) - 5e-5,
        (16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192),
    )
    assert found.faster_above == "baseline"
    assert found.batch_size.value == pytest.approx(2250, rel=0.1)
    assert Note("crosses_more_than_once", {"count": 2}) in found.doubts


def test_where_measurements_contradict_the_fits_they_are_what_counts():
    """The candidate is slower in one middle stretch that no line bends around."""
    batches = (64, 128, 256, 512, 1024)
    odd = {64: 0.9, 128: 0.9, 256: 0.9, 512: 1.3, 1024: 0.97}
    found = _stepped(lambda b: 1e-4 + 1e-6 * b, lambda b: (1e-4 + 1e-6 * b) * odd[b], batches, noise=0.002)
    assert found.bracket == Bracket(512, 1024)
    assert (found.batch_size.low, found.batch_size.high) == (512, 1024)
    assert {"fit_contradicted", "crossing_from_bracket"} & {doubt.code for doubt in found.doubts}


def test_lines_of_unlike_software_are_compared_with_a_doubt():
    older = make_environment(software=make_software(torch="2.1.0"))
    runs = [
        *make_grid(1e-4, 2e-6, ONE, environment=older),
        *make_grid(4e-4, 1e-6, TWO),
    ]
    found = crossing(*lines(runs))
    assert found.batch_size is not None
    (doubt,) = found.doubts
    assert doubt.code == "lines_differ"
    assert doubt.facts == {"fields": "torch"}


def test_lines_of_other_models_are_not_compared():
    (one,) = lines(make_grid(1e-4, 2e-6, ONE))
    (other,) = lines(make_grid(4e-4, 1e-6, TWO, model="mlp_64"))
    assert crossing(one, other).reason == Note("lines_of_other_work")


def test_lines_that_share_no_batch_size_cross_by_their_fits():
    (one,) = lines(make_grid(1e-4, 2e-6, ONE, (16, 64, 256, 1024)))
    (other,) = lines(make_grid(4e-4, 1e-6, TWO, (32, 128, 512, 2048)))
    found = crossing(one, other)
    assert found.batch_size.low < 300 < found.batch_size.high
    assert found.bracket == Bracket(None, None)
    assert found.confirmed is None
    assert surely(one, other) == ()


def test_the_same_runs_always_give_the_same_crossing():
    lines_ = _lines((1e-4, 2e-6), (4e-4, 1e-6), noise=0.03)
    assert crossing(*lines_) == crossing(*lines_)
