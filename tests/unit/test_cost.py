"""Costs on a device: what a time rests on, what is labelled, what the intervals hold."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import messages
from core.analysis.decide.candidates import candidates, key
from core.analysis.decide.cost import MONTH_S, costed
from core.analysis.decide.pay_off import break_even_months, break_even_runs
from core.analysis.decide.plan import EXAMPLE_DATE, EXAMPLE_SOURCE, Conditions, Plan, Terms, edited
from core.analysis.decide.sensitivity import break_even_swings, monthly_swings
from core.analysis.leaderboard import Hardware
from core.errors import InputError
from core.records import Estimate, Note, Setup
from tests.builders import make_gpu_result, make_gpu_samples, make_telemetry
from tests.decisions import fast_gpu, slow_cpu
from tests.sweeps import make_sweep_result

PLAN = Plan(images=100_000, epochs=36, runs_per_month=50)
CONDITIONS = Conditions(date="2026-11-01", source="my bill")
OWN = Terms("Test CPU, 8 cores", "own", rest_w=20)
BUY = Terms("NVIDIA Test GPU", "buy", purchase=1800, rest_w=100, date="2026-11-01", source="a shop")
RENT = Terms("NVIDIA Test GPU", "rent", per_hour=3, unit_s=60, boot_s=100, date="2026-11-01", source="a host")
SLOWEST = Estimate(0.01, 0.009, 0.011)
GPU_SETUP = Setup(device="cuda:0")


def _codes(found):
    return {label.code for label in found.labels}


def _facts(found, code):
    return next(label.facts for label in found.labels if label.code == code)


def test_candidates_are_the_fastest_of_each_device():
    runs = [
        make_sweep_result(64, 0.064),
        make_sweep_result(512, 0.256),
        make_sweep_result(512, 0.128, Setup(threads=2)),
        make_sweep_result(512, 0.0064, GPU_SETUP),
    ]
    gpu, cpu = candidates(runs)
    assert (gpu.device.name, cpu.device) == ("NVIDIA Test GPU", Hardware("Test CPU", 16.0))
    assert (cpu.batch_size, cpu.result.spec.setup.threads) == (512, 2)
    assert cpu.seconds_per_image.value == pytest.approx(0.128 / 512, rel=0.02)
    assert cpu.start_s == pytest.approx(2.5 + 0.3 + 0.2 + 0.5)
    assert cpu.power_w is None
    assert cpu.no_energy == Note("energy_no_sensor")
    assert candidates(runs, batch_size=64)[1].batch_size == 64
    assert key(cpu.device) == "Test CPU, 16 cores"


def test_power_is_that_of_the_timed_blocks():
    """The telemetry says 300 W all the time."""
    (gpu,) = candidates([make_gpu_result(telemetry=make_telemetry(gpu=make_gpu_samples()))])
    assert gpu.power_w == pytest.approx(300, rel=0.01)
    assert gpu.joules_per_image == pytest.approx(300 * gpu.seconds_per_image.value, rel=0.01)


def test_runs_of_two_models_are_no_candidates():
    with pytest.raises(InputError, match="not_comparable"):
        candidates([make_sweep_result(64, 0.1), make_sweep_result(64, 0.1, model="cnn")])
    assert candidates([]) == ()


def test_seconds_of_today_are_carried_over_by_the_ratio():
    """10 times as fast; at the corners 0.8 / 0.11 and 1.2 / 0.09 times."""
    plan = Plan(today_epoch_s=500, epochs=10)
    cpu, gpu = slow_cpu(), fast_gpu()
    today = costed(cpu, plan, OWN, CONDITIONS, cpu)
    found = costed(gpu, plan, BUY, CONDITIONS, cpu)
    assert today.run_s == Estimate(5040, 5040, 5040)
    assert found.run_s.value == pytest.approx(520)
    assert found.run_s.low == pytest.approx(20 + 5000 * 0.09 / 1.2)
    assert found.run_s.high == pytest.approx(20 + 5000 * 0.11 / 0.8)
    assert found.saved_run_s.low == pytest.approx(5040 - found.run_s.high)
    assert "time_by_ratio" in _codes(found)
    assert "time_told" in _codes(today)
    assert "projected_run" not in _codes(today)
    with pytest.raises(InputError, match="no_baseline"):
        costed(gpu, plan, BUY, CONDITIONS)


def test_a_told_time_unlike_the_measured_one_is_said():
    cpu = slow_cpu()  # 100 s an epoch, measured
    far = costed(fast_gpu(), dataclasses.replace(PLAN, today_epoch_s=300), BUY, CONDITIONS, cpu)
    near = costed(fast_gpu(), dataclasses.replace(PLAN, today_epoch_s=110), BUY, CONDITIONS, cpu)
    assert _facts(far, "told_differs") == {"factor": 3.0}
    assert "told_differs" not in _codes(near)


def test_other_image_sizes_are_extrapolated():
    plain = costed(fast_gpu(), PLAN, BUY, CONDITIONS)
    same = costed(fast_gpu(), dataclasses.replace(PLAN, side=28), BUY, CONDITIONS)
    large = costed(fast_gpu(), dataclasses.replace(PLAN, side=56), BUY, CONDITIONS)
    assert same.run_s == plain.run_s
    assert "extrapolated_size" not in _codes(same)
    assert large.run_s.value - 20 == pytest.approx(4 * (plain.run_s.value - 20))
    assert _facts(large, "extrapolated_size") == {"measured": "28 × 28", "wanted": "56 × 56"}
    assert (large.fit.code, large.fit.reason.code) == ("unknown", "memory_other_size")


def test_energy_that_was_not_measured_stays_unknown_or_is_assumed():
    dark = fast_gpu(power_w=None, no_energy=Note("energy_no_sensor"))
    unknown = costed(dark, PLAN, BUY, CONDITIONS)
    assert unknown.energy_run_j is unknown.co2_run_kg is unknown.money is None
    assert unknown.no_money == Note("energy_no_sensor")
    assert break_even_months(unknown, costed(slow_cpu(), PLAN, OWN, CONDITIONS)).code == "unknown"
    assumed = costed(dark, PLAN, dataclasses.replace(BUY, assumed_w=300), CONDITIONS)
    assert assumed.energy_run_j == costed(fast_gpu(), PLAN, BUY, CONDITIONS).energy_run_j
    assert _facts(assumed, "power_assumed") == {"watts": 300}
    rented = costed(dark, PLAN, RENT, CONDITIONS)
    assert rented.money is not None
    assert rented.energy_run_j is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"source": "recorded"}, "speed_recorded"),
        ({"source": "imported"}, "speed_imported"),
        ({"source": "predicted"}, "speed_predicted"),
        ({"doubtful": True}, "speed_doubtful"),
        ({"start_s": None}, "start_up_not_counted"),
    ],
)
def test_labels_of_a_speed(change, code):
    assert code in _codes(costed(fast_gpu(**change), PLAN, BUY, CONDITIONS))
    assert code not in _codes(costed(fast_gpu(), PLAN, BUY, CONDITIONS))


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({"date": ""}, {"price_undated"}),
        ({"source": ""}, {"price_unsourced"}),
        ({"source": EXAMPLE_SOURCE}, {"price_example"}),
        ({"rest_w": 0.0}, {"rest_not_counted"}),
    ],
)
def test_labels_of_a_price(change, codes):
    plain = {"projected_run"}
    assert _codes(costed(fast_gpu(), PLAN, BUY, CONDITIONS)) == plain
    assert _codes(costed(fast_gpu(), PLAN, dataclasses.replace(BUY, **change), CONDITIONS)) == plain | codes


def test_conditions_are_labelled():
    found = costed(fast_gpu(), PLAN, BUY, Conditions(per_kwh=0, grid_g=400, source=EXAMPLE_SOURCE))
    assert _codes(found) >= {"electricity_example", "electricity_free", "co2_estimated"}


def test_batch_sizes_are_labelled():
    at_64 = slow_cpu()
    at_256 = fast_gpu(batch_size=256)
    assert "batches_differ" in _codes(costed(at_256, PLAN, BUY, CONDITIONS, at_64))
    wanted = costed(fast_gpu(), dataclasses.replace(PLAN, batch_size=128), BUY, CONDITIONS)
    assert _facts(wanted, "other_batch") == {"wanted": 128, "measured": 64}
    assert wanted.fit.code == "unknown"


def test_an_edited_example_is_one_no_longer():
    example = Terms("GPU", "rent", per_hour=3, date=EXAMPLE_DATE, source=EXAMPLE_SOURCE)
    assert edited(example, per_hour=3.0) == example
    assert (edited(example, per_hour=2).source, edited(example, per_hour=2).date) == ("", "")
    mine = edited(example, per_hour=2, source="a host", date="2026-11-02")
    assert (mine.source, mine.date) == ("a host", "2026-11-02")


def test_a_month_that_is_too_short_takes_several_machines():
    plan = dataclasses.replace(PLAN, runs_per_month=2000)  # of 3640 s: 2022 h
    cpu = costed(slow_cpu(), plan, OWN, CONDITIONS)
    assert not cpu.fits_month
    assert _facts(cpu, "month_too_short") == {"machines": 3}
    bought = costed(slow_cpu(), plan, dataclasses.replace(BUY, share_pct=50), CONDITIONS)
    assert bought.money.upfront.value == 3 * 900
    assert "several_machines" in _codes(bought)


def test_the_time_that_a_rented_machine_waits_is_paid():
    half = costed(fast_gpu(), PLAN, dataclasses.replace(RENT, used_pct=50), CONDITIONS)
    assert half.money.rent_run.value == pytest.approx(3 * 960 / 3600)


def test_a_run_of_centuries_is_refused():
    with pytest.raises(InputError, match="plan_too_long"):
        costed(slow_cpu(), Plan(images=10**12, epochs=10**6), OWN, CONDITIONS)


def _result_with(images, memory_bytes):
    result = make_sweep_result(64, 0.0064, GPU_SETUP)
    return dataclasses.replace(
        result, memory=dataclasses.replace(result.memory, device_peak_bytes=memory_bytes)
    )


@pytest.mark.parametrize(
    ("plan", "code", "reason"),
    [
        (PLAN, "yes", "memory_with_images"),
        (Plan(images=1000), "yes", "memory_fitted"),
        (Plan(images=1000, batch_size=16), "yes", "memory_fitted"),
        (Plan(images=1000, batch_size=128), "unknown", "memory_not_measured"),
        (Plan(images=1000, batch_size=256), "no", "memory_was_full"),
        (Plan(images=30_000_000), "no", "memory_images"),  # 22 GiB on 16 GiB
        (Plan(images=20_500_000), "no", "memory_with_images"),  # 15 GiB and what training takes
    ],
)
def test_what_fits_into_memory(plan, code, reason):
    full = make_sweep_result(256, 0.01, GPU_SETUP, blocks=0, status="failed", failure=Note("out_of_memory"))
    (gpu,) = candidates([_result_with(60_000, 2 * 2**30), full])
    fit = costed(gpu, plan, BUY, CONDITIONS).fit
    assert (fit.code, fit.reason.code) == (code, reason)
    assert messages.sentence(fit.reason.code, fit.reason.facts)


def test_buying_what_is_slower_or_dear_never_pays():
    own = costed(slow_cpu(), PLAN, OWN, CONDITIONS)
    slow = costed(fast_gpu(seconds_per_image=SLOWEST), PLAN, BUY, CONDITIONS)
    assert break_even_months(slow, own).code == "never"
    dear = costed(fast_gpu(), PLAN, dataclasses.replace(BUY, purchase=1e6), CONDITIONS)
    assert break_even_months(dear, own).code == "never"


def test_a_machine_that_is_full_before_it_pays_never_does():
    """Rent 0.01 an hour against 50 a month: 730.5 hours of rent cost 7.31."""
    buy = costed(fast_gpu(), PLAN, BUY, dataclasses.replace(CONDITIONS, per_kwh=0))
    rent = costed(fast_gpu(), PLAN, dataclasses.replace(RENT, per_hour=0.01), CONDITIONS)
    found = break_even_runs(buy, rent)
    assert (found.code, found.reason.code) == ("never", "over_capacity")
    assert found.reason.facts["runs"] == pytest.approx(MONTH_S / 380, rel=0.01)


def test_a_break_even_that_hangs_on_the_interval_has_no_upper_end():
    """Intervals that overlap: at worst the candidate is the slower one."""
    conditions = Conditions(hour_value=6)
    own = costed(slow_cpu(), PLAN, OWN, conditions)
    near = fast_gpu(seconds_per_image=Estimate(0.0009, 0.0007, 0.0011))
    found = break_even_months(costed(near, PLAN, BUY, conditions), own)
    assert found.code == "from"
    assert (found.sure, found.high) == (False, None)
    assert found.low < found.value


def test_every_label_has_a_sentence():
    dark = fast_gpu(power_w=None, start_s=None, doubtful=True, source="recorded", batch_size=256)
    plan = dataclasses.replace(PLAN, side=224, today_epoch_s=9, batch_size=512, runs_per_month=1e5)
    for terms in (OWN, BUY, RENT):
        found = costed(dark, plan, dataclasses.replace(terms, assumed_w=9, source=""), CONDITIONS, slow_cpu())
        assert len(found.labels) > 8
        for label in (*found.labels, found.fit.reason):
            assert "{" not in messages.sentence(label.code, label.facts)


POSITIVE = st.floats(0.01, 1e5)


@settings(max_examples=60, deadline=None)
@given(
    per_hour=POSITIVE,
    unit=st.floats(1, 1e5),
    used=st.floats(1, 100),
    runs=st.floats(0.01, 1e5),
    images=st.integers(1, 10**8),
    purchase=POSITIVE,
    way=st.sampled_from(["own", "rent", "buy"]),
)
def test_bands_hold_the_value_and_costs_rise_with_price_and_work(
    per_hour, unit, used, runs, images, purchase, way
):
    terms = Terms("GPU", way, per_hour=per_hour, unit_s=unit, used_pct=used, purchase=purchase, rest_w=10)
    plan = Plan(images=images, epochs=3, runs_per_month=runs)
    conditions = Conditions(hour_value=2, grid_g=300)
    found = costed(fast_gpu(), plan, terms, conditions, slow_cpu())
    for one in (
        found.run_s,
        found.money.month,
        found.money.run,
        found.energy_month_j,
        found.co2_run_kg,
        found.saved_month_s,
    ):
        assert one.low <= one.value <= one.high
    more = dataclasses.replace(plan, images=2 * images)
    assert costed(fast_gpu(), more, terms, conditions).money.month.value >= found.money.month.value
    dearer = dataclasses.replace(terms, per_hour=2 * per_hour, purchase=2 * purchase)
    twice = costed(fast_gpu(), plan, dearer, conditions).money
    assert twice.rent_run.value == pytest.approx(2 * found.money.rent_run.value)
    assert twice.fixed_month.value == pytest.approx(2 * found.money.fixed_month.value)


def test_sensitivity_of_the_monthly_cost():
    """Buying costs 50 a month and the electricity of 50 runs: 400 W * 380 s * 50 = 2.111 kWh = 0.6333."""
    swings = {one.input: one for one in monthly_swings(fast_gpu(), PLAN, BUY, CONDITIONS)}
    assert (swings["price"].base, swings["price"].down, swings["price"].up) == pytest.approx(
        (50.63333, 40.63333, 60.63333)
    )
    assert swings["months"].down == pytest.approx(0.63333 + 50 / 0.8)
    assert swings["electricity"].up == pytest.approx(50 + 1.2 * 0.63333)
    assert (swings["speed"].down_pct, swings["speed"].up_pct) == pytest.approx((-10, 10))
    assert swings["speed"].down == pytest.approx(50 + 0.63333 * 344 / 380)
    assert (swings["utilisation"].up_pct, swings["utilisation"].up) == (0, swings["utilisation"].base)
    assert "waiting" not in swings
    widths = [one.width for one in monthly_swings(fast_gpu(), PLAN, BUY, CONDITIONS)]
    assert widths == sorted(widths, reverse=True)


def test_sensitivity_of_a_break_even():
    conditions = Conditions(hour_value=6)
    swings = break_even_swings((fast_gpu(), BUY), (slow_cpu(), OWN), PLAN, conditions)
    price = next(one for one in swings if one.input == "price")
    assert price.up == pytest.approx(1.2 * price.base)
    never = break_even_swings((fast_gpu(seconds_per_image=SLOWEST), BUY), (slow_cpu(), OWN), PLAN, conditions)
    assert never == ()
