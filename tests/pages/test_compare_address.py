"""The address as a permalink: into the controls, out of them, and what happens to links that make no sense."""

from __future__ import annotations

import pytest

from core.i18n import english
from core.messages import sentence
from core.wording import workload_words
from tests.builders import make_result, make_setup, make_spec, make_workload
from tests.pages.reading import errors, has_chinese, texts
from tests.pages.scripted import CPU, GPU


def test_the_parameters_of_a_link_set_the_controls(dashboard):
    visitor = dashboard.visit(
        model="cnn",
        dataset="mnist",
        batch_size="1024",
        epochs="7",
        learning_rate="0.05",
        seed="3",
        task="classify",
        devices="cpu",
        precisions="fp32,bf16",
        data_paths="loader",
        max_seconds="12",
    )
    assert not visitor.exception
    assert len(visitor.warning) == 0
    assert visitor.selectbox(key="model").value == "cnn"
    assert visitor.selectbox(key="dataset").value == "mnist"
    assert visitor.select_slider(key="batch_size").value == 1024
    assert visitor.slider(key="epochs").value == 7
    assert visitor.number_input(key="learning_rate").value == 0.05
    assert visitor.number_input(key="seed").value == 3
    assert visitor.number_input(key="max_seconds").value == 12
    assert visitor.segmented_control(key="task").value == "classify"
    assert visitor.pills(key="devices").value == ["cpu"]
    assert visitor.pills(key="precisions").value == ["fp32", "bf16"]
    assert visitor.pills(key="data_paths").value == ["loader"]
    assert "cnn on mnist, batch 1024, 7 epochs" in texts(visitor)


@pytest.mark.parametrize(
    "extremes",
    [
        {"batch_size": "1", "epochs": "1", "learning_rate": "1e-300", "max_seconds": "1"},
        {"batch_size": "65536", "epochs": "1000", "learning_rate": "100", "max_seconds": "3600"},
        {"batch_size": "17", "epochs": "21", "seed": "2147483647", "learning_rate": "0.0123456789"},
        {"model": "efficientnet_b0", "dataset": "synthetic:3x64x64,classes=5"},
        {"dataset": "folder:/somewhere/图片", "devices": "cuda:7,mps,cpu/1"},
    ],
)
def test_whatever_may_be_asked_for_can_be_shown_and_leaves_the_link_as_it_was(dashboard, extremes):
    visitor = dashboard.visit(**extremes)
    assert not visitor.exception
    assert len(visitor.warning) == 0
    visitor.run()
    assert not visitor.exception
    shown = {name: str(float(text)) if name == "learning_rate" else text for name, text in extremes.items()}
    defaults = {"max_seconds": "30", "learning_rate": "0.01"}
    assert visitor.query_params == {k: v for k, v in shown.items() if defaults.get(k) != v}


def test_parameters_that_make_no_sense_are_named_and_the_others_kept(dashboard):
    visitor = dashboard.visit(batch_size="lots", epochs="5", task="teach", seed="8")
    assert not visitor.exception
    assert [note.value for note in visitor.warning] == [
        "Parts of the link made no sense and were left out: `batch_size`, `task`."
    ]
    assert visitor.slider(key="epochs").value == 5
    assert visitor.number_input(key="seed").value == 8
    assert visitor.select_slider(key="batch_size").value == 64
    assert visitor.query_params == {"epochs": "5", "seed": "8"}
    visitor.run()
    assert len(visitor.warning) == 0, "told once"


def test_the_address_follows_the_controls_and_leaves_defaults_out(dashboard):
    visitor = dashboard.visit()
    assert visitor.query_params == {}
    visitor.select_slider(key="batch_size").set_value(256).run()
    visitor.slider(key="epochs").set_value(1).run()
    visitor.pills(key="devices").set_value(["cpu"]).run()
    assert visitor.query_params == {"batch_size": "256", "epochs": "1", "devices": "cpu"}
    visitor.select_slider(key="batch_size").set_value(64).run()
    assert visitor.query_params == {"epochs": "1", "devices": "cpu"}
    assert not visitor.exception


def test_a_new_address_in_the_same_session_is_followed(dashboard):
    visitor = dashboard.visit(epochs="5")
    visitor.query_params = {"epochs": "9", "batch_size": "32"}
    visitor.run()
    assert visitor.slider(key="epochs").value == 9
    assert visitor.select_slider(key="batch_size").value == 32
    visitor.query_params = {}
    visitor.run()
    assert visitor.slider(key="epochs").value == 3


