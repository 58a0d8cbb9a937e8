from __future__ import annotations

import dataclasses

import pytest

from core.analysis import timed
from core.analysis.summary import summarise
from core.errors import InputError
from tests.builders import BATCH, make_blocks, make_epochs, make_result, make_spec, make_uniform_blocks

EPOCH = 22 * BATCH  # 1437 images in whole batches of 64


def test_a_finished_run():
    found = summarise(make_result())
    assert found.step_s.value == pytest.approx(0.4)
    assert found.samples_per_s.value == pytest.approx(160)
    assert found.samples_per_s.low <= 160 <= found.samples_per_s.high
    assert found.epoch_s.value == pytest.approx(EPOCH / 160)
    assert found.epoch_measured_s == pytest.approx(22 * 0.4, rel=0.005)
    assert found.timed_fraction == pytest.approx(3 + 5 / 22)
    assert not found.projected
    assert found.final_loss == pytest.approx(2 / 3)
    assert found.test_accuracy == pytest.approx(0.85)
    assert found.first_step_s == 0.5
    assert found.cold_start_s == pytest.approx(1.0)  # without the worker's start
    assert found.time_to_finish_s.value == pytest.approx(1.0 + 3 * EPOCH / 160)


def test_a_measured_epoch_is_the_sum_of_its_blocks():
    blocks = make_blocks(epochs=1, extra=0, jitter=(0.0, 0.2, 0.0, 0.0, 0.4))
    found = summarise(make_result(blocks=blocks, epochs=make_epochs(1)))
    assert found.epoch_measured_s == pytest.approx(sum(block.duration_s for block in blocks))
    assert found.epoch_s.value == pytest.approx(8.8)  # at the median rate


def test_extra_blocks_count_for_the_rate_but_not_for_losses_or_epochs():
    slow_extras = tuple(
        dataclasses.replace(block, epoch=4, duration_s=10 * block.duration_s, loss=0.001)
        for block in make_blocks(epochs=4, extra=0)
    )
    result = make_result(blocks=make_blocks(extra=0) + slow_extras, epochs=make_epochs(3))
    found = summarise(result)
    assert found.step_s.value > 1
    assert found.final_loss == pytest.approx(2 / 3)
    assert len(timed.measured_epochs(result)) == 3
    assert len(timed.proper_blocks(result)) == 15


def test_less_than_an_epoch_is_projected():
    blocks = make_uniform_blocks([2.0, 2.0])
    epoch = dataclasses.replace(make_epochs(1)[0], samples=640)
    found = summarise(make_result(blocks=blocks, epochs=(epoch,)))
    assert found.projected
    assert found.epoch_measured_s is None
    assert found.timed_fraction == pytest.approx(640 / EPOCH)
    assert found.epoch_s.value == pytest.approx(EPOCH * 2 / 320)


def test_untimed_steps_of_a_finished_epoch_are_taken_at_its_own_rate():
    result = make_result(blocks=make_blocks(epochs=1, extra=0)[:-1], epochs=make_epochs(1))
    (epoch,) = timed.measured_epochs(result)
    assert epoch.timed_share == pytest.approx(18 / 22)
    assert epoch.seconds == pytest.approx(8.8, rel=0.01)
    half = dataclasses.replace(result, blocks=result.blocks[:2])
    assert timed.measured_epochs(half) == ()


def test_images_seen_include_the_untimed_ones():
    whole = make_result(blocks=make_blocks(epochs=1, extra=1), epochs=make_epochs(1), spec=make_spec(epochs=1))
    assert timed.images_seen(whole) == (160, 480, 768, 1024, 1280)
    gappy = dataclasses.replace(whole, blocks=(whole.blocks[0], whole.blocks[1]))
    assert timed.images_seen(gappy) == pytest.approx((EPOCH / 4, 3 * EPOCH / 4))


def test_a_run_without_blocks_has_no_numbers():
    found = summarise(make_result(blocks=(), epochs=(), data=None, cold_start=None, telemetry=None))
    values = dataclasses.asdict(found)
    assert not values.pop("projected")
    assert set(values.values()) == {None}


def test_one_block_gives_no_interval_and_so_no_rate():
    assert summarise(make_result(blocks=make_uniform_blocks([2.0]))).samples_per_s is None


@pytest.mark.parametrize("broken", [{"samples": 0}, {"duration_s": 0.0}])
def test_an_impossible_block_is_named(broken):
    blocks = make_uniform_blocks([2.0, 2.0])
    result = make_result(blocks=(blocks[0], dataclasses.replace(blocks[1], **broken)))
    with pytest.raises(InputError) as caught:
        summarise(result)
    assert caught.value.code == "malformed_record"
    assert caught.value.facts["where"] == "RunResult.blocks[1]"
