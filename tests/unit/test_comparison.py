from __future__ import annotations

import dataclasses
import math

import pytest

from core.analysis.comparison import compare
from core.analysis.parity import parity
from core.analysis.speedup import pair_blocks
from core.errors import InputError
from core.messages import sentence
from core.records import Block, Parity
from tests.builders import (
    make_blocks,
    make_epochs,
    make_gpu_result,
    make_result,
    make_spec,
    make_uniform_blocks,
)


def _at(*middles: float) -> list[Block]:
    return [Block(1, 1, 64, middle - 0.5, 1.0, None) for middle in middles]


def test_the_speed_up_of_a_job_that_took_turns():
    found = compare(make_result(), make_gpu_result())
    assert found.verdict.code == "faster"
    assert found.speedup.value == pytest.approx(4, rel=0.02)
    assert found.speedup.low <= 4 <= found.speedup.high
    assert found.speedup.high - found.speedup.low < 0.2
    assert found.pairs == 16
    assert found.parity.code == "same"


def test_the_other_way_round_it_is_slower():
    found = compare(make_gpu_result(), make_result())
    assert found.verdict.code == "slower"
    assert found.speedup.value == pytest.approx(0.25, rel=0.02)


def test_a_difference_within_the_noise_is_none():
    noise = (0.3, -0.2, 0.1, -0.3, 0.05)
    a = make_result(blocks=make_blocks(0.2, jitter=noise))
    b = make_gpu_result(blocks=make_blocks(0.205, start_s=11.5, jitter=noise[::-1]))
    found = compare(a, b)
    assert found.verdict.code == "no_difference"
    assert found.speedup.low < 1 < found.speedup.high


def test_a_drift_shared_by_neighbours_does_not_blur_the_speed_up():
    slow = make_uniform_blocks([1 * (1 + 0.05 * i) for i in range(12)], epoch=4)
    fast = make_uniform_blocks([0.25 * (1 + 0.05 * i) for i in range(12)], epoch=4, start_s=12.0)
    speedup = compare(make_result(blocks=slow), make_gpu_result(blocks=fast)).speedup
    assert speedup.value == pytest.approx(4)
    assert speedup.high - speedup.low < 1e-6


def test_runs_of_separate_jobs_are_resampled_separately():
    found = compare(make_result(), make_gpu_result(job_id="job-2"))
    assert found.pairs == 0
    assert found.speedup.value == pytest.approx(4, rel=0.02)
    assert "separate_jobs" in [caveat.code for caveat in found.caveats]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"blocks": make_uniform_blocks([1.0, 1.0])}, "too_few_blocks"),
        ({"blocks": ()}, "too_few_blocks"),
        ({"status": "failed"}, "run_failed"),
        ({"first_losses": (2.3, 1.0)}, "parity_lost_non_determinism"),
    ],
)
def test_withheld_with_its_reason(changes, reason):
    found = compare(make_result(), make_gpu_result(**changes))
    assert found.verdict.code == "withheld"
    assert found.verdict.reason == reason
    assert found.speedup is None
    assert found.pairs == 0
    assert sentence(found.verdict.reason)  # readable without facts


def test_what_cannot_be_compared():
    with pytest.raises(InputError) as caught:
        compare(make_result(), make_result())
    assert caught.value.code == "same_run"
    other = make_gpu_result(spec=make_spec(model="cnn", seed=1, device="cuda:0"))
    with pytest.raises(InputError) as caught:
        compare(make_result(), other)
    assert caught.value.code == "not_comparable"
    assert caught.value.facts == {"fields": "model, seed"}


def test_caveats_say_which_run_they_are_about():
    found = compare(make_result(blocks=make_uniform_blocks([2.0] * 4)), make_gpu_result())
    few = [caveat for caveat in found.caveats if caveat.code == "too_few_blocks"]
    assert [caveat.facts["run"] for caveat in few] == ["run-cpu"]


