"""The parent's side of a cluster, on a driver that knows no Ray."""

from __future__ import annotations

import gc
import sys
import threading

import psutil
import pytest

from core.errors import InputError, MeasurementError
from core.messages import sentence
from core.records import Setup
from core.runs.elsewhere import cluster
from core.runs.elsewhere.cluster import Cluster, connected
from tests.jobs.children import is_gone, job, until
from tests.jobs.fake_driver import SILENT, TARGETS

DRIVER = (sys.executable, "-m", "tests.jobs.fake_driver")
RESULTS, ENDLESS, REFUSED, NODE_LOST, DIES, HEAD_LOST = range(6)


@pytest.fixture
def reach():
    opened = []

    def at(address="good:1"):
        opened.append(Cluster(address, start=DRIVER))
        return opened[-1]

    yield at
    for one in opened:
        one.close()


def events(at, what, job_id="j", *setups, wait_s=None):
    return at.submit(job_id, job("mlp", *setups, seed=what), TARGETS[0], wait_s)


def test_its_targets(reach):
    at = reach()
    assert at.targets() == (*TARGETS, *SILENT)
    assert at.targets() == at.targets()


def test_a_jobs_events_up_to_its_results(reach):
    told = list(events(reach(), RESULTS, wait_s=2.5))
    assert [event["type"] for event in told] == ["placed", "results"]
    assert told[0]["node"] == "n1"
    assert told[1]["asked"] == {"gpus": 0, "wait_s": 2.5, "kind": "small"}


@pytest.mark.parametrize(
    ("setups", "gpus"),
    [
        ((Setup("cpu", workers=4),), 0),
        ((Setup("cpu"), Setup("cuda")), 1),
        ((Setup("cuda:0", workers=2), Setup("cuda:0", workers=4)), 4),
    ],
)
def test_as_many_gpus_are_reserved_as_are_used_at_once(reach, setups, gpus):
    *_, results = events(reach(), RESULTS, "j", *setups)
    assert results["asked"]["gpus"] == gpus


def test_jobs_run_beside_each_other_and_a_cancel_ends_one(reach):
    at = reach()
    endless = [events(at, ENDLESS, f"e{i}") for i in range(3)]
    assert [next(one)["type"] for one in endless] == ["placed"] * 3
    assert [event["type"] for event in events(at, RESULTS)] == ["placed", "results"]
    at.cancel("e1")
    assert [event["type"] for event in endless[1]] == ["waiting"]
    at.cancel("e1")
    at.cancel("never heard of")
    assert next(endless[0])["type"] == "waiting"


def test_a_cancel_before_the_first_event_is_read(reach):
    at = reach()
    waiting = events(at, ENDLESS)
    at.cancel("j")
    assert [event["type"] for event in waiting] == ["placed", "waiting"]


def test_who_stops_listening_ends_the_job(reach, monkeypatch):
    at = reach()
    cancelled = []
    monkeypatch.setattr(at, "cancel", cancelled.append)
    listening = events(at, ENDLESS)
    next(listening)
    listening.close()
    assert cancelled == ["j"]


@pytest.mark.parametrize(("what", "code"), [(REFUSED, "unknown_device"), (NODE_LOST, "node_lost")])
def test_what_goes_wrong_there_is_raised_here(reach, what, code):
    at = reach()
    told = events(at, what)
    assert next(told)["type"] == "placed"
    with pytest.raises((InputError, MeasurementError)) as problem:
        next(told)
    assert problem.value.code == code
    assert isinstance(problem.value, InputError) == (what == REFUSED)
    assert at.problem is None
    assert list(events(at, RESULTS))


def test_a_driver_that_dies_ends_all_jobs_with_its_last_words(reach):
    at = reach()
    other = events(at, ENDLESS, "other")
    with pytest.raises(MeasurementError) as problem:
        list(events(at, DIES))
    assert problem.value.code == "cluster_driver_died"
    assert problem.value.facts["last_words"].endswith("first words\nlast words")
    with pytest.raises(MeasurementError, match="cluster_driver_died"):
        list(other)
    for ask in (at.targets, lambda: events(at, RESULTS)):
        with pytest.raises(MeasurementError, match="cluster_driver_died"):
            ask()


def test_a_lost_head_is_every_jobs_end(reach):
    at = reach()
    other = events(at, ENDLESS, "other")
    for lost in (events(at, HEAD_LOST), other):
        with pytest.raises(MeasurementError, match="cluster_lost"):
            list(lost)
    assert at.problem.code == "cluster_lost"


