"""One job on another machine, as the driver follows it: reserved, measured, cancelled, lost."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event as Flag
from typing import Any

import ray
from ray import exceptions

from core.cluster import census, last_words
from core.cluster.node import LEASE_S, LEFT_ALONE, Measurer
from core.errors import CrossoverError, InputError, MeasurementError

_LOOK_EVERY_S = 0.25  # until the machine is ours: what is measured there isn't disturbed afterwards
_ASK_S = 5.0  # how long a node waits for something to happen before it says that nothing has
_SILENT_S = 60.0  # a node that has said nothing at all for so long
_STARTING_S = 60.0  # a process of Ray's, with the code uploaded
_ENDING_S = 8.0  # for the results of a cancelled job

Tell = Callable[[Mapping[str, Any]], None]


@dataclass
class Away:
    """A job's way through the cluster. `order`: what the parent said, and what the node checks."""

    order: Mapping[str, Any]
    tell: Tell  # an event of this job
    head_answers: Callable[[], bool]
    _cancelled: Flag = field(default_factory=Flag)
    _over: Flag = field(default_factory=Flag)
    _actor: Any = None
    _pid: int | None = None

    def run(self) -> None:
        """Measure, and return when it is over. Raises CrossoverError for what went wrong."""
        try:
            self._reserve()
            if not self._cancelled.is_set():
                self.tell({"type": "placed", "node": self.order["node"]})
                self._follow()
        except CrossoverError:
            raise
        except exceptions.ActorUnschedulableError as problem:
            raise MeasurementError("target_gone", kind=self.order["kind"]) from problem
        except Exception as problem:
            if not self._cancelled.is_set():
                raise self._cause(problem) from problem
        finally:
            self._over.set()
            self._free()

    def cancel(self) -> None:
        """Safe from any thread and returns at once; `run` returns soon, with the results if there are any."""
        if not self._cancelled.is_set():
            self._cancelled.set()
            if self._pid is not None:  # else whoever waits for it sees the flag
                threading.Thread(target=self._end, name="end", daemon=True).start()

    def stop(self) -> None:
        """End what runs on the node, without asking the head."""
        if self._actor is not None:
            with contextlib.suppress(Exception):
                self._actor.stop.remote()

    def _reserve(self) -> None:
        """Wait until the node is this job's alone and its process has begun."""
        order = self.order
        node = self._node()
        if node is None:
            raise MeasurementError("target_gone", kind=order["kind"])
        cpus, gpus = census.offered(node, "CPU"), order["gpus"]
        if gpus > census.offered(node, "GPU"):
            raise MeasurementError(
                "target_too_small", kind=order["kind"], needed=gpus, count=int(census.offered(node, "GPU"))
            )
        limit_s = self._limit_s(cpus, gpus)
        options = census.on(order["node"], max_restarts=0, max_task_retries=0, max_concurrency=4)
        options["enable_task_events"] = False  # or Ray's own records would grow with every question
        began = time.monotonic()
        actor = ray.remote(Measurer).options(**options | {"num_cpus": cpus, "num_gpus": gpus}).remote()
        self._actor = actor
        ready = actor.begin.remote(dict(order))
        while not ray.wait([ready], timeout=_LOOK_EVERY_S)[0]:
            if self._cancelled.is_set():
                return
            if limit_s is not None and time.monotonic() - began > limit_s:
                raise MeasurementError("target_busy", kind=order["kind"], seconds=round(limit_s))
        answer = ray.get(ready)
        if "code" in answer:
            raise MeasurementError(answer["code"], **answer["facts"])
        self._pid = answer["pid"]

    def _node(self) -> census.Node | None:
        """The target's node; None: it isn't part of the cluster any more."""
        return next((item for item in census.nodes() if item["NodeID"] == self.order["node"]), None)

    def _limit_s(self, cpus: float, gpus: float) -> float | None:
        """For how long to wait: of a machine that is free only its process has to start."""
        wait_s: float | None = self.order["wait_s"]
        if wait_s is None:
            return None
        now = census.free(self.order["node"]).get(self.order["node"], {})
        is_free = now.get("CPU", 0) >= cpus and now.get("GPU", 0) >= gpus
        return max(wait_s, _STARTING_S) if is_free else wait_s

    def _follow(self) -> None:
        """Pass on the node's events up to the results, which a cancelled job has too."""
        while True:
            try:
                told = ray.get(self._actor.events.remote(_ASK_S), timeout=_SILENT_S)
            except exceptions.GetTimeoutError as problem:
                raise MeasurementError("node_silent", seconds=_SILENT_S) from problem
            for event in told:
                if event["type"] == "refused":
                    raise InputError(event["code"], **event["facts"])
                if event["type"] == "broken":
                    raise MeasurementError("node_broken", last_words=event["last_words"])
                self.tell(event)
                if event["type"] == "results":
                    return

    def _end(self) -> None:
        """Let the node end the job and tell its results, but not for long."""
        with contextlib.suppress(Exception):  # it may be gone, and the cluster with it
            self._actor.cancel.remote()
        if not self._over.wait(_ENDING_S):
            self._free()

    def _cause(self, problem: Exception) -> MeasurementError:
        """What has happened to a job whose process no longer answers."""
        if not self.head_answers():
            return MeasurementError("cluster_lost")
        if self._pid is None and self._node() is None:
            return MeasurementError("target_gone", kind=self.order["kind"])
        if self._pid is None:
            return MeasurementError("node_broken", last_words=census.last_line(problem))
        words = last_words.of(self.order["node"], self._pid)
        if words is None:
            return MeasurementError("node_lost", kind=self.order["kind"])
        if LEFT_ALONE in words:
            return MeasurementError("node_left_alone", kind=self.order["kind"], seconds=LEASE_S)
        return MeasurementError("node_process_lost", kind=self.order["kind"], last_words=words)

    def _free(self) -> None:
        if self._actor is not None:
            with contextlib.suppress(Exception):  # it may be gone, and the cluster with it
                ray.kill(self._actor, no_restart=True)
