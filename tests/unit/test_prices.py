"""The table of prices as a file: read with suspicion, written so that it can be read."""

from __future__ import annotations

import json
from datetime import date

import pytest

from core import messages
from core.analysis.decide.cost import costed
from core.analysis.decide.plan import EXAMPLE_SOURCE, Conditions, Plan, Terms
from core.analysis.decide.plan_checks import checked_conditions, checked_terms
from core.errors import InputError
from core.runs.files.prices import MOST_OFFERS, MOST_TERMS, PriceTable, examples, read_prices, write_prices
from tests.decisions import fast_gpu, slow_cpu

TODAY = date(2026, 11, 29)
TABLE = PriceTable(
    Conditions("CHF", 0.27, 30.0, 5.0, "2026-11-01", "my bill"),
    (
        Terms("Test CPU, 8 cores", "own", rest_w=20),
        Terms("GPU “X”", "rent", per_hour=2.5, unit_s=60, assumed_w=300, date="2026-11-02", source="价目表"),
        Terms("GPU “X”", "buy", purchase=1800),
    ),
)


def _read(text):
    return read_prices("prices.json", text if isinstance(text, bytes) else text.encode(), TODAY)


def _document(**changes):
    return {**json.loads(write_prices(TABLE)), **changes}


def test_what_is_written_is_read():
    assert _read(write_prices(TABLE)) == TABLE
    assert [terms.way for terms in TABLE.of("GPU “X”")] == ["rent", "buy"]


def test_several_offers_of_one_device_have_names():
    terms = tuple(Terms("GPU", "rent", name, per_hour=2) for name in ("", "Cloud A", "Cloud B"))
    assert _read(write_prices(PriceTable(Conditions(), terms))).terms == terms


def test_a_table_from_before_names_is_read():
    document = _document(schema_version=1)
    for entry in document["terms"]:
        del entry["name"]
    assert _read(json.dumps(document)) == TABLE


def test_examples_are_sound_dated_and_called_examples():
    table = examples([slow_cpu(), fast_gpu(source="recorded"), fast_gpu(source="imported")])
    assert [(one.device, one.way) for one in table.terms] == [
        ("Test CPU, 8 cores", "own"),
        ("Test CPU, 8 cores", "rent"),
        ("Test CPU, 8 cores", "buy"),
        ("NVIDIA Test GPU", "rent"),
        ("NVIDIA Test GPU", "buy"),
    ]
    checked_conditions(table.conditions, TODAY)
    for terms in table.terms:
        checked_terms(terms, TODAY)
        assert terms.source == EXAMPLE_SOURCE
    assert {one.date for one in (*table.terms, table.conditions)} == {"2026-11-29"}
    found = costed(fast_gpu(), Plan(images=1000), table.terms[-1], table.conditions)
    assert {"price_example", "electricity_example"} <= {label.code for label in found.labels}
    assert _read(write_prices(table)) == table


def _terms(**changes):
    return {"device": "GPU", "way": "rent", "per_hour": 2, **changes}


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ([], "malformed_record"),
        ({}, "malformed_record"),
        (_document(schema_version=True), "malformed_record"),
        (_document(schema_version=0), "malformed_record"),
        (_document(schema_version=3), "document_newer"),
        (_document(extra=1), "malformed_record"),
        (_document(terms={}), "malformed_record"),
        (_document(terms=[3]), "malformed_record"),
        (_document(terms=[_terms()] * (MOST_TERMS + 1)), "malformed_record"),
        (_document(terms=[_terms(), _terms()]), "prices_twice"),
        (_document(terms=[_terms(name="A"), _terms(name="A")]), "prices_twice"),
        (_document(terms=[_terms(name=f"{i}") for i in range(MOST_OFFERS + 1)]), "offers_full"),
        (_document(terms=[_terms(name="x" * 41)]), "text_too_long"),
        (_document(terms=[_terms(name="a\nb")]), "odd_text"),
        (_document(terms=[_terms(per_hour="3")]), "malformed_record"),
        (_document(terms=[_terms(per_hour=None)]), "malformed_record"),
        (_document(terms=[_terms(per_hour=-3)]), "out_of_range"),
        (_document(terms=[_terms(per_hour=0)]), "price_missing"),
        (_document(terms=[_terms(way="steal")]), "malformed_record"),
        (_document(terms=[_terms(colour="red")]), "malformed_record"),
        (_document(terms=[_terms(date="2099-01-01")]), "date_in_future"),
        (_document(terms=[_terms(source="x" * 1000)]), "text_too_long"),
        (_document(terms=[{"way": "own"}]), "malformed_record"),
        (_document(conditions=None), "malformed_record"),
        (_document(conditions={"per_kwh": -1}), "out_of_range"),
        (_document(conditions={"per_kwh": True}), "malformed_record"),
    ],
)
def test_what_is_no_table_of_prices(document, code):
    with pytest.raises(InputError) as caught:
        _read(json.dumps(document))
    assert caught.value.code == code
    assert "{" not in messages.sentence(code, caught.value.facts)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file_not_json"),
        (b"prices", "file_not_json"),
        (b"\xff\xfe", "file_not_json"),
        (b'{"a": NaN}', "file_not_json"),
        (b"[" * 5000, "file_not_json"),
        (b" " * (300 << 10), "prices_too_large"),
    ],
)
def test_what_is_no_file_of_prices(content, code):
    with pytest.raises(InputError) as caught:
        _read(content)
    assert caught.value.code == code
    assert messages.sentence(code, caught.value.facts)


def test_a_refused_entry_is_named():
    with pytest.raises(InputError) as caught:
        _read(json.dumps(_document(terms=[_terms(), _terms(way="buy", purchase=-1)])))
    assert caught.value.facts["row"] == 2
    assert caught.value.facts["name"] == "purchase"


def test_a_number_that_is_none_is_not_written():
    with pytest.raises(ValueError, match="JSON"):
        write_prices(PriceTable(Conditions(per_kwh=float("nan")), ()))
