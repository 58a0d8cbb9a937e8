"""A real server, its real worker and a real browser for the tests in this folder."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from scripts.browser import find

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parents[1]
_LOGS = pytest.StashKey[list[Path]]()


class Server:
    """A dashboard on a free port, with folders of its own; it can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.log = folder, folder / "server.log"
        self.database = f"sqlite:///{folder / 'data' / 'crossover.sqlite3'}"
        self.recordings = folder / "recordings"  # none, unless a test puts one there
        self._port = _free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        temporary = self._folder / "tmp"  # the lock for measuring is there: nobody else's run is in the way
        temporary.mkdir(exist_ok=True)
        own = {"CROSSOVER_DATA_DIR": str(self._folder / "data"), "TMPDIR": str(temporary)}
        own["CROSSOVER_RECORDINGS_DIR"] = str(self.recordings)
        command = [sys.executable, "-m", "streamlit", "run", "dashboard.py", f"--server.port={self._port}"]
        with self.log.open("ab") as sink:
            self._process = subprocess.Popen(
                [*command, "--server.address=127.0.0.1"],
                cwd=_ROOT,
                env={**os.environ, **own},
                stdout=sink,
                stderr=subprocess.STDOUT,
            )
        self._wait_until_healthy(self._process)

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
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


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    """Drive the browser that `make test` found. Playwright starts it without the sandbox that root lacks."""
    arguments = {**browser_type_launch_args, "args": ["--disable-background-networking", "--disable-gpu"]}
    if path := find():
        arguments["executable_path"] = path
    return arguments


@pytest.fixture
def newcomer(new_context) -> Iterator[Callable[..., Page]]:
    """A page in a browser of its own, with Playwright's options for a context; English by default."""

    pages: list[Page] = []

    def come(**options: object) -> Page:
        pages.append(new_context(**{"locale": "en-US", **options}).new_page())
        return pages[-1]

    yield come
    for page in pages:  # what a test that failed has left running would keep the next one waiting
        cancel = page.get_by_role("button", name="Cancel", exact=True)
        if cancel.count():
            cancel.first.click()
            expect(cancel).to_have_count(0)


@pytest.fixture(scope="session")
def start_server(request, tmp_path_factory) -> Iterator[Callable[[], Server]]:
    """Starts a server; all are stopped at the end."""
    logs = request.config.stash.setdefault(_LOGS, [])
    servers: list[Server] = []

    def start() -> Server:
        server = Server(tmp_path_factory.mktemp("dashboard"))
        servers.append(server)
        logs.append(server.log)
        server.start()
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def server(start_server) -> Server:
    """The server that most tests share."""
    return start_server()


@pytest.fixture(scope="session")
def app_url(server) -> str:
    return server.url


def settled(page: Page) -> None:
    """Wait until the page is connected, its script has finished and no exception is shown.

    Assert on the content an action brings before calling this: the state needs a moment to leave
    `notRunning`. On a page that refreshes itself wait for content only.
    """
    app = page.get_by_test_id("stApp")
    expect(app).to_have_attribute("data-test-connection-state", "CONNECTED", timeout=20_000)
    expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=60_000)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def pytest_configure(config):
    """Where a browser test fails, what the browser showed is kept in test-results/."""
    if config.getoption("--screenshot", "off") == "off":
        config.option.screenshot = "only-on-failure"


def pytest_collection_modifyitems(items):
    """Browser tests last: Playwright leaves an event loop in this thread, and asyncio.run refuses a second."""
    items.sort(key=lambda item: item.path.is_relative_to(_HERE))
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker("browser")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if report.failed:
        for log in item.config.stash.get(_LOGS, []):
            report.sections.append(("dashboard's log", log.read_text(errors="replace")[-8000:]))
    return report


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
