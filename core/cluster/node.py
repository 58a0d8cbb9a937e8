"""One job on a node: the same queue and the same measuring process as on any machine, and their events.

Runs in a worker process that Ray has started for this job alone. Must not know Ray.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cluster import code, facts
from core.codec import from_plain, to_plain
from core.errors import InputError
from core.records import JobSpec, Note, RunResult

if TYPE_CHECKING:
    from core.runs.queue.job import Job
    from core.runs.queue.jobs import Runner

Event = dict[str, Any]

# Nobody has asked for so long: the asking side is gone, and so is whoever could have ended this process
LEASE_S = 30.0
LEFT_ALONE = "crossover: nobody asked for events"  # the last words of a process that ended for this
_LOOK_EVERY_S = 5.0  # whether anybody asks
_SETTLED_S = 20.0  # at most, for the idle draw; longer only where another program measures on this machine
_TELEMETRY_S = 1.0
# These are told together, so that telling doesn't disturb what is measured: a screen shows no more anyway
_MANY = frozenset({"data", "block", "epoch", "telemetry"})
_GATHERED_S = 1.0
_LAST_LINES = 6


class Measurer:
    """An actor that measures one job. Its methods are called from the driver, each in a thread of its own."""

    def __init__(self) -> None:
        self._told = threading.Condition()
        self._events: list[Event] = []
        self._pressing = False  # one of them is told at once
        self._asked_at = time.monotonic()
        self._around_told = self._cancelled = False
        self._runner: Runner | None = None
        self._job_id: str | None = None  # in the runner's own list
        threading.Thread(target=self._keep_lease, name="lease", daemon=True).start()

    def begin(self, order: dict[str, Any]) -> dict[str, Any]:
        """Start measuring: {"pid"}, or what is in the way as {"code", "facts"}."""
        if order["code"] != code.fingerprint():
            return {"code": "node_other_version", "facts": {}}
        if lacking := facts.missing():
            return {"code": "node_packages_missing", "facts": {"packages": " ".join(lacking)}}
        threading.Thread(target=self._measure, args=(order,), name="measure", daemon=True).start()
        return {"pid": os.getpid()}

    def events(self, patience_s: float) -> list[Event]:
        """What has happened since the last call; waits a little for something to happen, and for more of it."""
        with self._told:
            self._asked_at = time.monotonic()
            if self._told.wait_for(lambda: self._events, patience_s):
                self._told.wait_for(lambda: self._pressing, _GATHERED_S)
            self._asked_at = time.monotonic()
            told, self._events, self._pressing = self._events, [], False
        return told

    def cancel(self) -> None:
        """End the job; what it has measured still comes as its results."""
        with self._told:
            self._cancelled = True
            runner, job_id = self._runner, self._job_id
        if runner is not None and job_id is not None:
            runner.cancel(job_id)
        else:
            self.stop()

    def stop(self) -> None:
        """End this process at once. The measuring process ends with its parent."""
        os._exit(0)

    # --- the measuring thread ----------------------------------------------------------------------

    def _measure(self, order: dict[str, Any]) -> None:
        try:
            notes = [Note("through_ray", {"kind": order["kind"], "ray": order["ray"]})]
            if not restore_surroundings():
                notes.append(Note("ray_low_priority"))
            self._run(order, tuple(notes))
        except InputError as problem:
            self._say("refused", code=problem.code, facts=problem.facts)
        except Exception:  # noqa: BLE001 - told to the asking side, which is the only one to see it
            words = traceback.format_exc().strip().splitlines()[-_LAST_LINES:]
            self._say("broken", last_words="\n".join(words))

    def _run(self, order: dict[str, Any], notes: tuple[Note, ...]) -> None:
        from core.runs.queue.jobs import Runner
        from core.runs.queue.keeping import Keeper

        runner = Runner(Keeper(None), _data_root(), heir=False, heard=self._hear)
        settling = threading.Thread(target=runner.wait_until_settled, daemon=True)
        settling.start()
        settling.join(_SETTLED_S)
        job_id = runner.submit(from_plain(JobSpec, order["spec"]))
        with self._told:
            self._runner, self._job_id, cancelled = runner, job_id, self._cancelled
        if cancelled:
            runner.cancel(job_id)
        job = self._watch(runner, job_id)
        runs = [to_plain(_as_asked(result, index, order, notes)) for index, result in enumerate(job.results)]
        self._say("results", runs=runs, failure=to_plain(job.failure))

    def _watch(self, runner: Runner, job_id: str) -> Job:
        """Tell how the machine does while the job runs; what it measures comes through `_hear`."""
        telemetry_at = 0.0
        waiting_told = False
        while True:
            runner.wait(job_id, _TELEMETRY_S)
            with runner.watching(job_id) as job:
                assert job is not None
                if job.done:
                    return job
                now = time.monotonic()
                since_s = now - (job.started_s or now)
                waiting = job.waiting_for_machine and since_s > _TELEMETRY_S / 2
                latest = job.sampler.latest() if job.sampler else None
            if waiting and not waiting_told:
                waiting_told = True
                self._say("waiting")
            if latest is not None and latest[0] is not None and now - telemetry_at >= _TELEMETRY_S:
                telemetry_at = now
                self._say("telemetry", cpu=to_plain(latest[0]), gpus=to_plain(latest[1]))

    def _hear(self, job: Job, event: Event) -> None:
        around = job.surroundings
        if not self._around_told and around is not None:
            self._around_told = True
            self._say(
                "surroundings",
                machine=to_plain(around.machine),
                software=to_plain(around.software),
                devices=to_plain(around.devices),
            )
        if event["type"] != "error":  # it is in the results
            self._add(event)

    def _say(self, kind: str, **fields: Any) -> None:
        self._add({"type": kind, **fields})

    def _add(self, event: Event) -> None:
        with self._told:
            self._events.append(event)
            self._pressing = self._pressing or event["type"] not in _MANY
            if self._pressing or len(self._events) == 1:
                self._told.notify_all()

    def _keep_lease(self) -> None:
        while time.monotonic() - self._asked_at < LEASE_S:
            time.sleep(_LOOK_EVERY_S)
        sys.stderr.write(f"{LEFT_ALONE}\n")
        sys.stderr.flush()
        self.stop()


def restore_surroundings() -> bool:
    """Give what this thread starts the surroundings that the node's owner has set, instead of Ray's.

    Ray limits OpenMP to the CPUs that were reserved, which aren't the cores that torch would choose, and lowers
    its workers' priority; False: that stays, as only the administrator may raise it.
    """
    import psutil

    os.environ.pop("OMP_NUM_THREADS", None)
    raylet = next((item for item in psutil.Process().parents() if item.name().startswith("raylet")), None)
    if raylet is None:
        return True
    with contextlib.suppress(psutil.Error):  # the owner's environment may not be ours to read
        if threads := raylet.environ().get("OMP_NUM_THREADS"):
            os.environ["OMP_NUM_THREADS"] = threads
    if not hasattr(os, "setpriority"):
        return True
    try:
        os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, raylet.pid))
    except PermissionError:
        return False
    return True


def _data_root() -> Path:
    """Where this node's owner says that data sets are kept, else a folder that the next job finds again."""
    from core import paths

    if os.environ.get("CROSSOVER_DATA_DIR"):
        return paths.datasets_dir()
    mine = f"-{os.getuid()}" if hasattr(os, "getuid") else ""
    return Path(tempfile.gettempdir()) / f"crossover-data{mine}" / "datasets"


def _as_asked(result: RunResult, index: int, order: dict[str, Any], notes: tuple[Note, ...]) -> RunResult:
    """The result under the asking side's id; the code is that side's, so it knows the revision."""
    around = result.environment
    if around is not None:
        around = replace(around, machine=replace(around.machine, git_revision=order["revision"]))
    return replace(
        result,
        id=f"{order['job']}-{index}",
        job_id=order["job"],
        environment=around,
        notes=(*result.notes, *notes),
    )
