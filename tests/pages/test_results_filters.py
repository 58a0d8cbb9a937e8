"""The Results page's filters, pages and leaderboards: a choice lasts, and an address may ask for anything."""

from __future__ import annotations

from dataclasses import replace

import pytest
from streamlit.elements.lib import policies

from core.records import Note, Workload
from core.runs.queue.keeping import Keeper
from tests.builders import make_result, make_spec
from tests.pages.reading import texts
from tests.pages.test_results_page import listed, other, pick, press, visit

BIG, SMALL = "big_box / 16 CPUs", "small"


def away(run_id, kind, **changes):
    """What a cluster measured on another machine."""
    through = Note("through_ray", {"kind": kind, "ray": "2.50"})
    return make_result(**{"id": run_id, "job_id": f"job-{run_id}", "notes": (through,), **changes})


@pytest.fixture
def cluster(dashboard):
    dashboard.keep(make_result())
    dashboard.keep(away("big", BIG))
    dashboard.keep(away("small", SMALL))
    dashboard.record(away("shipped", SMALL), make_result(id="recorded", job_id="job-recorded"))
    return dashboard


def test_runs_are_filtered_by_the_machine_that_measured_them_and_the_address_tells_which(cluster):
    visitor = visit(cluster)
    assert len(listed(visitor)) == 5
    box = visitor.multiselect(key="results_machine")
    assert box.label == "Machine"
    assert box.options == ["This machine", f"{BIG} · cluster", f"{SMALL} · cluster"]
    box.set_value(["here"]).run()
    assert listed(visitor) == ["run-cpu"]
    assert visitor.query_params["machine"] in ("here", ["here"])
    visitor.multiselect(key="results_machine").set_value([f"@{SMALL}", "here"]).run()
    assert set(listed(visitor)) == {"run-cpu", "small", "shipped"}
    assert set(visitor.query_params["machine"]) == {f"@{SMALL}", "here"}
    press(visitor, "results_clear")
    assert len(listed(visitor)) == 5


def test_a_link_asks_for_a_kind_of_machine_also_for_one_that_no_run_is_of(cluster):
    assert listed(visit(cluster, machine=f"@{BIG}")) == ["big"]
    visitor = visit(cluster, machine="@gone")
    assert "No run is like that" in texts(visitor)
    assert visitor.multiselect(key="results_machine").value == ["@gone"]
    rejected = visit(cluster, machine="big")
    assert any("`machine`" in warning.value for warning in rejected.warning)
    assert len(listed(rejected)) == 5


def test_where_no_cluster_measured_there_is_no_machine_to_choose(dashboard, pair):
    dashboard.keep(*pair)
    assert "results_machine" not in {box.key for box in visit(dashboard).multiselect}


def test_what_a_cluster_measured_is_labelled_as_such_in_a_recording_too(cluster):
    assert texts(visit(cluster, machine=f"@{SMALL}")).count(f"on another machine: {SMALL}") == 2


def test_a_filter_by_machine_speaks_chinese(cluster):
    box = cluster.visit(locale="zh-CN", page="pages/results.py").multiselect(key="results_machine")
    assert (box.label, box.options[0], box.options[2]) == ("机器", "本机", f"{SMALL} · 集群")


@pytest.mark.parametrize(
    "parameters", [{"until": "9999-12-31"}, {"since": "0001-01-01"}, {"text": "x" * 100}, {"device": "\x00"}]
)
def test_what_lies_at_the_end_of_what_can_be_asked_is_asked(dashboard, pair, parameters):
    dashboard.keep(*pair)
    visitor = visit(dashboard, **parameters)
    assert len(listed(visitor)) == (0 if {"text", "device"} & set(parameters) else 2)


# --- pages


@pytest.fixture
def many(dashboard):
    for number in range(25):
        dashboard.keep(other(number))
    return dashboard


def turn(visitor, page):
    visitor.get("pagination")[0].select(page).run()
    assert not visitor.exception
    return visitor


