"""The Optimise page while a climb goes on: it is followed, it fails, it ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.analysis import ladder as ladders
from core.errors import InputError
from core.messages import sentence
from core.records import JobSpec, Note
from core.runs.optimise import Progress
from pages._shared import resources
from tests.builders import make_spec
from tests.ladders import make_climb, make_ladder
from tests.pages.reading import charts, errors, texts

_PAGE = "pages/optimise.py"


def visit(dashboard, locale="en-US", **parameters):
    """A new visitor who opens a link to the page."""
    return dashboard.visit(locale, _PAGE, **parameters)


class Climber:
    """Stands in for core.runs.optimise.Optimiser: tells what it is given and never measures."""

    def __init__(self, runner):
        self.progress: Progress | None = None
        self.started, self.cancelled = [], []
        self.problem: InputError | None = None

    def start(self, work, device, visitor=None):
        if self.problem is not None:
            raise self.problem
        self.started.append((work, device))
        self.progress = Progress()
        return "climb-1"

    def state(self, climb_id):
        return self.progress if climb_id == "climb-1" else None

    def cancel(self, climb_id):
        self.cancelled.append(climb_id)


@pytest.fixture
def climber(dashboard, monkeypatch):
    monkeypatch.setattr(resources, "Optimiser", Climber)
    return resources.optimiser()


def test_run_starts_a_climb_and_a_reload_goes_on_following_it(dashboard, climber):
    visitor = visit(dashboard, batch_size="256")
    visitor.button(key="optimise").click().run()
    assert not visitor.exception
    [(work, device)] = climber.started
    assert (work.model, work.batch_size, device) == ("mlp", 256, "cpu")
    assert visitor.query_params["run"] == "climb-1"
    assert visitor.button(key="optimise").disabled
    other = visit(dashboard, batch_size="256", run="climb-1")
    assert "Round 1 of 3: planning what to measure" in [bar.proto.text for bar in other.get("progress")]
    other.button(key="cancel-climb-1").click().run()
    assert climber.cancelled == ["climb-1"]


def test_what_has_been_measured_so_far_is_drawn_while_the_rest_goes_on(dashboard, climber):
    climber.progress = Progress(step=2, ladder=make_ladder())
    visitor = visit(dashboard, run="climb-1")
    assert not visitor.exception
    assert len(charts(visitor)) == 2
    assert "not_reached" not in texts(visitor)
    assert sentence("not_reached") not in texts(visitor), "what is still to come isn't given up"
    assert visitor.query_params["run"] == "climb-1"


def test_the_panel_names_the_rungs_of_the_job_that_runs(dashboard, climber):
    setups = tuple(run.spec.setup for run in make_climb("cuda:0"))
    job_id = dashboard.runner.submit(JobSpec(make_spec().workload, setups))
    climber.progress = Progress(step=1, job_id=job_id)
    visitor = visit(dashboard, run="climb-1")
    assert not visitor.exception
    assert [bar.proto.text.split(":")[0] for bar in visitor.get("progress")] == ["Round 1 of 3"]
    assert "mlp on digits, batch 64, 3 epochs — The article's loop, Data resident, bfloat16" in texts(visitor)


def test_a_climb_that_measured_too_little_says_so(dashboard, climber):
    short = [replace(run, blocks=run.blocks[:2]) for run in make_climb()]
    [ladder] = ladders.from_results(short)
    climber.progress = Progress(step=3, ladder=ladder, done=True)
    visitor = visit(dashboard, run="climb-1")
    assert not visitor.exception
    assert errors(visitor) == [sentence("too_few_blocks")]
    assert len(visitor.header) == 0


def test_when_it_is_done_the_address_no_longer_names_it(dashboard, climber):
    climber.progress = Progress(step=3, ladder=make_ladder(), done=True)
    visitor = visit(dashboard, run="climb-1")
    assert not visitor.exception
    assert visitor.header[0].value.startswith("CPU at its best trains this")
    assert visitor.query_params == {}
    assert not visitor.button(key="optimise").disabled


def test_a_failed_climb_says_what_to_do(dashboard, climber):
    note = Note("out_of_memory", {"device": "cpu", "batch_size": 64})
    climber.progress = Progress(step=1, failure=note, done=True)
    visitor = visit(dashboard, run="climb-1")
    assert errors(visitor) == [sentence(note.code, note.facts)]


def test_what_cannot_be_started_is_told(dashboard, climber):
    climber.problem = InputError("unknown_device", device="cuda:3", available="cpu")
    visitor = visit(dashboard, device="cuda:3")
    visitor.button(key="optimise").click().run()
    assert errors(visitor) == ["There is no device cuda:3 here. Available: cpu."]
    assert "run" not in visitor.query_params


def test_a_climb_that_nobody_knows_any_more_is_dropped_from_the_address(dashboard, climber):
    visitor = visit(dashboard, run="long-ago")
    assert not visitor.exception
    assert visitor.query_params == {}
