"""The table of prices on the Decide page: edited, added, removed, brought back, and as a file."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from core.analysis.decide.plan import EXAMPLE_SOURCE
from core.records import Setup
from core.runs.keeping import Keeper
from core.runs.prices import read_prices, write_prices
from pages._decide import decide_prices
from tests.pages.reading import errors, read, texts
from tests.sweeps import make_grid

_PAGE = "pages/decide.py"
_GPU, _CPU = "NVIDIA Test GPU", "Test CPU, 16 cores"


@pytest.fixture
def visitor(dashboard):
    """Somebody on the page of a server that measured its CPU and has the recording of a GPU."""
    Keeper(dashboard.store).results(make_grid(2e-3, 4e-4))
    dashboard.record(*make_grid(1e-3, 4e-6, Setup("cuda:0")))
    return dashboard.visit(page=_PAGE, images="1200000", epochs="90", runs="40")


def _table(visitor):
    return visitor.session_state["decide_table"]


def _terms(visitor, device=_GPU, way="rent"):
    return next(one for one in _table(visitor).terms if (one.device, one.way) == (device, way))


def _open(visitor, device=_GPU, way="rent"):
    """The widgets of an entry are there once it is open."""
    visitor.session_state[f"decide_price_open_{way}_{device}"] = True
    return visitor.run()


def _key(visitor, name, place):
    number = visitor.session_state["decide_round"]
    return f"decide_price_{number}_{name}_" + ("all" if place is None else f"{place[1]}_{place[0]}")


def _number(visitor, name, place=(_GPU, "rent")):
    return visitor.number_input(key=_key(visitor, name, place))


def _upload(visitor, content, name="prices.json"):
    uploader = visitor.get("file_uploader")[0]
    uploader.set_value((name, content, "application/json")).run()


def test_the_table_starts_with_examples_of_what_one_could_do(visitor):
    ways = [(one.device, one.way) for one in _table(visitor).terms]
    assert sorted(ways) == [(_GPU, "buy"), (_GPU, "rent"), (_CPU, "own")]
    assert all(one.source == EXAMPLE_SOURCE for one in _table(visitor).terms)


def test_another_price_gives_another_answer_and_is_no_example_any_more(visitor):
    before = read(visitor.header[0])
    _number(_open(visitor), "per_hour").set_value(0.01).run()
    assert not visitor.exception
    assert read(visitor.header[0]) != before
    assert (_terms(visitor).per_hour, _terms(visitor).source, _terms(visitor).date) == (0.01, "", "")
    assert _terms(visitor, way="buy").source == EXAMPLE_SOURCE
    assert not any("These are example prices" in note.value for note in visitor.info)
    assert "0.01 EUR an hour · no source given" in [read_label(item) for item in visitor.expander]


def read_label(item):
    return item.label.replace("\\", "").partition("** · ")[2]


def test_source_and_date_are_kept_with_a_price(visitor):
    _open(visitor).text_input(key=_key(visitor, "source", (_GPU, "rent"))).set_value("a *quote*").run()
    assert _terms(visitor).source == "a *quote*"
    assert "a *quote*, 2026-11-29" in " ".join(read_label(item) for item in visitor.expander)


@pytest.mark.parametrize("day", ["yesterday", "2999-01-01"])
def test_a_day_that_is_none_or_yet_to_come_is_refused(visitor, day):
    _open(visitor).text_input(key=_key(visitor, "date", (_GPU, "rent"))).set_value(day).run()
    assert day in errors(visitor)[0]
    assert _terms(visitor).date == "2026-11-29"


@pytest.mark.parametrize(("name", "value"), [("per_hour", -1.0), ("per_hour", 0.0), ("used_pct", 200.0)])
def test_a_price_that_makes_no_sense_is_refused_and_the_old_one_shown(visitor, name, value):
    before = _table(visitor)
    _number(_open(visitor), name).set_value(value).run()
    assert not visitor.exception
    assert {"per_hour": "Rent per hour", "used_pct": "Used share"}[name] in errors(visitor)[0]
    assert _table(visitor) == before
    assert _number(visitor, name).value == getattr(_terms(visitor), name)


def test_minutes_are_kept_as_seconds(visitor):
    _number(_open(visitor), "boot_s").set_value(5.0).run()
    assert _terms(visitor).boot_s == 300


def test_electricity_is_the_same_for_all(visitor):
    _number(visitor, "per_kwh", None).set_value(0.6).run()
    assert _table(visitor).conditions.per_kwh == 0.6
    assert _table(visitor).conditions.source == ""
    assert "costs 68.8 EUR" in texts(visitor), "twice 34.4: only electricity is paid for one's own"


def test_without_power_the_cost_is_not_known_and_said_so(visitor):
    table = _table(visitor)
    unknown = replace(table, terms=tuple(replace(one, assumed_w=None) for one in table.terms))
    _upload(visitor, write_prices(unknown).encode())
    assert not visitor.exception
    assert _number(_open(visitor, _CPU, "own"), "assumed_w", (_CPU, "own")).value is None
    assert _terms(visitor, _CPU, "own").assumed_w is None
    [line] = [
        line for line in texts(visitor).splitlines() if line.startswith("- What it costs isn't known for: ")
    ]
    assert "Test CPU, 16 cores (owned)" in line
    assert "GPU Test GPU · recorded (bought)" in line
    assert "(rented)" not in line, "its electricity is in the rent"


def test_a_price_is_removed_and_brought_back(visitor):
    _open(visitor).button(key=f"decide_remove_rent_{_GPU}").click().run()
    assert not visitor.exception
    assert [one.way for one in _table(visitor).of(_GPU)] == ["buy"]
    assert "A price was removed." in texts(visitor)
    visitor.button(key="decide_undo").click().run()
    assert {one.way for one in _table(visitor).of(_GPU)} == {"rent", "buy"}
    assert "A price was removed." not in texts(visitor)


def test_without_any_price_there_is_no_answer_and_one_can_be_added(visitor):
    for device, way in ((_GPU, "rent"), (_GPU, "buy"), (_CPU, "own")):
        _open(visitor, device, way).button(key=f"decide_remove_{way}_{device}").click().run()
    assert not visitor.exception
    assert not visitor.header
    assert any("No device has a price" in note.value for note in visitor.info)
    visitor.button(key="decide_add").click().run()
    assert len(_table(visitor).terms) == 1
    assert visitor.header


def test_back_to_the_examples_can_be_undone(visitor):
    _number(_open(visitor), "per_hour").set_value(0.5).run()
    visitor.button(key="decide_reset").click().run()
    assert _terms(visitor).per_hour == 3
    visitor.button(key="decide_undo").click().run()
    assert _terms(visitor).per_hour == 0.5


def test_prices_outlive_a_visit_to_another_page_and_are_not_in_the_link(visitor):
    _number(_open(visitor), "per_hour").set_value(0.5).run()
    assert set(visitor.query_params) == {"images", "epochs", "runs"}
    visitor.switch_page("pages/results.py").run()
    visitor.switch_page(_PAGE).run()
    assert not visitor.exception
    assert _terms(visitor).per_hour == 0.5


def test_a_file_of_prices_is_read_back(visitor):
    table = _table(visitor)
    dearer = replace(table, terms=tuple(replace(one, source="us", rest_w=7.0) for one in table.terms))
    _upload(visitor, write_prices(dearer).encode())
    assert not visitor.exception
    assert _table(visitor) == dearer
    assert "The prices of the file are in use." in texts(visitor)
    visitor.button(key="decide_undo").click().run()
    assert _table(visitor) == table


@pytest.mark.parametrize(
    "content", [b"not json", b"[]", b'{"schema_version": 99, "conditions": {}, "terms": []}']
)
def test_a_bad_file_is_told_of_and_nothing_is_lost(visitor, content):
    _number(_open(visitor), "per_hour").set_value(0.5).run()
    before = _table(visitor)
    _upload(visitor, content)
    assert not visitor.exception
    assert errors(visitor)
    assert "The prices here stay as they were." in texts(visitor)
    assert _table(visitor) == before


def test_a_file_with_a_negative_price_is_refused_with_its_row(visitor):
    document = json.loads(write_prices(_table(visitor)))
    document["terms"][1]["assumed_w"] = -5
    _upload(visitor, json.dumps(document).encode())
    assert not visitor.exception
    assert "-5" in errors(visitor)[0]


def test_what_is_downloaded_can_be_read(visitor):
    table = _table(visitor)
    assert "Download the prices (JSON)" in [button.label for button in visitor.get("download_button")]
    assert read_prices("x", write_prices(table).encode(), decide_prices.latest_day()) == table
