"""A setup that several processes train together, data-parallel: the first one's answers stand for all.

`Parallel` stands in for a Trainee, as `core.measure.apart.Apart` does, and passes each call on to all of its
processes, which `torch.distributed` lets average their gradients.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from multiprocessing import connection
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

from core.errors import CrossoverError, MeasurementError
from core.measure import threads
from core.measure.apart import Apart, State, receive
from core.measure.data import Prepared
from core.records import ColdStart, Communication, RunSpec

_ROOT = Path(__file__).resolve().parents[2]
# A worker waits so long for the others inside a step; only what hangs, or a machine that is out of memory and
# swaps, lets them wait longer.
_PATIENCE_S = 180.0
_GRACE_S = 1.0  # for the others to say what is wrong, once one of them has failed
_LAST_WORDS = 600  # characters
# On GPUs whoever has waited too long for another is ended by NCCL's watchdog, with a page of addresses
_NCCL_WAITED = "caught collective operation timeout"
_LOOPBACK = {"linux": "lo", "darwin": "lo0"}
# Each worker's OpenMP would count from the first core on, and bind its first thread to that one
_BINDING = ("OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY")


class Parallel(Apart):
    """Raises what a Trainee raises; MeasurementError where a process dies, hangs or has too little memory."""

    def __init__(self, spec: RunSpec, data: Prepared, default_threads: int, clock_origin: float) -> None:
        self.spec, self.data = spec, data
        self._state: State | None = None
        started = time.perf_counter()
        self._group = _Group(spec)
        try:
            self._ask("join", spec.setup.device, _PATIENCE_S)
            self._start_s = time.perf_counter() - started
            each = threads.share(default_threads, spec.setup.workers)
            self._ask("build", spec, data, each, clock_origin)
        except BaseException:
            self.close()
            raise

    def _ask(self, name: str, *arguments: Any) -> Any:
        answer, self._state = self._group.ask(name, *arguments)
        return answer

    def warm_up(self, max_seconds: float, worker_start_s: float | None, data_s: float) -> ColdStart:
        """The start is that of its own processes, which are new ones for each job."""
        return super().warm_up(max_seconds, self._start_s, data_s)

    def communicate(self, max_seconds: float) -> Communication:
        found: Communication = self._ask("communicate", max_seconds)
        return found

    def close(self) -> None:
        """End all of its processes."""
        self._group.end()


class _Group:
    """The processes, each with a connection of its own: at the connection's end they end themselves."""

    def __init__(self, spec: RunSpec) -> None:
        self._spec, self._workers = spec, spec.setup.workers
        if sys.platform == "win32":
            raise MeasurementError("workers_not_on_windows")
        _refuse_binding()
        self._lines: list[Connection] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        self._failure: Exception | None = None
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="crossover-")
        except OSError as problem:  # no room for it
            raise self._unstarted(0, problem) from problem
        try:
            for rank in range(self._workers):
                self._start(rank)
        except BaseException:
            self.end()
            raise

    def _start(self, rank: int) -> None:
        """Raises MeasurementError where there is no room for its file, or for one more process."""
        try:
            ours, theirs = Pipe()
            self._lines.append(ours)
            with theirs:
                self._processes.append(self._process(rank, theirs))
        except OSError as problem:
            raise self._unstarted(rank, problem) from problem

    def _unstarted(self, rank: int, problem: OSError) -> MeasurementError:
        return MeasurementError(
            "parallel_worker_failed",
            worker=rank + 1,
            workers=self._workers,
            problem=(problem.strerror or type(problem).__name__)[:_LAST_WORDS],
        )

    def _process(self, rank: int, theirs: Connection) -> subprocess.Popen[bytes]:
        start = f"from core.measure.rank_process import serve; serve({theirs.fileno()}, {self._folder.name!r})"
        with self._said(rank).open("wb") as stderr:
            return subprocess.Popen(
                (sys.executable, "-c", start),  # not -m, which would call our classes __main__
                cwd=_ROOT,
                env={**os.environ, **_variables(rank, self._workers)},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stderr=stderr,
            )

    def _said(self, rank: int) -> Path:
        return Path(self._folder.name) / f"{rank}.stderr"

    def ask(self, name: str, *arguments: Any) -> tuple[Any, State | None]:
        """The first worker's answer, when all have answered. After a failure all are ended."""
        if self._failure is not None:
            raise self._failure
        message = pickle.dumps((name, arguments), pickle.HIGHEST_PROTOCOL)
        for line in self._lines:
            with contextlib.suppress(OSError):  # it is gone: its end of the line says so below
                line.send_bytes(message)
        answers, problems = self._heard()
        if len(answers) < self._workers:
            self._failure = self._explained(problems)
            self.end()
            raise self._failure
        return answers[0]

    def _heard(self) -> tuple[dict[int, tuple[Any, State | None]], dict[int, Exception]]:
        """What each has answered, and what went wrong; who is in neither didn't answer in time."""
        answers: dict[int, tuple[Any, State | None]] = {}
        problems: dict[int, Exception] = {}
        waiting: dict[Any, int] = {line: rank for rank, line in enumerate(self._lines)}
        while waiting:
            # The first may test for long while the others have nothing to do, but not the other way round.
            patience = _GRACE_S if problems else _PATIENCE_S if 0 in answers else None
            ready = connection.wait(list(waiting), patience)
            if not ready:
                break
            for line in ready:
                rank = waiting.pop(line)
                try:
                    kind, answer, state = receive(self._lines[rank])
                except (EOFError, OSError):
                    kind, answer, state = "problem", _Dead(), None
                if kind == "problem":
                    problems[rank] = answer
                else:
                    answers[rank] = answer, state
        return answers, problems

    def _explained(self, problems: dict[int, Exception]) -> Exception:
        """What a reader should know, of what was told: a cause before the complaints that follow from it."""
        setup, batch_size = self._spec.setup, self._spec.workload.batch_size
        told = list(problems.values())
        if full := [problem for problem in told if isinstance(problem, MemoryError)]:
            failure = MeasurementError("out_of_memory", device=setup.device, batch_size=batch_size)
            failure.__cause__ = full[0]
            return failure
        if known := [problem for problem in told if isinstance(problem, CrossoverError)]:
            return known[0]
        if dead := [rank for rank, problem in problems.items() if isinstance(problem, _Dead)]:
            return self._death(dead[0])
        if not told or any("Timed out" in str(problem) or "timeout" in str(problem) for problem in told):
            return self._hang()
        rank, problem = next(iter(problems.items()))
        return MeasurementError(
            "parallel_worker_failed", worker=rank + 1, workers=self._workers, problem=_gist(problem)
        )

    def _death(self, rank: int) -> MeasurementError:
        who = {"worker": rank + 1, "workers": self._workers}
        code = self._processes[rank].wait()
        if code == -signal.SIGKILL:
            return MeasurementError("parallel_worker_killed", **who)
        words = self._said(rank).read_text(errors="replace").strip()
        if _NCCL_WAITED in words:
            return self._hang()
        if not words:
            return MeasurementError("parallel_worker_ended", exit_code=code, **who)
        return MeasurementError("parallel_worker_died", exit_code=code, last_words=words[-_LAST_WORDS:], **who)

    def _hang(self) -> MeasurementError:
        return MeasurementError("parallel_worker_hangs", workers=self._workers, seconds=_PATIENCE_S)

    def end(self) -> None:
        """Whatever they are doing; may be called again."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
        for line in self._lines:
            line.close()
        self._folder.cleanup()


class _Dead(Exception):
    """A worker's line has ended."""


def _gist(problem: Exception) -> str:
    """What an error says first; of NCCL, whose first line is the same for all errors, what it says last."""
    first, _, cause = str(problem).partition("Last error:")
    lines = cause.strip().splitlines() or first.splitlines()
    return (next(iter(lines), "") or type(problem).__name__)[:_LAST_WORDS]


def _refuse_binding() -> None:
    """Raise MeasurementError where every worker would be bound to the same core."""
    asked = {name: os.environ.get(name, "").strip().lower() for name in _BINDING}
    if asked["OMP_PROC_BIND"] == "false":  # the others then have no say
        return
    for name, value in asked.items():
        if value not in ("", "none", "disabled"):
            raise MeasurementError("workers_bound", variable=name)


def _variables(rank: int, workers: int) -> dict[str, str]:
    """What torchrun tells its processes; and that their sockets listen on the loopback interface only."""
    told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": workers, "LOCAL_WORLD_SIZE": workers}
    loopback = _LOOPBACK.get(sys.platform)
    sockets = {f"{name}_SOCKET_IFNAME": loopback for name in ("GLOO", "NCCL", "TP")} if loopback else {}
    return {**{name: str(value) for name, value in told.items()}, **sockets}
