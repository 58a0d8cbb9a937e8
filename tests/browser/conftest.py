"""A real server and a real browser for the tests in this folder."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from scripts.browser import find

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parents[1]
_LOG = pytest.StashKey[Path]()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    """Drive the browser that `make test` found. Playwright starts it without the sandbox that root lacks."""
    arguments = {**browser_type_launch_args, "args": ["--disable-background-networking", "--disable-gpu"]}
    if path := find():
        arguments["executable_path"] = path
    return arguments


@pytest.fixture(scope="session")
def app_url(request, tmp_path_factory):
    """The address of a dashboard of its own: free port, empty data folder, stopped at the end."""
    folder = tmp_path_factory.mktemp("dashboard")
    request.config.stash[_LOG] = log = folder / "server.log"
    port = _free_port()
    command = [sys.executable, "-m", "streamlit", "run", "dashboard.py", f"--server.port={port}"]
    environment = {**os.environ, "CROSSOVER_DATA_DIR": str(folder / "data")}
    with log.open("wb") as sink:
        server = subprocess.Popen(
            [*command, "--server.address=127.0.0.1"],
            cwd=_ROOT,
            env=environment,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_healthy(server, url := f"http://127.0.0.1:{port}", log)
        yield url
    finally:
        _stop(server)


def settled(page: Page) -> None:
    """Wait until the page is connected, its script has finished and no exception is shown.

    Assert on the content an action brings before calling this: the state needs a moment to leave
    `notRunning`. On a page that refreshes itself wait for content only.
    """
    app = page.get_by_test_id("stApp")
    expect(app).to_have_attribute("data-test-connection-state", "CONNECTED", timeout=20_000)
    expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=60_000)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def pytest_collection_modifyitems(items):
    """Browser tests last: Playwright leaves an event loop in this thread, and asyncio.run refuses a second."""
    items.sort(key=lambda item: item.path.is_relative_to(_HERE))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    log = item.config.stash.get(_LOG, None)
    if report.failed and log:
        report.sections.append(("dashboard's log", log.read_text(errors="replace")[-8000:]))
    return report


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_until_healthy(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    for _ in range(600):
        try:
            server.wait(0.1)
        except subprocess.TimeoutExpired:
            if _healthy(url):
                return
        else:
            break
    pytest.fail(f"The dashboard didn't start:\n{log.read_text(errors='replace')}")


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1) as answer:
            return answer.read() == b"ok"
    except OSError:
        return False


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(15)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
