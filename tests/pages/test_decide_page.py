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
from core.errors import InputError
from core.i18n import english
from core.records import Memory, Setup
from core.runs.files.prices import examples
from core.runs.queue.keeping import Keeper
from pages._decide import decide_runs, decide_take_away, decide_words
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
    shown = texts(visitor)
    assert (
        read(visitor.header[0]) == "The fastest device is also the cheapest: GPU Test GPU · recorded (rented)."
    )
    assert (
        f"- GPU Test GPU · recorded (rented): {decide_words.money(rent.money.month, 'EUR')} a month, "
        f"{decide_words.time(rent.run_s)} a run." in shown
    )
    assert f"Staying with Test · 16 cores costs {decide_words.money(stay.money.month, 'EUR')}" in shown
    cards = {card.value for card in visitor.metric}
    assert decide_words.money(rent.money.month, "EUR").split(" (")[0] in cards
    assert "Buying GPU Test GPU · recorded never pays off against GPU Test GPU · recorded (rented)" in shown
    assert "months (" in shown


def _recorded():
    return [replace(run, origin="recorded") for run in _GPU]


def test_beside_the_numbers_are_their_bands_labels_and_origins(measured):
    visitor = visit(measured)
    lines = texts(visitor).splitlines()
    [line] = [line for line in lines if line.startswith("- Staying with")]
    assert re.search(r"costs [\d.,]+ EUR \([\d.,]+–[\d.,]+\) a month, [\d.]+× as much \([\d.]+–[\d.]+\)", line)
    assert "These are example prices" in visitor.info[0].value
    assert ":orange-badge[example price]" in texts(visitor)
    [line] = [line for line in lines if ":violet-badge[recorded]" in line and "cheapest" in line]
    assert ":blue-badge[projected]" in line
    for _, alt in charts(visitor):
        assert "recorded" in alt or "Bars" in alt
    assert "(results?run=mlp-cpu-None-fp32-8192)" in texts(visitor)
    assert "(.?model=mlp&dataset=digits&batch_size=8192)" in texts(visitor)
    assert "What these numbers leave out" in texts(visitor)


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
    assert read(visitor.header[0]) == "One choice so far: Test · 16 cores (owned)."


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


def test_what_makes_no_sense_in_a_link_is_named_and_left_out(measured):
    bad = {"images": "many", "runs": "-1", "known": "x", "side": "0.5"}
    visitor = visit(measured, **bad)
    assert not visitor.exception
    assert [name for name in bad if f"`{name}`" not in visitor.warning[0].value] == []
    assert visitor.header


def test_the_controls_follow_the_link_and_the_link_the_controls(measured):
    visitor = visit(measured)
    assert visitor.number_input(key="decide_images").value == 1_200_000
    visitor.number_input(key="decide_runs").set_value(5.0).run()
    assert visitor.query_params == {**_WORK, "runs": "5"}
    assert "at 5 runs a month" in texts(visitor)


def test_numbers_are_refused_by_core_with_the_field_in_words(measured):
    visitor = visit(measured)
    for name, value, words in (("images", -5, "Images per epoch"), ("images", 0, "Images per epoch")):
        visitor.number_input(key=f"decide_{name}").set_value(value).run()
        assert not visitor.exception
        assert words in errors(visitor)[0]
        assert not visitor.header


def test_images_are_the_measured_data_sets_until_someone_says_otherwise(measured):
    visitor = measured.visit(page=_PAGE)
    assert visitor.number_input(key="decide_images").value == 60_000
    assert "images" not in visitor.query_params
    small = [
        replace(run, data=replace(run.data, train_samples=1234)) for run in make_grid(2e-3, 4e-4, model="cnn")
    ]
    Keeper(measured.store).results(small)
    visitor.selectbox(key="decide_model").set_value("cnn").run()
    assert visitor.number_input(key="decide_images").value == 1234
    visitor.number_input(key="decide_images").set_value(99).run()
    visitor.selectbox(key="decide_model").set_value("mlp").run()
    assert not visitor.exception
    assert visitor.number_input(key="decide_images").value == 99
    assert visitor.query_params["images"] == "99"


def test_a_workload_that_overflows_is_refused(measured):
    visitor = visit(measured, images="1000000000000", epochs="1000000")
    assert not visitor.exception
    assert "years" in errors(visitor)[0]


