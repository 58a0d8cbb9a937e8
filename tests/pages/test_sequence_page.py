"""The Sequence page: the watched step of each device, its switches, the player, causes, and what is missing."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from core.figures.mermaid import sequence_diagram
from core.figures.sequence import numbered, sequence_data
from core.i18n import english
from core.records import RunResult
from pages._shared import resources
from tests.builders import make_blocks, make_spec
from tests.pages.reading import charts, has_chinese, read, texts
from tests.pages.scripted import CPU, END, GPU, whole
from tests.traces import make_gpu_trace, make_gpu_watched, make_trace, make_watched

_PAGE = "pages/sequence.py"
_SOURCE_RESIDENT = make_trace().source.replace("next(batches)", "all_images[chosen], all_labels[chosen]")


def visit(dashboard, locale="en-US", **parameters) -> AppTest:
    """A new visitor who opens a link to the page."""
    return dashboard.visit(locale, _PAGE, **parameters)


def resident(**changes) -> RunResult:
    """The CPU with its images resident: 0.3 s a step."""
    plain = make_watched(
        id="run-resident",
        spec=make_spec(),
        blocks=make_blocks(0.3, start_s=12.5, every_s=6.0),
        trace=make_trace(source=_SOURCE_RESIDENT),
    )
    return replace(plain, **changes)


@pytest.fixture
def job() -> tuple[RunResult, ...]:
    """One job: the CPU's article's loop, and with its images resident."""
    return make_watched(id="run-loader", blocks=make_blocks(0.4, every_s=6.0)), resident()


def listing(visitor):
    """The table of the code."""
    [body] = [item.proto.body for item in visitor.get("html") if "<table" in item.proto.body]
    return body


def asked(dashboard):
    """The jobs that wait or run."""
    return [found.spec for found in resources.runner().open_jobs()]


# --- before anything was watched -------------------------------------------------------------------


def test_the_first_visit_says_what_is_missing_and_offers_to_measure_it(dashboard):
    visitor = visit(dashboard)
    assert not visitor.exception
    assert visitor.title[0].value == "What happens in one training step?"
    assert any("hasn't been measured yet" in read(info) for info in visitor.info)
    assert not visitor.button(key="watch").disabled
    assert len(visitor.get("plotly_chart")) == len(visitor.error) == 0


def test_until_the_devices_are_known_nothing_can_be_measured(dashboard):
    dashboard.workers.ready.clear()
    assert visit(dashboard).button(key="watch").disabled


def test_measuring_asks_for_the_step_and_for_what_it_is_set_against(dashboard):
    visitor = visit(dashboard, images="loader", waiting="synchronous")
    visitor.button(key="watch").click().run()
    [spec] = asked(dashboard)
    assert spec.trace
    assert spec.limits
    assert {(setup.data_path, setup.synchronous) for setup in spec.setups} == {
        ("resident", False),
        ("loader", True),
    }
    assert visitor.query_params["job"]
    assert visitor.button(key="watch").disabled, "while it is being measured"


def test_the_plain_step_is_measured_against_the_articles_loop_on_every_device(dashboard):
    dashboard.workers.devices = (CPU, GPU)
    visit(dashboard).button(key="watch").click().run()
    [spec] = asked(dashboard)
    assert [(setup.device, setup.data_path) for setup in spec.setups] == [
        ("cpu", "resident"),
        ("cuda:0", "resident"),
        ("cpu", "loader"),
        ("cuda:0", "loader"),
    ]


def test_what_a_worker_tells_is_shown_when_the_job_is_over(dashboard, job):
    from core.codec import to_plain

    visitor = visit(dashboard)
    visitor.button(key="watch").click().run()
    job_id = visitor.query_params["job"]
    told = [event for run, result in enumerate(reversed(job)) for event in whole(run, result)]
    traces = [
        {"type": "trace", "run": run, "trace": to_plain(result.trace)}
        for run, result in enumerate(reversed(job))
    ]
    dashboard.workers.current.tell(*told, *traces, END)
    dashboard.finished(job_id)
    visitor.run()
    assert not visitor.exception
    assert len(charts(visitor)) == 1
    assert visitor.metric[0].value == "300 ms"


# --- a watched step --------------------------------------------------------------------------------


def test_the_step_is_drawn_with_its_causes_and_the_same_as_a_diagram(dashboard, job):
    dashboard.keep(*job)
    visitor = visit(dashboard)
    assert not visitor.exception
    [(_figure, alt)] = charts(visitor)
    assert alt.startswith("Timeline of one training step")
    said = texts(visitor)
    assert "The longest line of a step: loss.backward() 180 ms (CPU)" in said
    assert "On the CPU the script waits for each operation" in said
    assert "Where its time goes: the backward pass" in said
    data = sequence_data((job[1],), "warm", english)
    _init, _kind, *messages = sequence_diagram(data.panels[0], english).splitlines()
    assert "\n".join(messages) in said
    assert "Watching it made the step" in said


def test_switching_shows_another_measured_step(dashboard, job):
    dashboard.keep(*job)
    visitor = visit(dashboard)
    assert visitor.metric[0].value == "300 ms"
    visitor.radio(key="sequence_images").set_value("loader").run()
    assert not visitor.exception
    assert visitor.metric[0].value == "400 ms"
    assert visitor.query_params["images"] == "loader"
    assert "next(batches)" in listing(visitor)
    changes = [line for line in texts(visitor).splitlines() if "data loader" in line and "faster than" in line]
    assert changes, "what the switch changes, measured in one job"


def test_the_first_step_is_another_moment_of_the_same_run(dashboard, job):
    dashboard.keep(*job)
    visitor = visit(dashboard, moment="cold")
    assert visitor.metric[0].label == "CPU: the very first step"
    assert visitor.metric[0].value == "2 s"
    assert "The very first step took" in texts(visitor)


def test_a_variant_that_was_not_measured_says_so_and_keeps_the_button(dashboard, job):
    dashboard.keep(*job)
    visitor = visit(dashboard, execution="whole")
    assert [
        info for info in visitor.info if "compiled" in read(info) and "hasn't been measured yet" in read(info)
    ]
    assert not charts(visitor)
    visitor.button(key="watch").click().run()
    [spec] = asked(dashboard)
    assert [setup.step for setup in spec.setups] == ["eager", "compiled"]


def test_what_makes_no_difference_here_is_left_out_and_said(dashboard, job):
    dashboard.keep(*job)
    visitor = visit(dashboard)
    keys = [item.key for item in visitor.radio]
    assert "sequence_memory" not in keys
    assert {"sequence_images", "sequence_execution"} <= set(keys)
    assert "Pinned memory can be tried with the article's loop on an NVIDIA GPU." in texts(visitor)
    visitor.radio(key="sequence_images").set_value("loader").run()
    assert "sequence_execution" not in [item.key for item in visitor.radio]
    visitor.radio(key="sequence_images").set_value("resident").run()
    assert visitor.radio(key="sequence_execution").value == "eager"
    said = visit(dashboard, memory="pinned", images="loader")
    assert "page-locked memory is for the article's loop on an NVIDIA GPU" in texts(said)


def test_any_run_with_the_same_step_is_shown_however_many_epochs_it_had(dashboard, job):
    spec = make_spec(epochs=7, learning_rate=0.5)
    dashboard.keep(resident(spec=spec))
    assert visit(dashboard).metric[0].value == "300 ms"


def test_another_batch_size_is_another_step(dashboard, job):
    dashboard.keep(*job)
    assert not charts(visit(dashboard, batch_size="128"))


def test_another_step_leaves_the_job_of_the_link_and_a_switch_keeps_it(dashboard, job):
    dashboard.keep(*job)
    visitor = visit(dashboard, job="job-1")
    visitor.radio(key="sequence_images").set_value("loader").run()
    assert visitor.query_params == {"job": "job-1", "images": "loader"}
    visitor.select_slider(key="sequence_batch_size").set_value(128).run()
    assert not visitor.exception
    assert visitor.query_params == {"batch_size": "128", "images": "loader"}
    assert visitor.select_slider(key="sequence_batch_size").value == 128


# --- the player ------------------------------------------------------------------------------------


def lit(visitor):
    """The message that is looked at, as it is told, and the line of the code that is marked."""
    body = listing(visitor)
    rows = re.findall("<tr aria-current", body)
    told = [read(item) for item in visitor.markdown]
    [said] = [text for text in told if text.startswith("**") and ("→" in text or "All messages" in text)]
    return said, rows


def test_stepping_goes_through_the_messages_with_the_code_beside(dashboard, job):
    dashboard.keep(*job)
    visitor = visit(dashboard, images="loader")
    panel = sequence_data((job[0],), "warm", english).panels[0]
    assert visitor.button(key="sequence-back").disabled
    told, rows = lit(visitor)
    assert told.startswith("**All messages")
    assert rows == []
    for message in panel.flow.messages:
        visitor.button(key="sequence-forward").click().run()
        told, rows = lit(visitor)
        assert told == f"**{numbered(message, panel, english)}**"
        assert len(rows) == (message.line is not None)
    assert visitor.button(key="sequence-forward").disabled
    visitor.button(key="sequence-back").click().run()
    assert visitor.slider(key="sequence_at").value == len(panel.flow.messages) - 1


def test_playing_goes_on_by_itself_and_stops_at_the_end(dashboard, job, monkeypatch):
    from pages._sequence import sequence_player

    now = [100.0]
    monkeypatch.setattr(sequence_player.time, "monotonic", lambda: now[0])
    dashboard.keep(*job)
    visitor = visit(dashboard)
    last = int(visitor.slider(key="sequence_at").max)
    visitor.button(key="sequence-play").click().run()
    assert visitor.slider(key="sequence_at").value == 1
    assert visitor.button(key="sequence-play").label == "Pause"
    for _ in range(last + 1):
        now[0] += sequence_player.TICK_S
        visitor.run()
    assert visitor.slider(key="sequence_at").value == last
    assert visitor.button(key="sequence-play").label == "Play"
    visitor.button(key="sequence-play").click().run()
    assert visitor.slider(key="sequence_at").value == 1, "from the beginning again"
    visitor.slider(key="sequence_at").set_value(3).run()
    assert visitor.button(key="sequence-play").label == "Play", "taking hold of it stops it"


# --- two devices -----------------------------------------------------------------------------------


@pytest.fixture
def both() -> tuple[RunResult, RunResult]:
    return make_watched(blocks=make_blocks(0.4)), make_gpu_watched()


def test_both_devices_share_one_picture_and_either_can_be_followed(dashboard, both):
    dashboard.workers.devices = (CPU, GPU)
    dashboard.keep(*both)
    visitor = visit(dashboard, images="loader")
    assert not visitor.exception
    assert len(charts(visitor)) == 1
    assert [card.label for card in visitor.metric] == ["CPU: one step", "GPU Test GPU: one step"]
    assert "GPU Test GPU trains this" in read(visitor.header[0])
    follow = visitor.radio(key="sequence_followed")
    assert follow.value == 1
    assert visitor.slider(key="sequence_at").max == 11
    follow.set_value(0).run()
    assert visitor.slider(key="sequence_at").max == 13


def test_a_device_can_be_looked_at_by_itself_on_its_own_time_scale(dashboard, both):
    dashboard.workers.devices = (CPU, GPU)
    dashboard.keep(*both)
    visitor = visit(dashboard, images="loader")
    [(figure, _alt)] = charts(visitor)
    assert "(ms)" in json.dumps(figure["layout"]["xaxis"]["title"])
    visitor.radio(key="sequence_shown").set_value(2).run()
    assert not visitor.exception
    [(figure, alt)] = charts(visitor)
    assert "(µs)" in figure["layout"]["xaxis"]["title"]["text"]
    assert "GPU Test GPU: 11 messages" in alt
    assert "CPU: 13" not in alt
    assert visitor.slider(key="sequence_at").max == 11


def test_the_launch_bound_and_the_transfer_bound_case_are_said(dashboard, both):
    dashboard.workers.devices = (CPU, GPU)
    bound = make_gpu_watched(trace=make_gpu_trace(kernel_us=2.0))
    dashboard.keep(both[0], bound)
    assert "The GPU worked 8 % of the step, on 20 operations: it waits for Python" in texts(
        visit(dashboard, images="loader")
    )
    copying = make_gpu_watched(
        id="copying",
        job_id="job-2",
        created_at="2026-11-21T10:00:00+00:00",
        trace=make_gpu_trace(copy_us=250.0),
    )
    dashboard.keep(
        replace(both[0], id="cpu-2", job_id="job-2", created_at="2026-11-21T10:00:00+00:00"), copying
    )
    assert "Copies over the bus take 50 % of the step" in texts(visit(dashboard, images="loader"))


def test_without_a_gpu_a_recorded_one_is_shown_and_labelled(dashboard, both):
    dashboard.record(*both)
    visitor = visit(dashboard, images="loader")
    assert not visitor.exception
    labels = [card.label for card in visitor.metric]
    assert labels == ["CPU · recorded: one step", "GPU Test GPU · recorded: one step"]
    dashboard.keep(replace(both[0], id="mine", job_id="mine"))
    labels = [card.label for card in visit(dashboard, images="loader").metric]
    assert labels == ["CPU: one step", "GPU Test GPU · recorded: one step"]


# --- from other pages, in another language ------------------------------------------------------------


def test_the_workload_of_the_compare_page_comes_along(dashboard):
    visitor = dashboard.visit(model="cnn", batch_size="512", data_paths="loader")
    visitor.switch_page(_PAGE)
    visitor.query_params.clear()
    visitor.run()
    assert visitor.query_params == {"model": "cnn", "batch_size": "512", "images": "loader"}


def test_compare_leads_here(dashboard, job):
    dashboard.keep(*job)
    visitor = dashboard.visit(job="job-1")
    links = [element.proto for element in visitor.get("page_link")]
    [link] = [proto for proto in links if proto.page.endswith("sequence")]
    assert "One step of it as a sequence" in link.label


def test_all_of_it_in_chinese(dashboard, both):
    dashboard.record(*both)
    visitor = visit(dashboard, "zh-CN", images="loader")
    assert not visitor.exception
    for kind in (visitor.title, visitor.subheader, visitor.caption, visitor.info, visitor.metric):
        for element in kind:
            assert has_chinese(str(getattr(element, "label", "") or "") + str(element.value)), element
    assert "Python 脚本" in texts(visitor)
    assert has_chinese(charts(visitor)[0][1])
