"""The Compare page before anything was measured: what it offers, and what it says of the machine."""

from __future__ import annotations

import sqlite3

import pytest

from core.errors import MeasurementError
from core.hardware import environment
from core.messages import sentence
from core.runs.store.schema import DATABASE_VERSION
from tests.builders import make_machine
from tests.pages.reading import errors, has_chinese, texts
from tests.pages.scripted import CPU, GPU


def test_the_first_visit_invites_to_run(dashboard):
    visitor = dashboard.visit()
    assert not visitor.exception
    assert visitor.title[0].value == "Does a GPU beat the CPU for this job?"
    assert "Nothing has been measured with these settings yet" in texts(visitor)
    assert "mlp on digits, batch 64, 3 epochs" in texts(visitor)
    assert not visitor.button(key="run").disabled
    assert len(visitor.get("plotly_chart")) == 0
    assert [len(visitor.error), len(visitor.warning), len(visitor.header)] == [0, 0, 0]
    assert "job" not in visitor.query_params


def test_until_the_devices_are_known_the_page_says_that_it_looks(dashboard):
    dashboard.workers.ready.clear()
    dashboard.workers.devices = (CPU, GPU)
    visitor = dashboard.visit()
    assert "Looking for GPUs …" in texts(visitor)
    assert visitor.pills(key="devices").value == ["cpu/1", "cpu"]
    assert len(visitor.info) == 0, "whether there is a GPU isn't known yet"

    dashboard.workers.ready.set()
    dashboard.runner.wait_for_worker()
    visitor.run()
    assert not visitor.exception
    assert "Looking for GPUs …" not in texts(visitor)
    assert visitor.pills(key="devices").value == ["cpu", "cuda:0"], "the default follows what was found"


def test_a_choice_made_before_the_devices_were_known_is_kept(dashboard):
    dashboard.workers.ready.clear()
    dashboard.workers.devices = (CPU, GPU)
    visitor = dashboard.visit()
    visitor.pills(key="devices").set_value(["cpu/1"]).run()
    dashboard.workers.ready.set()
    dashboard.runner.wait_for_worker()
    visitor.run()
    assert visitor.pills(key="devices").value == ["cpu/1"]


@pytest.mark.parametrize(
    ("machine", "reason"),
    [
        (make_machine(gpus=(), gpus_absent="nvml_no_driver"), sentence("nvml_no_driver")),
        (make_machine(), "There is one, but this build of torch can't use it."),
    ],
)
def test_without_a_gpu_the_cpus_own_setups_are_offered_and_the_reason_is_told(
    dashboard, monkeypatch, machine, reason
):
    monkeypatch.setattr(environment, "machine", lambda: machine)
    visitor = dashboard.visit()
    assert [note.value for note in visitor.info] == [
        f"No GPU here, so the CPU's own setups are compared. {reason}"
    ]
    assert visitor.pills(key="devices").value == ["cpu/1", "cpu"]
    assert {"CPU, 1 thread", "CPU, best thread count"} <= set(visitor.pills(key="devices").options)
    assert [len(visitor.error), len(visitor.warning)] == [0, 0]


def test_with_a_gpu_it_is_compared_with_the_cpu_by_default(dashboard):
    dashboard.workers.devices = (CPU, GPU)
    visitor = dashboard.visit()
    assert visitor.pills(key="devices").value == ["cpu", "cuda:0"]
    assert visitor.pills(key="devices").options[-1] == f"{GPU.name} (cuda:0)"
    assert len(visitor.info) == 0


def test_nothing_to_run_disables_the_button(dashboard):
    visitor = dashboard.visit()
    visitor.pills(key="devices").set_value([]).run()
    assert not visitor.exception
    assert visitor.button(key="run").disabled
    visitor.pills(key="devices").set_value(["cpu"]).run()
    assert not visitor.button(key="run").disabled


def test_precision_without_a_device_for_it_disables_the_button(dashboard):
    visitor = dashboard.visit()
    visitor.pills(key="precisions").set_value(["tf32"]).run()
    assert not visitor.exception
    assert visitor.button(key="run").disabled


def test_a_worker_that_cannot_start_is_told_with_what_to_do(dashboard):
    dashboard.workers.problem = MeasurementError("worker_too_late", limit_s=180.0)
    visitor = dashboard.visit()
    assert not visitor.exception
    assert errors(visitor) == [sentence("worker_too_late", {"limit_s": 180.0})]


def test_a_database_of_a_newer_version_is_left_alone_and_the_page_still_measures(dashboard, tmp_path):
    path = tmp_path / "results.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE meta (schema_version INTEGER PRIMARY KEY)")
        connection.execute("INSERT INTO meta VALUES (99)")
    connection.close()
    before = path.read_bytes()

    visitor = dashboard.visit()
    assert not visitor.exception
    assert errors(visitor) == [sentence("database_newer", {"found": 99, "known": DATABASE_VERSION})]
    assert "You can measure, but the results of this session are not kept." in [
        note.value for note in visitor.warning
    ]
    assert not visitor.button(key="run").disabled
    visitor.button(key="run").click().run()
    assert not visitor.exception
    assert dashboard.runner.job(visitor.query_params["job"]) is not None
    assert path.read_bytes() == before


def test_a_chinese_browser_gets_chinese(dashboard):
    visitor = dashboard.visit(locale="zh-CN")
    assert not visitor.exception
    assert visitor.session_state["language"] == "zh_CN"
    assert has_chinese(visitor.title[0].value)
    assert has_chinese(visitor.button(key="run").label)
    assert has_chinese(visitor.info[0].value), "why there is no GPU"
