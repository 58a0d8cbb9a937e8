"""The measuring process as its parent sees it: started by name, fed specs, read event by event, killed."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from core.codec import from_plain, to_plain
from core.errors import MeasurementError
from core.records import Device, JobSpec, Software

Event = dict[str, Any]

_ROOT = Path(__file__).resolve().parents[3]
# A broken driver can hang the first call; nothing sane takes this long to load torch.
_START_LIMIT_S = 180.0
_STDERR_LINES = 30
_ENDING_S = 5.0  # a killed process may hang in its driver for ever


class Worker:
    """One `python -m core.measure` process; once constructed, torch is loaded and the devices are known."""

    def __init__(self, command: tuple[str, ...] = (sys.executable, "-m", "core.measure")) -> None:
        """Start the process and wait until it is ready. Raises MeasurementError if it never is."""
        started = time.perf_counter()
        self._killed = False
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            cwd=_ROOT,
        )
        self._stderr: deque[str] = deque(maxlen=_STDERR_LINES)
        self._drain = threading.Thread(target=self._keep_stderr, daemon=True)
        self._drain.start()
        hello = self._read_hello()
        self.start_s = time.perf_counter() - started
        self.software = from_plain(Software, hello["software"])
        self.devices = tuple(from_plain(Device, item) for item in hello["devices"])
        self._jobs_done = 0

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return not self._killed and self._process.poll() is None

    def run(self, job: JobSpec, data_root: Path, clock_origin: float) -> Iterator[Event]:
        """The events of a job, up to its end. Raises MeasurementError if the process dies under it."""
        message = {
            "job": to_plain(job),
            "data_root": str(data_root),
            # whoever asks the first job of a process pays its start; for the others it is warm
            "worker_start_s": None if self._jobs_done else self.start_s,
            "clock_origin": clock_origin,
        }
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except OSError:  # it died while idle; _read says how
            pass
        while (event := self._read())["type"] != "end":
            yield event
        self._jobs_done += 1
        if event.get("last"):  # it is about to end by itself, but may take long over a broken device
            self.kill()

    def _read_hello(self) -> Event:
        late = threading.Event()

        def give_up() -> None:
            late.set()
            self.kill()

        limit = threading.Timer(_START_LIMIT_S, give_up)
        limit.daemon = True
        limit.start()
        try:
            return self._read()
        except MeasurementError as problem:
            if late.is_set():
                raise MeasurementError("worker_too_late", limit_s=_START_LIMIT_S) from problem
            raise
        finally:
            limit.cancel()

    def _read(self) -> Event:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.endswith("\n"):  # the end of the stream, or a line that a kill has cut short
            raise self._death()
        event: Event = json.loads(line)
        return event

    def _death(self) -> MeasurementError:
        self._wait()
        self._drain.join(timeout=1)
        code = self._process.returncode
        if code is None:  # nothing more is heard of it, and it stays
            self.kill()
        if code == -9:  # not by us: `kill` is asked for by someone who then ignores this error
            return MeasurementError("worker_killed")
        return MeasurementError("worker_died", exit_code=code, last_words="\n".join(self._stderr))

    def _keep_stderr(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._stderr.append(line.rstrip())

    def kill(self) -> None:
        """End the process at once; what it held of the device goes with it."""
        self._killed = True
        self._process.kill()
        self._wait()

    def _wait(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_ENDING_S)

    def close(self) -> None:
        """Let an idle process end by itself, or kill it."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
            self._process.wait(timeout=2)
        except (OSError, subprocess.TimeoutExpired):
            self.kill()


@contextlib.contextmanager
def killed_after(worker: Worker, seconds: float, tell: Callable[[], None]) -> Iterator[None]:
    """A job that isn't over by then is ended whatever it does; `tell` hears of it first."""
    ending, over = threading.Lock(), False

    def end() -> None:
        with ending:
            if not over:  # else the worker may have its next job already
                tell()
                worker.kill()

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with ending:
            over = True
