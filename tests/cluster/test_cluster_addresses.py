"""An address where there is no cluster of ours: said clearly, and within ten seconds."""

from __future__ import annotations

import contextlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from core.cluster import reach
from core.errors import InputError, MeasurementError
from core.messages import sentence
from core.runs.elsewhere import cluster
from core.runs.elsewhere.cluster import connected
from tests import ray_cluster as clusters

LIMIT_S = 10.0
REACHED_S = cluster._REACHED_S
IMPATIENT = clusters.patched("from core.cluster import reach; reach._ANSWER_S = 0.5")


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """For a busy machine, on which a driver takes long to start."""
    monkeypatch.setattr(cluster, "_REACHED_S", 100.0)


def test_nobody_waits_for_long():
    assert REACHED_S <= LIMIT_S, "then the driver is ended, whatever it does"
    assert 2 * reach._ANSWER_S < LIMIT_S, "its own limits, which lead to better words"


@contextlib.contextmanager
def silent():
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@contextlib.contextmanager
def website():
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()


@contextlib.contextmanager
def nobody():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    yield port


@pytest.mark.parametrize(
    ("listener", "scheme", "code"),
    [
        (nobody, "", "cluster_unreachable"),
        (silent, "", "cluster_not_ray"),
        (silent, "ray://", "cluster_not_ray"),
        (website, "", "cluster_not_ray"),
    ],
)
def test_no_cluster_there(listener, scheme, code):
    with listener() as port, pytest.raises(MeasurementError) as problem:
        cluster.Cluster(f"{scheme}127.0.0.1:{port}", IMPATIENT)
    assert problem.value.code == code
    assert str(port) in sentence(code, problem.value.facts)


def test_auto_where_no_cluster_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(MeasurementError, match="cluster_not_here"):
        connected("auto")


def test_auto_is_what_ray_says(tmp_path, monkeypatch):
    current = tmp_path / "ray" / "ray_current_cluster"
    current.parent.mkdir()
    with nobody() as port, nobody() as other:
        current.write_text(f"127.0.0.1:{port}")
        monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
        for env, expected in ((None, port), (f"127.0.0.1:{other}", other)):
            if env:
                monkeypatch.setenv("RAY_ADDRESS", env)
            with pytest.raises(MeasurementError) as problem:
                connected("auto")
            assert problem.value.facts["address"] == f"127.0.0.1:{expected}"


def test_auto_where_ray_is_told_of_something_else(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "http://127.0.0.1:8265")  # as Ray's job command has it
    with pytest.raises(InputError, match="bad_cluster_address"):
        connected("auto")
