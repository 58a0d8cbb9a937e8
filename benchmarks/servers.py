"""A Streamlit server of the benchmark's own: free port on loopback, own data folder, own temporary folder."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import psutil

from benchmarks.pairing import BrokenError

ROOT = Path(__file__).resolve().parents[1]
DASHBOARD = ROOT / "dashboard.py"
EMPTY = ROOT / "benchmarks" / "empty_app.py"
_PATIENCE_S = 120.0
_LOOK_EVERY_S = 0.005
_STOPPING_S = 20.0
_NONE: Mapping[str, str] = MappingProxyType({})


class Server:
    """A running server. `start_s`: from its process's start to the first answer of its health check."""

    def __init__(
        self, script: Path, folder: Path, options: Sequence[str] = (), variables: Mapping[str, str] = _NONE
    ) -> None:
        self._folder, self._script, self.port = folder, script, _free_port()
        self._log = folder / "server.log"
        command = [sys.executable, "-m", "benchmarks.launcher", "run", str(script)]
        started = time.perf_counter()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, f"--server.port={self.port}", "--server.address=127.0.0.1", *options],
                cwd=ROOT,  # where .streamlit/config.toml is: the same settings for every script
                env=_environment(folder) | variables,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait_until_healthy(started)
        except BaseException:
            self.stop()
            raise
        self.start_s = time.perf_counter() - started

    @property
    def database(self) -> Path:
        """The file in which the dashboard keeps its results."""
        return self._folder / "data" / "crossover.sqlite3"

    def memory_bytes(self) -> int:
        """Resident memory of the server process alone."""
        return int(psutil.Process(self._process.pid).memory_info().rss)

    def children_bytes(self) -> int:
        """Resident memory of the processes that it started."""
        children = psutil.Process(self._process.pid).children(recursive=True)
        return sum(child.memory_info().rss for child in children)

    def modules(self) -> frozenset[str]:
        """The names of the modules that the server process has imported so far."""
        return frozenset(self._asked(signal.SIGUSR1, "modules.txt").read_text().split())

    def tidy(self) -> None:
        """Have the server process collect garbage and hand unused memory back to the system."""
        self._asked(signal.SIGUSR2, "tidied")

    def mapped_files(self) -> tuple[str, ...]:
        """The paths of the files mapped into the server process's memory; () where the system doesn't tell."""
        if not Path("/proc/self/maps").exists():
            return ()
        return tuple(item.path for item in psutil.Process(self._process.pid).memory_maps())

    def stop(self) -> None:
        """End the server and make sure that its worker is gone with it. May be called again."""
        children = []
        with contextlib.suppress(psutil.NoSuchProcess):
            children = psutil.Process(self._process.pid).children(recursive=True)
        self._process.terminate()
        try:
            self._process.wait(_STOPPING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for child in psutil.wait_procs(children, timeout=5)[1]:
            child.kill()

    def _asked(self, what: signal.Signals, answer: str) -> Path:
        """The file that the launcher makes when it is asked for something."""
        file = self._folder / answer
        file.unlink(missing_ok=True)
        os.kill(self._process.pid, what)
        until = time.monotonic() + _PATIENCE_S
        while not file.exists():
            if time.monotonic() > until:
                raise BrokenError(f"the server doesn't answer {what.name}")
            time.sleep(_LOOK_EVERY_S)
        return file

    def _wait_until_healthy(self, started: float) -> None:
        while not _healthy(self.port):
            if self._process.poll() is not None or time.perf_counter() - started > _PATIENCE_S:
                log = self._log.read_text(errors="replace")[-4000:]
                raise BrokenError(f"{self._script.name} didn't start:\n{log}")
            time.sleep(_LOOK_EVERY_S)


@contextlib.contextmanager
def serving(
    script: Path,
    folder: Path,
    database: Path | None = None,
    options: Sequence[str] = (),
    variables: Mapping[str, str] = _NONE,
) -> Iterator[Server]:
    """A server for as long as the block lasts, with a data folder of its own.

    Prepared images are shared by all servers of a `folder`. `database` is copied into the data folder.
    `options` are Streamlit's, `variables` the environment's.
    """
    own = Path(tempfile.mkdtemp(prefix="server-", dir=folder))
    data, datasets = own / "data", folder / "datasets"
    data.mkdir()
    datasets.mkdir(exist_ok=True)
    (data / "datasets").symlink_to(datasets, target_is_directory=True)
    if database is not None:
        shutil.copy(database, data / "crossover.sqlite3")
    server = Server(script, own, options, variables)
    try:
        yield server
    finally:
        server.stop()


def _environment(folder: Path) -> dict[str, str]:
    foreign = ("DATABASE_URL", "LANGUAGE")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in foreign and not name.startswith(("STREAMLIT_", "CROSSOVER_"))
    }
    temporary, recordings = folder / "tmp", folder / "recordings"
    for place in (temporary, recordings):
        place.mkdir(exist_ok=True)
    return kept | {
        "CROSSOVER_DATA_DIR": str(folder / "data"),
        "CROSSOVER_RECORDINGS_DIR": str(
            recordings
        ),  # what is shipped grows; the page measured here stays the same
        "TMPDIR": str(temporary),  # the machine lock lies there: nobody else's measurement is waited for
        "BENCHMARK_FOLDER": str(folder),
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/_stcore/health")
        return connection.getresponse().read() == b"ok"
    except OSError:
        return False
    finally:
        connection.close()
