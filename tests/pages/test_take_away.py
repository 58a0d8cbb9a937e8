"""Taking a result away: one kind at a time, with what it is for; and pictures of the charts."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from core.i18n import english
from core.runs.files import exchange
from core.sharing import formats
from pages._shared import take_away
from tests.pages.scripted import CPU, GPU
from tests.traces import make_trace


@pytest.fixture(autouse=True)
def _with_gpu(dashboard):
    dashboard.workers.devices = (CPU, GPU)


def button(visitor):
    [found] = visitor.get("download_button")
    return found.label


def test_each_kind_has_its_button_and_its_purpose(dashboard, pair):
    dashboard.keep(*pair)
    visitor = dashboard.taking_away()
    kinds = visitor.selectbox(key="take_away_kind")
    assert len(kinds.options) == 6  # nothing was watched, so there is no trace
    seen = {}
    for option in kinds.options:
        visitor.selectbox(key="take_away_kind").select(option).run()
        assert not visitor.exception
        seen[button(visitor)] = [caption.value for caption in visitor.caption][-1]
    assert next(iter(seen)) == "Download the records (JSON)"
    assert len(seen) == len(set(seen.values())) == 6
    assert "It weighs about 4.59 MiB" in seen["Download the report (HTML)"]


def test_the_snippet_can_be_copied(dashboard, pair):
    dashboard.keep(*pair)
    visitor = dashboard.taking_away()
    visitor.selectbox(key="take_away_kind").select("Snippet (Markdown)").run()
    assert visitor.code[0].value.startswith("**GPU Test GPU trains this 4.0")
    assert visitor.code[1].value.startswith("python -m core run ")


def test_watched_steps_can_be_taken_as_a_trace(dashboard, pair):
    dashboard.keep(replace(pair[0], trace=make_trace()), pair[1])
    visitor = dashboard.taking_away()
    visitor.selectbox(key="take_away_kind").select("Watched steps (Chrome trace)").run()
    assert button(visitor) == "Download the steps as a Chrome trace"


def test_the_camera_of_the_charts_saves_the_chosen_picture(dashboard, pair):
    dashboard.keep(*pair)
    visitor = dashboard.taking_away()

    def cameras():
        return [json.loads(chart.proto.config) for chart in visitor.get("plotly_chart")]

    assert {config["toImageButtonOptions"]["format"] for config in cameras()} == {"png"}
    assert all(config["modeBarButtons"] == [["toImage"]] for config in cameras())
    assert len({config["toImageButtonOptions"]["filename"] for config in cameras()}) == 6
    visitor.session_state["take_away_picture"] = "SVG"
    visitor.run()
    assert not visitor.exception
    assert {config["toImageButtonOptions"]["format"] for config in cameras()} == {"svg"}


def test_the_files_hold_what_is_shown(pair):
    def made(kind):
        return take_away._content(kind, pair, "en", None, english)()

    assert [run.id for run in exchange.read_document(json.loads(made("json")))] == ["run-cpu", "run-gpu"]
    assert len(list(csv.reader(io.StringIO(made("blocks"))))) == 33
    assert set(formats.ENDINGS) == set(formats.FORMATS)


@pytest.mark.parametrize(
    "here", ["https://a.b/x", "https://a.b/x/", "https://a.b/x/results", "https://a.b/x?lang=en"]
)
def test_the_link_of_a_snippet_opens_what_it_was_made_of(pair, here):
    assert take_away.address_of(pair, here) == "https://a.b/x/?job=job-1"
    other = replace(pair[1], origin="recorded")
    assert take_away.address_of((pair[0], other), here) == "https://a.b/x/results?runs=run-cpu,run-gpu"
    assert take_away.address_of((pair[0], replace(pair[1], job_id="job-2")), here).endswith(
        "runs=run-cpu,run-gpu"
    )
    assert take_away.address_of(pair, None) is None
