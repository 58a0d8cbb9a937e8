"""A setup in a process of its own, for what is decided when a process starts: allocator, cores, MKL's path.

`Apart` stands in for a Trainee: it takes the same calls and passes them on. The two processes never work at
once, as its caller waits for each answer.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

import torch

from core.errors import CrossoverError, MeasurementError
from core.hardware.system import cpuinfo
from core.measure.data import Prepared
from core.measure.trainee import Progress, Trainee
from core.records import (
    Anatomy,
    Block,
    ColdStart,
    EpochRecord,
    LessonTrial,
    Limits,
    Memory,
    Note,
    RunSpec,
    Setup,
    ThreadTrial,
    Trace,
)

_ROOT = Path(__file__).resolve().parents[2]
# glibc gives pages of large blocks back at each free and has them filled with zeros again at the next use
_KEEP_PAGES = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
    "MALLOC_TOP_PAD_": str(64 << 20),
}
_BIND_THREADS = {"OMP_PROC_BIND": "true"}
# MKL asks this function of its own whether the processor is Intel's, and takes its best path only then
_SHIM = "int mkl_serv_intel_cpu_true(void) { return 1; }\n"


def needed(setup: Setup) -> bool:
    """Whether a setup asks for something that only a new process can have."""
    return setup.products == "mkl_fast" or setup.keep_pages or setup.bind_threads


@dataclass(frozen=True, slots=True)
class State:
    """What `core.measure.job` reads of a trainee between two calls."""

    progress: Progress
    step_s: float | None
    threads: int
    thread_trials: tuple[ThreadTrial, ...]
    first_losses: list[float]
    memory: Memory | None
    steps_per_epoch: int
    parameters: int
    input_shape: tuple[int, int, int]
    epoch_complete: bool
    epochs_done: bool

    @classmethod
    def of(cls, trainee: Trainee) -> State:
        memory, step_s = getattr(trainee, "memory", None), getattr(trainee, "step_s", None)
        names = [name for name in cls.__slots__ if name not in ("memory", "step_s")]
        return cls(memory=memory, step_s=step_s, **{name: getattr(trainee, name) for name in names})


class _Host:
    """One process with an environment of its own, for all setups that ask for the same.

    It outlives a job, because the next one often asks for the same and starting takes seconds: `keep` ends it.
    """

    def __init__(self, setup: Setup) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="crossover-")
        environment = {**os.environ, **_variables(setup, Path(self._folder.name))}
        self._line, theirs = Pipe()
        start = f"from core.measure.apart import serve; serve({theirs.fileno()}, {self._folder.name!r})"
        command = (sys.executable, "-c", start)  # not -m, which would call our classes __main__
        self._process = subprocess.Popen(
            command, cwd=_ROOT, env=environment, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
        )
        theirs.close()
        self._sent: Prepared | None = None

    def ask(self, guest: int, name: str, *arguments: Any) -> tuple[Any, State | None]:
        try:
            send(self._line, (guest, name, arguments))
            kind, answer, state = receive(self._line)
        except (EOFError, OSError) as problem:
            self.close()
            raise MeasurementError("apart_died", exit_code=self._process.returncode) from problem
        if kind == "problem":
            raise answer
        return answer, state

    def settle(self, guest: int, data: Prepared, *arguments: Any) -> State | None:
        """Build a trainee; the images, which may be many, are sent once."""
        news = None if data is self._sent else data
        _, state = self.ask(guest, "build", news, *arguments)
        self._sent = data
        return state

    def forget(self, guest: int) -> None:
        """Nothing this trainee holds is needed any more."""
        self._sent = None
        with contextlib.suppress(MeasurementError):  # it is gone already, and so is all that it held
            self.ask(guest, "forget")

    def close(self) -> None:
        for key in [key for key, host in _hosts.items() if host is self]:
            del _hosts[key]
        self._line.close()
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()


_Key = tuple[bool, bool, bool]
_hosts: dict[_Key, _Host] = {}


def _key(setup: Setup) -> _Key:
    return setup.products == "mkl_fast", setup.keep_pages, setup.bind_threads


def keep(setups: Iterable[Setup]) -> None:
    """End the processes that none of these setups needs."""
    wanted = {_key(setup) for setup in setups}
    for key, host in list(_hosts.items()):
        if key not in wanted:
            host.close()


class Apart:
    """A Trainee elsewhere. Raises what it raises; MeasurementError where the process can't be had or dies."""

    def __init__(self, spec: RunSpec, data: Prepared, default_threads: int, clock_origin: float) -> None:
        self.spec, self.data = spec, data
        key = _key(spec.setup)
        if key not in _hosts:
            _hosts[key] = _Host(spec.setup)
        self._host, self._guest = _hosts[key], id(self)
        self._state: State | None = None
        try:
            self._state = self._host.settle(self._guest, data, spec, default_threads, clock_origin)
        except BaseException:
            self.close()
            raise

    def _ask(self, name: str, *arguments: Any) -> Any:
        answer, self._state = self._host.ask(self._guest, name, *arguments)
        return answer

    def __getattr__(self, name: str) -> Any:
        """A reading of the trainee's state, as it was after the last call."""
        state = self.__dict__.get("_state")
        if state is None or name not in State.__slots__:
            raise AttributeError(name)
        return getattr(state, name)

    def warm_up(self, max_seconds: float, worker_start_s: float | None, data_s: float) -> ColdStart:
        cold: ColdStart = self._ask("warm_up", max_seconds, worker_start_s, data_s)
        return cold

    def block(self, seconds: float, lead_in: float) -> tuple[Block, list[float]]:
        found: tuple[Block, list[float]] = self._ask("block", seconds, lead_in)
        return found

    def end_epoch(self, max_evaluation_s: float) -> EpochRecord | None:
        record: EpochRecord | None = self._ask("end_epoch", max_evaluation_s)
        return record

    def take_notes(self) -> list[Note]:
        notes: list[Note] = self._ask("take_notes")
        return notes

    def dissect(self, max_seconds: float) -> Anatomy | None:
        anatomy: Anatomy | None = self._ask("dissect", max_seconds)
        return anatomy

    def limits(self) -> Limits:
        found: Limits = self._ask("limits")
        return found

    def watch(self, max_seconds: float) -> Trace:
        trace: Trace = self._ask("watch", max_seconds)
        return trace

    def try_lessons(self, max_seconds: float) -> tuple[LessonTrial, ...]:
        trials: tuple[LessonTrial, ...] = self._ask("try_lessons", max_seconds)
        return trials

    def close(self) -> None:
        """Nothing it holds is needed any more."""
        self._host.forget(self._guest)