def test_a_run_that_cannot_be_read_leaves_the_others(measured, tmp_path):
    with sqlite3.connect(tmp_path / "results.sqlite3") as connection:
        connection.execute("UPDATE runs SET document = ? WHERE id LIKE '%8192'", (b"\x00rubbish",))
    connection.close()
    visitor = visit(measured)
    assert not visitor.exception
    [told] = errors(visitor)
    assert "can't be read" in told
    assert visitor.header
    assert "Staying with Test · 16 cores costs" in texts(visitor)


def test_a_device_that_core_refuses_leaves_the_others(measured, monkeypatch):
    def no_gpu(runs, precision):
        if runs[0].spec.setup.device != "cpu":
            raise InputError("malformed_record", where="runs", problem="time runs backwards")
        return candidates(runs, precision)

    monkeypatch.setattr(decide_runs, "candidates", no_gpu)
    visitor = visit(measured)
    assert not visitor.exception
    assert errors(visitor) == [
        "NVIDIA Test GPU is left out: This record can't be read: runs: time runs backwards."
    ]
    assert read(visitor.header[0]) == "One choice so far: Test · 16 cores (owned)."


def test_a_run_of_centuries_on_one_device_leaves_the_others(measured):
    visitor = visit(measured, images="3000000000", epochs="4000")
    assert not visitor.exception
    [told] = errors(visitor)
    assert told.startswith("Test · 16 cores is left out: One run would take about")
    assert "GPU Test GPU" in read(visitor.header[0])


# --- what if, accuracy, files -------------------------------------------------------------------------------


def test_what_if_changes_what_is_shown_and_says_so_and_nothing_else(measured):
    visitor = visit(measured)
    before = texts(visitor)
    visitor.slider(key="decide_what_price").set_value(2.0).run()
    assert "prices × 2" in visitor.warning[0].value
    assert texts(visitor) != before
    assert next(one for one in visitor.session_state["decide_table"].terms if one.way == "rent").per_hour == 3
    visitor.session_state["decide_away"] = True
    labels = [button.label for button in visitor.run().get("download_button")]
    assert labels[-2:] == ["Download the results (CSV)", "Download the results (JSON)"]
    visitor.session_state["decide_away"] = False
    visitor.button(key="decide_what_reset").click().run()
    assert texts(visitor) == before


def test_runs_that_reached_the_accuracy_are_set_beside_each_other(measured):
    Keeper(measured.store).results([make_result(id="tested")])
    visitor = visit(measured)
    assert "The most that was reached is 85 %" in texts(visitor)
    visitor.slider(key="decide_target").set_value(75).run()
    assert "Until a test accuracy of 75 % was reached" in texts(visitor)
    assert "| :small[Test · 16 cores (owned) · batch 64 · epochs 1] |" in texts(visitor)


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


def test_what_does_not_fit_in_memory_is_said(measured):
    full = replace(_GPU[-1], memory=Memory(1 << 30, 15 << 30))
    measured.record(*_GPU[:-1], full)
    shown = texts(visit(measured, images="100000000"))
    assert "In memory" in shown
    assert ":small[doesn't fit]" in shown


def test_what_cannot_do_the_month_is_not_the_cheapest(measured):
    visitor = visit(measured, images="120000000")
    assert not visitor.exception
    assert "GPU Test GPU" in read(visitor.header[0])
    assert "One Test · 16 cores isn't enough: it needs " in texts(visitor)
    assert ":red-badge[too slow for a month's runs]" in texts(visitor)
    assert "against Test · 16 cores" not in texts(visitor)


def test_when_buying_pays_off_has_bars_of_its_own(measured):
    visitor = visit(measured, runs="4000")
    visitor.radio(key="decide_swings").set_value("break_even").run()
    assert not visitor.exception
    [alt] = [alt for _, alt in charts(visitor) if alt.startswith("Bars around")]
    assert "months until it pays off" in alt


def test_a_saving_whose_interval_holds_nothing_is_none(measured):
    measured.record(*make_grid(2e-3, 3.99e-4, Setup("cuda:0"), noise=0.2))
    assert "| :small[no reliable difference] |" in texts(visit(measured))


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
