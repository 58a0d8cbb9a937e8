"""One setup's blocks: the same work as a plain training, timed in parts that never cross an epoch's end."""

import gc
import math
import time

import pytest
import torch

from core.measure import devices, models, threads, trainee
from core.measure.trainee import Trainee
from core.records import ThreadTrial
from tests.measure.training import BATCH, STEPS, losses_of_a_plain_training, make, run_epochs, warm

# --- the same work


def test_warming_up_leaves_no_trace_in_the_weights(tiny_data):
    made = warm(tiny_data)
    expected, _ = models.build("mlp", tiny_data.shape, 10, 0)
    for name, value in expected.state_dict().items():
        assert torch.equal(made.model.state_dict()[name], value)


@pytest.mark.parametrize("path", ["loader", "resident"])
@pytest.mark.parametrize("lead_in", [0.0, 0.001])
def test_first_losses_are_those_of_a_training_without_warm_up(path, lead_in, tiny_data):
    made = warm(tiny_data, data_path=path)
    expected, _ = losses_of_a_plain_training(tiny_data, STEPS)
    told = []
    while not made.epoch_complete:
        told += made.block(2 * made.step_s, lead_in)[1]
    torch.testing.assert_close(told, expected)
    assert told == made.first_losses


def test_two_epochs_end_at_the_weights_of_a_plain_training(tiny_data):
    made = warm(tiny_data, seed=5, learning_rate=0.05)
    run_epochs(made, 2, seconds=3 * made.step_s)
    _, expected = losses_of_a_plain_training(tiny_data, 2 * STEPS, 5, 0.05)
    for name, value in expected.items():
        torch.testing.assert_close(made.model.state_dict()[name], value)


def test_only_the_first_epochs_losses_are_told(tiny_data):
    made = warm(tiny_data)
    _, losses, _ = run_epochs(made, 3)
    assert len(losses) == STEPS


def test_no_more_losses_are_told_than_prove_the_work(tiny_data, monkeypatch):
    monkeypatch.setattr(trainee, "_PROOF_STEPS", 7)
    _, losses, _ = run_epochs(warm(tiny_data), 1, seconds=0.0)
    torch.testing.assert_close(losses, losses_of_a_plain_training(tiny_data, 7)[0])


# --- blocks and epochs


@pytest.mark.parametrize("steps_wanted", [0, 1, 2.6, 4, 7, 100])
def test_blocks_fill_epochs_and_never_cross_their_end(steps_wanted, tiny_data, monkeypatch):
    made = warm(tiny_data)
    monkeypatch.setattr(Trainee, "step_s", property(lambda self: 1.0, lambda self, value: None), raising=False)
    blocks, _, records = run_epochs(made, 2, seconds=steps_wanted)
    for epoch in (1, 2):
        own = [block.steps for block in blocks if block.epoch == epoch]
        assert sum(own) == STEPS
        assert max(own) < 1.5 * max(1, round(steps_wanted)) + 1
    assert [block.epoch for block in blocks] == sorted(block.epoch for block in blocks)
    assert all(block.samples == BATCH * block.steps for block in blocks)
    assert [(record.epoch, record.steps, record.samples) for record in records] == [(1, 10, 640), (2, 10, 640)]


def test_blocks_lie_one_after_the_other_on_the_jobs_clock(tiny_data):
    made = warm(tiny_data)
    before = time.perf_counter() - made._origin
    blocks, _, _ = run_epochs(made, 2, seconds=2 * made.step_s)
    after = time.perf_counter() - made._origin
    ends = [before, *(block.start_s + block.duration_s for block in blocks)]
    starts = [*(block.start_s for block in blocks), after]
    assert all(block.duration_s > 0 for block in blocks)
    assert all(end <= start for end, start in zip(ends, starts, strict=True))
    assert made.progress.spent_s == pytest.approx(sum(block.duration_s for block in blocks))


