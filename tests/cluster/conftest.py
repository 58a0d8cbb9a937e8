"""One real cluster for the tests on it: three nodes, each of another kind, all on loopback."""

from __future__ import annotations

import sys

import pytest

from core.runs.elsewhere.cluster import Cluster
from tests import ray_cluster as clusters
from tests.jobs.children import until


def patched(change):
    """How to start a driver in which something is otherwise."""
    run = "import runpy; runpy.run_module('core.cluster', run_name='__main__', alter_sys=True)"
    return (sys.executable, "-c", f"{change}; {run}")


@pytest.fixture(scope="module")
def ray_cluster():
    """A tests.ray_cluster.RayCluster: a head without a label, a node called small and one called large."""
    with clusters.running() as started:
        yield started


@pytest.fixture(scope="module")
def shared(ray_cluster):
    """A core.runs.elsewhere.cluster.Cluster connected to it, which soon notices that its head has gone."""
    change = "from core.cluster import reach; reach._PING_EVERY_S = 0.5"
    connected = Cluster(ray_cluster.address, patched(change))
    until(lambda: all(item.state == "free" for item in connected.targets()))  # a busy machine starts slowly
    yield connected
    connected.close()
