"""The Decide page's arithmetic against a table worked out by hand.

The plan: 100,000 images, 36 epochs, 50 runs a month. Electricity 0.30 a kWh, 400 g CO2 a kWh; an hour that
somebody waits is worth 6.

Time of one run: start-up + 100,000 * 36 * seconds per image = start-up + 3,600,000 * seconds per image

                    per image    epochs     start-up      run        interval of the speed -> run
    own  the CPU    1.0 ms       3600 s     40 s          3640 s     0.8 .. 1.2 ms   -> 2920 .. 4360 s
    buy  the GPU    0.1 ms        360 s     20 s           380 s     0.09 .. 0.11 ms ->  344 ..  416 s
    rent the GPU    0.1 ms        360 s     20 + 100 s     480 s                     ->  444 ..  516 s
                                            (100 s until the rented machine is up)

Energy: own (100 + 20 W) * 3640 s = 436,800 J = 0.121333 kWh; 350,400 .. 523,200 J
        buy (300 + 100 W) * 380 s = 152,000 J = 0.042222 kWh; 137,600 .. 166,400 J
        rent (300 + 100 W) * 480 s = 192,000 J = 0.053333 kWh
CO2:    own 0.121333 kWh * 0.4 kg = 0.0485333 kg; 50 runs: 2.426667 kg

Electricity of a run: own 0.121333 * 0.30 = 0.0364 (0.0292 .. 0.0436), buy 0.042222 * 0.30 = 0.0126667,
        rent: nothing, it is in the rent
Rent of a run, 3 an hour, each started minute is paid: 480 s = 8 minutes = 0.40;
        444 s = 7.4, so 8 minutes = 0.40; 516 s = 8.6, so 9 minutes = 0.45
Waiting for a run at 6 an hour: own 3640 / 600 = 6.066667, buy 380 / 600 = 0.633333, rent 480 / 600 = 0.80
Fixed, a month: own 0; buy 1800 over 36 months = 50; rent a fee of 5

A month, 50 runs:  own  50 * (0.0364 + 6.066667)                                     = 305.153333
                   buy  50 * (0.0126667 + 0.633333) + 50 = 32.30 + 50                =  82.30
                   rent 50 * (0.40 + 0.80) + 5                                       =  65.00

Months until buying has paid off:
    against staying   1800 / (305.153333 - 32.30)     = 6.596950
        at best       own 50 * (0.0436 + 7.266667) = 365.513333, buy 50 * (0.0114667 + 0.573333) = 29.24
                      1800 / 336.273333               = 5.352788
        at worst      own 50 * (0.0292 + 4.866667) = 244.793333, buy 50 * (0.0138667 + 0.693333) = 35.36
                      1800 / 209.433333               = 8.594620
    against renting   1800 / (65.00 - 32.30)          = 55.045872, which is after its 36 months

Runs a month from which on
    buying costs less than renting   (50 - 5) / (1.20 - 0.646)        = 81.227437
    renting costs less than staying  5 / (6.103067 - 1.20)            = 1.019770
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from core.analysis.decide.cost import costed
from core.analysis.decide.pay_off import break_even_months, break_even_runs, reached_on
from core.analysis.decide.plan import Conditions, Plan, Terms
from core.records import Estimate
from tests.decisions import fast_gpu, slow_cpu

PLAN = Plan(images=100_000, epochs=36, runs_per_month=50)
CONDITIONS = Conditions("EUR", per_kwh=0.30, grid_g=400, hour_value=6)
CPU, GPU = slow_cpu(), fast_gpu()
OWN = Terms("Test CPU, 8 cores", "own", rest_w=20)
BUY = Terms("NVIDIA Test GPU", "buy", purchase=1800, months=36, rest_w=100)
RENT = Terms("NVIDIA Test GPU", "rent", per_hour=3, unit_s=60, boot_s=100, monthly_fee=5, rest_w=100)


def _own():
    return costed(CPU, PLAN, OWN, CONDITIONS, baseline=CPU)


def _buy():
    return costed(GPU, PLAN, BUY, CONDITIONS, baseline=CPU)


def _rent():
    return costed(GPU, PLAN, RENT, CONDITIONS, baseline=CPU)


def _is(found: Estimate, value, low, high):
    assert (found.value, found.low, found.high) == pytest.approx((value, low, high), rel=1e-6)


def test_time_of_a_run_and_of_a_month():
    _is(_own().run_s, 3640, 2920, 4360)
    _is(_buy().run_s, 380, 344, 416)
    _is(_rent().run_s, 480, 444, 516)
    assert (_own().start_s, _buy().start_s, _rent().start_s) == (40, 20, 120)
    _is(_own().month_s, 182_000, 146_000, 218_000)
    assert _own().fits_month


def test_time_saved():
    assert _own().saved_run_s is None
    _is(_buy().saved_run_s, 3260, 2504, 4016)
    _is(_buy().saved_month_s, 163_000, 125_200, 200_800)
    _is(_rent().saved_run_s, 3160, 2404, 3916)


def test_energy_and_co2():
    _is(_own().energy_run_j, 436_800, 350_400, 523_200)
    _is(_buy().energy_run_j, 152_000, 137_600, 166_400)
    assert _rent().energy_run_j.value == pytest.approx(192_000)
    assert _own().energy_month_j.value == pytest.approx(50 * 436_800)
    assert _own().co2_run_kg.value == pytest.approx(0.048533333)
    assert _own().co2_month_kg.value == pytest.approx(2.4266667)


def test_electricity_is_in_the_rent_and_else_paid():
    _is(_own().money.electricity_run, 0.0364, 0.0292, 0.0436)
    assert _buy().money.electricity_run.value == pytest.approx(0.012666667)
    assert _rent().money.electricity_run.value == 0


def test_started_minutes_are_paid_whole():
    _is(_rent().money.rent_run, 0.40, 0.40, 0.45)


def test_money_of_a_run_and_of_a_month():
    _is(_own().money.month, 305.153333, 244.793333, 365.513333)
    _is(_buy().money.month, 82.30, 79.24, 85.36)
    _is(_rent().money.month, 65.00, 62.00, 70.50)
    assert _own().money.run.value == pytest.approx(6.1030667)
    assert _buy().money.run.value == pytest.approx(1.646)
    assert _rent().money.run.value == pytest.approx(1.30)
    assert _buy().money.upfront.value == 1800
    assert _buy().money.running_month.value == pytest.approx(32.30)


def test_buying_against_staying():
    found = break_even_months(_buy(), _own())
    assert (found.code, found.sure, found.reason) == ("from", True, None)
    assert (found.value, found.low, found.high) == pytest.approx((6.596950, 5.352788, 8.594620), rel=1e-6)
    assert reached_on(date(2026, 11, 29), found.value) == date(2027, 6, 17)  # 6.59695 * 30.4375 = 200.8 days on


def test_buying_against_renting():
    months = break_even_months(_buy(), _rent())
    assert months.code == "from"
    assert months.value == pytest.approx(55.045872)
    assert months.reason.code == "after_use"
    runs = break_even_runs(_buy(), _rent())
    assert runs.code == "from"
    assert runs.value == pytest.approx(81.227437)


def test_renting_against_staying():
    found = break_even_runs(_rent(), _own())
    assert found.code == "from"
    assert found.value == pytest.approx(1.019770, rel=1e-6)
    assert break_even_months(_rent(), _own()).code == "always"


def test_seen_from_the_other_side_it_is_until():
    found = break_even_runs(_rent(), _buy())
    assert found.code == "until"
    assert found.value == pytest.approx(81.227437)


def test_rent_by_the_started_quarter_of_an_hour_of_which_only_half_is_used():
    """10,000 images * 18 epochs * 0.1 ms = 18 s; 20 s start-up and 142 s boot: 180 s.

    Used half of the time: 360 s are paid, in started 900 s: 1 of them, 0.25 h * 4 = 1.00 a run; at 3 runs and a
    fee of 2 a month 5.00. Fully used 180 s: still 1 unit. Of 121 s units, 360 s are 3 = 363 s, 4 * 363 / 3600.
    """
    plan = Plan(images=10_000, epochs=18, runs_per_month=3)
    terms = Terms("g", "rent", per_hour=4, unit_s=900, boot_s=142, used_pct=50, monthly_fee=2)
    found = costed(GPU, plan, terms, Conditions())
    assert found.run_s.value == pytest.approx(180)
    assert (found.money.rent_run.value, found.money.month.value) == pytest.approx((1.00, 5.00))
    finer = costed(GPU, plan, replace(terms, unit_s=121), Conditions())
    assert finer.money.rent_run.value == pytest.approx(0.403333333)


def test_buying_against_a_rent_with_a_fee_of_its_own_numbers():
    """1,000,000 images * 0.1 ms = 100 s an epoch, 36 epochs = 3600 s and 20 s; 10 runs, electricity 0.50.

    buy 900, half of it this work's: 450; (300 + 60 W) * 3620 s = 0.362 kWh = 0.181 a run, 1.81 a month
    rent, by the second, without boot: 3620 / 3600 * 1.80 = 1.81 a run, 18.10 and a fee of 3.71: 21.81 a month
    months: 450 / (21.81 - 1.81) = 22.5
    runs a month, 30 months of use: (450 / 30 - 3.71) / (1.81 - 0.181) = 11.29 / 1.629 = 6.930632
    """
    plan, conditions = Plan(images=1_000_000, epochs=36, runs_per_month=10), Conditions(per_kwh=0.5)
    bought = Terms("g", "buy", purchase=900, share_pct=50, months=30, rest_w=60)
    buy = costed(GPU, plan, bought, conditions)
    rent = costed(GPU, plan, Terms("g", "rent", per_hour=1.8, monthly_fee=3.71), conditions)
    assert (buy.money.running_month.value, rent.money.month.value) == pytest.approx((1.81, 21.81))
    assert break_even_months(buy, rent).value == pytest.approx(22.5)
    assert break_even_runs(buy, rent).value == pytest.approx(6.930632, rel=1e-6)


def test_renting_costs_more_than_what_is_owned_from_a_number_of_runs_on():
    """To own the CPU costs (230 + 20 W) * 3640 s = 0.2527778 kWh, at 0.36: 0.091 a run.
    Renting the GPU without a fee costs 0.05 * 380 / 3600 = 0.0052778 a run: always less. With a fee of 3:
    3 / (0.091 - 0.0052778) = 34.996760 runs a month.
    """
    plan, conditions = Plan(images=100_000, epochs=36, runs_per_month=7), Conditions(per_kwh=0.36)
    own = costed(slow_cpu(power_w=None), plan, Terms("c", "own", assumed_w=230, rest_w=20), conditions)
    assert own.energy_run_j.value == pytest.approx(250 * 3640), "the assumed watts, and the rest's"
    assert own.money.run.value == pytest.approx(0.091)
    assert [note.facts for note in own.labels if note.code == "power_assumed"] == [{"watts": 230}]
    rent = Terms("g", "rent", per_hour=0.05)
    assert break_even_runs(costed(GPU, plan, rent, conditions), own).code == "always"
    found = break_even_runs(costed(GPU, plan, replace(rent, monthly_fee=3), conditions), own)
    assert (found.code, found.value) == ("from", pytest.approx(34.996760, rel=1e-6))


def test_the_seconds_of_an_epoch_today_scale_the_other_devices():
    """500 s an epoch on the CPU, 4 epochs: 2000 + 40 s. The GPU takes a tenth: 200 s + 20 s, 220 s.

    At best 0.09 / 1.2 = 0.075 of it (150 s), at worst 0.11 / 0.8 = 0.1375 (275 s). Saved: 2040 - 220 = 1820 s.
    """
    plan = Plan(epochs=4, runs_per_month=1, today_epoch_s=500)
    _is(costed(CPU, plan, OWN, CONDITIONS, baseline=CPU).run_s, 2040, 2040, 2040)
    gpu = costed(GPU, plan, BUY, CONDITIONS, baseline=CPU)
    _is(gpu.run_s, 220, 170, 295)
    _is(gpu.saved_run_s, 1820, 1745, 1870)


def test_what_is_owned_is_enough_for_the_hours_of_a_month():
    """A run of 3640 s: 722 of them fit into 730.5 hours, 723 don't; more can be rented and bought."""
    for runs, enough in ((722, True), (723, False)):
        plan = replace(PLAN, runs_per_month=runs)
        assert costed(CPU, plan, OWN, CONDITIONS).is_enough is enough
        assert costed(CPU, plan, replace(BUY, device="c"), CONDITIONS).is_enough
