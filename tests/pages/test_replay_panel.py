"""The replay of runs in the live panel: offered, labelled, paused, faster, stopped, over, and never stored."""

from __future__ import annotations

import dataclasses

import pytest
from streamlit.testing.v1 import AppTest

from core import units
from core.runs.replay import LEAD_S
from pages._shared import replay
from tests.builders import make_gpu_result, make_result, make_uniform_blocks
from tests.pages.reading import texts

START = "replay-run-cpu"


def _page() -> None:
    import streamlit as st

    from pages._shared import language, replay, resources

    language.start()
    job = st.query_params.get("job")
    results = resources.results_of(job) if job else resources.recordings().runs
    replay.show([run for run in results if run.spec.setup.device != "cpu" or job])


class Clock:
    def __init__(self):
        self.at_s = 1_763_000_000.0

    def __call__(self):
        return self.at_s


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(replay, "now", clock)
    return clock


@pytest.fixture
def visit(dashboard):
    """A page with nothing but the replay: of the recordings on accelerators, or of a stored job."""

    def come(lang="en", **parameters):
        visitor = AppTest.from_function(_page, default_timeout=60)
        visitor.query_params = {"lang": lang, **parameters}
        return checked(visitor.run())

    return come


def checked(visitor):
    assert not visitor.exception
    return visitor


def press(visitor, key):
    return checked(visitor.button(key=key).click().run())


def keys(visitor):
    return [button.key for button in visitor.button]


def headline(visitor):
    [bar] = visitor.get("progress")
    return bar.proto.text


def speeds(visitor):
    return {card.label: card.value for card in visitor.metric}


def block_rate(result, index):
    block = result.blocks[index]
    return units.rate(block.samples / block.duration_s)


def moments_after(clock, visitor, seconds):
    clock.at_s += seconds
    return checked(visitor.run())


def end_of(result, index):
    """Seconds of the pair's replay until this block was told."""
    block = result.blocks[index]
    return block.start_s + block.duration_s - (make_result().blocks[0].start_s - LEAD_S)


def test_without_runs_nothing_is_offered(dashboard, visit):
    assert keys(visit()) == []
    dashboard.record(make_gpu_result(blocks=(), epochs=(), first_losses=(), status="cancelled"))
    assert keys(visit()) == []


def test_a_recording_is_offered_and_replayed_with_its_label(dashboard, visit, clock, pair):
    dashboard.record(*pair)
    visitor = visit()
    assert [(b.key, b.label) for b in visitor.button] == [(START, "Replay it at true speed")]
    assert len(visitor.metric) == 0

    press(visitor, START)
    assert "Replay of a recording · 2026-11-20 · NVIDIA Test GPU" in texts(visitor)
    assert "mlp on digits, batch 64, 3 epochs · the start-up of 9.5 s is left out" in texts(visitor)
    assert keys(visitor) == ["replay-pause", "replay-stop"]
    assert headline(visitor).startswith("Replaying, ")
    assert speeds(visitor) == {"CPU · recorded": "–", "GPU Test GPU · recorded": "–"}, "with what took turns"
    assert "CPU load 52 %" in texts(visitor)


def test_it_shows_what_was_known_at_the_time(dashboard, visit, clock, pair):
    dashboard.record(*pair)
    visitor = press(visit(), START)
    moments_after(clock, visitor, end_of(pair[1], 7) + 0.01)
    assert speeds(visitor) == {
        "GPU Test GPU · recorded": block_rate(pair[1], 7),
        "CPU · recorded": block_rate(pair[0], 7),
    }
    assert "epoch 2 of 3 · loss 1.1 · accuracy 75 %" in texts(visitor)
    moments_after(clock, visitor, 3.0)
    assert speeds(visitor)["CPU · recorded"] == block_rate(pair[0], 8)


def test_paused_time_stands_still_and_goes_on_from_there(dashboard, visit, clock, pair):
    dashboard.record(*pair)
    visitor = press(visit(), START)
    moments_after(clock, visitor, 10.0)
    left = headline(visitor).removeprefix("Replaying, ")
    press(visitor, "replay-pause")
    moments_after(clock, visitor, 1000.0)
    assert headline(visitor) == f"Paused, {left}"
    assert keys(visitor) == ["replay-go-on", "replay-stop"]
    press(visitor, "replay-go-on")
    assert headline(visitor) == f"Replaying, {left}"
    moments_after(clock, visitor, 5.0)
    assert headline(visitor) != f"Replaying, {left}"


