"""The Sequence page with bad input: older runs, unsound or cut spans, odd links, refused jobs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.errors import InputError
from core.messages import sentence
from core.records import Span
from pages._shared import resources
from tests.builders import make_result
from tests.pages.reading import charts, errors, read
from tests.pages.test_sequence_page import resident, visit
from tests.traces import make_trace


def test_a_run_of_an_older_version_says_that_no_step_was_watched(dashboard):
    dashboard.keep(make_result())
    visitor = visit(dashboard)
    assert not visitor.exception
    assert any("no step of it was watched" in read(info) for info in visitor.info)


def test_an_older_watched_run_is_shown_rather_than_a_newer_one_without(dashboard):
    dashboard.keep(resident())
    dashboard.keep(make_result(id="newer", job_id="newer", created_at="2026-11-25T10:00:00+00:00"))
    assert visit(dashboard).metric[0].value == "300 ms"


def test_spans_that_cannot_be_are_refused_and_said(dashboard):
    trace = make_trace()
    bad = replace(trace.steps[1], spans=(*trace.steps[1].spans, Span("device", "x", 0.3, 0.2, 7)))
    dashboard.keep(resident(trace=replace(trace, steps=(trace.steps[0], bad))))
    visitor = visit(dashboard)
    assert not visitor.exception
    assert any("ends before it starts" in text for text in errors(visitor))
    assert not charts(visitor)


def test_a_trace_that_is_cut_off_says_so(dashboard):
    trace = make_trace()
    dashboard.keep(resident(trace=replace(trace, steps=(replace(trace.steps[1], left_out=40),))))
    [warning] = visit(dashboard).warning
    assert "40 later ones are left out" in warning.value


@pytest.mark.parametrize(
    "parameter", [{"images": "nowhere"}, {"batch_size": "many"}, {"moment": "hot"}, {"model": "../x"}]
)
def test_what_makes_no_sense_in_a_link_is_named_and_left_out(dashboard, parameter):
    visitor = visit(dashboard, **parameter)
    assert not visitor.exception
    assert f"`{next(iter(parameter))}`" in visitor.warning[0].value
    assert visitor.query_params == {}


def test_a_job_that_is_unknown_says_so(dashboard):
    visitor = visit(dashboard, job="nothing")
    assert errors(visitor) == [sentence("unknown_job", {"job": "nothing"})]


def test_a_refused_job_says_why(dashboard, monkeypatch):
    def refuse(specs, visitor=None, network=None):
        raise InputError("queue_full", waiting=50, minutes=3)

    monkeypatch.setattr(resources.runner(), "submit_all", refuse)
    visitor = visit(dashboard)
    visitor.button(key="watch").click().run()
    assert errors(visitor) == [sentence("queue_full", {"waiting": 50, "minutes": 3})]