def test_an_unknown_job_is_told_and_dropped_from_the_address(dashboard):
    visitor = dashboard.visit(job="nowhere", epochs="5")
    assert not visitor.exception
    assert errors(visitor) == [
        "There is no measurement nowhere here. It may have been made on another machine, or deleted."
    ]
    assert visitor.slider(key="epochs").value == 5
    assert visitor.query_params == {"epochs": "5"}


@pytest.mark.parametrize("job", ["<b>bold</b>", "x" * 5000, "'; DROP TABLE jobs; --", "图", "\x00"])
def test_a_made_up_job_id_breaks_nothing(dashboard, job):
    dashboard.keep(make_result())
    visitor = dashboard.visit(job=job)
    assert not visitor.exception
    assert len(visitor.error) == 1
    assert dashboard.store.count() == 1


def test_a_link_to_a_stored_job_sets_the_controls_to_what_was_measured(dashboard):
    work = {"model": "cnn", "batch_size": 512, "epochs": 2, "learning_rate": 0.002, "seed": 4}
    spec = make_spec(**work, threads=1, precision="bf16")
    job = dashboard.keep(make_result(spec=spec))
    visitor = dashboard.visit(job=job)
    assert not visitor.exception
    assert workload_words(make_workload(**work), english) in texts(visitor)
    assert visitor.number_input(key="learning_rate").value == 0.002
    assert visitor.number_input(key="seed").value == 4
    assert visitor.pills(key="devices").value == ["cpu/1"]
    assert visitor.pills(key="precisions").value == ["bf16"]
    assert visitor.query_params["job"] == job
    assert visitor.query_params["batch_size"] == "512"
    assert dashboard.store.job(job).spec.setups == (make_setup(threads=1, precision="bf16"),)


def test_a_job_and_parameters_that_contradict_it(dashboard):
    """The job is what the link shows, so it wins."""
    job = dashboard.keep(make_result(spec=make_spec(batch_size=512)))
    visitor = dashboard.visit(job=job, batch_size="32")
    assert visitor.select_slider(key="batch_size").value == 512
    assert visitor.query_params["batch_size"] == "512"


def test_changing_a_control_leaves_the_job(dashboard):
    job = dashboard.keep(make_result())
    visitor = dashboard.visit(job=job)
    assert len(visitor.header) == 1
    visitor.slider(key="epochs").set_value(9).run()
    assert not visitor.exception
    assert visitor.query_params == {"epochs": "9", "devices": "cpu"}
    assert len(visitor.header) == 0, "those results are of other settings"


def test_a_link_to_a_gpu_that_is_not_here_keeps_it(dashboard):
    visitor = dashboard.visit(devices="cuda:0,cpu")
    assert not visitor.exception
    assert visitor.pills(key="devices").value == ["cuda:0", "cpu"]


def test_a_link_that_leaves_the_devices_to_the_machine(dashboard):
    dashboard.workers.devices = (CPU, GPU)
    visitor = dashboard.visit(precisions="tf32")
    assert len(visitor.warning) == 0
    assert visitor.pills(key="devices").value == ["cpu", "cuda:0"]
    assert not visitor.button(key="run").disabled
    assert visitor.query_params == {"precisions": "tf32"}


def test_the_language_of_the_link_wins_over_the_browsers(dashboard):
    visitor = dashboard.visit(lang="zh_CN", epochs="5")
    assert not visitor.exception
    assert has_chinese(visitor.title[0].value)
    assert visitor.query_params == {"lang": "zh_CN", "epochs": "5"}
    english_link = dashboard.visit(locale="zh-CN", lang="en")
    assert english_link.title[0].value == "Does a GPU beat the CPU for this job?"


def test_a_language_that_does_not_exist_is_the_browsers(dashboard):
    assert dashboard.visit(lang="xx").title[0].value == "Does a GPU beat the CPU for this job?"
    assert has_chinese(dashboard.visit(locale="zh-Hans-CN", lang="xx").title[0].value)


def test_choosing_a_language_changes_the_page_and_the_link_and_no_other_control(dashboard):
    visitor = dashboard.visit(epochs="5")
    visitor.segmented_control(key="language").set_value("zh_CN").run()
    assert not visitor.exception
    assert has_chinese(visitor.button(key="run").label)
    assert visitor.slider(key="epochs").value == 5
    assert visitor.query_params == {"lang": "zh_CN", "epochs": "5"}
    visitor.segmented_control(key="language").set_value("en").run()
    assert visitor.title[0].value == "Does a GPU beat the CPU for this job?"


def test_jobs_that_nobody_knows_are_told_of_together(dashboard):
    visitor = dashboard.visit(job=",".join(f"made-up-{n}" for n in range(500)))
    named = "made-up-0, made-up-1, made-up-2, made-up-3, made-up-4, …"
    assert errors(visitor) == [sentence("unknown_job", {"job": named})]