def test_a_blocks_loss_is_the_mean_of_its_steps(tiny_data):
    made = warm(tiny_data)
    blocks, losses, records = run_epochs(made, 1, seconds=3 * made.step_s)
    first = blocks[0].steps
    assert blocks[0].loss == pytest.approx(sum(losses[:first]) / first, rel=1e-5)
    assert records[0].train_loss == pytest.approx(sum(losses) / STEPS, rel=1e-5)


def test_blocks_after_the_last_epoch_are_extra(tiny_data):
    made = warm(tiny_data, epochs=1)
    _, _, records = run_epochs(made, 2)
    assert made.epochs_done
    assert records[0].epoch == 1
    assert records[1] is None  # no record: it wasn't asked for
    assert made.block(0.0, lead_in=0.0)[0].epoch == 3


def test_an_epoch_that_is_cut_short_is_tested_all_the_same(tiny_data):
    made = warm(tiny_data)
    block, _ = made.block(0.0, lead_in=0.0)
    record = made.end_epoch(60.0)
    assert (record.epoch, record.steps, record.samples) == (1, block.steps, BATCH * block.steps)
    assert record.train_loss == pytest.approx(block.loss)
    assert record.test_samples == 100
    assert not made.epochs_done


def test_lead_in_steps_are_no_part_of_the_training(tiny_data):
    made = warm(tiny_data)
    block, _ = made.block(0.0, lead_in=0.001)
    assert made.progress.steps_in_epoch == block.steps
    assert made.progress.spent_s == pytest.approx(block.duration_s)


# --- the clock


@pytest.mark.parametrize("task", ["train", "classify", "extract"])
@pytest.mark.parametrize("lead_in", [0.0, 0.001])
def test_the_device_is_waited_for_at_a_blocks_two_ends_only(task, lead_in, tiny_data, monkeypatch):
    monkeypatch.setattr(trainee, "_TEACHING_STEPS", 1)
    made = warm(tiny_data, task=task)
    done = []
    monkeypatch.setattr(devices, "synchronise", lambda device: done.append("wait"))
    fetch = made.feed.fetch
    made.feed.fetch = lambda: done.append("step") or fetch()
    block, _ = made.block(4 * made.step_s, lead_in)
    timed = ["wait", *["step"] * block.steps, "wait"]
    assert done == (["wait", "wait", *timed] if lead_in else timed)


def test_no_garbage_is_collected_inside_a_block(tiny_data):
    made = warm(tiny_data)
    seen = []
    fetch = made.feed.fetch
    made.feed.fetch = lambda: seen.append(gc.isenabled()) or fetch()
    made.block(2 * made.step_s, lead_in=0.0)
    assert seen
    assert not any(seen)
    assert gc.isenabled()


def test_the_cold_start_is_told_apart(tiny_data):
    made = make(tiny_data)
    cold = made.warm_up(20.0, 2.5, 0.75)
    assert (cold.worker_start_s, cold.data_s, cold.build_s) == (2.5, 0.75, made.build_s)
    assert cold.first_step_s > 0
    assert 10 <= cold.warm_up_steps <= 99
    assert cold.warm_up_s > 0
    assert made.step_s > 0


def test_warming_up_takes_no_more_than_its_share_of_the_time(tiny_data):
    cold = make(tiny_data).warm_up(1e-9, None, 0.0)
    assert (cold.warm_up_steps, cold.warm_up_s) == (0, 0)


@pytest.mark.parametrize(
    ("times", "steady"),
    [
        ([1.0] * 10, True),
        ([9.0] + [1.0] * 5 + [1.04] * 5, True),
        ([1.0] * 5 + [0.9] * 5, False),
        ([1.0] * 9 + [50.0], True),
    ],
)
def test_steady_means_that_the_median_stays(times, steady):
    assert trainee._steady(times) is steady


# --- setups