def test_another_speed_counts_from_now_on_and_is_in_the_label(dashboard, visit, clock, pair):
    dashboard.record(*pair)
    visitor = press(visit(), START)
    moments_after(clock, visitor, 2.0)
    done = visitor.get("progress")[0].value
    checked(visitor.radio(key="replay-speed").set_value(4).run())
    assert visitor.get("progress")[0].value == done, "it doesn't jump"
    assert "2026-11-20 · NVIDIA Test GPU · 4 times as fast as it was" in texts(visitor)
    moments_after(clock, visitor, (end_of(pair[1], 7) - 2.0) / 4 + 0.01)
    assert speeds(visitor)["GPU Test GPU · recorded"] == block_rate(pair[1], 7)
    checked(visitor.radio(key="replay-speed").set_value(1).run())
    assert "as fast as it was" not in texts(visitor)


def test_stopped_it_is_offered_again(dashboard, visit, clock, pair):
    dashboard.record(*pair)
    visitor = press(visit(), START)
    moments_after(clock, visitor, 5.0)
    press(visitor, "replay-stop")
    assert keys(visitor) == [START]
    assert len(visitor.metric) == len(visitor.get("progress")) == 0
    press(visitor, START)
    assert speeds(visitor)["CPU · recorded"] == "–", "from the start"


def test_it_ends_by_itself_with_a_note_and_can_be_seen_again(dashboard, visit, clock, pair):
    dashboard.record(*pair)
    visitor = press(visit(), START)
    moments_after(clock, visitor, 1000.0)
    assert headline(visitor) == "Replayed to the end"
    assert visitor.info[0].value.startswith("The replay is over.")
    assert speeds(visitor)["GPU Test GPU · recorded"] == block_rate(pair[1], -1)
    assert texts(visitor).count(" · done") == 2
    assert keys(visitor) == ["replay-again", "replay-stop"]
    press(visitor, "replay-again")
    assert headline(visitor).startswith("Replaying, ")
    assert len(visitor.info) == 0


def test_a_short_run_is_a_short_replay(dashboard, visit, clock):
    dashboard.record(make_gpu_result(blocks=make_uniform_blocks([0.5, 0.5], every_s=1.0), epochs=()))
    visitor = press(visit(), "replay-run-gpu")
    assert headline(visitor) == "Replaying, 2 s left"


def test_a_stored_run_of_ones_own_is_no_recording(dashboard, visit, clock, pair):
    job_id = dashboard.keep(*pair)
    visitor = press(visit(job=job_id), "replay-run-cpu")
    assert "Replay of a run · 2026-11-20 · NVIDIA Test GPU" in texts(visitor)
    assert "recording" not in texts(visitor)
    assert list(speeds(visitor)) == ["CPU", "GPU Test GPU"]


def test_two_recordings_have_a_label_each(dashboard, visit, clock, pair):
    device = dataclasses.replace(pair[1].environment.device, name="NVIDIA Other GPU", uuid="GPU-other")
    environment = dataclasses.replace(pair[1].environment, device=device)
    other = make_gpu_result(
        id="other", job_id="job-2", environment=environment, created_at="2026-11-19T10:00:00+00:00"
    )
    dashboard.record(*pair, other)
    visitor = press(visit(), START)
    assert "Replay of a recording · 2026-11-20 · NVIDIA Test GPU" in texts(visitor)
    assert "Replay of a recording · 2026-11-19 · NVIDIA Other GPU" in texts(visitor)
    assert len(visitor.metric) == 3


def test_a_recording_says_what_it_likes_and_it_stays_text(dashboard, visit, clock, pair):
    device = dataclasses.replace(pair[1].environment.device, name="![x](https://example.org/x.png)")
    dashboard.record(make_gpu_result(environment=dataclasses.replace(pair[1].environment, device=device)))
    visitor = press(visit(), "replay-run-gpu")
    [label] = [text.value for text in visitor.markdown if "Replay of" in text.value]
    assert "![" not in label
    assert "https\u2060://example.org" in label, "no link either"


def test_long_runs_send_few_points(dashboard, visit, clock):
    blocks = make_uniform_blocks([0.5] * 1999)
    dashboard.record(make_gpu_result(blocks=blocks, epochs=(), data=None))
    visitor = press(visit(), "replay-run-gpu")
    moments_after(clock, visitor, 1e6)
    assert 20 <= len(visitor.metric[0].proto.chart_data) <= 40


def test_other_runs_on_the_page_are_offered_and_not_mixed_up(dashboard, visit, clock, pair):
    dashboard.record(*pair)
    visitor = press(visit(), START)
    (dashboard._recordings / "2026-11-01_test-gpu.json").unlink()
    dashboard.record(make_gpu_result(id="another", job_id="job-9"))
    checked(visitor.run())
    assert keys(visitor) == ["replay-another"]


def test_nothing_is_stored_or_queued(dashboard, visit, clock, pair):
    dashboard.record(*pair)
    visitor = press(visit(), START)
    moments_after(clock, visitor, 1000.0)
    assert dashboard.store.history() == ()
    assert dashboard.runner.open_jobs() == []


def test_in_chinese(dashboard, visit, clock, pair):
    dashboard.record(*pair)
    visitor = press(visit(lang="zh_CN"), START)
    assert len(visitor.metric) == 2
