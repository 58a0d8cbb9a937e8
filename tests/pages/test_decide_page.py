"""The Decide page: the answer with its band, the cards, and what it says where little is known."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
from dataclasses import replace

import pytest

from core.analysis.decide.candidates import candidates
from core.analysis.decide.cost import costed
from core.analysis.decide.plan import Plan, Terms
from core.i18n import english
from core.records import Memory, Setup
from core.runs.admission import Limits
from core.runs.keeping import Keeper
from core.runs.prices import examples
from pages._decide import decide_take_away, decide_words
from pages._decide.decide_controls import WhatIf
from pages._decide.decide_costs import decide
from pages._shared import language
from tests.builders import make_result
from tests.pages.reading import charts, errors, has_chinese, read, texts
from tests.sweeps import make_grid

_PAGE = "pages/decide.py"
_WORK = {"images": "1200000", "epochs": "90", "runs": "40"}
_PLAN = Plan(images=1_200_000, epochs=90, runs_per_month=40.0)
_CPU = make_grid(2e-3, 4e-4)
_GPU = make_grid(1e-3, 4e-6, Setup("cuda:0"))


def visit(dashboard, locale="en-US", **parameters):
    """A new visitor who opens a link to the page."""
    return dashboard.visit(locale, _PAGE, **{**_WORK, **parameters})


@pytest.fixture
def measured(dashboard):
    """The CPU was measured here, a GPU a hundred times as fast is recorded."""
    Keeper(dashboard.store).results(_CPU)
    dashboard.record(*_GPU)
    return dashboard


def _expected(runs, terms, **changes):
    """What core makes of it, by itself."""
    [one] = candidates(runs)
    [today] = candidates(_CPU)
    conditions = replace(examples([]).conditions, **changes)
    return costed(one, _PLAN, terms, conditions, today)


def _terms(runs, way):
    return next(terms for terms in examples(candidates(runs)).terms if terms.way == way)


# --- the answer ---------------------------------------------------------------------------------------


def test_the_answer_is_what_the_costs_say(measured):
    visitor = visit(measured)
    assert not visitor.exception
    rent = _expected(_recorded(), _terms(_recorded(), "rent"))
    stay = _expected(_CPU, _terms(_CPU, "own"))
    said = read(visitor.header[0])
    assert said == (
        f"The fastest device is also the cheapest: GPU Test GPU · recorded (rented) at "
        f"{decide_words.money(rent.money.month, 'EUR')} a month and {decide_words.time(rent.run_s)} a run."
    )
    assert f"Staying with Test CPU, 16 cores costs {decide_words.money(stay.money.month, 'EUR')}" in texts(
        visitor
    )
    cards = {card.value for card in visitor.metric}
    assert decide_words.money(rent.money.month, "EUR").split(" (")[0] in cards
    assert "Buying GPU Test GPU · recorded never pays off against GPU Test GPU · recorded (rented)" in texts(
        visitor
    )
    assert "months (" in texts(visitor)


def _recorded():
    return [replace(run, origin="recorded") for run in _GPU]


def test_every_amount_that_was_measured_has_a_band(measured):
    visitor = visit(measured)
    [line] = [line for line in texts(visitor).splitlines() if line.startswith("- Staying with")]
    assert re.search(r"costs [\d.,]+ EUR \([\d.,]+–[\d.,]+\) a month, [\d.]+× as much \([\d.]+–[\d.]+\)", line)


def test_examples_are_said_to_be_examples_first(measured):
    visitor = visit(measured)
    assert "These are example prices" in visitor.info[0].value
    assert ":orange-badge[example price]" in texts(visitor)


def test_what_is_recorded_and_projected_is_labelled_on_its_card(measured):
    visitor = visit(measured)
    [line] = [
        line for line in texts(visitor).splitlines() if ":violet-badge[recorded]" in line and "cheapest" in line
    ]
    assert ":blue-badge[projected]" in line
    for _, alt in charts(visitor):
        assert "recorded" in alt or "Bars" in alt


def test_cards_lead_to_the_run_and_to_compare(measured):
    shown = texts(visit(measured))
    assert "(results?run=mlp-cpu-None-fp32-8192)" in shown
    assert "(.?model=mlp&dataset=digits&batch_size=8192)" in shown


def test_another_way_in_by_the_seconds_of_an_epoch_today(measured):
    visitor = visit(measured, known="epoch_s", epoch_s="480")
    assert not visitor.exception
    assert ":gray-badge[time as you gave it]" in texts(visitor)
    assert visitor.number_input(key="decide_epoch_s").value == 480
    assert any(card.value.startswith("12 h 00 min") for card in visitor.metric)  # 90 epochs of 480 s
    assert visitor.query_params["known"] == "epoch_s"


def test_another_size_of_images_is_extrapolated_and_said_so(measured):
    visitor = visit(measured, side="56")
    assert ":orange-badge[extrapolated]" in texts(visitor)


def test_one_device_alone_is_told_of(dashboard):
    Keeper(dashboard.store).results(_CPU)
    visitor = visit(dashboard)
    assert not visitor.exception
    assert any("Only one device has been measured" in note.value for note in visitor.info)
    assert read(visitor.header[0]).startswith("Test CPU, 16 cores (owned): ")


def test_recordings_alone_are_told_of(dashboard):
    dashboard.record(*_GPU)
    visitor = visit(dashboard)
    assert not visitor.exception
    assert "GPU Test GPU · recorded" in read(visitor.header[0])


def test_nothing_measured_says_what_to_do(dashboard):
    visitor = visit(dashboard, model="resnet50")
    assert not visitor.exception
    assert "No device has been measured with this model yet" in texts(visitor)
    assert len(visitor.header) == len(visitor.get("plotly_chart")) == 0


def test_models_that_were_measured_are_offered_first(measured):
    assert visit(measured, model="cnn").selectbox(key="decide_model").options[0] == "mlp"


# --- the address and bad input ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameter",
    [{"images": "many"}, {"runs": "-1"}, {"known": "x"}, {"side": "0.5"}],
)
def test_what_makes_no_sense_in_a_link_is_named_and_left_out(measured, parameter):
    visitor = visit(measured, **parameter)
    assert not visitor.exception
    assert f"`{next(iter(parameter))}`" in visitor.warning[0].value
    assert visitor.header


def test_the_controls_follow_the_link_and_the_link_the_controls(measured):
    visitor = visit(measured)
    assert visitor.number_input(key="decide_images").value == 1_200_000
    visitor.number_input(key="decide_runs").set_value(5.0).run()
    assert visitor.query_params == {**_WORK, "runs": "5"}
    assert "at 5 runs a month" in texts(visitor)


@pytest.mark.parametrize(("name", "value"), [("images", -5), ("images", 0), ("epochs", 10**9)])
def test_numbers_are_refused_by_core_with_the_field_in_words(measured, name, value):
    visitor = visit(measured)
    visitor.number_input(key=f"decide_{name}").set_value(value).run()
    assert not visitor.exception
    assert {"images": "Images per epoch", "epochs": "Epochs"}[name] in errors(visitor)[0]
    assert not visitor.header


def test_a_workload_that_overflows_is_refused(measured):
    visitor = visit(measured, images="1000000000000", epochs="1000000")
    assert not visitor.exception
    assert "years" in errors(visitor)[0]


def test_a_stored_run_that_cannot_be_read_is_told(measured, tmp_path):
    with sqlite3.connect(tmp_path / "results.sqlite3") as connection:
        connection.execute("UPDATE runs SET document = ? WHERE id LIKE '%8192'", (b"\x00rubbish",))
    connection.close()
    visitor = visit(measured)
    assert not visitor.exception
    assert "can't be read" in errors(visitor)[0]


# --- what if, accuracy, files -------------------------------------------------------------------------------


def test_what_if_changes_what_is_shown_and_says_so_and_nothing_else(measured):
    visitor = visit(measured)
    before = read(visitor.header[0])
    visitor.slider(key="decide_what_price").set_value(2.0).run()
    assert "prices × 2" in visitor.warning[0].value
    assert read(visitor.header[0]) != before
    assert next(one for one in visitor.session_state["decide_table"].terms if one.way == "rent").per_hour == 3
    visitor.button(key="decide_what_reset").click().run()
    assert read(visitor.header[0]) == before


def test_runs_that_reached_the_accuracy_are_set_beside_each_other(measured):
    Keeper(measured.store).results([make_result(id="tested")])
    visitor = visit(measured)
    assert "The most that was reached is 85 %" in texts(visitor)
    visitor.slider(key="decide_target").set_value(75).run()
    assert "Until a test accuracy of 75 % was reached" in texts(visitor)
    assert "| :small[Test CPU, 16 cores (owned), batch 64] | :small[1] |" in texts(visitor)


def test_a_file_holds_every_number_with_its_prices_and_labels():
    found = [*candidates(_recorded()), *candidates(_CPU)]
    table = examples(found)
    odd = Terms(table.terms[0].device, "rent", per_hour=2.0, source="=1+1", date="2026-11-01")
    table = replace(table, terms=(odd, *table.terms[2:]))
    decision = decide(found, found[-1], _PLAN, table, WhatIf())
    rows = list(csv.DictReader(io.StringIO(decide_take_away.as_csv(decision, "now", english))))
    assert rows[0]["price_source"] == "'=1+1"
    assert {"cost_month_low", "run_s_high", "price_date", "labels_in_words", "conditions_grid_g"} <= set(
        rows[0]
    )
    assert "speed_recorded" in rows[0]["labels"]
    document = json.loads(decide_take_away.as_json(decision, "now", english))
    assert document["results"][0]["cost_month"]["value"] == decision.options[0].money.month.value
    assert document["workload"]["images"] == 1_200_000


def test_the_files_are_offered(measured):
    visitor = visit(measured)
    visitor.session_state["decide_away"] = True
    labels = [button.label for button in visitor.run().get("download_button")]
    assert labels[-2:] == ["Download the results (CSV)", "Download the results (JSON)"]


def test_what_does_not_fit_in_memory_is_said(measured):
    full = replace(_GPU[-1], memory=Memory(1 << 30, 15 << 30))
    measured.record(*_GPU[:-1], full)
    assert "In memory" in texts(visit(measured, images="100000000"))
    assert ":small[doesn't fit]" in texts(visit(measured, images="100000000"))


def test_a_public_server_answers_too(measured, monkeypatch):
    monkeypatch.setenv("CROSSOVER_PUBLIC", "1")
    visitor = visit(measured)
    assert not visitor.exception
    assert visitor.header
    assert not Limits.public().free


def test_the_page_is_there_in_chinese(measured, monkeypatch):
    visitor = visit(measured, "zh-CN")
    assert not visitor.exception
    monkeypatch.setattr(language, "current", lambda: lambda text: f"¤{text}")
    visitor = visit(measured)
    assert not visitor.exception
    shown = [visitor.title[0].value, visitor.header[0].value]
    shown += [item.value for item in (*visitor.caption, *visitor.markdown)] + [
        alt for _, alt in charts(visitor)
    ]
    shown += [item.label for item in (*visitor.metric, *visitor.expander, *visitor.button)]
    assert [text for text in shown if "¤" not in text] == []
    assert not has_chinese("".join(shown))