@pytest.mark.parametrize("count", [1, 2])
def test_the_threads_asked_for_are_those_that_work(count, tiny_data):
    made = warm(tiny_data, threads=count)
    assert (made.threads, made.thread_trials) == (count, ())
    torch.set_num_threads(3)  # as another setup has left it
    seen = []
    fetch = made.feed.fetch
    made.feed.fetch = lambda: seen.append(torch.get_num_threads()) or fetch()
    made.block(2 * made.step_s, lead_in=0.0)
    assert set(seen) == {count}
    torch.set_num_threads(3)
    made.model.register_forward_hook(lambda *_: seen.append(torch.get_num_threads()))
    made.end_epoch(60.0)
    assert set(seen) == {count}


def test_where_no_threads_are_asked_for_the_best_are_found(tiny_data, monkeypatch):
    monkeypatch.setattr(threads, "_known", {})
    monkeypatch.setattr(threads, "candidates", lambda default: [1, 2, default])
    seen = []

    def search(kind, counts, default, trial, step_s, max_seconds):
        assert default == 3
        for count in counts:
            assert trial(count, 3 * step_s) > 0
            seen.append(torch.get_num_threads())
        return tuple(
            ThreadTrial(count, (seconds,)) for count, seconds in zip(counts, (3.0, 1.0, 2.0), strict=True)
        )

    monkeypatch.setattr(threads, "search", search)
    made = warm(tiny_data, default_threads=3, threads=None)
    assert seen == [1, 2, 3]
    assert (made.threads, [trial.threads for trial in made.thread_trials]) == (2, [1, 2, 3])
    assert torch.get_num_threads() == 2
    expected, _ = losses_of_a_plain_training(tiny_data, 1)
    assert made.block(0.0, lead_in=0.0)[1] == pytest.approx(expected)  # searching is no training


def test_bf16_computes_in_bf16_and_keeps_its_weights_in_fp32(tiny_data):
    made = warm(tiny_data, precision="bf16")
    seen = []
    made.model.register_forward_hook(lambda _, __, output: seen.append(output.dtype))
    _, losses, _ = run_epochs(made, 1)
    assert set(seen) == {torch.bfloat16}
    assert {parameter.dtype for parameter in made.model.parameters()} == {torch.float32}
    exact, _ = losses_of_a_plain_training(tiny_data, STEPS)
    assert losses == pytest.approx(exact, rel=0.05)
    assert losses != pytest.approx(exact, rel=1e-6)


def test_fp32_means_that_no_device_takes_tf32(tiny_data):
    torch.backends.cuda.matmul.fp32_precision = torch.backends.cudnn.conv.fp32_precision = "tf32"
    made = warm(tiny_data)
    made.block(0.0, lead_in=0.0)
    assert torch.backends.cuda.matmul.fp32_precision == "ieee"
    assert torch.backends.cudnn.conv.fp32_precision == "ieee"


def test_enlarged_images_are_told_of(tiny_data):
    made = make(tiny_data, model="alexnet")
    assert [(note.code, note.facts) for note in made.take_notes()] == [("resized", {"side": 64})]
    assert made.input_shape == (3, 64, 64)
    assert made.take_notes() == []


def test_parameters_are_counted_once(tiny_data):
    assert make(tiny_data).parameters == 407_050
    assert make(tiny_data, task="extract").parameters == 784 * 512 + 512


# --- divergence


def test_a_diverging_training_says_so_and_goes_on(tiny_data):
    made = warm(tiny_data, learning_rate=1e6, epochs=2)
    blocks, losses, records = run_epochs(made, 2, seconds=0.0)
    assert all(map(math.isfinite, losses))
    assert len(losses) < STEPS
    assert blocks[-1].loss is None
    assert all(block.loss is None or math.isfinite(block.loss) for block in blocks)
    assert records[-1].train_loss is None
    (note,) = made.take_notes()
    assert note.code == "diverged"
    assert note.facts["epoch"] in (1, 2)
