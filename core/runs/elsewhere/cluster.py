"""A Ray cluster as its parent sees it: a driver process, its jobs' events, its end. Must not know Ray."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.codec import from_plain, to_plain
from core.errors import CrossoverError, InputError, MeasurementError
from core.records import JobSpec, Target
from core.runs.elsewhere.targets import Event

_ROOT = Path(__file__).resolve().parents[3]
_START = (sys.executable, "-m", "core.cluster")
_ADDRESS = re.compile(r"auto|(ray://)?([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:]{2,45}\]):(\d{1,5})")
_REACHED_S = 10.0  # until a Ray of our version has answered
_ENTERED_S = 30.0  # from then on, until the driver is one of its drivers: a busy machine takes its time
_LOOK_S = 40.0  # a node has 20 seconds to answer
_CLOSING_S = 5.0
_QUIET_S, _QUIETS = 10.0, 6  # a driver says every few seconds that it lives; after so many without, it hangs
_STDERR_LINES = 30
_GPUS = ("cuda", "xpu")

_Message = dict[str, Any]
_OVER, _GREETINGS = "over", "greetings"


def available() -> bool:
    """Whether Ray is installed here."""
    return importlib.util.find_spec("ray") is not None


def checked(address: str) -> str:
    """The address as it is used. Raises InputError("bad_cluster_address")."""
    address = address.strip().removesuffix("/")
    form = _ADDRESS.fullmatch(address)
    if form is None or (form[3] and not 0 < int(form[3]) < 65_536):
        raise InputError("bad_cluster_address", address=address[:80])
    return address


def connected(address: str) -> Cluster:
    """The cluster at "auto", HOST:PORT or ray://HOST:PORT.

    Raises InputError for a malformed address, and MeasurementError where no cluster of our version answers:
    within ten seconds.
    """
    address = checked(address)
    if not available():
        raise MeasurementError("cluster_extra_missing")
    return Cluster(address)


class Cluster:
    """One driver process, for any number of jobs at once. Implements core.runs.elsewhere.targets.Targets."""

    def __init__(self, address: str, start: tuple[str, ...] = _START) -> None:
        """Start the driver and wait until it has entered the cluster. Raises MeasurementError if it doesn't."""
        self.address = address
        self._process = subprocess.Popen(
            (*start, address),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            cwd=_ROOT,
            start_new_session=True,  # what it starts is ended with it
        )
        self._stderr: deque[str] = deque(maxlen=_STDERR_LINES)
        self._numbers = itertools.count()
        self._writing = threading.Lock()  # a driver that hangs stops whoever writes, and nobody else
        self._lock = threading.Lock()  # over everything below
        self._closed = False
        self._quiet, self._ended = 0, threading.Event()
        self._problem: CrossoverError | None = None  # why there is no cluster any more
        self._waiting: dict[str | int, queue.SimpleQueue[_Message]] = {}  # jobs by id, looks by number
        self._drain = threading.Thread(target=self._keep_stderr, daemon=True)
        self._drain.start()
        greetings = self._await(_GREETINGS)
        threading.Thread(target=self._listen, name="cluster", daemon=True).start()
        try:
            too_late = MeasurementError("cluster_driver_late", address=address, seconds=_REACHED_S)
            self._greeted(greetings, _REACHED_S, too_late)
            hello = self._greeted(greetings, _ENTERED_S, MeasurementError("cluster_no_entry", address=address))
        except BaseException:  # whoever waits may be interrupted
            self._kill()
            raise
        finally:
            self._forget(_GREETINGS)
        self.ray: str = hello["ray"]  # its version
        threading.Thread(target=self._watch, name="cluster-watch", daemon=True).start()

    @property
    def problem(self) -> CrossoverError | None:
        """Why the cluster can't be used any more; None while it can."""
        with self._lock:
            return self._problem

    def targets(self) -> tuple[Target, ...]:
        ask = next(self._numbers)
        answers = self._await(ask)
        try:
            self._send(do="look", ask=ask)
            answer = answers.get(timeout=_LOOK_S)
        except queue.Empty:
            raise MeasurementError("cluster_silent", seconds=_LOOK_S) from None
        finally:
            self._forget(ask)
        _raise(answer.get("problem"))
        return tuple(from_plain(Target, item) for item in answer["targets"])

    def submit(
        self, job_id: str, spec: JobSpec, target: Target, wait_s: float | None = None
    ) -> Iterator[Event]:
        order = {
            "spec": to_plain(spec),
            "node": target.node,
            "kind": target.kind,
            "gpus": _gpus(spec),
            "wait_s": wait_s,
        }
        events = self._events(job_id, order)
        next(events)  # it is sent, and ends with whoever holds its events, read or not
        return events

    def cancel(self, job_id: str) -> None:
        with self._lock:
            known = job_id in self._waiting
        if known:
            with contextlib.suppress(CrossoverError):  # then its events end for that reason
                self._send(do="cancel", job=job_id)

    def close(self) -> None:
        """End all jobs and let go of the cluster. May be called again."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        try:
            self._hang_up()
            self._process.wait(timeout=_CLOSING_S)
        except subprocess.TimeoutExpired:
            self._kill()

    def _hang_up(self) -> None:
        """Upon which the driver ends, and with it what it has started."""
        assert self._process.stdin is not None
        if not self._writing.acquire(timeout=_CLOSING_S):
            raise subprocess.TimeoutExpired(self._process.args, _CLOSING_S)
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._writing.release()

    # --- jobs --------------------------------------------------------------------------------------

    def _events(self, job_id: str, order: _Message) -> Iterator[Event]:
        """Begins with an empty one, once the job is sent."""
        messages = self._await(job_id)
        over = False
        try:
            self._send(do="submit", job=job_id, **order)
            yield {}
            while True:
                message = messages.get()
                if message["type"] == _OVER:
                    over = True
                    _raise(message["problem"])
                    return
                yield message["event"]
        finally:
            if not over:  # nobody listens any more
                self.cancel(job_id)
            self._forget(job_id)

    # --- the driver --------------------------------------------------------------------------------

    def _await(self, key: str | int) -> queue.SimpleQueue[_Message]:
        messages: queue.SimpleQueue[_Message] = queue.SimpleQueue()
        with self._lock:
            if self._problem is not None:
                raise self._problem
            self._waiting[key] = messages
        return messages

    def _forget(self, key: str | int) -> None:
        with self._lock:
            self._waiting.pop(key, None)

    def _send(self, **message: Any) -> None:
        assert self._process.stdin is not None
        with self._lock:
            if self._problem is not None:
                raise self._problem
        with self._writing:
            if self._closed:
                raise MeasurementError("cluster_left")
            with contextlib.suppress(OSError):  # it has died: the listening thread tells everybody
                self._process.stdin.write(json.dumps(message) + "\n")
                self._process.stdin.flush()

    def _greeted(
        self, greetings: queue.SimpleQueue[_Message], seconds: float, too_late: MeasurementError
    ) -> _Message:
        try:
            greeting = greetings.get(timeout=seconds)
        except queue.Empty:
            raise too_late from None
        _raise(greeting.get("problem"))
        return greeting

    def _listen(self) -> None:
        """The reading thread: every message to whoever waits for it, and the driver's end to everybody."""
        assert self._process.stdout is not None
        last: CrossoverError | None = None
        try:
            for line in self._process.stdout:
                if not line.endswith("\n"):
                    break
                message: _Message = json.loads(line)
                self._quiet = 0
                if message["type"] == "error":
                    last = _error(message)
                else:
                    self._hand_over(message)
        finally:
            self._end(last or self._death())

    def _hand_over(self, message: _Message) -> None:
        key = message["job"] if "job" in message else message.get("ask", _GREETINGS)
        with self._lock:
            waiting = self._waiting.get(key)
        if waiting is not None:
            waiting.put(message)

    def _death(self) -> MeasurementError:
        if self._closed:
            return MeasurementError("cluster_left")
        if self._quiet >= _QUIETS:
            return MeasurementError("cluster_driver_hangs", seconds=_QUIETS * _QUIET_S)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1)
        self._drain.join(timeout=1)
        return MeasurementError("cluster_driver_died", last_words="\n".join(self._stderr))

    def _end(self, problem: CrossoverError) -> None:
        plain = {
            "kind": "input" if isinstance(problem, InputError) else "failure",
            "code": problem.code,
            "facts": problem.facts,
        }
        with self._lock:
            self._problem = problem
            waiting = list(self._waiting.values())
        self._ended.set()
        for messages in waiting:
            messages.put({"type": _OVER, "problem": plain, "targets": []})

    def _watch(self) -> None:
        """End a driver that hangs. Counted, not timed: this process may have been stopped itself meanwhile."""
        while not self._ended.wait(_QUIET_S):
            self._quiet += 1
            if self._quiet >= _QUIETS:
                self._kill()
                return

    def _keep_stderr(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._stderr.append(line.rstrip())

    def _kill(self) -> None:
        """End the driver and everything that it has started here."""
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()


def _gpus(spec: JobSpec) -> int:
    """As many as are used at once."""
    return max((setup.workers for setup in spec.setups if setup.device.startswith(_GPUS)), default=0)


def _raise(problem: _Message | None) -> None:
    if problem is not None:
        raise _error(problem)


def _error(problem: _Message) -> CrossoverError:
    kind = InputError if problem["kind"] == "input" else MeasurementError
    return kind(problem["code"], **problem["facts"])
