"""Connections to clusters: made once for everybody, looked over in the background, let go of."""

from __future__ import annotations

import threading

import pytest

from core.errors import InputError, MeasurementError
from core.records import Note
from core.runs.elsewhere.connections import Connection, Connections
from tests.fake_targets import THREE, FakeTargets

HERE, THERE = "10.0.0.1:6379", "10.0.0.2:6379"


class Clusters:
    """Hands out fakes, and counts; `gate` holds whoever connects."""

    def __init__(self) -> None:
        self.made: list[FakeTargets] = []
        self.problem: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()

    def connect(self, address: str) -> FakeTargets:
        assert self.gate.wait(60)
        if self.problem is not None:
            raise self.problem
        self.made.append(FakeTargets())
        return self.made[-1]


@pytest.fixture
def clusters() -> Clusters:
    return Clusters()


@pytest.fixture
def connections(clusters) -> Connections:
    return Connections(clusters.connect)


def looked(connections, address=HERE) -> Connection | None:
    connections.look(address)
    return connections.wait(address)


def test_nothing_is_known_before_anybody_asks(connections):
    assert connections.at(HERE) is None
    assert connections.newest() is None
    assert connections.wait(HERE) is None


def test_whoever_looks_is_not_held_up_and_one_look_is_enough(connections, clusters):
    clusters.gate.clear()
    for _ in range(3):
        connections.look(HERE)
    assert connections.at(HERE) == Connection(HERE, looking=True)
    clusters.gate.set()
    assert connections.wait(HERE) == Connection(HERE, cluster=clusters.made[0], targets=THREE)
    assert len(clusters.made) == 1
    assert connections.newest() == HERE


def test_another_look_asks_the_same_cluster(connections, clusters):
    looked(connections)
    clusters.made[0]._targets = THREE[:1]
    assert looked(connections).targets == THREE[:1]
    assert len(clusters.made) == 1


@pytest.mark.parametrize("problem", [MeasurementError("cluster_lost"), InputError("cluster_not_public")])
def test_why_nobody_answers_is_kept_and_can_be_tried_again(connections, clusters, problem):
    clusters.problem = problem
    found = looked(connections)
    assert (found.cluster, found.problem, found.looking) == (None, problem.note, False)
    assert connections.newest() is None
    clusters.problem = None
    assert looked(connections).problem is None


def test_a_lost_cluster_is_closed_and_a_new_one_at_its_address_taken(connections, clusters):
    looked(connections)
    clusters.made[0].lose_head()
    assert looked(connections).cluster is clusters.made[1]
    assert clusters.made[0].closed


def test_a_look_that_fails_does_not_end_what_is_measured_there(connections, clusters, monkeypatch):
    looked(connections)
    (cluster,) = clusters.made

    def fail():
        raise MeasurementError("cluster_silent", seconds=40.0)

    monkeypatch.setattr(cluster, "targets", fail)
    found = looked(connections)
    assert (found.cluster, found.targets) == (cluster, THREE)
    assert found.problem == Note("cluster_silent", {"seconds": 40.0})
    assert not cluster.closed
    monkeypatch.undo()
    assert looked(connections).problem is None


def test_a_fault_of_ours_leaves_no_cluster_that_nobody_knows(connections, clusters, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda arguments: None)
    looked(connections)
    monkeypatch.setattr(FakeTargets, "targets", lambda self: 1 / 0)
    found = looked(connections)
    assert (found.cluster, found.problem) == (clusters.made[0], Note("look_stopped"))
    looked(connections, THERE)
    assert clusters.made[1].closed


def test_one_that_connects_and_cannot_be_looked_over_is_closed(connections, clusters, monkeypatch):
    silent = FakeTargets()
    silent.problem = MeasurementError("cluster_lost")
    monkeypatch.setattr(connections, "_connect", lambda address: silent)
    assert looked(connections).problem == Note("cluster_lost")
    assert silent.closed


def test_a_fault_of_ours_ends_the_look_and_is_told(connections, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda arguments: None)
    monkeypatch.setattr(connections, "_connect", lambda address: 1 / 0)
    assert looked(connections).problem == Note("look_stopped")


def test_what_is_let_go_of_is_closed_and_not_looked_for_unasked(connections, clusters):
    looked(connections)
    connections.leave(HERE)
    assert clusters.made[0].closed
    connections.look_once(HERE)
    assert connections.at(HERE) is None
    connections.look_once(THERE)
    assert connections.wait(THERE).cluster is clusters.made[1]
    assert looked(connections).cluster is clusters.made[2], "asked for again"


def test_one_that_is_let_go_of_while_it_connects_is_closed(connections, clusters):
    clusters.gate.clear()
    connections.look(HERE)
    connections.leave(HERE)
    clusters.gate.set()
    looks_are_over()
    assert clusters.made[0].closed
    assert connections.at(HERE) is None


def test_one_that_is_asked_for_again_while_it_connects_is_kept_once(connections, clusters):
    clusters.gate.clear()
    connections.look(HERE)
    connections.leave(HERE)
    connections.look(HERE)
    clusters.gate.set()
    looks_are_over()
    assert len(clusters.made) == 2
    assert [one.closed for one in clusters.made].count(False) == 1
    assert not connections.at(HERE).cluster.closed


def test_one_that_is_let_go_of_while_it_is_looked_over_is_not_connected_to_again(
    connections, clusters, monkeypatch
):
    looked(connections)
    (cluster,) = clusters.made
    asked, gate = threading.Event(), threading.Event()

    def targets():
        asked.set()
        assert gate.wait(60)
        cluster.problem = MeasurementError("cluster_left")
        raise cluster.problem

    monkeypatch.setattr(cluster, "targets", targets)
    connections.look(HERE)
    assert asked.wait(60)
    connections.leave(HERE)
    gate.set()
    looks_are_over()
    assert clusters.made == [cluster]
    assert connections.at(HERE) is None


def looks_are_over():
    for thread in threading.enumerate():
        if thread.name == "look":
            thread.join(60)
