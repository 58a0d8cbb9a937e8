"""A dashboard for the tests in this folder: a process of its own, on a free port, with folders of its own."""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

_ROOT = Path(__file__).resolve().parents[2]


class Server:
    """A dashboard that can be killed and started again; with `gpus`: on a machine with so many, of a fake;
    with `cluster`: its owner's other machines, by their address."""

    def __init__(self, folder: Path, gpus: int | None = None, cluster: str = "") -> None:
        self._folder, self._gpus, self._cluster, self.log = folder, gpus, cluster, folder / "server.log"
        self.database = f"sqlite:///{folder / 'data' / 'crossover.sqlite3'}"
        self.recordings = folder / "recordings"  # none, unless a test puts one there
        self._port = _free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        temporary = self._folder / "tmp"  # the lock for measuring is there: nobody else's run is in the way
        temporary.mkdir(exist_ok=True)
        own = {"CROSSOVER_DATA_DIR": str(self._folder / "data"), "TMPDIR": str(temporary)}
        own |= {"CROSSOVER_RECORDINGS_DIR": str(self.recordings), "CROSSOVER_CLUSTER": self._cluster}
        module = ["streamlit"]
        if self._gpus is not None:
            module = ["tests.browser.fake_gpus", str(self._gpus), str(self._lost)]
        command = [sys.executable, "-m", *module, "run", "dashboard.py", f"--server.port={self._port}"]
        with self.log.open("ab") as sink:
            self._process = subprocess.Popen(
                [*command, "--server.address=127.0.0.1"],
                cwd=_ROOT,
                env={**os.environ, **own},
                stdout=sink,
                stderr=subprocess.STDOUT,
            )
        self._wait_until_healthy(self._process)

    def terminate(self) -> None:
        """Ask it to end; `stop` waits until it has."""
        if self._process is not None:
            self._process.terminate()

    def stop(self) -> None:
        if self._process is None:
            return
        self.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        """As `kill -9`, or a machine out of memory, would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def worker(self) -> psutil.Process:
        """The measuring process."""
        assert self._process is not None
        children = psutil.Process(self._process.pid).children()
        [worker] = [child for child in children if "core.measure" in child.cmdline()]
        return worker

    def lose(self, gpus: Sequence[int]) -> None:
        """Let exactly these of the fake's GPUs be off the bus from now on; the others are (back) on it."""
        part = self._lost.with_suffix(".part")
        part.write_text(json.dumps(list(gpus)))
        part.replace(self._lost)

    @property
    def _lost(self) -> Path:
        return self._folder / "lost.json"

    def _wait_until_healthy(self, process: subprocess.Popen[bytes]) -> None:
        for _ in range(600):
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                if self._healthy():
                    return
            else:
                break
        pytest.fail(f"The dashboard didn't start:\n{self.log.read_text(errors='replace')}")

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1) as answer:
                return answer.read() == b"ok"
        except OSError:
            return False


def _free_port() -> int:
    """One below those that a system hands out, as nobody is given it before the server has it."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
