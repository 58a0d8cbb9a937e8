"""The table of prices on the Decide page: edited, added, removed, brought back, and as a file."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from core.analysis.decide.plan import EXAMPLE_SOURCE
from core.records import Setup
from core.runs.files.prices import read_prices, write_prices
from core.runs.queue.keeping import Keeper
from pages._decide import decide_prices
from tests.pages.reading import charts, errors, read, texts
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
    return next(one for one in _table(visitor).terms if one.offer == (device, way, ""))


def _open(visitor, device=_GPU, way="rent", name=""):
    """The widgets of an entry are there once it is open; AppTest keeps no expander open."""
    visitor.session_state[decide_prices.section((device, way, name))] = True
    return visitor.run()


def _key(visitor, name, place):
    number = visitor.session_state["decide_round"]
    of = "all" if place is None else f"{place[1]}_{place[0]}" + "".join(f"\n{word}" for word in place[2:])
    return f"decide_price_{number}_{name}_{of}"


def _number(visitor, name, place=(_GPU, "rent")):
    return visitor.number_input(key=_key(visitor, name, place))


def _upload(visitor, content, name="prices.json"):
    uploader = visitor.get("file_uploader")[0]
    uploader.set_value((name, content, "application/json")).run()


def test_the_table_starts_with_examples_and_another_price_gives_another_answer(visitor):
    ways = [(one.device, one.way) for one in _table(visitor).terms]
    assert sorted(ways) == [(_GPU, "buy"), (_GPU, "rent"), (_CPU, "own")]
    assert all(one.source == EXAMPLE_SOURCE for one in _table(visitor).terms)
    before = read(visitor.header[0])
    _number(_open(visitor), "per_hour").set_value(100.0).run()
    assert not visitor.exception
    assert read(visitor.header[0]) != before
    assert (_terms(visitor).per_hour, _terms(visitor).source, _terms(visitor).date) == (100, "", "")
    assert _terms(visitor, way="buy").source == EXAMPLE_SOURCE
    assert not any("These are example prices" in note.value for note in visitor.info)
    assert "100 EUR an hour · no source given" in [read_label(item) for item in visitor.expander]


def read_label(item):
    return item.label.replace("\\", "").partition("** · ")[2]


def test_fields_are_kept_in_the_units_of_the_record(visitor):
    _open(visitor).text_input(key=_key(visitor, "source", (_GPU, "rent"))).set_value("a *quote*").run()
    assert _terms(visitor).source == "a *quote*"
    assert "a *quote*, 2026-11-29" in " ".join(read_label(item) for item in visitor.expander)
    _number(_open(visitor), "boot_s").set_value(5.0).run()
    assert _terms(visitor).boot_s == 300, "minutes"


def test_what_makes_no_sense_is_refused_and_the_old_value_shown(visitor):
    before = _table(visitor)
    for name, value, words in (
        ("per_hour", -1.0, "Rent per hour"),
        ("per_hour", 0.0, "Rent per hour"),
        ("per_hour", 1e308, "Rent per hour"),
        ("used_pct", 200.0, "Used share"),
    ):
        _number(_open(visitor), name).set_value(value).run()
        assert not visitor.exception
        assert words in errors(visitor)[0]
        assert _number(_open(visitor), name).value == getattr(_terms(visitor), name)
    for day in ("yesterday", "2999-01-01"):
        _open(visitor).text_input(key=_key(visitor, "date", (_GPU, "rent"))).set_value(day).run()
        assert day in errors(visitor)[0]
    assert _table(visitor) == before


def test_a_second_offer_stands_beside_the_first(visitor):
    visitor.selectbox(key="decide_new_way").set_value("rent").run()
    visitor.button(key="decide_add").click().run()
    assert not visitor.exception
    new = (_GPU, "rent", "Offer 2")
    assert [one.name for one in _table(visitor).of(_GPU) if one.way == "rent"] == ["", "Offer 2"]
    _number(visitor, "per_hour", new).set_value(1.0).run()
    _open(visitor, name="Offer 2")
    visitor.text_input(key=_key(visitor, "name", new)).set_value("B").run()
    assert not visitor.exception
    assert read(visitor.header[0]).endswith("GPU Test GPU · recorded (rented, B).")
    assert "**GPU Test GPU · recorded** · rented, B" in texts(visitor)
    assert "(rented, B)" in charts(visitor)[0][1]
    _open(visitor, name="B").text_input(key=_key(visitor, "name", (_GPU, "rent", "B"))).set_value("").run()
    assert "already" in errors(visitor)[0]
    _open(visitor, name="B").button(key=f"decide_remove_rent_{_GPU}\nB").click().run()
    assert [one.per_hour for one in _table(visitor).of(_GPU) if one.way == "rent"] == [3.0]


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
    assert "Test · 16 cores (owned)" in line
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


def test_prices_outlive_another_page_and_a_reset_and_are_not_in_the_link(visitor):
    _number(_open(visitor), "per_hour").set_value(0.5).run()
    assert set(visitor.query_params) == {"images", "epochs", "runs"}
    visitor.switch_page("pages/results.py").run()
    visitor.switch_page(_PAGE).run()
    assert not visitor.exception
    assert _terms(visitor).per_hour == 0.5
    visitor.button(key="decide_reset").click().run()
    assert _terms(visitor).per_hour == 3
    visitor.button(key="decide_undo").click().run()
    assert _terms(visitor).per_hour == 0.5


def test_a_file_of_prices_is_read_back(visitor):
    table = _table(visitor)
    assert "Download the prices (JSON)" in [button.label for button in visitor.get("download_button")]
    assert read_prices("x", write_prices(table).encode(), decide_prices.latest_day()) == table
    dearer = replace(table, terms=tuple(replace(one, source="us", rest_w=7.0) for one in table.terms))
    _upload(visitor, write_prices(dearer).encode())
    assert not visitor.exception
    assert _table(visitor) == dearer
    assert "The prices of the file are in use." in texts(visitor)
    visitor.button(key="decide_undo").click().run()
    assert _table(visitor) == table


def test_a_bad_file_is_told_of_and_nothing_is_lost(visitor):
    _number(_open(visitor), "per_hour").set_value(0.5).run()
    before = _table(visitor)
    negative = json.loads(write_prices(before))
    negative["terms"][1]["assumed_w"] = -5
    for content, told in (
        (b"not json", "JSON"),
        (b"[]", "not an object"),
        (b'{"schema_version": 99, "conditions": {}, "terms": []}', "99"),
        (json.dumps(negative).encode(), "-5"),
        (b" " * (300 << 10), "256 KiB"),
    ):
        _upload(visitor, content)
        assert not visitor.exception
        assert told in errors(visitor)[0]
        assert "The prices here stay as they were." in texts(visitor)
        assert _table(visitor) == before
