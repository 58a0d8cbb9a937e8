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
