"""What no engine of ours would say, told by another machine: a job ends with a message, and nothing hangs."""

import itertools

import pytest

from core import messages
from core.codec import to_plain
from core.errors import MeasurementError
from core.records import Note
from core.runs.queue import away
from tests.fake_targets import THREE, FakeTargets, measured, results, started
from tests.jobs.children import job, until


@pytest.fixture
def server(serve):
    """It measures nothing itself, and needs no worker."""
    return serve(measures=False)


def sending(server, targets):
    return server.submit_away(job("mlp"), THREE[0], targets)


def spoilt(change):
    """A job whose events are changed on the way; `change` gives None for one that is left as it is."""

    def script(spec, target):
        for event in measured(spec, target):
            yield change(dict(event)) or event

    return script


def of_type(kind, **changes):
    return lambda event: event | changes if event["type"] == kind else None


def without(kind, name):
    return lambda event: event["type"] == kind and {k: v for k, v in event.items() if k != name}


@pytest.mark.parametrize(
    "change",
    [
        of_type("setup", run=-1),
        of_type("block", run=True),
        of_type("block", run=7),
        of_type("block", block={"epoch": 1}),
        of_type("block", losses=["<b>"]),
        of_type("block", losses=[float("nan")]),
        of_type("warm", steps_per_epoch=0),
        of_type("warm", steps_per_epoch="22"),
        of_type("warm", threads="all"),
        without("warm", "data"),
        without("telemetry", "gpus"),
        of_type("telemetry", cpu=[1]),
        of_type("surroundings", machine=None),
        of_type("surroundings", devices=5),
        of_type("run_end", status="perfect"),
        of_type("run_end", failure={"code": "no_such_code", "facts": {}}),
        of_type("results", runs=[]),
        of_type("results", runs="all"),
        of_type("results", failure={"code": "node_lost", "facts": {}}),
        without("results", "failure"),
        without("results", "type"),
    ],
)
def test_malformed_events_end_a_job_with_a_message(change, server):
    targets = FakeTargets(script=spoilt(change))
    done = server.finished(sending(server, targets))
    assert (done.state, done.failure.code) == ("failed", "told_nonsense")
    said = messages.sentence(done.failure.code, done.failure.facts)
    assert not set(said) & set("{}"), "words, and no record of ours"
    assert "malformed_record" not in said
    until(lambda: targets.open == ())
    assert server.finished(sending(server, FakeTargets())).state == "finished"


def changed_run(**changes):
    return lambda event: event["type"] == "results" and event | {"runs": [event["runs"][0] | changes]}


@pytest.mark.parametrize(
    "changes",
    [
        {"threads": -1},
        {"notes": [{"code": "no_such_code", "facts": {}}]},
        {"schema_version": 99},
        {"spec": to_plain(job("cnn").runs[0])},
        {"blocks": [{"epoch": 1, "steps": 1, "samples": 64, "start_s": 1.0, "duration_s": -1.0, "loss": None}]},
    ],
)
def test_results_that_cant_have_been_measured_are_no_results(changes, server):
    done = server.finished(sending(server, FakeTargets(script=spoilt(changed_run(**changes)))))
    assert (done.state, done.failure.code) == ("failed", "told_nonsense")
    assert len(done.results[0].blocks) == 16, "what was folded before is sound"


def test_events_that_cant_have_been_measured_leave_nothing(server):
    backwards = {"epoch": 1, "steps": 1, "samples": 64, "start_s": 1.0, "duration_s": -1.0, "loss": 2.0}

    def script(spec, target):
        yield from started(spec, target)
        yield {"type": "block", "run": 0, "block": backwards, "losses": []}

    done = server.finished(sending(server, FakeTargets(script=script)))
    assert (done.state, [result.blocks for result in done.results]) == ("failed", [()])


def test_what_acts_in_a_text_is_taken_out(server):
    nasty = Note("worker_died", {"exit_code": 7, "last_words": "\x1b[31mred\u202e"})

    def script(spec, target):
        yield from started(spec, target, blocks=0)
        yield results(spec, target, nasty, blocks=(), status="failed", failure=nasty)

    done = server.finished(sending(server, FakeTargets(script=script)))
    assert done.failure.facts["last_words"] == "\ufffd[31mred\ufffd"
    assert done.results[0].failure == done.failure


def test_kinds_of_events_that_arent_known_are_passed_over(server):
    def script(spec, target):
        yield {"type": "news", "text": "from a later version"}
        yield from measured(spec, target)

    assert server.finished(sending(server, FakeTargets(script=script))).state == "finished"


NASTY = {"exit_code": 7, "last_words": "\x1b[31mred\u202e"}


@pytest.mark.parametrize(
    "event",
    [
        {"type": "error", "code": "worker_died", "facts": NASTY},
        {"type": "note", "run": 0, "note": {"code": "worker_died", "facts": NASTY}},
        {"type": "run_end", "run": 0, "status": "failed", "failure": {"code": "worker_died", "facts": NASTY}},
        MeasurementError("worker_died", **NASTY),
    ],
)
def test_what_acts_in_what_is_told_on_the_way_is_taken_out_too(event, server):
    """A machine that is lost leaves no results: what was folded is all that there is."""

    def script(spec, target):
        yield from started(spec, target)
        yield event

    done = server.finished(sending(server, FakeTargets(script=script)))
    (run,) = done.results
    notes = [note for note in (done.failure, run.failure, *run.notes) if note and note.code == "worker_died"]
    assert notes
    assert {note.facts["last_words"] for note in notes} == {"\ufffd[31mred\ufffd"}
    assert len(run.blocks) == 2


def test_a_machine_that_tells_without_end_is_ended(server, monkeypatch):
    monkeypatch.setattr(away, "MOST_ITEMS", 10)

    def script(spec, target):
        yield from started(spec, target)
        note = {"type": "note", "run": 0, "note": {"code": "results_missing", "facts": {}}}
        yield from itertools.repeat(note)

    targets = FakeTargets(script=script)
    done = server.finished(sending(server, targets))
    assert (done.state, done.failure.code) == ("failed", "told_nonsense")
    assert len(done.assembly.runs[0].notes) <= 11
    until(lambda: targets.open == ())
