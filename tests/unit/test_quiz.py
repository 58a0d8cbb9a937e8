"""The quiz: what it measures, when a guess is right, and when nothing is scored."""

from dataclasses import replace

import pytest

from core.analysis import quiz
from core.analysis.quiz import Growth, Race, Shares
from core.records import Estimate, Note, RunSpec, Setup
from core.runs.admission import check
from tests.builders import make_anatomy, make_blocks, make_gpu_result, make_result
from tests.ladders import failed


def race_of(cpu_s, gpu_s, batch_size=64, jitter=(0.005, 0.0, 0.01, -0.005, -0.01)):
    """Two setups that took turns, with so many seconds a step."""
    results = []
    for result, step_s, start_s, noise in (
        (make_result(), cpu_s, 10.0, (0.0, 0.01, -0.01, 0.005, -0.005)),
        (make_gpu_result(), gpu_s, 20.0, jitter),
    ):
        work = replace(result.spec.workload, batch_size=batch_size)
        blocks = make_blocks(step_s, start_s=start_s, every_s=30.0, jitter=noise)
        blocks = tuple(replace(block, samples=block.steps * batch_size) for block in blocks)
        spec = RunSpec(work, result.spec.setup)
        results.append(replace(result, spec=spec, blocks=blocks, epochs=()))
    return quiz.race(results)


# --- what is measured --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("device", "pair"),
    [
        ("cpu", (Setup(threads=1), Setup(threads=None))),
        ("cuda:0", (Setup("cpu"), Setup("cuda:0"))),
        ("mps", (Setup("cpu"), Setup("mps"))),
    ],
)
def test_three_short_jobs_are_planned_that_may_be_submitted(device, pair):
    small, large, loop = quiz.plan(device)
    assert small.setups == large.setups == pair
    assert loop.setups == (Setup(device, data_path="loader"),)
    assert [job.workload.batch_size for job in (small, large, loop)] == [16, 4096, 64]
    assert [job.trace for job in (small, large, loop)] == [False, False, True]
    for job in (small, large, loop):
        check(job)
        assert job.limits
        assert job.max_seconds <= 4
        assert (job.workload.model, job.workload.dataset) == ("mlp", "synthetic")


def test_the_jobs_of_a_quiz_are_known_again_even_if_one_is_lost():
    planned = quiz.plan("cuda:0")
    assert quiz.device_of(planned) == "cuda:0"
    assert quiz.device_of((None, *planned[1:])) == "cuda:0"
    assert quiz.device_of((None, None, None)) is None
    assert quiz.device_of(planned[:2]) is None
    assert quiz.device_of(tuple(reversed(planned))) is None
    assert quiz.device_of((planned[0], quiz.plan("cpu")[1], planned[2])) is None


# --- who wins ----------------------------------------------------------------------------------------


def test_the_winner_and_its_lead():
    gpu, cpu = race_of(0.4, 0.1), race_of(0.4, 1.2)
    assert (gpu.winner, cpu.winner) == ("candidate", "baseline")
    assert gpu.lead.value == pytest.approx(4, rel=0.02)
    assert cpu.lead.value == pytest.approx(3, rel=0.02)
    assert cpu.lead.low < cpu.lead.value < cpu.lead.high
    assert gpu.problem is cpu.problem is None


@pytest.mark.parametrize(
    ("winner", "size", "mark"),
    [
        ("candidate", 2, "right"),
        ("candidate", None, "right"),
        ("candidate", 3, "lead_smaller"),
        ("candidate", 4, "lead_smaller"),
        ("candidate", 1, "lead_larger"),
        ("baseline", 2, "other_won"),
        ("even", None, "one_won"),
    ],
)
def test_a_guess_against_a_gpu_four_times_as_fast(winner, size, mark):
    assert quiz.mark_race(winner, size, race_of(0.4, 0.1)) == mark


def test_a_range_that_the_interval_touches_is_not_refuted():
    found = Race("candidate", Estimate(2.02, 1.95, 2.1))
    assert [quiz.mark_race("candidate", size, found) for size in range(5)] == [
        "lead_larger",
        "right",
        "right",
        "lead_smaller",
        "lead_smaller",
    ]
    assert quiz.mark_race("candidate", 4, Race("candidate", Estimate(300, 290, 310))) == "right"


def test_no_difference_is_one_only_where_the_interval_is_narrow():
    even = race_of(0.4, 0.4)
    assert (even.winner, even.problem) == ("even", None)
    assert quiz.mark_race("even", None, even) == "right"
    assert quiz.mark_race("candidate", 0, even) == "none_won"
    noisy = race_of(0.4, 0.4, jitter=(0.9, -0.5, 0.4, -0.6, 1.5))
    assert (noisy.winner, noisy.problem) == (None, "undecided")
    assert quiz.mark_race("even", None, noisy) is None
    assert quiz.mark_race("candidate", 0, noisy) is None


