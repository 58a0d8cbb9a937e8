"""A peer as the benchmark sees it: a process that is given orders and answers. It must not know any library."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.servers import ROOT

_PATIENCE_S = 300.0  # compiling takes long; nothing takes this long
_STOPPING_S = 10.0
_REST_S = 0.05  # threads of the one before may look for more work for a while before they sleep


class GoneError(Exception):
    """The peer can't be measured; the message says why."""


class Process:
    """A peer at work. It is started by its first order, and again by the next one after it has died."""

    def __init__(self, command: Sequence[str], folder: Path, patience_s: float = _PATIENCE_S) -> None:
        """`folder` takes what it says on standard error, and the caches of its libraries."""
        self._command, self._folder, self._patience_s = list(command), folder, patience_s
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str | None] = queue.Queue()
        self.version: str | None = None  # its own words; None: it has never started

    def start(self) -> None:
        """Start it and don't wait for it. Raises GoneError where there is no such program."""
        self._folder.mkdir(exist_ok=True)
        caches = {"KERAS_HOME": str(self._folder), "XDG_CACHE_HOME": str(self._folder)}
        try:
            with self._log.open("wb") as log:
                process = subprocess.Popen(
                    self._command,
                    cwd=ROOT,
                    env=os.environ | caches,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    encoding="utf-8",
                )
        except OSError as problem:
            raise GoneError(f"{self._command[0]} can't be started: {problem.strerror}") from problem
        self._process, self._answers, self.version = process, queue.Queue(), None
        threading.Thread(target=_keep, args=(process, self._answers), daemon=True).start()

    def prepare(self, model: str, batch: int, setup: str = "") -> str:
        """Let it build and warm up a training; how it trains, in its own words. Raises GoneError."""
        if self._process is None:
            self.start()
        if self.version is None:
            self.version = str(self._answer()["ready"])
        return str(self._ask(f"prepare {model} {batch} {setup}".rstrip())["ready"])

    def rate(self, seconds: float) -> float:
        """Images per second of a turn of about that time, with what is prepared. Raises GoneError."""
        time.sleep(_REST_S)
        answer = self._ask(f"go {seconds}")
        return float(answer["images"]) / float(answer["seconds"])

    def dismiss(self) -> None:
        """Tell it that there is no more to do, if it runs; it ends by itself."""
        if self._process is not None:
            assert self._process.stdin is not None
            with contextlib.suppress(OSError):  # an order that it never read
                self._process.stdin.close()

    def close(self, patience_s: float = _STOPPING_S) -> None:
        """End it, if it runs."""
        self.dismiss()
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @property
    def _log(self) -> Path:
        return self._folder / "stderr.txt"

    def _ask(self, order: str) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it is dead: `_answer` says why
            self._process.stdin.write(f"{order}\n")
            self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process is not None
        try:
            line = self._answers.get(timeout=self._patience_s)
        except queue.Empty:
            self.close(patience_s=0.0)
            raise GoneError(f"no answer within {self._patience_s:g} s") from None
        if line is None:
            code = self._process.wait()
            self.close()
            raise GoneError(_last_words(self._log) or f"ended with exit code {code}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def _keep(process: subprocess.Popen[str], answers: queue.Queue[str | None]) -> None:
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            answers.put(line)
    answers.put(None)


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
