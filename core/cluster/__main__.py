"""The driver of one cluster: commands as JSON lines on standard input, what happens on standard output.

    in   {"do": "look", "ask"}    {"do": "submit", "job", "spec", "node", "kind", "gpus", "wait_s"}
         {"do": "cancel", "job"}
    out  {"type": "alive"}        every few seconds: a driver that doesn't say so hangs
         {"type": "reached"}      a Ray of our version answers there
         {"type": "hello", "ray", "python"}          we are one of its drivers
         {"type": "targets", "ask", "targets", "problem"}   the answer to a look
         {"type": "event", "job", "event"}           of core.runs.elsewhere.targets
         {"type": "over", "job", "problem"}          its last; problem: {kind, code, facts} or null
         {"type": "error", "kind", "code", "facts"}  there is no cluster (any more): the process ends

Standard input at its end means that the parent is gone: the process ends, and all that it started elsewhere.
"""

from __future__ import annotations

import io
import json
import os
import platform
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from core.cluster import code, reach
from core.codec import to_plain
from core.errors import CrossoverError, InputError, MeasurementError
from core.hardware.environment import git_revision

if TYPE_CHECKING:
    from core.cluster.away import Away
    from core.records import Target

_FAREWELL_S = 3.0
_ALIVE_EVERY_S = 10.0


class Driver:
    """Serves one parent. Each job and each look has a thread of its own."""

    def __init__(self, out: io.TextIOBase) -> None:
        self._out, self._writing = out, threading.Lock()
        self._lock = threading.Lock()  # over the jobs
        self._jobs: dict[str, Away] = {}

    def connect(self, address: str) -> None:
        """Enter the cluster and say so. Raises CrossoverError."""
        self._way = reach.Way(address)
        self.say(type="reached")
        with code.parcel() as folder:
            self._code = code.fingerprint(folder)
            self._way.enter(folder)
        import ray

        self._of_results = {"code": self._code, "revision": git_revision(code.ROOT), "ray": ray.__version__}
        threading.Thread(target=self._watch_head, name="head", daemon=True).start()
        self.say(type="hello", ray=ray.__version__, python=platform.python_version())
        threading.Thread(target=self._live, name="live", daemon=True).start()

    def obey(self, command: dict[str, Any]) -> None:
        """Begin what the parent wants; returns at once."""
        if command["do"] == "cancel":
            with self._lock:
                job = self._jobs.get(command["job"])
            if job is not None:
                job.cancel()
        elif command["do"] == "look":
            threading.Thread(target=self._look, args=(command["ask"],), daemon=True).start()
        else:
            self._submit(command)

    def say(self, **message: Any) -> None:
        line = json.dumps(message, allow_nan=False) + "\n"
        with self._writing:
            self._out.write(line)
            self._out.flush()

    def leave(self) -> None:
        """End all jobs on their nodes and let the cluster know; as much as it answers to in a few seconds."""
        import ray

        self._stop_all()
        farewell = threading.Thread(target=ray.shutdown, daemon=True)
        farewell.start()
        farewell.join(_FAREWELL_S)

    def _submit(self, order: dict[str, Any]) -> None:
        from core.cluster.away import Away

        name = order["job"]
        job = Away(
            order | self._of_results,
            lambda event: self.say(type="event", job=name, event=event),
            self._way.answers,
        )
        with self._lock:
            self._jobs[name] = job
        threading.Thread(target=self._follow, args=(name, job), daemon=True).start()

    def _follow(self, name: str, job: Away) -> None:
        from core.cluster import census

        problem = None
        try:
            job.run()
        except CrossoverError as error:
            problem = _plain(error)
        except Exception as error:  # noqa: BLE001 - or the parent would wait for ever
            problem = _plain(MeasurementError("node_broken", last_words=census.last_line(error)))
        finally:
            with self._lock:
                del self._jobs[name]
        self.say(type="over", job=name, problem=problem)

    def _look(self, ask: int) -> None:
        from core.cluster import census

        found: list[Target] = []
        problem = None
        try:
            found = census.targets(self._code)
        except Exception as error:  # noqa: BLE001 - Ray raises many; its own words say the most
            problem = _plain(MeasurementError("cluster_confused", last_words=census.last_line(error)))
        self.say(type="targets", ask=ask, targets=to_plain(found), problem=problem)

    def _live(self) -> None:
        while True:
            time.sleep(_ALIVE_EVERY_S)
            self.say(type="alive")

    def _watch_head(self) -> None:
        self._way.wait_until_lost()
        self.say(type="error", **_plain(MeasurementError("cluster_lost")))
        self._stop_all()
        time.sleep(1.0)  # for the nodes to hear of it
        os._exit(5)

    def _stop_all(self) -> None:
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            job.stop()


def main() -> int:
    """Serve the cluster at the address in the first argument until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    driver = Driver(_claim_stdout())
    ready = threading.Event()
    commands = threading.Thread(target=_read, args=(driver, ready), daemon=True)
    commands.start()
    try:
        address = reach.named(sys.argv[1])
        reach.prepare(address)
        driver.connect(address)
    except CrossoverError as problem:
        driver.say(type="error", **_plain(problem))
        return 1
    ready.set()
    commands.join()
    return 0


def _read(driver: Driver, ready: threading.Event) -> None:
    for line in sys.stdin:
        ready.wait()
        driver.obey(json.loads(line))
    if ready.is_set():
        driver.leave()
    os._exit(3)


def _plain(problem: CrossoverError) -> dict[str, Any]:
    kind = "input" if isinstance(problem, InputError) else "failure"
    return {"kind": kind, "code": problem.code, "facts": problem.facts}


def _claim_stdout() -> io.TextIOBase:
    """The real standard output for messages alone; whatever Ray prints goes to standard error."""
    messages = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return messages


if __name__ == "__main__":
    sys.exit(main())