def test_a_lead_too_small_to_matter_is_no_refutation_of_no_difference():
    tiny = Race("candidate", Estimate(1.03, 1.02, 1.04))
    assert quiz.mark_race("even", None, tiny) == "right"
    assert quiz.mark_race("candidate", 0, tiny) == "right"
    assert quiz.mark_race("even", None, Race("candidate", Estimate(1.1, 1.06, 1.14))) == "one_won"


# --- what isn't scored -------------------------------------------------------------------------------


def test_different_work_is_withheld_and_not_scored():
    other = make_gpu_result(first_losses=(9.0,) * 66)
    found = quiz.race((make_result(), other))
    assert (found.problem, found.winner) == ("withheld", None)
    assert found.comparison.verdict.reason == "parity_lost_non_determinism"
    assert quiz.mark_race("candidate", 2, found) is None


def test_too_few_blocks_are_withheld():
    short = make_gpu_result(blocks=make_blocks(0.1, start_s=12.2)[:2])
    found = quiz.race((make_result(), short))
    assert (found.problem, found.comparison.verdict.reason) == ("withheld", "too_few_blocks")


def test_what_failed_says_why():
    found = quiz.race((make_result(), failed(make_gpu_result(), "out_of_memory", device="cuda:0")))
    assert found == Race(problem="failed", failure=Note("out_of_memory", {"device": "cuda:0"}))
    assert quiz.shares((failed(make_result(), "torch_failed", problem="x"),)).problem == "failed"


@pytest.mark.parametrize("status", ["cancelled", "interrupted"])
def test_what_was_stopped_is_not_scored_though_it_has_numbers(status):
    assert quiz.race((make_result(status=status), make_gpu_result(status=status))).problem == "cancelled"
    stopped = quiz.shares((make_result(status=status),))
    assert (stopped.problem, quiz.mark_share(20, stopped)) == ("cancelled", None)


def test_what_left_nothing_is_unmeasured():
    assert quiz.race(()).problem == quiz.race((make_result(),)).problem == "unmeasured"
    assert quiz.shares(()).problem == "unmeasured"
    assert quiz.shares((make_result(anatomy=None),)).problem == "unmeasured"
    nothing = make_anatomy((0.0, 0.0, 150.0, 240.0, 29.0))
    assert quiz.shares((make_result(anatomy=nothing),)).problem == "unmeasured"


def test_samples_that_contradict_each_other_are_told_of():
    found = quiz.race((make_result(), make_gpu_result(blocks=make_blocks(0.4))))
    assert (found.problem, found.failure.code) == ("impossible", "malformed_record")


# --- the share of loading and copying ----------------------------------------------------------------


def test_the_share_adds_loading_and_copying_step_by_step():
    found = quiz.shares((make_result(anatomy=make_anatomy((40.0, 20.0, 40.0, 60.0, 40.0))),))
    assert found.moving.value == pytest.approx(30)
    assert found.moving.low <= found.moving.value <= found.moving.high
    assert quiz.ceiling(found.moving).value == pytest.approx(1 / 0.3)
    assert found.stages == pytest.approx(
        {"load": 20, "copy": 10, "forward": 20, "backward": 30, "optimiser": 20}
    )


@pytest.mark.parametrize(
    ("guess", "mark"), [(40, "right"), (20, "right"), (18, "share_larger"), (42, "share_smaller")]
)
def test_ten_points_beside_the_interval_still_count(guess, mark):
    assert quiz.mark_share(guess, Shares(Estimate(30, 29, 31))) == mark


# --- what explains it --------------------------------------------------------------------------------


def test_growth_compares_the_steps_of_each_side_at_both_batch_sizes():
    grown = quiz.growth(race_of(0.002, 0.004, 16), race_of(0.2, 0.04, 4096))
    assert grown.baseline.value == pytest.approx(100, rel=0.02)
    assert grown.candidate.value == pytest.approx(10, rel=0.02)
    assert (grown.fixed, grown.code) == ("most", "helps_more")


@pytest.mark.parametrize(
    ("baseline", "candidate", "fixed", "code"),
    [(200, 10, "most", "helps_more"), (150, 150, "some", "alike"), (100, 300, "none", "helps_less")],
)
def test_what_growth_says(baseline, candidate, fixed, code):
    grown = Growth(*(Estimate(x, 0.95 * x, 1.05 * x) for x in (baseline, candidate)))
    assert (grown.fixed, grown.code) == (fixed, code)


def test_without_both_races_there_is_no_growth():
    whole = race_of(0.002, 0.004, 16)
    assert quiz.growth(whole, Race(problem="cancelled")) is None
    assert quiz.growth(quiz.race((make_result(), make_gpu_result(first_losses=(9.0,) * 66))), whole) is None
