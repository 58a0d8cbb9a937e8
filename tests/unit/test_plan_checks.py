"""What is entered for a decision: refused with a sentence where it can't be meant."""

from __future__ import annotations

import dataclasses
from datetime import date

import pytest

from core import messages
from core.analysis.decide.plan import Conditions, Plan, Terms
from core.analysis.decide.plan_checks import (
    RANGES,
    amount,
    checked_conditions,
    checked_plan,
    checked_terms,
    day,
)
from core.errors import InputError
from core.messages.decide import FIELDS

TODAY = date(2026, 11, 29)
PLAN = Plan(images=60_000)
RENT = Terms("GPU", "rent", per_hour=3)


def _refused(function, *args):
    with pytest.raises(InputError) as caught:
        function(*args)
    problem = caught.value
    assert "{" not in messages.sentence(problem.code, problem.facts)
    return problem.code


@pytest.mark.parametrize(("value", "number"), [("0.25", 0.25), (" 3 ", 3), ("1e3", 1000), (2, 2), (0, 0)])
def test_numbers_as_they_are_typed(value, number):
    assert amount("per_hour", value) == number


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("cheap", "not_a_number"),
        ("", "not_a_number"),
        ("0,25", "not_a_number"),
        ("1_000", "not_a_number"),
        ("１２", "not_a_number"),
        ("nan", "not_a_number"),
        (float("nan"), "not_a_number"),
        (None, "not_a_number"),
        (True, "not_a_number"),
        ([3], "not_a_number"),
        ("x" * 10_000, "not_a_number"),
        ("-1", "out_of_range"),
        ("inf", "out_of_range"),
        (float("inf"), "out_of_range"),
        ("1e308", "out_of_range"),
        (10**400, "out_of_range"),
    ],
)
def test_what_is_no_price(value, code):
    assert _refused(amount, "per_hour", value) == code


def test_a_refusal_quotes_little():
    with pytest.raises(InputError) as caught:
        amount("per_hour", "\u202e" + "x" * 10_000)
    assert len(caught.value.facts["value"]) <= 40
    assert caught.value.facts["value"].isprintable()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"images": 0}, "out_of_range"),
        ({"images": -5}, "out_of_range"),
        ({"images": 1.5}, "not_whole"),
        ({"images": 10**308}, "out_of_range"),
        ({"images": None}, "plan_without_images"),
        ({"epochs": 0}, "out_of_range"),
        ({"epochs": None}, "not_a_number"),
        ({"runs_per_month": 0}, "out_of_range"),
        ({"runs_per_month": float("nan")}, "not_a_number"),
        ({"side": 0}, "out_of_range"),
        ({"today_epoch_s": -1.0}, "out_of_range"),
    ],
)
def test_what_is_no_plan(change, code):
    assert _refused(checked_plan, dataclasses.replace(PLAN, **change)) == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"per_hour": 0}, "price_missing"),
        ({"per_hour": -3.0}, "out_of_range"),
        ({"per_hour": "three"}, "not_a_number"),
        ({"way": "buy"}, "price_missing"),
        ({"unit_s": 0}, "out_of_range"),
        ({"used_pct": 0}, "out_of_range"),
        ({"used_pct": 101}, "out_of_range"),
        ({"months": 0}, "out_of_range"),
        ({"assumed_w": 0}, "out_of_range"),
        ({"date": "2026-11-30"}, "date_in_future"),
        ({"date": "last week"}, "date_unreadable"),
        ({"date": "2026-02-30"}, "date_unreadable"),
        ({"source": "x" * 301}, "text_too_long"),
        ({"source": "a\nb"}, "odd_text"),
        ({"device": "\u202eGPU"}, "odd_text"),
    ],
)
def test_what_are_no_terms(change, code):
    assert _refused(checked_terms, dataclasses.replace(RENT, **change), TODAY) == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"per_kwh": -0.1}, "out_of_range"),
        ({"grid_g": 1e9}, "out_of_range"),
        ({"hour_value": float("inf")}, "out_of_range"),
        ({"currency": "  "}, "currency_missing"),
        ({"currency": "x" * 9}, "text_too_long"),
        ({"date": "2027-01-01"}, "date_in_future"),
    ],
)
def test_what_are_no_conditions(change, code):
    assert _refused(checked_conditions, dataclasses.replace(Conditions(), **change), TODAY) == code


def test_what_is_sound_is_taken_as_it_is():
    assert checked_plan(PLAN) == PLAN
    assert checked_plan(Plan(today_epoch_s=3.5)) == Plan(today_epoch_s=3.5)
    assert checked_terms(RENT, TODAY) == RENT
    assert checked_conditions(Conditions(per_kwh=0), TODAY) == Conditions(per_kwh=0)
    assert day("20261129", TODAY) == day(" 2026-11-29", TODAY) == "2026-11-29"
    assert day("", TODAY) == ""


def test_every_field_has_a_name_for_people():
    fields = {field.name for record in (Plan, Terms, Conditions) for field in dataclasses.fields(record)}
    assert set(FIELDS) == fields
    assert set(RANGES) < fields
