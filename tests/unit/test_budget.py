"""A visitor's hour and everybody's, on a clock that a test moves; and the pace that a wait is told by."""

import pytest

from core import messages
from core.errors import InputError
from core.records import JobSpec, Setup
from core.runs.queue.budget import Allowance, Budget, minutes
from core.runs.queue.pace import Pace, asked_s
from tests.builders import make_setup, make_workload

ALLOWANCE = Allowance(jobs=3, seconds=100.0, jobs_of_all=5, seconds_of_all=160.0, open_jobs=2)


@pytest.fixture
def now():
    return [0.0]


@pytest.fixture
def budget(now):
    return Budget(ALLOWANCE, lambda: now[0])


def refused(budget, network, *seconds):
    with pytest.raises(InputError) as refusal:
        budget.check(network, seconds)
    assert messages.sentence(refusal.value.code, refusal.value.facts)
    return refusal.value.code, refusal.value.facts["minutes"]


def test_so_many_jobs_an_hour(budget, now):
    for minute in (0, 10, 20):
        now[0] = 60.0 * minute
        budget.check("ann", [1.0])
        budget.charge("ann", 1.0)
    assert refused(budget, "ann", 1.0) == ("visitor_hour_spent", 40)
    assert refused(budget, "ann", 1.0, 1.0) == ("visitor_hour_spent", 50)
    budget.check("bob", [1.0])
    now[0] = 3600.0
    budget.check("ann", [1.0])


def test_so_many_seconds_an_hour_and_what_wasnt_used_is_given_back(budget, now):
    charge = budget.charge("ann", 90.0)
    now[0] = 600.0
    assert refused(budget, "ann", 11.0) == ("visitor_hour_spent", 50)
    budget.check("ann", [10.0])
    charge.seconds = 3.0
    budget.check("ann", [97.0])


def test_all_visitors_together(budget, now):
    for visitor in ("ann", "bob"):
        budget.charge(visitor, 80.0)
        now[0] += 60.0
    assert refused(budget, "cy", 1.0) == ("hour_spent", 58)
    now[0] = 3600.0
    budget.check("cy", [80.0])


def test_a_flood_of_names_is_counted_and_leaves_no_trace(budget):
    admitted = 0
    for number in range(100_000):
        try:
            budget.check(f"visitor {number}", [1.0])
        except InputError:
            continue
        budget.charge(f"visitor {number}", 1.0)
        admitted += 1
    assert admitted == len(budget) == ALLOWANCE.jobs_of_all


def test_minutes_are_whole_and_never_none():
    assert [minutes(seconds) for seconds in (0.0, 59.0, 60.0, 61.0)] == [1, 1, 1, 2]


def test_the_pace_is_that_of_the_last_jobs():
    spec, pace = JobSpec(make_workload(), (Setup(), make_setup(threads=1)), 10.0), Pace()
    assert (asked_s(spec), pace.expected_s(spec)) == (20.0, 24.0)
    for took_s in (2.0, 4.0, 400.0):
        pace.add(spec, took_s)
    assert pace.expected_s(spec) == pytest.approx(4.0)
    for _ in range(20):
        pace.add(spec, 30.0)
    assert pace.expected_s(spec) == pytest.approx(30.0)
