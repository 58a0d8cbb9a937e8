"""What is said of a crossing: found, extrapolated, never, unknown, and what confirms it."""

import dataclasses
import math

import pytest

from core.analysis.crossover.crossing import Bracket, Crossing
from core.analysis.crossover.step_fit import Regime, StepFit
from core.crossing_words import confirmation_sentence, crossing_sentence, fit_sentence
from core.i18n import english
from core.records import Estimate, Note

FIT = StepFit((Regime(1e-3, 2e-6, 0.0, math.inf),), (16, 256, 8192), 0.021, (), ())
FOUND = Crossing(
    Estimate(211.4, 182.6, 241.2), "candidate", None, False, Bracket(128, 256), True, (FIT, FIT), ()
)


def said(**changes):
    return crossing_sentence(dataclasses.replace(FOUND, **changes), "CPU", "GPU H200", english)


def confirmed(**changes):
    return confirmation_sentence(dataclasses.replace(FOUND, **changes), "CPU", "GPU H200", english)


def test_a_crossing_in_what_was_measured():
    assert said() == (
        "From a batch size of 211 on (95 % interval 183 to 241), GPU H200 is faster; below, CPU is."
    )
    assert said(faster_above="baseline").endswith("CPU is faster; below, GPU H200 is.")


def test_an_extrapolated_one_is_called_so():
    assert said(extrapolated=True).startswith("Extrapolated: if both lines go straight on")
    assert confirmed(extrapolated=True, confirmed=None) is None


def test_without_a_crossing_who_is_faster_is_told_with_the_range():
    always = said(batch_size=None, reason=Note("always_faster"))
    assert always == "GPU H200 is faster than CPU at every batch size that was measured (16 to 8,192)."
    no_fits = (Note("too_few_points", {"count": 2, "needed": 3}),) * 2
    text = said(batch_size=None, reason=Note("never_faster"), faster_above="baseline", fits=no_fits)
    assert text == "CPU is faster than GPU H200 at every batch size that was measured."


def test_what_lies_beyond_is_told():
    reason = Note("beyond_range", {"low": 16, "high": 8192})
    assert "too far out" in said(batch_size=None, reason=reason)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (Note("no_difference"), "Neither GPU H200 nor CPU is reliably faster"),
        (Note("too_few_points", {"count": 2, "needed": 3}), "measured so far: 2"),
        (Note("crossing_open_above", {"batch_size": 4000}), "more than about 4000 images"),
    ],
)
def test_what_isnt_known_has_its_reason(reason, told):
    assert told in said(batch_size=None, faster_above=None, reason=reason)


def test_what_confirms_it():
    assert confirmed() == (
        "Measured directly: with batches of 128 CPU is surely faster, with batches of 256 GPU H200 is."
    )
    assert confirmed(confirmed=False) is None  # a doubt says it
    assert "isn't confirmed" in confirmed(confirmed=None, bracket=Bracket(128, None))
    assert confirmed(batch_size=None, reason=Note("always_faster")) is None


def test_a_fit_in_words():
    assert fit_sentence(FIT, "CPU", english) == (
        "CPU: a step takes 1 ms and 2 µs more for each image. What was measured is 2.1 % off that on average."
    )
    two = dataclasses.replace(
        FIT, regimes=(Regime(1e-3, 0.0, 0.0, 500.0), Regime(5e-4, 1e-6, 500.0, math.inf)), misfit=None
    )
    assert fit_sentence(two, "GPU", english) == (
        "GPU: a step takes 1 ms and 0 s more for each image up to 500, and 1 µs for each beyond."
    )
    reason = Note("too_few_points", {"count": 2, "needed": 3})
    assert fit_sentence(reason, "GPU", english).startswith("GPU: A line needs at least 3 batch sizes")
