"""The benchmark's peers: orders and answers, turns, rows and goals, with fakes for the libraries."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from benchmarks.pairing import BrokenError
from benchmarks.peers import best, contest, protocol, table
from benchmarks.peers.contest import OURS, PEERS, Turns
from benchmarks.peers.process import GoneError, Process
from benchmarks.peers.table import Measured, Outcome

ROOT = Path(__file__).resolve().parents[2]
FAKE = """
import os, sys, time
print("a library greets on standard output")
LIBRARY = "fake 1.0"
def prepare(model, batch, setup):
    print("and chats", model)
    if model == "unknown":
        raise ValueError("no such model")
    def go(seconds):
        if seconds > 100:
            time.sleep(600)
        return batch * 1000, seconds
    return f"{model} with {setup or 'nothing'}", go
"""


@pytest.fixture
def command(tmp_path):
    (tmp_path / "fake.py").write_text(FAKE)
    return _command(tmp_path, "fake")


def _command(folder, module):
    code = f"import sys; sys.path.insert(0, {str(folder)!r})\n"
    code += f"from benchmarks.peers import protocol; protocol.serve({module!r})"
    return [sys.executable, "-c", code]


@pytest.fixture
def start(tmp_path):
    """Processes that are ended after the test."""
    made = []

    def make(command):
        made.append(Process(command, tmp_path / f"process{len(made)}"))
        return made[-1]

    yield make
    for process in made:
        process.close()


# --- orders and answers --------------------------------------------------------------------------


def test_a_peer_answers_whatever_its_library_prints(start, command):
    peer = start(command)
    assert peer.prepare("mlp", 64) == "mlp with nothing"
    assert peer.version == "fake 1.0"
    assert peer.rate(0.5) == 64_000 / 0.5
    assert peer.prepare("cnn", 16, "device=cpu,threads=2") == "cnn with device=cpu,threads=2"
    assert peer.rate(2.0) == 16_000 / 2.0


def test_a_peer_that_fails_says_why_and_may_try_the_next_case(start, command):
    peer = start(command)
    with pytest.raises(GoneError, match=r"^ValueError: no such model$"):
        peer.prepare("unknown", 64)
    assert peer.prepare("mlp", 64) == "mlp with nothing"


def test_a_library_that_is_missing_is_named(start, tmp_path):
    with pytest.raises(GoneError, match="No module named 'not_installed'"):
        start(_command(tmp_path, "not_installed")).prepare("mlp", 64)


def test_an_interpreter_that_is_missing_is_named(start, tmp_path):
    python = str(tmp_path / "nowhere" / "python")
    with pytest.raises(GoneError, match=f"^{re.escape(python)} can't be started: No such file"):
        start([python]).prepare("mlp", 64)


def test_a_peer_that_never_answers_is_ended(start, command, monkeypatch):
    peer = start(command)
    peer.prepare("mlp", 64)
    monkeypatch.setattr(peer, "_patience_s", 0.05)
    with pytest.raises(GoneError, match=r"no answer within 0\.05 s"):
        peer.rate(1000)


# --- pace ----------------------------------------------------------------------------------------


def _training(seconds_per_step):
    """A training that takes that long, and the list of what it was asked for."""
    asked = []

    def train(steps):
        asked.append(steps)
        return steps * seconds_per_step

    return train, asked


def test_a_turn_takes_about_the_time_that_is_wanted():
    train, asked = _training(0.001)
    go = protocol.by_steps(train, batch=64)
    assert go(0.2) == (200 * 64, pytest.approx(0.2))
    assert asked == [1, 1, 50, 200]  # first use, pace, lead-in, turn


@pytest.mark.parametrize(("seconds", "steps"), [(0.2, 210), (0.01, 30)])
def test_a_turn_is_made_of_whole_chunks(seconds, steps):
    go = protocol.by_steps(_training(0.001)[0], batch=8, chunk=30)
    assert go(seconds) == (steps * 8, pytest.approx(steps * 0.001))


def test_a_turn_has_no_more_steps_than_there_are_images():
    train, asked = _training(0.001)
    assert protocol.by_steps(train, batch=8, most=40)(0.2) == (320, pytest.approx(0.04))
    assert max(asked) == 40


# --- turns ---------------------------------------------------------------------------------------


class FakeProcess:
    """Trains at a rate of its own; `fails`: the order that it dies of."""

    version = "fake 1.0"

    def __init__(self, rate=100.0, fails=None, log=None):
        self._rate, self._fails, self._log = rate, fails, [] if log is None else log
        self.prepared = []

    def prepare(self, model, batch, setup=""):
        if self._fails in ("prepare", setup):
            raise GoneError("it broke")
        self.prepared.append(setup)
        return setup or "as ever"

    def rate(self, seconds):
        if self._fails == "rate":
            raise GoneError("it broke later")
        self._log.append(self._rate)
        return self._rate


@pytest.fixture
def one_setup(monkeypatch):
    monkeypatch.setattr(contest, "best_setup", lambda model, batch, precision, ours: f"best {precision}")


def test_each_peer_takes_turns_with_ours(one_setup):
    log = []
    ours, slow, fast = (FakeProcess(rate, log=log) for rate in (100.0, 50.0, 80.0))
    outcome = contest.contest("mlp", 64, ours, {"slow": slow, "fast": fast}, Turns(0.1, 2))
    assert log == [100, 50, 50, 100, 100, 80, 80, 100]
    assert outcome.setup == "best fp32"
    assert outcome.peers["fast"] == Measured("fake 1.0: as ever", [(100, 80), (100, 80)])
    assert outcome.gone == {}


@pytest.mark.parametrize(("order", "reason"), [("prepare", "it broke"), ("rate", "it broke later")])
def test_a_peer_that_is_gone_stops_nobody(one_setup, order, reason):
    others = {"gone": FakeProcess(fails=order), "there": FakeProcess()}
    outcome = contest.contest("mlp", 64, FakeProcess(), others, Turns(0.1, 1))
    assert outcome.gone == {"gone": reason}
    assert list(outcome.peers) == ["there"]


def test_bf16_takes_turns_with_the_article(one_setup):
    outcome, turns = _outcome("mlp", 256, article=50), Turns(0.1, 1)
    measured = contest.with_bf16(outcome, FakeProcess(90.0), FakeProcess(30.0), turns)
    assert measured.bf16 == Measured("best bf16", [(90.0, 30.0)])
    late = contest.with_bf16(outcome, FakeProcess(), FakeProcess(fails="rate"), turns)
    assert (late.bf16, late.gone) == (None, {table.ARTICLE: "it broke later"})


@pytest.mark.parametrize("order", ["prepare", "rate"])
def test_without_ours_there_is_no_benchmark(one_setup, order):
    with pytest.raises(BrokenError, match=r"ours.*: it broke"):
        contest.contest("mlp", 64, FakeProcess(fails=order), {"there": FakeProcess()}, Turns(0.1, 1))


def test_the_best_setup_is_the_fastest_that_starts(monkeypatch):
    rates = iter((10.0, 30.0, 20.0))
    ours = FakeProcess(fails="b")
    monkeypatch.setattr(best, "_LINEAR", {"fp32": ("a",), "bf16": ("a", "b", "c", "d")})
    monkeypatch.setattr(ours, "rate", lambda seconds: next(rates))
    assert best.best_setup("mlp", 64, "bf16", ours) == "c"
    with pytest.raises(BrokenError, match="mlp at batch 64: it broke"):
        best.best_setup("mlp", 64, "fp32", FakeProcess(fails="prepare"))


def test_the_setups_that_are_tried_are_setups():
    from core.setups import parse_setup

    for precision, setups in best._LINEAR.items():
        assert {parse_setup(setup).precision for setup in setups} == {precision}
    assert {parse_setup(setup).device for setup in best._CONVOLUTIONS} == {"cpu"}


def test_a_whole_run_with_a_peer_missing(tmp_path, command, monkeypatch):
    missing = [str(tmp_path / "nowhere" / "python")]
    monkeypatch.setattr(contest, "command", lambda peer: missing if "jax" in peer.words else command)
    monkeypatch.setattr(contest, "_has_bf16", lambda: True)
    rows = [str(row) for row in contest.run(tmp_path, quick=True)]
    lost = [row for row in rows if "not measured" in row]
    assert [row.split(",")[1] for row in lost] == [" batch 256: Keras on JAX", " batch 256: JAX"]
    assert all("MISSED" in row and "can't be started" in row for row in lost)
    assert sum("ours in bf16" in row for row in rows) == 1
    assert sum("images/s" in row for row in rows) == len(PEERS) - 2 + 1


# --- rows ----------------------------------------------------------------------------------------


def _outcome(model, batch, gone=None, **rates):
    """Ours makes 100 images/s beside each."""
    names = {"article": table.ARTICLE, "sklearn": table.SKLEARN, "lightning": table.LIGHTNING}
    peers = {names.get(key, key): Measured("fake", [(100.0, rate)] * 3) for key, rate in rates.items()}
    return Outcome(model, batch, "device=cpu", peers, gone or {})


def _goals(outcome):
    found = (row for row in table.rows(outcome) if row.goal)
    return {row.name.split(": ")[1]: (str(row.goal), row.median) for row in found}


def test_the_goals_of_a_large_batch():
    assert _goals(_outcome("mlp", 256, article=50, sklearn=20, lightning=25, JAX=80, keras=60)) == {
        "ours / fastest peer": (">= 1", 1.25),
        "ours / the article's loop": (">= 2", 2.0),
        "ours / scikit-learn": (">= 3", 5.0),
        "ours / Lightning": (">= 3", 4.0),
    }


def test_less_is_asked_of_small_batches_and_of_other_networks():
    assert _goals(_outcome("mlp", 64, article=50))["ours / the article's loop"] == (">= 1.5", 2.0)
    assert list(_goals(_outcome("mlp", 16, article=50))) == ["ours / fastest peer"]
    assert list(_goals(_outcome("resnet18", 64, article=50, lightning=40))) == ["ours / fastest peer"]


def test_the_fastest_peer_is_so_beside_ours_and_not_by_the_hour():
    """Its own figure is the lower one: the whole machine was slower when its turns came."""
    early, late = Measured("", [(200.0, 100.0)] * 3), Measured("", [(100.0, 90.0)] * 3)
    first = next(table.rows(Outcome("mlp", 16, "device=cpu", {"early": early, "late": late})))
    assert first.remark == "late; ours: device=cpu"
    assert first.median == pytest.approx(100 / 90)


def test_bf16_is_held_against_the_article():
    outcome = Outcome("mlp", 256, "x", {}, bf16=Measured("device=cpu,precision=bf16", [(310.0, 100.0)]))
    (row,) = table.rows(outcome)
    assert (row.median, str(row.goal), row.remark) == (3.1, ">= 3", "device=cpu,precision=bf16")


def test_a_peer_that_is_not_measured_is_a_goal_missed():
    rows = list(table.rows(_outcome("mlp", 16, gone={"JAX": "no jax", "tinygrad": "no clang"}, article=50)))
    lost = {row.name.split(": ")[1]: row for row in rows if row.unit == "not measured"}
    assert {name: (row.met, row.remark) for name, row in lost.items()} == {
        "JAX": (False, "no jax"),
        "tinygrad": (True, "no clang"),
    }


# --- what is installed, and what is trained ------------------------------------------------------


def test_every_peer_has_its_module():
    for peer in (OURS, *PEERS.values()):
        assert (ROOT / "benchmarks" / "peers" / f"{peer.words[0]}.py").is_file()


def test_another_interpreter_can_be_named(monkeypatch):
    monkeypatch.delenv("CROSSOVER_PEERS_PYTHON", raising=False)
    assert contest.command(PEERS["JAX"])[0] == str(ROOT / ".venv-peers" / "bin" / "python")
    monkeypatch.setenv("CROSSOVER_PEERS_PYTHON", "elsewhere")
    assert contest.command(PEERS["JAX"]) == ["elsewhere", "-m", "benchmarks.peers", "jax"]
    assert contest.command(OURS)[0] == contest.command(PEERS[table.ARTICLE])[0] == sys.executable


def _pins(name):
    return dict(re.findall(r"^([\w-]+)==([\d.]+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))


def test_what_is_shared_has_the_same_release():
    ours, theirs = _pins("requirements.txt"), _pins("benchmarks/requirements-peers.txt")
    assert theirs.keys() >= {"jax", "keras", "lightning", "tinygrad", "torch"}
    shared = ours.keys() & theirs.keys()
    assert {name: theirs[name] for name in shared} == {name: ours[name] for name in shared}


@pytest.mark.parametrize("model", ["mlp", "cnn", "resnet18"])
def test_the_networks_in_plain_torch_are_this_projects(model):
    import torch

    from benchmarks.peers import images, networks
    from core.measure import models

    shape = images._SIZES[model][1:]
    ours, _ = models.build(model, shape, images.CLASSES, seed=0)
    theirs = networks.build(model)
    with torch.no_grad():
        for mine, their in zip(ours.parameters(), theirs.parameters(), strict=True):
            their.copy_(mine)
        pixels = torch.randint(0, 256, (4, *shape), dtype=torch.uint8)
        torch.testing.assert_close(theirs(pixels), ours(pixels))


def test_every_epoch_sees_other_batches_and_no_image_twice():
    from benchmarks.peers import images

    batches = images.batches(100, batch=16, chunk=3)
    first, second, third = (next(batches) for _ in range(3))
    assert first.shape == (3, 16)
    assert len({*first.flat, *second.flat}) == 96
    assert {*third.flat} != {*first.flat}