# --- pairing -------------------------------------------------------------------------------------


def test_equal_sides_are_paired_in_order():
    assert pair_blocks(_at(1, 4, 7), _at(2, 5, 8)) == [(0, 0), (1, 1), (2, 2)]


def test_the_shorter_side_takes_its_nearest():
    assert pair_blocks(_at(4, 10), _at(1, 3, 5.5, 9, 20)) == [(0, 1), (1, 3)]
    assert pair_blocks(_at(1, 3, 5.5, 9, 20), _at(4, 10)) == [(1, 0), (3, 1)]


def test_nobody_is_left_without_a_partner_or_shares_one():
    assert pair_blocks(_at(20, 21, 22), _at(1, 2, 3, 4)) == [(0, 1), (1, 2), (2, 3)]
    assert pair_blocks(_at(1, 1.1, 1.2), _at(1, 50, 60)) == [(0, 0), (1, 1), (2, 2)]
    assert pair_blocks([], _at(1)) == []


# --- parity --------------------------------------------------------------------------------------


def _losses(*values: float, **spec):
    return make_result(first_losses=values, spec=make_spec(**spec), epochs=())


def test_parity_takes_the_worst_relative_difference():
    assert parity(_losses(2.0, 1.0), _losses(2.001, 1.0)) == Parity(
        "same", 2, pytest.approx(0.001 / 2.001), 1e-3
    )
    assert parity(_losses(2.0, 1.0), _losses(2.0, 1.01)) == Parity(
        "parted", 2, pytest.approx(0.01 / 1.01), 1e-3, "non_determinism"
    )


def test_the_looser_precision_of_the_two_sets_the_tolerance():
    assert parity(_losses(1.0), _losses(1.02, precision="bf16")).code == "same"
    assert parity(_losses(1.0, precision="bf16"), _losses(1.02)).tolerance == 5e-2
    assert parity(_losses(1.0), _losses(1.02, precision="tf32")).code == "parted"


def test_only_the_first_hundred_steps_and_the_shorter_side_count():
    late = [1.0] * 100 + [9.0]
    assert parity(_losses(*late), _losses(*[1.0] * 101)) == Parity("same", 100, 0.0, 1e-3)
    assert parity(_losses(1.0, 1.0), _losses(1.0)).steps == 1


def test_the_likely_cause_is_named():
    losses = (1.0, 0.5)
    other = tuple(1.1 * loss for loss in losses)
    assert parity(_losses(*losses), _losses(*other)).cause == "non_determinism"
    assert parity(_losses(*losses), _losses(*other, precision="bf16")).cause == "precision"
    assert (
        parity(_losses(*losses, precision="bf16"), _losses(*other, precision="bf16")).cause == "non_determinism"
    )
    assert parity(_losses(*losses), _losses(*losses, precision="bf16")).cause is None


def _of_data(fingerprint, **changes):
    data = dataclasses.replace(make_result().data, fingerprint=fingerprint, **changes)
    return make_result(data=data)


def test_different_data_part_the_runs_whatever_their_losses_say():
    assert parity(_of_data("a"), _of_data("b")).cause == "different_data"
    assert parity(_of_data("a"), _of_data("b")).code == "parted"
    assert parity(_of_data("a"), _of_data("a")).code == "same"
    assert parity(_of_data("a"), _of_data(None)).code == "same"  # not known of one: nothing to hold against it
    assert parity(_of_data(None), _of_data(None, train_samples=1436)).cause == "different_data"
    lost = dataclasses.replace(_of_data("b"), first_losses=(math.nan,))
    assert parity(_of_data("a"), lost).cause == "different_data"  # which explains the rest


def _accurate(*accuracies, tested=360, samples=None, **changes):
    records = [
        dataclasses.replace(record, test_accuracy=accuracy, test_samples=tested)
        for record, accuracy in zip(make_epochs(len(accuracies)), accuracies, strict=True)
    ]
    if samples is not None:
        records[-1] = dataclasses.replace(records[-1], samples=samples)
    return make_result(epochs=tuple(records), **changes)


