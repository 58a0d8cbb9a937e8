"""What a run reached of its device's measured limits."""

import dataclasses

import pytest

from core.analysis import limits
from core.errors import InputError
from core.records import DataInfo, Limits, Rate
from tests.builders import make_gpu_result, make_limits, make_result, make_spec, make_uniform_blocks


def _run(**changes):
    """0.4 s a step of 64 images at 1 GFLOP each: 160 GFLOP/s of the CPU's 200."""
    return make_result(**{"limits": make_limits(), **changes})


def _only(*rates, flops_per_sample=1e9):
    return Limits(flops_per_sample, rates)


def test_the_peak_is_the_fastest_librarys_median():
    repeats = (0.5, 1.0, 0.8, 1.2, 9.0)  # the median is 1.0
    known = _only(
        Rate("large_product", 90.0, repeats, "fp32", "default", 2),
        Rate("large_product", 100.0, repeats, "fp32", "onednn", 2),
        Rate("large_product", 500.0, repeats, "bf16", "default", 2),
        Rate("step_products", 900.0, repeats, "fp32", "default", 2),
    )
    assert limits.peak_flops(known, "fp32") == 100.0
    assert limits.peak_flops(known, "bf16") == 500.0
    assert limits.peak_flops(known, "tf32") is None
    assert limits.fastest(known, "large_product", "fp32").products == "onednn"
    assert limits.bandwidth(known) is None


@pytest.mark.parametrize(
    ("libraries", "share"),
    [
        ({"default": 45.0, "onednn": 90.0}, 0.5),
        ({"default": 90.0, "onednn": 45.0}, 1.0),
        ({"default": 45.0}, 1.0),  # there is no other
        ({"mkl_fast": 45.0, "onednn": 90.0}, None),
        ({}, None),
    ],
)
def test_the_default_librarys_share_of_the_fastest(libraries, share):
    rates = [Rate("large_product", work, (1.0,) * 3, "fp32", name, 2) for name, work in libraries.items()]
    bf16 = Rate("large_product", 900.0, (1.0,) * 3, "bf16", "default", 2)
    assert limits.route_share(_only(*rates, bf16)) == share
    assert limits.route_share(_only(*rates, bf16), "step_products") is None


def test_utilisation_is_achieved_over_the_peak_of_the_runs_precision():
    run = _run(blocks=make_uniform_blocks([2.0] * 9, samples=320))  # 160 images a second
    assert limits.achieved_flops(run) == pytest.approx(160e9)
    share = limits.mfu(run)
    assert (share.value, share.low, share.high) == pytest.approx((0.8, 0.8, 0.8))
    lower = dataclasses.replace(run, spec=make_spec(precision="bf16"))
    assert limits.mfu(lower).value == pytest.approx(0.4)
    assert limits.mfu(dataclasses.replace(run, spec=make_spec(precision="tf32"))) is None


def test_the_interval_is_that_of_the_blocks():
    run = _run(blocks=make_uniform_blocks([1.8, 2.0, 2.2] * 4))
    share = limits.mfu(run)
    assert (share.low, share.value, share.high) == pytest.approx((0.8 * 2 / 2.2, 0.8, 0.8 * 2 / 1.8))


def test_the_floor_is_the_fastest_librarys_and_one_librarys():
    run = _run(limits=make_limits(step_s=0.1, default_share=0.5))
    assert limits.floor_step_s(run) == pytest.approx(0.1)
    assert limits.floor_step_s(run, "default") == pytest.approx(0.2)
    assert limits.floor_step_s(run, "mkl_fast") is None
    assert limits.floor_share(run).value == pytest.approx(0.25, rel=0.02)
    assert (
        limits.floor_step_s(make_result(limits=make_limits(step_s=0.1), spec=make_spec(precision="bf16"))) < 0.1
    )


def test_the_floor_counts_the_work_of_a_step_and_not_of_a_repeat():
    ten_steps = Rate("step_products", 10 * 64 * 1e9, (2.0, 2.0), "fp32", "default", 2)
    assert limits.floor_step_s(_run(limits=_only(ten_steps))) == pytest.approx(0.2)


def test_a_roofline():
    # 3 x 4 bytes a weight, 64 images of 1x8x8 bytes
    data = DataInfo(1437, 360, 10, (1, 8, 8), (1, 8, 8), 1_000_000)
    under = limits.roofline(_run(data=data))
    assert limits.step_bytes(_run(data=data)) == 12_000_000 + 64 * 64
    assert under.intensity == pytest.approx(64e9 / 12_004_096)
    assert {peak.precision: peak.flops for peak in under.peaks} == pytest.approx({"fp32": 200e9, "bf16": 400e9})
    assert (under.peak, under.bandwidth) == pytest.approx((200e9, 40e9))
    assert under.ridge == pytest.approx(5.0)
    assert under.attained == pytest.approx(160e9, rel=0.01)
    assert under.roof == pytest.approx(200e9)


def test_below_the_ridge_the_memory_is_the_roof():
    data = DataInfo(1437, 360, 10, (1, 8, 8), (1, 8, 8), 10_000_000_000)
    under = limits.roofline(_run(data=data))
    assert under.intensity < under.ridge
    assert under.roof == pytest.approx(40e9 * 64e9 / 120e9, rel=1e-6)


def test_inference_reads_the_weights_once():
    run = _run(spec=make_spec(task="classify"))
    assert limits.step_bytes(run) == 4 * 4810 + 64 * 64
    assert limits.update_bytes(run) == 0.0
    assert limits.update_bytes(_run()) == 12 * 4810


@pytest.mark.parametrize(
    "run",
    [
        make_result(),
        _run(blocks=()),
        _run(limits=make_limits(rates=())),
        _run(limits=make_limits(flops_per_sample=None)),
        _run(data=None),
        make_gpu_result(),
    ],
    ids=["no limits", "no blocks", "no rates", "no flops", "no data", "a GPU without limits"],
)
def test_what_was_not_measured_gives_nothing(run):
    assert limits.roofline(run) is None
    if run.data is not None:
        assert limits.mfu(run) is None
        assert limits.floor_share(run) is None


def test_one_block_has_no_interval():
    assert limits.mfu(_run(blocks=make_uniform_blocks([2.0]))) is None


@pytest.mark.parametrize(
    ("broken", "where"),
    [
        (_only(Rate("memory", 1.0, ())), "rates[0]"),
        (_only(Rate("memory", 0.0, (1.0,))), "rates[0]"),
        (_only(Rate("memory", 1.0, (1.0,)), Rate("launch", 1.0, (1.0, 0.0))), "rates[1]"),
    ],
)
def test_impossible_rates_of_an_imported_record_are_refused(broken, where):
    with pytest.raises(InputError) as refused:
        limits.bandwidth(broken)
    assert refused.value.code == "malformed_record"
    assert where in refused.value.facts["where"]


def test_impossible_flops_are_refused():
    with pytest.raises(InputError):
        limits.mfu(_run(limits=make_limits(flops_per_sample=-1.0)))