def _variables(setup: Setup, folder: Path) -> dict[str, str]:
    """The environment that a setup asks for. Raises MeasurementError where it can't be had here."""
    if sys.platform != "linux":
        raise MeasurementError("linux_only")
    variables: dict[str, str] = {}
    if setup.keep_pages:
        variables |= _KEEP_PAGES
    if setup.bind_threads:
        variables |= _BIND_THREADS
    if setup.products == "mkl_fast":
        before = os.environ.get("LD_PRELOAD", "")
        variables["LD_PRELOAD"] = ":".join(filter(None, (str(_shim(folder)), before)))
    return variables


def _shim(folder: Path) -> Path:
    """A library whose only function takes the place of MKL's own (pytorch/builder#1245)."""
    blas = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())
    if blas is None or blas[1] != "mkl":
        raise MeasurementError("mkl_absent", blas=blas[1] if blas else "unknown")
    if cpuinfo(Path("/")).get("vendor_id") == "GenuineIntel":
        raise MeasurementError("mkl_already_fast")
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        raise MeasurementError("no_shim_compiler")
    source, library = folder / "shim.c", folder / "libcrossover-shim.so"
    source.write_text(_SHIM)
    done = subprocess.run(
        (compiler, "-shared", "-fPIC", "-O2", "-o", library, source),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise MeasurementError("shim_failed", problem=done.stderr.strip()[:300])
    return library


def send(line: Connection, message: Any) -> None:
    # Plain pickling: a Connection's own would share tensors' memory through a server that knows relatives only.
    line.send_bytes(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))


def receive(line: Connection) -> Any:
    return pickle.loads(line.recv_bytes())  # noqa: S301 - from our own child or parent


# --- the other process ---------------------------------------------------------------------------


def serve(descriptor: int, folder: str) -> None:
    """Answer calls that come over an inherited connection until its other end is closed.

    `folder` is removed then: whoever made it may be gone without a word.
    """
    os.dup2(2, 1)  # the worker's standard output is for its events
    line = Connection(descriptor)
    trainees: dict[int, Trainee] = {}
    known: Prepared | None = None
    for guest, name, arguments in _calls(line):
        try:
            answer = None
            if name == "build":
                data, spec, default_threads, clock_origin = arguments
                known = data or known
                assert known is not None
                trainees[guest] = Trainee(spec, known, default_threads, clock_origin)
            elif name == "forget":
                known = None
                if guest in trainees:
                    trainees.pop(guest).close()
                gc.collect()
            else:
                answer = getattr(trainees[guest], name)(*arguments)
            kind = "answer"
        except (RuntimeError, MemoryError, ValueError, CrossoverError) as problem:
            kind, answer = "problem", _portable(problem)
        send(line, (kind, answer, State.of(trainees[guest]) if guest in trainees else None))
    shutil.rmtree(folder, ignore_errors=True)


def _calls(line: Connection) -> Iterator[tuple[int, str, tuple[Any, ...]]]:
    with contextlib.suppress(EOFError):
        while True:
            guest, name, arguments = receive(line)
            yield guest, name, arguments


def _portable(problem: Exception) -> Exception:
    """The error for the other process: not every class of torch's survives the way."""
    return problem if isinstance(problem, (CrossoverError, MemoryError)) else RuntimeError(str(problem))
