"""The way into a cluster: is that Ray, does it speak our version, does its head still answer."""

from __future__ import annotations

import os
import platform
import re
import socket
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from core.errors import MeasurementError
from core.runs.elsewhere.cluster import checked

_ANSWER_S = 3.0
_CLIENT = "ray://"
_LOOPBACK = re.compile(r"localhost|127\.[\d.]+|\[?::1\]?")
# Pings that must fail one after the other until a head counts as lost
_FAILED_PINGS = 3
_PING_EVERY_S = 2.0


def prepare(address: str) -> None:
    """The environment that Ray reads when it is imported."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_CLIENT_RECONNECT_GRACE_PERIOD", "10")
    # Python's patch release decides nothing between two processes; what it was is kept with the results
    os.environ.setdefault("RAY_DEFAULT_PYTHON_VERSION_MATCH_LEVEL", "minor")
    if _LOOPBACK.fullmatch(_host_and_port(address)[0]):
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # else Ray takes another address of this machine


class Way:
    """To the cluster at `address` (HOST:PORT or ray://HOST:PORT)."""

    def __init__(self, address: str) -> None:
        """Ask whether a Ray of our version answers there. Raises MeasurementError, within a few seconds."""
        self.address = address
        self._is_client = address.startswith(_CLIENT)
        self._target = address.removeprefix(_CLIENT)
        try:
            socket.create_connection(_host_and_port(address), timeout=_ANSWER_S).close()
        except OSError as problem:
            raise MeasurementError(
                "cluster_unreachable", address=address, problem=problem.strerror or str(problem)
            ) from problem
        from ray._private.grpc_utils import init_grpc_channel  # with the owner's TLS and token, where there are

        self._channel: Any = init_grpc_channel(self._target)
        if self._is_client:
            self._await_channel()
        else:
            check_versions(self._metadata())
            self._be_inside()

    def enter(self, folder: Path) -> None:
        """Become one of the cluster's drivers, with the code in `folder`. May block for long."""
        import ray

        try:
            ray.init(
                address=self.address,
                runtime_env={"working_dir": str(folder)},
                log_to_driver=False,
                logging_level="ERROR",
            )
        except RuntimeError as problem:
            told = re.search(r"Ray: (\S+)\s+Python: (\S+)", str(problem))
            if told is None:
                raise
            raise _differ(told[1], told[2]) from problem

    def answers(self) -> bool:
        """Whether the head answers a simple question now."""
        import grpc

        if self._is_client:
            return self._client_answers()
        try:
            self._ask()
        except grpc.RpcError:
            return False
        return True

    def wait_until_lost(self) -> None:
        """Block until the head has been silent for long enough."""
        failed = 0
        while failed < _FAILED_PINGS:
            time.sleep(_PING_EVERY_S)
            failed = 0 if self.answers() else failed + 1

    def _ask(self) -> bytes:
        from ray.core.generated import gcs_service_pb2, gcs_service_pb2_grpc

        stub = gcs_service_pb2_grpc.InternalKVGcsServiceStub(self._channel)
        request = gcs_service_pb2.InternalKVGetRequest(namespace=b"cluster", key=b"CLUSTER_METADATA")
        answer: bytes = stub.InternalKVGet(request, timeout=_ANSWER_S).value
        return answer

    def _metadata(self) -> dict[str, str]:
        import json

        import grpc

        try:
            told: dict[str, str] = json.loads(self._ask())
        except (grpc.RpcError, ValueError) as problem:
            raise MeasurementError("cluster_not_ray", address=self.address) from problem
        return told

    def _await_channel(self) -> None:
        import grpc

        try:
            grpc.channel_ready_future(self._channel).result(timeout=_ANSWER_S)
        except grpc.FutureTimeoutError as problem:
            raise MeasurementError("cluster_not_ray", address=self.address) from problem

    def _be_inside(self) -> None:
        """A driver needs a node of the cluster on its own machine; Ray would look for one for half a minute."""
        from ray._private.services import find_node_ids

        if not find_node_ids():
            raise MeasurementError("cluster_from_outside", host=_host_and_port(self.address)[0])

    def _client_answers(self) -> bool:
        from ray.util.client import ray as client

        result: list[bool] = []

        def ping() -> None:
            try:
                result.append(client.get_context().client_worker.ping_server(timeout=_ANSWER_S))
            except Exception:  # noqa: BLE001 - whatever it is, that was no answer
                result.append(False)

        thread = threading.Thread(target=ping, daemon=True)
        thread.start()
        thread.join(2 * _ANSWER_S)
        return result == [True]


def named(address: str) -> str:
    """What "auto" stands for: RAY_ADDRESS, else the cluster that was last started on this machine.

    Ray isn't imported yet, because what it is to read from the environment depends on the answer. Raises
    MeasurementError where there is none, InputError where RAY_ADDRESS holds no such address.
    """
    if address != "auto":
        return address
    current = Path(os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()) / "ray" / "ray_current_cluster"
    found = os.environ.get("RAY_ADDRESS") or (current.read_text().strip() if current.is_file() else "")
    if found in ("", "auto"):
        raise MeasurementError("cluster_not_here")
    return checked(found)


def check_versions(metadata: dict[str, str]) -> None:
    """Raises MeasurementError where the cluster's Ray or Python can't work with ours."""
    import ray

    theirs = metadata["ray_version"], metadata["python_version"]
    if theirs[0] != ray.__version__ or _minor(theirs[1]) != _minor(platform.python_version()):
        raise _differ(*theirs)


def _differ(ray_version: str, python_version: str) -> MeasurementError:
    import ray

    return MeasurementError(
        "cluster_versions_differ",
        ours_ray=ray.__version__,
        theirs_ray=ray_version,
        ours_python=platform.python_version(),
        theirs_python=python_version,
    )


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.removeprefix(_CLIENT).rpartition(":")
    return host.strip("[]"), int(port or 0)