def test_closing_ends_the_jobs_and_the_driver(reach):
    at = reach()
    listening = events(at, ENDLESS)
    next(listening)
    driver = psutil.Process(at._process.pid)
    at.close()
    assert is_gone(driver.pid)
    with pytest.raises(MeasurementError, match="cluster_left"):
        list(listening)
    with pytest.raises(MeasurementError, match="cluster_left"):
        at.targets()
    at.close()


def test_events_that_nobody_reads_end_with_who_asked_for_them(reach, monkeypatch):
    at = reach()
    cancelled = []
    monkeypatch.setattr(at, "cancel", cancelled.append)
    events(at, ENDLESS)
    gc.collect()
    assert cancelled == ["j"]
    assert not at._waiting


def test_a_driver_that_hangs_is_ended_and_so_are_its_jobs(reach, monkeypatch):
    monkeypatch.setattr(cluster, "_QUIET_S", 0.3)
    monkeypatch.setattr(cluster, "_QUIETS", 3)
    at = reach("deaf:1")
    with pytest.raises(MeasurementError) as problem:
        list(events(at, ENDLESS))
    assert problem.value.code == "cluster_driver_hangs"
    assert sentence(problem.value.code, problem.value.facts)
    until(lambda: is_gone(at._process.pid), "the end of the driver, whose output ended before it")


def test_a_driver_that_talks_nonsense_leaves_nobody_waiting(reach, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda arguments: None)
    with pytest.raises(MeasurementError, match="cluster_driver_died"):
        list(events(reach("junk:1"), ENDLESS))


def test_closing_does_not_wait_for_who_writes_in_vain(reach, monkeypatch):
    monkeypatch.setattr(cluster, "_CLOSING_S", 0.2)
    at = reach("deaf:1")
    writing = threading.Thread(target=lambda: at._send(fill="x" * 300_000))
    writing.start()
    until(at._writing.locked)
    at.cancel("never heard of")  # and nobody else waits either
    assert at.problem is None
    at.close()
    assert is_gone(at._process.pid)
    writing.join(30)
    assert not writing.is_alive()


def test_many_jobs_leave_nothing_behind(reach):
    at = reach()
    for i in range(200):
        assert len(list(events(at, RESULTS, f"j{i}"))) == 2
    assert not at._waiting


def test_no_cluster_there(reach):
    with pytest.raises(MeasurementError, match="cluster_unreachable"):
        reach("refused:1")


def test_a_driver_that_cannot_start_says_why(reach):
    with pytest.raises(MeasurementError) as problem:
        reach("dead:1")
    assert problem.value.facts == {"last_words": "no such module"}


def test_a_driver_that_says_nothing_is_ended_with_what_it_started(reach, monkeypatch):
    monkeypatch.setattr(cluster, "_REACHED_S", 0.2)
    children = []
    known = Cluster._kill

    def kill(self):
        children.extend(until(psutil.Process(self._process.pid).children))
        known(self)

    monkeypatch.setattr(Cluster, "_kill", kill)
    with pytest.raises(MeasurementError, match="cluster_driver_late"):
        reach("mute:1")
    assert children
    for child in children:
        until(lambda pid=child.pid: is_gone(pid))


def test_a_cluster_that_lets_nobody_in(reach, monkeypatch):
    monkeypatch.setattr(cluster, "_ENTERED_S", 0.2)
    with pytest.raises(MeasurementError, match="cluster_no_entry"):
        reach("half:1")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "here",
        "ray://",
        "host:",
        ":6379",
        "host:0",
        "host:65536",
        "http://host:1",
        "-x:1;ls",
        "a b:1",
        "ray://auto",
    ],
)
def test_a_malformed_address(address):
    with pytest.raises(InputError) as problem:
        connected(address)
    assert problem.value.code == "bad_cluster_address"
    assert "HOST:PORT" in sentence(problem.value.code, problem.value.facts)


@pytest.mark.parametrize(
    "address", ["auto", "head-1.lan:6379", "10.0.0.1:6379", "ray://gpu:10001", "[::1]:6379"]
)
def test_a_sound_address(address):
    assert cluster.checked(f" {address} ") == address


def test_without_ray_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(cluster, "available", lambda: False)
    with pytest.raises(MeasurementError) as problem:
        connected("auto")
    assert "requirements-cluster.txt" in sentence(problem.value.code)


def test_many_threads_ask_at_once(reach):
    at = reach()
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(len(at.targets()))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [3] * 12
