"""The Crossover page while a sweep goes on: it is started, followed, cancelled; it fails, it ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.errors import InputError
from core.messages import sentence
from core.records import JobSpec, Note, Setup, Workload
from core.runs.admission import Limits
from core.runs.sweeping.sweep import Progress, SweepSpec, Untried
from pages._crossover import accuracy_view
from pages._shared import resources, visitor
from tests.pages.reading import charts, errors, texts
from tests.pages.scripted import CPU, GPU
from tests.sweeps import make_grid

_PAGE = "pages/crossover.py"
SIZES = (16, 64, 256, 1024, 4096)
ONE, BEST = Setup(threads=1), Setup()
SPEC = SweepSpec(("mlp",), SIZES, (ONE, BEST), max_seconds=120.0)


def visit(dashboard, locale="en-US", **parameters):
    """A new visitor who opens a link to the page."""
    return dashboard.visit(locale, _PAGE, **parameters)


class Sweeper:
    """Stands in for core.runs.sweeping.sweep.Sweeper: tells what it is given and never measures."""

    def __init__(self, runner):
        self.progress: Progress | None = None
        self.started, self.cancelled = [], []
        self.problem: InputError | None = None

    def start(self, spec, visitor=None, network=None, known=()):
        if self.problem is not None:
            raise self.problem
        self.started.append((spec, known, visitor))
        self.progress = Progress(spec, planned=len(spec.batch_sizes))
        return "sweep-1"

    def state(self, sweep_id):
        return self.progress if sweep_id == "sweep-1" else None

    def cancel(self, sweep_id):
        self.cancelled.append(sweep_id)


@pytest.fixture
def sweeper(dashboard, monkeypatch):
    monkeypatch.setattr(resources, "Sweeper", Sweeper)
    return resources.sweeper()


def _grids(**changes):
    small = make_grid(2e-4, 10e-6, ONE, SIZES, **changes)
    return small, make_grid(12e-4, 5e-6, BEST, SIZES, **changes)


def _keep(dashboard, *grids):
    for grid in grids:
        for run in grid:
            dashboard.keep(replace(run, job_id=f"job-{run.id}"))


def _bars(visitor):
    return [bar.proto.text for bar in visitor.get("progress")]


def test_run_starts_what_the_controls_show_and_a_reload_goes_on_following_it(dashboard, sweeper):
    asked = visit(dashboard, also="mlp_64", largest="128", seconds="60")
    asked.button(key="sweep").click().run()
    assert not asked.exception
    [(spec, known, who)] = sweeper.started
    assert spec == SweepSpec(("mlp", "mlp_64"), (16, 32, 64, 128), (ONE, BEST), max_seconds=60.0)
    assert (known, bool(who)) == ((), True)
    assert asked.query_params["sweep"] == "sweep-1"
    assert asked.button(key="sweep").disabled
    other = visit(dashboard, largest="128", sweep="sweep-1")
    assert not other.exception
    assert _bars(other) == ["0 of 4 points measured: the first points are being measured"]
    other.button(key="cancel-sweep-1").click().run()
    assert sweeper.cancelled == ["sweep-1"]


def test_what_has_been_measured_so_far_is_drawn_while_the_rest_goes_on(dashboard, sweeper):
    small, large = _grids()
    sweeper.progress = Progress(
        SPEC,
        measured=3,
        planned=5,
        settled=3,
        jobs=3,
        elapsed_s=30.0,
        model="mlp",
        batch_size=256,
        results=(*small[::2], *large[::2]),
    )
    seen = visit(dashboard, sweep="sweep-1")
    assert not seen.exception
    assert _bars(seen) == ["3 of 5 points measured: measuring, 20 s left"]
    assert "Now: mlp, batch 256 — CPU, 1 thread; CPU, best thread count" in texts(seen)
    assert len(charts(seen)) == 4
    assert seen.query_params == {"sweep": "sweep-1"}


def test_a_sweep_and_a_training_to_an_accuracy_can_both_be_under_way(dashboard, sweeper):
    _keep(dashboard, *_grids())
    visitor = visit(dashboard)
    visitor.session_state[accuracy_view.SECTION] = True
    visitor.run().button(key=accuracy_view.MEASURE).click().run()
    visitor.button(key="sweep").click().run()
    assert not visitor.exception
    cancels = [button.key for button in visitor.button if button.label == "Cancel"]
    assert len(cancels) == len(set(cancels)) >= 3, "the sweep's, its panel's, and those of the others here"


def test_waiting_for_others_is_said(dashboard, sweeper):
    dashboard.runner.submit(JobSpec(Workload(), (BEST,)))
    job_id = dashboard.runner.submit(JobSpec(Workload(), (ONE, BEST)))
    sweeper.progress = Progress(SPEC, planned=5, job_id=job_id)
    assert _bars(visit(dashboard, sweep="sweep-1")) == [
        "0 of 5 points measured: waiting for another measurement"
    ]


def test_when_it_is_done_the_address_no_longer_names_it(dashboard, sweeper):
    small, large = _grids()
    untried = (
        Untried("mlp", 8192, ONE, Note("not_reached")),
        Untried("mlp", 8192, BEST, Note("not_reached")),
    )
    sweeper.progress = Progress(
        SPEC, measured=5, planned=5, results=(*small, *large), untried=untried, done=True
    )
    seen = visit(dashboard, sweep="sweep-1")
    assert not seen.exception
    assert seen.header[0].value.startswith("From a batch size of")
    assert seen.query_params == {}
    assert not seen.button(key="sweep").disabled
    assert [item.label for item in seen.expander if "Not measured" in item.label] == [
        "Not measured in this sweep: 2"
    ]
    assert "mlp · CPU, 1 thread, batch 8192; mlp · CPU, best thread count, batch 8192" in texts(seen)


def test_a_cancelled_sweep_keeps_what_it_had(dashboard, sweeper):
    small, large = _grids()
    results = (*small[:3], *large[:3])
    sweeper.progress = Progress(SPEC, measured=3, planned=5, results=results, cancelled=True, done=True)
    seen = visit(dashboard, sweep="sweep-1")
    assert not seen.exception
    assert [note.value for note in seen.info if "cancelled" in note.value] == [
        "The sweep was cancelled. What it had measured is kept."
    ]
    assert len(charts(seen)) == 4


def test_a_failed_sweep_says_what_to_do(dashboard, sweeper):
    note = Note("out_of_memory", {"device": "cpu", "batch_size": 64})
    sweeper.progress = Progress(SPEC, planned=5, failure=note, done=True)
    seen = visit(dashboard, sweep="sweep-1")
    assert errors(seen) == [sentence(note.code, note.facts)]
    assert "Nothing has been measured with these settings yet" in texts(seen)


def test_what_cannot_be_started_is_told(dashboard, sweeper):
    sweeper.problem = InputError("unknown_device", device="cuda:3", available="cpu")
    seen = visit(dashboard, candidate="cuda:3")
    seen.button(key="sweep").click().run()
    assert errors(seen) == ["There is no device cuda:3 here. Available: cpu."]
    assert "sweep" not in seen.query_params


def test_a_sweep_that_nobody_knows_any_more_is_dropped_from_the_address(dashboard, sweeper):
    seen = visit(dashboard, sweep="long-ago")
    assert not seen.exception
    assert seen.query_params == {}


# --- what needn't be measured ------------------------------------------------------------------------


def test_what_is_younger_than_a_day_is_handed_over_unless_all_is_to_be_measured_anew(dashboard, sweeper):
    now = datetime.now(UTC)
    young, old = (now - timedelta(hours=1)).isoformat(), (now - timedelta(days=2)).isoformat()
    small, large = _grids(created_at=young)
    _keep(dashboard, small[:2], [replace(run, created_at=old) for run in large])
    seen = visit(dashboard)
    seen.button(key="sweep").click().run()
    assert sorted(run.id for run in sweeper.started[0][1]) == sorted(run.id for run in small[:2])
    sweeper.progress = None
    seen.checkbox(key="crossover_anew").check().run()
    seen.button(key="sweep").click().run()
    assert sweeper.started[1][1] == ()


def test_against_a_recording_this_machine_is_swept_at_the_recorded_sizes_alone(dashboard, sweeper):
    dashboard.workers.devices = (CPU, GPU)
    dashboard.record(*make_grid(5e-4, 1e-7, Setup("cuda:0"), (8, 32, 512, 2048)))
    seen = visit(dashboard, baseline="cpu/1", candidate="recorded,cuda:0,NVIDIA Test GPU")
    seen.button(key="sweep").click().run()
    assert not seen.exception
    [(spec, _known, _who)] = sweeper.started
    assert (spec.setups, spec.batch_sizes) == ((ONE,), (32, 512, 2048))


# --- without a store, and in public ------------------------------------------------------------------


def test_without_a_store_the_sweep_is_shown_all_the_same(dashboard, sweeper, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "sqlite:////proc/nowhere/results.sqlite3")
    resources.storage.clear()
    small, large = _grids()
    sweeper.progress = Progress(SPEC, measured=5, planned=5, results=(*small, *large), done=True)
    seen = visit(dashboard, sweep="sweep-1")
    assert not seen.exception
    assert len(charts(seen)) == 4
    assert len(errors(seen)) == 1


def test_only_who_started_it_can_cancel_a_sweep_in_public(dashboard, sweeper, monkeypatch):
    monkeypatch.setattr(visitor, "may_change", lambda owner: owner == visitor.me())
    mine = visit(dashboard)
    mine.button(key="sweep").click().run()
    assert mine.button(key="cancel-sweep-1")
    other = visit(dashboard, sweep="sweep-1")
    assert [button for button in other.button if button.key == "cancel-sweep-1"] == []


def test_a_public_server_offers_and_takes_no_more_than_it_measures(dashboard, sweeper, monkeypatch):
    monkeypatch.setattr(dashboard.runner, "limits", Limits.public())
    guest = visit(dashboard, also="cnn")
    assert not guest.exception
    assert guest.selectbox(key="crossover_model").options == ["mlp", "cnn", "mobilenet_v3_small"]
    assert guest.select_slider(key="crossover_largest_size").value == 1024, "what all models may be asked for"
    assert guest.number_input(key="crossover_seconds").max == 120
    guest.button(key="sweep").click().run()
    assert max(sweeper.started[0][0].batch_sizes) == 1024


@pytest.mark.parametrize(
    "parameter",
    [
        {"model": "resnet18"},
        {"also": "resnet18"},
        {"largest": "8192"},
        {"seconds": "600"},
        {"dataset": "mnist"},
    ],
)
def test_the_address_gets_nobody_past_the_bounds(dashboard, sweeper, monkeypatch, parameter):
    monkeypatch.setattr(dashboard.runner, "limits", Limits.public())
    guest = visit(dashboard, smallest="64", **parameter)
    assert not guest.exception
    assert f"`{next(iter(parameter))}`" in guest.warning[0].value
    assert guest.query_params == {"smallest": "64"}
