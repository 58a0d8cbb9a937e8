"""A real Ray cluster on this machine: one head, and nodes of several kinds, all on loopback.

Its nodes share one machine lock, apart from everybody else's: what they measure, they measure one at a time.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

LOOPBACK = "127.0.0.1"
SMALL = {"labels": {"crossover.io/kind": "small"}}
LARGE = {"labels": {"crossover.io/kind": "large"}, "num_cpus": 2}
# Ray starts no process before it is needed, and notices at once that a node has gone
EAGER = {
    "RAY_enable_worker_prestart": "0",
    "RAY_prestart_worker_first_driver": "0",
    "RAY_health_check_period_ms": "500",
}
# What a head starts beside what is needed here: its page, its autoscaler, whoever reads its logs
NO_MORE = {"include_dashboard": False, "no_monitor": True, "include_log_monitor": False}
NO_GPU = {"labels": {"ray.io/accelerator-type": "A100"}, "num_gpus": 1}  # that it promises and hasn't


@dataclass
class RayCluster:
    """`cluster` is Ray's own; ray.init is never called in this process."""

    folder: str  # temporary, of the nodes and of Ray
    cluster: Any
    nodes: dict[str, Any] = field(default_factory=dict)  # Ray's handles, by kind; the head is "head"
    client_port: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)  # of Ray's, other than its own

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    @property
    def client_address(self) -> str:
        return f"ray://{LOOPBACK}:{self.client_port}"

    def add(self, kind: str, **options: Any) -> None:
        """Another node; `options` as Ray's add_node has them."""
        with _surroundings(self.folder, self.settings):
            self.nodes[kind] = self.cluster.add_node(node_ip_address=LOOPBACK, **{"num_cpus": 1, **options})

    def kill(self, kind: str) -> None:
        """As if its machine had lost its power."""
        self.cluster.remove_node(self.nodes.pop(kind), allow_graceful=False)

    def close(self) -> None:
        self.cluster.shutdown()
        shutil.rmtree(self.folder, ignore_errors=True)


def start(
    *kinds: tuple[str, dict[str, Any]],
    client_port: int | None = None,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> RayCluster:
    """A head, and a node for each of `kinds` (name, options); takes some seconds.

    They offer one CPU each, unless said otherwise: for a second Ray would start another process at once.
    """
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # the paths of Ray's sockets must be short
    with _surroundings(folder, settings):
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 1, "node_ip_address": LOOPBACK, **NO_MORE}
        if client_port is not None:
            head["ray_client_server_port"] = client_port
        cluster = Cluster(initialize_head=True, head_node_args=head)
        started = RayCluster(folder, cluster, client_port=client_port, settings=settings)
        started.nodes["head"] = started.cluster.head_node
    for kind, options in kinds:
        started.add(kind, **options)
    return started


def patched(change: str) -> tuple[str, ...]:
    """How to start a driver in which something is otherwise."""
    run = "import runpy; runpy.run_module('core.cluster', run_name='__main__', alter_sys=True)"
    return (sys.executable, "-c", f"{change}; {run}")


@contextlib.contextmanager
def running(*kinds: tuple[str, dict[str, Any]], client_port: int | None = None) -> Iterator[RayCluster]:
    kinds = kinds or (("small", SMALL), ("large", LARGE))
    started = start(*kinds, client_port=client_port, settings=EAGER)
    try:
        yield started
    finally:
        started.close()


@contextlib.contextmanager
def _surroundings(folder: str, settings: Mapping[str, str]) -> Iterator[None]:
    """What Ray's processes inherit: loopback stays loopback, nothing is reported to anybody, and a temporary
    folder of their own, where the machine lock is and Ray's logs, and where no "auto" finds this cluster."""
    changed = {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_TMPDIR": folder,
        "TMPDIR": folder,
        **settings,
    }
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
