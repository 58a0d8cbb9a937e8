from __future__ import annotations

import dataclasses

import pytest

from core.analysis.comparison import compare
from core.analysis.quality import quality, worst
from core.messages import sentence
from core.records import ThreadTrial
from tests.builders import (
    make_blocks,
    make_environment,
    make_gpu_result,
    make_machine,
    make_result,
    make_uniform_blocks,
)

TWO_MODES = make_blocks(0.2, jitter=(0.3, -0.3, 0.3, -0.3, 0.3, -0.3))
SPREAD = make_blocks(0.2, jitter=(0.08, -0.08, 0.08, -0.08, 0.08, -0.08))


def _badge(run):
    found = quality(run)
    return found.badge, [caveat.code for caveat in found.reasons]


def test_a_run_without_doubts_is_good():
    assert _badge(make_result()) == ("good", [])
    assert _badge(compare(make_result(), make_gpu_result())) == ("good", [])


def test_what_only_informs_leaves_it_good_and_is_told():
    assert _badge(make_gpu_result(origin="recorded")) == ("good", ["recorded"])
    assert _badge(compare(make_result(), make_gpu_result(origin="recorded"))) == ("good", ["recorded"])


def test_what_touches_the_number_makes_it_usable():
    assert _badge(make_result(blocks=SPREAD)) == ("usable", ["noisy"])
    assert _badge(make_result(status="cancelled"))[0] == "usable"
    assert _badge(compare(make_result(), make_gpu_result(job_id="job-2"))) == ("usable", ["separate_jobs"])


def test_a_grave_caveat_makes_it_doubtful_and_comes_first():
    battery = make_environment(make_machine(on_battery=True))
    found = quality(make_result(blocks=TWO_MODES, environment=battery, origin="recorded"))
    assert found.badge == "doubtful"
    assert [caveat.code for caveat in found.reasons] == ["noisy", "battery", "recorded"]
    assert _badge(make_result(status="failed"))[0] == "doubtful"
    assert _badge(make_result(blocks=())) == ("doubtful", ["too_few_blocks"])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"first_losses": (9.0,)}, "parity_lost_non_determinism"),
        ({"status": "failed"}, "run_failed"),
        ({"blocks": make_uniform_blocks([0.1, 0.1], epoch=4)}, "too_few_blocks"),
    ],
)
def test_no_speed_up_is_doubtful_and_says_why_once(changes, reason):
    found = quality(compare(make_result(), make_gpu_result(**changes)))
    assert found.badge == "doubtful"
    assert [caveat.code for caveat in found.reasons].count(reason) == 1
    for caveat in found.reasons:
        assert "{" not in sentence(caveat.code, caveat.facts)


def test_a_comparison_is_no_better_than_its_runs():
    slow = ThreadTrial(8, (1.2,) * 5), ThreadTrial(4, (1.0,) * 5)
    found = compare(make_result(thread_trials=slow), make_gpu_result())
    assert _badge(found) == ("usable", ["cpu_not_best"])
    assert _badge(dataclasses.replace(found, caveats=()))[0] == "good"


def test_of_several_the_worst_counts():
    assert worst(["good", "doubtful", "usable"]) == "doubtful"
    assert worst(["good", "usable"]) == "usable"
    assert worst([]) == "good"
