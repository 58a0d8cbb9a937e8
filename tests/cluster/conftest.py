"""One real cluster for the tests on it: three nodes, each of another kind, all on loopback."""

from __future__ import annotations

import socket

import pytest

from core.runs.elsewhere import cluster
from core.runs.elsewhere.cluster import Cluster
from tests import ray_cluster as clusters
from tests.jobs.children import until

# A driver that soon notices that its head has gone, and that gives a busy machine time for everything else
PATIENT = clusters.patched(
    "import os; os.environ['RAY_CLIENT_RECONNECT_GRACE_PERIOD'] = '1'; "
    "from core.cluster import reach; reach.prepare('127.0.0.1:1'); reach._PING_EVERY_S = 0.5; "
    "from core.cluster import census, last_words; census._SILENT_S = last_words._PATIENCE_S = 90.0"
)


@pytest.fixture(scope="module")
def ray_cluster():
    """A tests.ray_cluster.RayCluster: a head without a label, a node called small and one called large."""
    with socket.create_server((clusters.LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
    with clusters.running(client_port=port) as started, pytest.MonkeyPatch.context() as patch:
        for limit in ("_REACHED_S", "_ENTERED_S", "_LOOK_S"):
            patch.setattr(cluster, limit, 120.0)
        patch.setattr(cluster, "connected", lambda address: Cluster(address, PATIENT))
        yield started


@pytest.fixture(scope="module")
def shared(ray_cluster):
    """A core.runs.elsewhere.cluster.Cluster connected to it."""
    connected = Cluster(ray_cluster.address, PATIENT)
    until(lambda: all(item.state == "free" for item in connected.targets()))
    yield connected
    connected.close()
