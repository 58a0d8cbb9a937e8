"""An address where there is no cluster of ours: said clearly, and within ten seconds."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from core.errors import MeasurementError
from core.messages import sentence
from core.runs.elsewhere.cluster import connected

LIMIT_S = 10.0


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
    with listener() as port:
        began = time.monotonic()
        with pytest.raises(MeasurementError) as problem:
            connected(f"{scheme}127.0.0.1:{port}")
        took_s = time.monotonic() - began
    assert problem.value.code == code
    assert str(port) in sentence(code, problem.value.facts)
    assert took_s < LIMIT_S


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
