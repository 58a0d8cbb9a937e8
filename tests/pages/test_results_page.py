"""The Results page: every run is listed, any can be set beside any other, and nothing is lost by a click."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from core.messages import sentence
from core.records import JobSpec, Setup, Workload
from core.runs.files import exchange
from core.runs.queue.keeping import Keeper
from tests.builders import make_gpu_result, make_result, make_spec
from tests.pages.reading import charts, errors, has_chinese, read, texts

PAGE = "pages/results.py"


def other(number, **changes):
    """One of many runs: each a job of its own."""
    spec = replace(make_spec(), workload=Workload(model="cnn", seed=number))
    when = f"2026-11-2{number % 10}T1{number // 10}:00:00+00:00"
    return make_result(
        **{"id": f"run-{number}", "job_id": f"other-{number}", "spec": spec, "created_at": when, **changes}
    )


def visit(dashboard, **parameters) -> AppTest:
    visitor = dashboard.visit(page=PAGE, **parameters)
    assert not visitor.exception
    return visitor


def press(visitor, key):
    visitor.button(key=key).click().run()
    assert not visitor.exception
    return visitor


def listed(visitor):
    """The runs on this page of the list, by their ids."""
    return [box.key.removeprefix("pick-") for box in visitor.checkbox]


def pick(visitor, *run_ids):
    for run_id in run_ids:
        visitor.checkbox(key=f"pick-{run_id}").check().run()
    assert not visitor.exception
    return visitor


def document(*results):
    return json.dumps(exchange.document(results, created_at="2026-11-28T10:00:00+00:00")).encode()


def test_an_empty_page_says_what_to_do(dashboard):
    assert "Nothing has been stored yet" in texts(visit(dashboard))


def test_stored_and_recorded_runs_are_in_one_list_newest_first(dashboard, pair):
    dashboard.keep(*pair)
    dashboard.record(make_gpu_result(id="shipped", job_id="job-2", created_at="2026-11-25T10:00:00+00:00"))
    visitor = visit(dashboard)
    assert listed(visitor) == ["shipped", "run-gpu", "run-cpu"]
    assert "1 to 3 of 3 runs" in texts(visitor)
    assert "recorded" in texts(visitor)
    assert "· measured ·" in texts(visitor)


def test_the_list_is_turned_page_by_page(dashboard):
    for number in range(12):
        dashboard.keep(other(number))
    visitor = visit(dashboard, order="oldest")
    assert len(listed(visitor)) == 10
    visitor.get("pagination")[0].select(2).run()
    assert len(listed(visitor)) == 2
    assert "11 to 12 of 12 runs" in texts(visitor)


def test_filters_are_in_the_address_and_a_filter_that_lets_nothing_through_says_so(dashboard, pair):
    dashboard.keep(*pair)
    dashboard.keep(other(1))
    visitor = visit(dashboard, model="cnn")
    assert listed(visitor) == ["run-1"]
    visitor.multiselect(key="results_model").set_value(["mlp"]).run()
    assert set(listed(visitor)) == {"run-cpu", "run-gpu"}
    assert visitor.query_params["model"] in ("mlp", ["mlp"])
    visitor.text_input(key="results_text").set_value("nobody's").run()
    assert "No run is like that" in texts(visitor)
    press(visitor, "results_clear")
    assert len(listed(visitor)) == 3
    assert "model" not in visitor.query_params


@pytest.mark.parametrize(
    "parameters", [{"origin": "stolen"}, {"since": "yesterday"}, {"order": "rank"}, {"quality": "x" * 300}]
)
def test_what_makes_no_sense_in_a_link_is_named_and_left_out(dashboard, pair, parameters):
    dashboard.keep(*pair)
    visitor = visit(dashboard, **parameters)
    assert any(f"`{name}`" in read(warning) for name in parameters for warning in visitor.warning)
    assert len(listed(visitor)) == 2


def test_the_first_picked_is_the_baseline_and_the_address_is_a_link_to_both(dashboard, pair):
    dashboard.keep(*pair)
    visitor = pick(visit(dashboard), "run-gpu", "run-cpu")
    press(visitor, "results_compare")
    assert visitor.query_params["runs"] in ("run-gpu,run-cpu", ["run-gpu,run-cpu"])
    assert "GPU Test GPU trains this 4.01× faster than CPU" in texts(visitor)
    assert len(charts(visitor)) == 6

    again = visit(dashboard, runs="run-gpu,run-cpu")
    assert read(again.header[0]) == read(visitor.header[0])
    press(again, "results_back")
    assert set(listed(again)) == {"run-cpu", "run-gpu"}


def test_runs_of_other_work_are_shown_without_a_speed_up(dashboard, pair):
    dashboard.keep(*pair)
    dashboard.keep(other(1))
    visitor = visit(dashboard, runs="run-cpu,run-1")
    assert not [text for text in texts(visitor).splitlines() if "faster than" in text]
    assert any("model" in text for text in errors(visitor)), errors(visitor)


def test_an_unknown_run_is_told_and_the_others_are_shown(dashboard, pair):
    dashboard.keep(*pair)
    visitor = visit(dashboard, runs="nothing,run-cpu")
    assert any("nothing" in text for text in errors(visitor))
    assert "CPU processes" in texts(visitor)
    alone = visit(dashboard, run="<script>alert(1)</script>")
    assert len(errors(alone)) == 1
    assert not charts(alone)


def test_a_name_and_tags_are_kept_shown_found_and_never_marks(dashboard, pair):
    dashboard.keep(*pair)
    visitor = pick(visit(dashboard), "run-gpu")
    visitor.text_input(key="name-run-gpu").set_value("**our** [card](http://x)")
    visitor.text_input(key="tags-run-gpu").set_value("lab 3, spring，")
    next(button for button in visitor.button if button.label == "Save").click().run()
    assert not visitor.exception
    row = dashboard.store.row("run-gpu")
    assert (row.name, row.tags) == ("**our** [card](http://x)", ("lab 3", "spring"))
    label = visitor.checkbox(key="pick-run-gpu").label
    assert "\\[card\\]" in label
    assert listed(visit(dashboard, text="LAB")) == ["run-gpu"]


def test_a_name_that_is_too_long_is_refused_with_a_reason(dashboard, pair):
    dashboard.keep(*pair)
    visitor = pick(visit(dashboard), "run-gpu")
    visitor.text_input(key="tags-run-gpu").set_value(",".join(f"tag {n}" for n in range(30)))
    next(button for button in visitor.button if button.label == "Save").click().run()
    assert len(errors(visitor)) == 1
    assert dashboard.store.row("run-gpu").tags == ()


def test_what_is_deleted_is_gone_everywhere_and_comes_back_by_undo(dashboard, pair):
    dashboard.keep(*pair)
    visitor = press(pick(visit(dashboard), "run-gpu"), "results_delete")
    assert listed(visitor) == ["run-cpu"]
    assert "1 run was deleted." in texts(visitor)
    assert "4.01×" not in texts(dashboard.visit(job="job-1"))
    press(visitor, "results_undo")
    assert listed(visitor) == ["run-gpu", "run-cpu"]
    assert "4.01×" in texts(dashboard.visit(job="job-1"))


def test_what_is_still_being_measured_is_not_deleted_and_that_is_said(dashboard, pair):
    dashboard.keep(*pair)
    spec = JobSpec(pair[0].spec.workload, (pair[0].spec.setup,))
    dashboard.store.add_job("open", spec, pair[0].created_at, "elsewhere:1:1")
    Keeper(dashboard.store).results([replace(pair[0], id="growing", job_id="open", status="interrupted")])
    visitor = press(pick(visit(dashboard), "growing", "run-cpu"), "results_delete")
    assert errors(visitor) == [sentence("still_measured", {})]
    assert set(listed(visitor)) == {"growing", "run-gpu"}
    assert "1 run was deleted." in texts(visitor)


def test_what_somebody_else_deleted_is_no_longer_picked(dashboard, pair):
    dashboard.keep(*pair)
    visitor = pick(visit(dashboard), "run-gpu", "run-cpu")
    dashboard.store.delete_runs(["run-gpu"], "2026-11-29T00:00:00+00:00")
    visitor.run()
    assert not errors(visitor)
    assert listed(visitor) == ["run-cpu"]


def test_a_recording_can_be_compared_but_not_deleted(dashboard):
    dashboard.record(make_gpu_result(id="shipped"))
    visitor = pick(visit(dashboard), "shipped")
    assert [button.key for button in visitor.button if button.key == "results_compare"]
    assert not [button.key for button in visitor.button if button.key == "results_delete"]


def uploading(dashboard, *files):
    visitor = visit(dashboard)
    visitor.session_state["adding"] = True
    visitor.run()
    return upload(visitor, *files)


def upload(visitor, *files):
    uploader = visitor.get("file_uploader")[0]
    uploader.set_value([(name, content, "application/json") for name, content in files]).run()
    assert not visitor.exception
    return visitor


def test_a_file_is_looked_through_before_it_is_added_and_its_duplicates_are_skipped(dashboard, pair):
    cpu, gpu = pair
    visitor = uploading(dashboard, ("theirs.json", document(cpu, gpu)))
    assert "theirs.json: 2 to add, 0 that are here already" in texts(visitor).replace("**", "")
    assert dashboard.store.count() == 0
    press(visitor, "results_add")
    assert dashboard.store.count() == 2
    assert any("Added: 2 runs." in read(element) for element in visitor.success)
    assert "imported" in texts(visitor)
    again = uploading(dashboard, ("theirs.json", document(cpu, gpu)))
    assert "0 to add, 2 that are here already" in texts(again)
    assert not [button for button in again.button if button.key == "results_add"]


def test_a_bad_file_is_refused_and_a_good_one_beside_it_is_not(dashboard, pair):
    visitor = uploading(dashboard, ("bad.json", b"{"), ("good.json", document(pair[0])))
    assert any("Nothing of bad.json is added" in text for text in errors(visitor))
    press(visitor, "results_add")
    assert listed(visitor) == ["run-cpu"]


def test_two_files_with_the_same_run_add_it_once_and_with_another_content_not_at_all(dashboard, pair):
    cpu = pair[0]
    changed = replace(cpu, threads=7)
    visitor = uploading(
        dashboard, ("a.json", document(cpu)), ("b.json", document(cpu)), ("c.json", document(changed))
    )
    assert len(errors(visitor)) == 1
    press(visitor, "results_add")
    assert dashboard.store.run("run-cpu").threads == cpu.threads


def test_a_leaderboard_gives_places_by_interval(dashboard, pair):
    dashboard.keep(*pair)
    visitor = visit(dashboard)
    visitor.session_state["boards"] = True
    visitor.run()
    assert not visitor.exception
    ((_figure, alt),) = charts(visitor)
    assert "Test GPU" in alt
    assert "| 1 | GPU Test GPU | 640 images/s" in texts(visitor)


def test_the_page_speaks_chinese(dashboard, pair):
    dashboard.keep(*pair)
    visitor = dashboard.visit(locale="zh-CN", page=PAGE)
    assert has_chinese(read(visitor.title[0]))
    assert all(has_chinese(read(element)) for element in visitor.caption)


def test_a_setup_of_an_unknown_kind_of_device_is_listed(dashboard):
    spec = replace(make_spec(), setup=Setup("xpu:0"))
    dashboard.keep(make_result(spec=spec, environment=None))
    assert listed(visit(dashboard)) == ["run-cpu"]
