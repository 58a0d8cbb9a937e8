"""The search for the CPU's best thread count: short, fair, remembered, and obedient to OMP_NUM_THREADS."""

import pytest

from core.hardware import cpu
from core.measure import threads
from core.records import ThreadTrial
from tests.builders import make_cpu


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch):
    monkeypatch.setattr(threads, "_known", {})
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


@pytest.mark.parametrize(
    ("described", "default", "variable", "counts"),
    [
        ({}, 8, None, [1, 2, 4, 8, 16]),
        ({"usable_cores": 6, "physical_cores": 6}, 6, None, [1, 2, 4, 6]),
        ({"physical_cores": 12, "usable_cores": 24}, 12, None, [1, 2, 4, 8, 12, 16, 24]),
        ({"quota_cores": 2.5}, 8, None, [1, 2]),
        ({"quota_cores": 0.5}, 8, None, [1]),
        ({"usable_cores": None}, 4, None, [1, 2, 4]),  # macOS doesn't say
        ({}, 4, "4", [1, 2, 4]),
        ({}, 1, "1", [1]),
        ({"usable_cores": 1, "physical_cores": 1}, 1, None, [1]),
    ],
)
def test_the_candidates_are_powers_of_two_and_the_cores(described, default, variable, counts, monkeypatch):
    monkeypatch.setattr(cpu, "describe", lambda: make_cpu(**described))
    if variable:
        monkeypatch.setenv("OMP_NUM_THREADS", variable)
    assert threads.candidates(default) == counts


@pytest.mark.parametrize(
    ("described", "workers", "each"),
    [
        ({"usable_cores": 16, "physical_cores": 8}, 2, 4),  # not eight: two threads of a core share it
        ({"usable_cores": 16, "physical_cores": 8}, 8, 1),
        ({"usable_cores": 16, "physical_cores": 8}, 64, 1),
        ({"usable_cores": 6, "physical_cores": 8}, 2, 3),
        ({"quota_cores": 2.5}, 2, 1),
        ({"usable_cores": None, "physical_cores": None}, 2, 3),
    ],
)
def test_several_workers_share_the_physical_cores(described, workers, each, monkeypatch):
    monkeypatch.setattr(cpu, "describe", lambda: make_cpu(**described))
    assert threads.share(6, workers) == each
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert threads.share(1, workers) == 1


def search(seconds, step_s=0.001, max_seconds=60.0, kind="a kind", default=4):
    """Search among counts that take `seconds` per image; what was found and the order of the trials."""
    tried = []

    def trial(count, length_s):
        tried.append(count)
        return seconds[count]

    return threads.search(kind, list(seconds), default, trial, step_s, max_seconds), tried


def test_each_count_gets_its_turns_forth_and_back():
    found, tried = search({1: 1.2, 2: 1.0, 4: 1.1})
    assert tried == [1, 2, 4, 4, 2, 1] * 2 + [1, 2, 4]
    assert found == tuple(ThreadTrial(count, (s,) * 5) for count, s in ((1, 1.2), (2, 1.0), (4, 1.1)))


def test_a_hopeless_count_is_tried_once_but_for_those_that_are_shown():
    found, tried = search({1: 4.0, 2: 2.0, 4: 1.0, 8: 3.0}, default=8)
    assert [tried.count(count) for count in (1, 2, 4, 8)] == [5, 1, 5, 5]
    assert [len(trial.seconds_per_sample) for trial in found] == [5, 1, 5, 5]


def test_what_was_found_is_remembered_for_the_same_kind_of_work():
    first, _ = search({1: 1.0, 2: 1.2})
    again, tried = search({1: 9.0, 2: 1.0})
    assert (again, tried) == (first, [])
    other, tried = search({1: 9.0, 2: 1.0}, kind="another")
    assert other != first
    assert tried


@pytest.mark.parametrize(("step_s", "searched"), [(1.0, True), (7.0, True), (7.6, False)])
def test_a_model_too_slow_for_a_search_isnt_searched(step_s, searched):
    found, tried = search({1: 1.0, 2: 1.0}, step_s=step_s, max_seconds=60.0)
    assert bool(found) is bool(tried) is searched


def test_the_best_has_the_smallest_median():
    trials = (ThreadTrial(1, (1.0, 1.0, 9.0)), ThreadTrial(2, (2.0, 0.1, 2.0)), ThreadTrial(4, (1.5,)))
    assert threads.best(trials, 8) == 1
    assert threads.best((), 8) == 8


def test_a_slow_model_gets_one_round(monkeypatch):
    now = iter(range(0, 1000, 10))
    monkeypatch.setattr(threads.time, "perf_counter", lambda: float(next(now)))
    found, tried = search({1: 1.0, 2: 1.2}, step_s=7.0, max_seconds=60.0)
    assert tried == [1, 2]
    assert [trial.threads for trial in found] == [1, 2]
