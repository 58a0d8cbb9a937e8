"""What runs on a node of a cluster, without one: how it tells events, whom it refuses, when it gives up."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from core.cluster import code, node


@pytest.fixture
def measurer(monkeypatch):
    monkeypatch.setattr(node.Measurer, "_keep_lease", lambda self: None)
    monkeypatch.setattr(node.Measurer, "_measure", lambda self, order: None)
    return node.Measurer()


def test_other_code_is_refused(measurer):
    assert measurer.begin({"code": "x"}) == {"code": "node_other_version", "facts": {}}
    assert measurer.begin({"code": code.fingerprint()}).keys() == {"pid"}


def test_missing_packages_are_named(measurer, monkeypatch):
    monkeypatch.setattr(node.facts, "missing", lambda: ("torch", "psutil"))
    answer = measurer.begin({"code": code.fingerprint()})
    assert answer == {"code": "node_packages_missing", "facts": {"packages": "torch psutil"}}


def test_blocks_are_told_together_and_what_presses_at_once(measurer, monkeypatch):
    monkeypatch.setattr(node, "_GATHERED_S", 60.0)
    told = []
    asking = threading.Thread(target=lambda: told.extend(measurer.events(60.0)))
    asking.start()
    for _ in range(3):
        measurer._say("block")
    asking.join(0.05)
    assert told == []
    measurer._say("run_end")
    asking.join(30)
    assert [event["type"] for event in told] == ["block", "block", "block", "run_end"]
    assert measurer.events(0.0) == []  # told once, and what pressed presses no more
    monkeypatch.setattr(node, "_GATHERED_S", 0.0)
    measurer._say("block")
    assert len(measurer.events(0.0)) == 1


def test_who_is_asked_nothing_any_more_ends_with_words_that_say_so():
    begin = "from core.cluster import node; node.LEASE_S, node._LOOK_EVERY_S = 0.05, 0.01; node.Measurer()"
    run = subprocess.run(
        [sys.executable, "-c", f"{begin}; import time; time.sleep(60)"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stderr.strip()) == (0, node.LEFT_ALONE)
