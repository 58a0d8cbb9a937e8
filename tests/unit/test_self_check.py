"""What watching costs: blocks with and without the sampler in turns, told with an interval, and kept."""

import dataclasses

import pytest

from core.codec import to_plain
from core.errors import MeasurementError
from core.runs import self_check
from tests.builders import make_blocks


class Watch:
    """Stands in for the sampler and knows whether it runs."""

    running = False

    def __init__(self, *_):
        pass

    def __enter__(self):
        assert not Watch.running
        Watch.running = True

    def __exit__(self, *_):
        Watch.running = False


class SlowedWorker:
    """Each block takes `cost` longer while it is watched."""

    pid = 1

    def __init__(self, blocks, cost):
        self._blocks, self._cost = blocks, cost
        self.watched = []

    def run(self, job, data_root, origin):
        yield {"type": "warm", "run": 0}
        for i in range(self._blocks):
            self.watched.append(Watch.running)
            block = make_blocks()[0]
            slower = 1 + (self._cost if Watch.running else 0) + 0.001 * (i % 3)
            yield {"type": "block", "block": to_plain(dataclasses.replace(block, duration_s=slower))}


@pytest.fixture(autouse=True)
def _fake_sampler(monkeypatch):
    Watch.running = False
    monkeypatch.setattr(self_check, "Sampler", Watch)


def measured(worker):
    return self_check.measure(worker, None, "2026-11-20T10:00:00+00:00", 60.0, lambda fraction: None)


def test_the_sampler_is_on_for_every_other_block_forth_and_back():
    worker = SlowedWorker(9, 0.0)
    measured(worker)
    assert worker.watched == [False, True, True, False, False, True, True, False, False]
    assert not Watch.running


def test_a_cost_is_found_with_its_interval():
    found = measured(SlowedWorker(60, 0.02))
    assert found.cost_pct.low < 2.0 < found.cost_pct.high
    assert found.cost_pct.value == pytest.approx(2.0, abs=0.1)
    assert found.turns == 30


def test_too_little_is_refused():
    with pytest.raises(MeasurementError) as refusal:
        measured(SlowedWorker(3, 0.0))
    assert refusal.value.code == "too_few_blocks"


def test_it_is_kept_beside_the_results(tmp_path):
    found = measured(SlowedWorker(20, 0.0))
    assert self_check.last(tmp_path) is None
    self_check.keep(found, tmp_path / "data")
    assert self_check.last(tmp_path / "data") == found
    (tmp_path / "data" / "self-check.json").write_text("broken")
    assert self_check.last(tmp_path / "data") is None
