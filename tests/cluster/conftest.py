"""One real cluster for every test in this folder: three nodes, each of another kind, all on loopback."""

from __future__ import annotations

import pytest

from core.runs import cluster
from tests import ray_cluster as clusters
from tests.jobs.children import until


@pytest.fixture(scope="session")
def ray_cluster():
    """A tests.ray_cluster.RayCluster: a head without a label, a node called small and one called large."""
    with clusters.running() as started:
        yield started


@pytest.fixture(scope="session")
def shared(ray_cluster):
    """A core.runs.cluster.Cluster connected to it."""
    connected = cluster.connected(ray_cluster.address)
    until(lambda: all(item.state == "free" for item in connected.targets()))  # a busy machine starts slowly
    yield connected
    connected.close()