def test_pages_are_turned_without_a_warning_in_the_log_and_another_list_begins_at_its_beginning(
    many, caplog, monkeypatch
):
    monkeypatch.setattr(policies, "_shown_default_value_warning", False)  # Streamlit says it once
    visitor = turn(visit(many, order="oldest"), 3)
    assert "21 to 25 of 25 runs" in texts(visitor)
    visitor.run()
    assert "21 to 25 of 25 runs" in texts(visitor)
    visitor.selectbox(key="results_order").set_value("newest").run()
    assert "1 to 10 of 25 runs" in texts(visitor)
    assert [line for line in caplog.messages if "default value" in line] == []


def test_who_comes_back_from_a_comparison_is_on_the_page_that_was_left(many):
    visitor = turn(visit(many, order="oldest"), 3)
    visitor = press(pick(visitor, listed(visitor)[0]), "results_compare")
    press(visitor, "results_back")
    assert "21 to 25 of 25 runs" in texts(visitor)
    assert visitor.query_params["order"] in ("oldest", ["oldest"])


def test_a_page_that_is_no_longer_there_is_left(many):
    visitor = turn(visit(many, order="oldest"), 3)
    many.store.delete_runs([f"run-{number}" for number in range(10)], "2026-11-29T00:00:00+00:00")
    visitor.run()
    assert "1 to 10 of 15 runs" in texts(visitor)


# --- leaderboards


def timed(run_id, workload):
    return make_result(id=run_id, job_id=f"job-{run_id}", spec=replace(make_spec(), workload=workload))


def board(visitor):
    return visitor.selectbox(key="results_board")


@pytest.fixture
def boards(dashboard):
    for number in range(2):
        dashboard.keep(timed(f"a{number}", Workload()))
    for changes in ({"seed": 7}, {"learning_rate": 0.1}, {"task": "classify"}, {"model": "cnn"}):
        dashboard.keep(timed(next(iter(changes)), replace(Workload(), **changes)))
    visitor = visit(dashboard)
    visitor.session_state["boards"] = True
    visitor.run()
    assert not visitor.exception
    return visitor


def test_no_two_boards_have_the_same_name(boards):
    work = "mlp on digits, batch 64, 3 epochs"
    assert set(board(boards).options) == {
        "cnn on digits, batch 64, 3 epochs",
        f"{work} · Classify",
        f"{work} · Train · Learning rate 0.1",
        f"{work} · Train · Learning rate 0.01 · Seed 0",
        f"{work} · Train · Learning rate 0.01 · Seed 7",
    }


def test_the_chosen_board_stays_when_others_get_more_runs(boards, dashboard):
    chosen = Workload(seed=7)
    board(boards).set_value(chosen).run()
    assert board(boards).value == chosen
    before = board(boards).options
    for number in range(3):
        dashboard.keep(timed(f"more-{number}", Workload(model="cnn")))
    boards.run()
    assert board(boards).options != before, "the board with more runs comes first now"
    assert board(boards).value == chosen
    dashboard.store.delete_runs(["seed"], "2026-11-29T00:00:00+00:00")
    boards.run()
    assert not boards.exception
    assert board(boards).value != chosen


# --- a database that is gone in the middle


@pytest.mark.parametrize("key", ["results_delete", "Save"])
def test_a_database_that_fails_when_a_run_is_changed_is_told(dashboard, pair, monkeypatch, key):
    dashboard.keep(*pair)
    visitor = pick(visit(dashboard), "run-gpu")
    (button,) = [one for one in visitor.button if key in (one.key, one.label)]
    store, first = dashboard.store, []
    asked = store.visitors_of

    def fails_once(run_ids):
        if not first:
            first.append(run_ids)
            store._engine.dispose()
            with store._reading() as connection:
                connection.exec_driver_sql("SELECT * FROM no_such_table")
        return asked(run_ids)

    monkeypatch.setattr(store, "visitors_of", fails_once)
    button.click().run()
    assert not visitor.exception
    assert any("database" in error.value.lower() for error in visitor.error)
    assert Keeper(store).results(pair) is None
