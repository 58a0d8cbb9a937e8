"""Whole jobs with their start-up, worked by hand: round numbers, no noise unless the interval is the point."""

from __future__ import annotations

import dataclasses

import pytest

from core.analysis.comparison import compare
from core.analysis.start_up import BreakEven, break_even_epochs, start_up, with_start_up
from core.errors import InputError
from core.records import Estimate
from tests.builders import make_blocks, make_gpu_result, make_result, make_uniform_blocks

EPOCH_STEPS = 22


def _pair(slow=0.4, fast=0.1, paid=(1.0, 5.0), worker=(None, None), jitter=(0.0,)):
    """Steps of 0.4 and 0.1 s, so epochs of 8.8 and 2.2 s; start-ups of 1 and 5 s."""
    turns = (
        make_blocks(slow, start_s=10.0, every_s=6.0, jitter=jitter),
        make_blocks(fast, start_s=13.0, every_s=6.0, jitter=jitter[::-1]),
    )
    runs = make_result(blocks=turns[0]), make_gpu_result(blocks=turns[1])
    cold = [
        dataclasses.replace(
            run.cold_start, worker_start_s=start, data_s=0.5, build_s=s - 0.75, first_step_s=0.25
        )
        for run, s, start in zip(runs, paid, worker, strict=True)
    ]
    return compare(*(dataclasses.replace(run, cold_start=c) for run, c in zip(runs, cold, strict=True)))


def _exact(value):
    return (pytest.approx(value),) * 3


def _values(estimate):
    return estimate.value, estimate.low, estimate.high


# --- one run -------------------------------------------------------------------------------------


def test_a_runs_start_up_is_the_sum_of_its_parts():
    found = start_up(make_result())  # 2.5 s for the worker, 0.3 data, 0.2 building, 0.5 first step
    assert found.to_first_step_s == pytest.approx(3.5)
    assert (found.worker_start_s, found.data_s, found.build_s, found.first_step_s) == (2.5, 0.3, 0.2, 0.5)
    assert found.step_s.value == pytest.approx(0.4)
    assert found.hot is None  # 46 s of measuring


def test_a_worker_that_was_warm_counts_for_nothing():
    cold = dataclasses.replace(make_result().cold_start, worker_start_s=None)
    assert start_up(make_result(cold_start=cold)).to_first_step_s == pytest.approx(1.0)


def test_a_run_that_never_started():
    assert start_up(make_result(cold_start=None)) is None
    early = start_up(make_result(blocks=()))
    assert (early.step_s, early.hot) == (None, None)


def _long(durations, every_s):
    return start_up(make_result(blocks=make_uniform_blocks(durations, every_s=every_s, epoch=4))).hot


def test_hot_is_the_last_minute_against_the_first():
    # every 10 s from 10 s on: the first six end within the first minute, the last six start in the last
    durations = [2.0] * 6 + [9.0] * 3 + [2.5] * 6
    found = _long(durations, 10.0)
    assert _values(found) == (1.25, 1.25, 1.25)


def test_two_minutes_are_needed():
    assert _long([2.0] * 13, 9.833) is None  # 119.996 s from the first start to the last end
    assert _long([2.0] * 13, 9.834) == Estimate(1.0, 1.0, 1.0)


# --- a pair --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("epochs", "ratio"),
    [
        (1, (1 + 8.8) / (5 + 2.2)),
        (10, (1 + 88) / (5 + 22)),
        (10_000, 4.0),
    ],
)
def test_a_whole_job_with_its_start_up(epochs, ratio):
    assert _values(with_start_up(_pair(), epochs)) == (pytest.approx(ratio, rel=1e-3),) * 3


def test_the_workers_start_counts_on_both_sides_or_on_neither():
    both = with_start_up(_pair(worker=(3.0, 3.0)), 1)
    assert both.value == pytest.approx((3 + 1 + 8.8) / (3 + 5 + 2.2))
    one = with_start_up(_pair(worker=(3.0, None)), 1)
    assert one.value == pytest.approx((1 + 8.8) / (5 + 2.2))


def test_the_interval_spans_those_of_the_speed_up_and_of_the_epoch():
    comparison = _pair(jitter=(0.0, 0.02, -0.02, 0.01, -0.01))
    comparison = dataclasses.replace(comparison, speedup=Estimate(4.0, 3.5, 4.5))
    found = with_start_up(comparison, 2)
    # only the speed-up's end moves the ratio much: (1 + 2 * 2.2 * r) / (5 + 2 * 2.2)
    assert found.low < (1 + 4.4 * 3.5) / 9.4 < found.value < (1 + 4.4 * 4.5) / 9.4 < found.high
    long_job = with_start_up(comparison, 10**6)
    assert _values(long_job) == pytest.approx((4.0, 3.5, 4.5), rel=1e-3)


def test_break_even_is_where_both_are_done_at_once():
    comparison = _pair()
    found = break_even_epochs(comparison)
    # 1 + 8.8 n = 5 + 2.2 n
    assert found.code == "from"
    assert _values(found.epochs) == _exact(4 / 6.6)
    later = _pair(paid=(1.0, 67.0))
    assert break_even_epochs(later).epochs.value == pytest.approx(10.0)
    assert with_start_up(later, 10).value == pytest.approx(1.0)


def test_break_even_has_an_interval():
    comparison = dataclasses.replace(_pair(paid=(1.0, 67.0)), speedup=Estimate(4.0, 3.0, 5.0))
    found = break_even_epochs(comparison).epochs
    assert _values(found) == pytest.approx((66 / 6.6, 66 / (2.2 * 4), 66 / (2.2 * 2)))


@pytest.mark.parametrize(
    ("slow", "fast", "paid", "code"),
    [
        (0.4, 0.1, (5.0, 1.0), "always"),
        (0.4, 0.1, (1.0, 1.0), "always"),
        (0.1, 0.4, (1.0, 5.0), "never"),
        (0.1, 0.4, (1.0, 1.0), "never"),
    ],
)
def test_ahead_from_the_start_or_never(slow, fast, paid, code):
    assert break_even_epochs(_pair(slow, fast, paid)) == BreakEven(code)


def test_slower_but_sooner_started_wins_short_jobs():
    found = break_even_epochs(_pair(0.1, 0.4, (67.0, 1.0)))
    assert found.code == "until"
    assert _values(found.epochs) == _exact(10.0)


def test_without_a_reliable_difference_there_is_no_break_even():
    jitter = (0.3, -0.2, 0.1, -0.3, 0.05)
    comparison = _pair(0.2, 0.2, jitter=jitter)
    assert comparison.verdict.code == "no_difference"
    assert break_even_epochs(comparison) is None
    assert with_start_up(comparison, 1).value < 1  # the start-up's difference is real


def test_what_is_not_known_gives_no_answer():
    withheld = compare(make_result(), make_gpu_result(first_losses=(9.0,)))
    started = compare(make_result(), make_gpu_result(cold_start=None))
    sized = compare(make_result(data=None), make_gpu_result(data=None))
    for comparison in (withheld, started, sized):
        assert with_start_up(comparison, 3) is None
        assert break_even_epochs(comparison) is None


@pytest.mark.parametrize("epochs", [0, -1])
def test_a_job_has_epochs(epochs):
    with pytest.raises(InputError) as caught:
        with_start_up(_pair(), epochs)
    assert caught.value.code == "not_positive"
