"""A real server, its real worker and a real browser for the tests in this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from scripts.browser import find
from tests.browser.acting import PATIENCE_MS, Walk, from_the_controls_to_an_answer
from tests.browser.servers import Server

_HERE = Path(__file__).resolve().parent
_LOGS = pytest.StashKey[list[Path]]()


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
        pages[-1].set_default_timeout(PATIENCE_MS)
        return pages[-1]

    yield come
    for page in pages:  # what a test that failed has left running would keep the next one waiting
        cancel = page.get_by_role("button", name="Cancel", exact=True)
        if cancel.count():
            cancel.first.click()
            expect(cancel).to_have_count(0)


@pytest.fixture(scope="session")
def start_server(request, tmp_path_factory) -> Iterator[Callable[..., Server]]:
    """Starts a server, one with so many `gpus` of a fake if asked for; all are stopped at the end."""
    logs = request.config.stash.setdefault(_LOGS, [])
    servers: list[Server] = []

    def start(gpus: int | None = None, cluster: str = "") -> Server:
        server = Server(tmp_path_factory.mktemp("dashboard"), gpus, cluster)
        servers.append(server)
        logs.append(server.log)
        server.start()
        return server

    yield start
    for server in servers:
        server.terminate()  # all together, as each takes some seconds
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def server(start_server) -> Server:
    """The server that most tests share."""
    return start_server()


@pytest.fixture(scope="session")
def one_gpu(start_server) -> Server:
    """A server on a machine with one GPU, of a fake that torch knows nothing of."""
    return start_server(gpus=1)


@pytest.fixture(scope="session")
def walked(server, browser) -> Walk:
    """The way from the controls to an answer, gone once: what it measured is what all tests look at."""
    context = browser.new_context(locale="en-US")
    context.set_default_timeout(PATIENCE_MS)
    walk = from_the_controls_to_an_answer(context.new_page(), server.url)
    context.close()
    return walk


def settled(page: Page) -> None:
    """Wait until the page is connected, its script has finished and no exception is shown.

    Assert on the content an action brings before calling this: the state needs a moment to leave
    `notRunning`. On a page that refreshes itself wait for content only.
    """
    app = page.get_by_test_id("stApp")
    expect(app).to_have_attribute("data-test-connection-state", "CONNECTED")
    expect(app).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.get_by_test_id("stException")).to_have_count(0)


def pytest_configure(config):
    """Nothing is given up sooner because the machine is busy; what a failed test showed is in test-results/."""
    expect.set_options(timeout=PATIENCE_MS)
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
