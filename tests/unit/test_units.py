from __future__ import annotations

import pytest

from core import units
from core.records import Estimate


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0, "0"), (54321.7, "54,300"), (4.1, "4.1"), (4.128, "4.13"), (0.012345, "0.0123"),
     (9.996, "10"), (999.6, "1,000"), (-2.5, "-2.5"), (1234567, "1,230,000")],
)  # fmt: skip
def test_number_keeps_three_significant_digits(value, text):
    assert units.number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0, "0 s"), (4.2e-8, "42 ns"), (0.00085, "850 µs"), (0.0123, "12.3 ms"), (0.9999, "1 s"),
     (4.1, "4.1 s"), (59.94, "59.9 s"), (59.97, "1 min 00 s"), (125, "2 min 05 s"),
     (3599.7, "1 h 00 min"), (11520, "3 h 12 min"), (47 * 3600 + 3599, "2 d 00 h"),
     (5 * 86400 + 3 * 3600, "5 d 03 h"), (-1.5, "-1.5 s")],
)  # fmt: skip
def test_duration_chooses_its_unit_after_rounding(seconds, text):
    assert units.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, "–"), (0, "0 B"), (512, "512 B"), (1024, "1 KiB"), (1.5 * 2**30, "1.5 GiB"),
     (812 * 2**20, "812 MiB"), (2**20 - 1, "1 MiB"), (3 * 2**50, "3,070 TiB")],
)  # fmt: skip
def test_size_is_binary(count, text):
    assert units.size(count) == text


@pytest.mark.parametrize(
    ("energy_j", "text"),
    [(None, "–"), (0.5, "0.5 J"), (999.9, "1 kJ"), (12_000, "12 kJ"), (3.1e6, "3.1 MJ"), (4.32e6, "1.2 kWh")],
)
def test_joules(energy_j, text):
    assert units.joules(energy_j) == text


def test_rate_watts_and_percent():
    assert units.rate(54_321) == "54,300 images/s"
    assert units.rate(54_321, {"{number} images/s": "{number} 张/秒"}.__getitem__) == "54,300 张/秒"
    assert units.watts(412.34) == "412 W"
    assert units.percent(92.53) == "92.5 %"
    assert units.rate(None) == units.watts(None) == units.percent(None) == "–"


@pytest.mark.parametrize(
    ("estimate", "ratio", "interval"),
    [
        (Estimate(14.213, 13.81, 14.62), "14.2×", "13.8–14.6"),
        (Estimate(14.213, 11, 17), "14×", "11–17"),
        (Estimate(1.0021, 1.001, 1.003), "1.002×", "1.001–1.003"),
        (Estimate(2.0, 2.0, 2.0), "2.000×", "2.000–2.000"),
        (Estimate(2.13456, 2.134559, 2.134561), "2.135×", "2.135–2.135"),
        (Estimate(143, 110, 175), "140×", "110–180"),
        (None, "–", "–"),
    ],
)
def test_a_ratio_shows_only_the_digits_its_interval_carries(estimate, ratio, interval):
    assert units.ratio(estimate) == ratio
    assert units.interval(estimate) == interval


def test_money_has_no_digits_that_nobody_would_pay():
    assert units.money(1234.5, "EUR") == "1,230 EUR"
    assert units.money(0.305, "EUR") == "0.305 EUR"
    assert units.money(0.000305, "EUR") == "≤0.01 EUR"
    assert units.money(0.0, "EUR") == "0 EUR"