def test_final_accuracies_may_differ_by_chance_and_no_more():
    # pooled 0.9: standard error sqrt(0.09 * 2 / 360) = 0.02236, times 2.5758 for 1 %, and 0.001 of fp32
    found = parity(_accurate(0.5, 0.93), _accurate(0.7, 0.87))
    assert (found.accuracy_gap, found.accuracy_tolerance) == pytest.approx((0.06, 0.0586), abs=1e-4)
    assert (found.code, found.cause) == ("parted", "accuracy")
    assert found.worst == 0  # the losses agree
    nearer = parity(_accurate(0.5, 0.929), _accurate(0.7, 0.871))
    assert (nearer.code, nearer.accuracy_gap) == ("same", pytest.approx(0.058))


def test_more_test_images_and_a_finer_precision_leave_less_to_chance():
    assert parity(_accurate(0.92), _accurate(0.88)).code == "same"
    assert parity(_accurate(0.92, tested=10_000), _accurate(0.88, tested=10_000)).cause == "accuracy"
    rough = make_spec(precision="bf16")
    assert parity(_accurate(0.92, tested=10_000, spec=rough), _accurate(0.88, tested=10_000)).code == "same"
    assert parity(_accurate(1.0), _accurate(1.0)).accuracy_tolerance == 1e-3  # no spread, no chance


def test_accuracies_after_different_amounts_of_training_are_not_compared():
    assert parity(_accurate(0.3, 0.9), _accurate(0.3)).accuracy_gap is None
    assert parity(_accurate(0.9), _accurate(0.3, samples=640)).accuracy_gap is None
    assert parity(_accurate(0.9), _accurate(None)).accuracy_gap is None
    assert parity(_accurate(0.9), _accurate(0.3, tested=0)).accuracy_gap is None
    extra = make_spec(epochs=1)  # what comes after the workload's own epochs isn't its result
    found = parity(_accurate(0.9, 0.1, spec=extra), _accurate(0.9, 0.9, spec=extra))
    assert found.accuracy_gap == 0


def test_accuracies_alone_can_part_runs_without_losses():
    found = parity(_accurate(0.9, first_losses=()), _accurate(0.1))
    assert (found.code, found.steps, found.worst, found.cause) == ("parted", 0, None, "accuracy")


def test_blocks_of_one_job_at_the_same_time_are_refused():
    at_once = make_gpu_result(blocks=make_blocks(0.1, start_s=11.0))
    with pytest.raises(InputError) as caught:
        compare(make_result(), at_once)
    assert caught.value.code == "malformed_record"
    assert "overlap in time" in sentence("malformed_record", caught.value.facts)
    assert compare(make_result(), dataclasses.replace(at_once, job_id="job-2")).speedup is not None


def test_a_run_that_cannot_have_been_is_not_compared():
    broken = make_gpu_result(threads=0)
    with pytest.raises(InputError) as caught:
        compare(make_result(), broken)
    assert caught.value.facts["where"] == "RunResult run-gpu.threads"


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_parts_the_runs(bad):
    assert parity(_losses(1.0, bad), _losses(1.0, 1.0)) == Parity("parted", 2, None, 1e-3, "divergence")
    assert parity(_losses(1.0, bad), _losses(1.0, bad)).code == "parted"


def test_a_diverged_training_has_blocks_without_a_loss():
    blocks = tuple(dataclasses.replace(block, loss=None) for block in make_blocks())
    assert parity(make_result(blocks=blocks), make_gpu_result()).cause == "divergence"
    inference = make_spec(task="classify")
    assert parity(make_result(blocks=blocks, spec=inference), make_gpu_result(spec=inference)).code == "same"


def test_without_losses_nothing_is_checked():
    assert parity(_losses(), _losses(1.0)) == Parity("not_checked", 0, None, None)
