"""The Crossover page as it stands in a browser: its answer, its width on a phone, and who can use it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from core.records import Setup
from core.runs.queue.keeping import Keeper
from core.runs.store import Store
from tests.browser.acting import charts
from tests.browser.conftest import settled
from tests.browser.judging import problems_of, too_wide, violations
from tests.sweeps import make_grid
from tests.workers import make_strong, make_weak

PHONE = {"width": 390, "height": 844}
_PROBING = "/crossover/_stcore/"  # Streamlit asks below the page's path first, and then at the top


@pytest.fixture(scope="module")
def swept(start_server):
    """A server with two lines that cross, of two models."""
    server = start_server()
    store = Store(server.database)
    for model in ("mlp", "mlp_64"):
        Keeper(store).results(make_grid(2e-4, 10e-6, Setup(threads=1), model=model))
        Keeper(store).results(make_grid(12e-4, 5e-6, Setup(), model=model))
    Keeper(store).results(make_strong({1: 0.1, 2: 0.058, 4: 0.035}, waiting=0.12))
    Keeper(store).results(make_weak({2: 0.11, 4: 0.12}, waiting=0.1))
    Keeper(store).results(make_strong({1: 0.06}, threads=4, job="job-one"))
    store.close()
    return server


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_all_and_anyone_can_use_it(newcomer, swept, scheme):
    page = newcomer(color_scheme=scheme, viewport=PHONE)
    problems = problems_of(page)
    page.goto(f"{swept.url}/crossover")
    expect(page.get_by_role("heading", name="From a batch size of")).to_be_visible()
    expect(charts(page)).to_have_count(4)
    expect(page.get_by_text("Looking for GPUs")).to_have_count(0)
    page.get_by_text("How well do the lines describe it").click()
    expect(page.locator("table")).to_have_count(2)
    page.get_by_text("Take it away").click()
    expect(page.get_by_text("The same without a browser")).to_be_visible()
    settled(page)
    assert too_wide(page) == []
    edges = page.evaluate("[...document.querySelectorAll('table')].map(t => t.getBoundingClientRect().right)")
    assert max(edges) <= PHONE["width"]
    assert violations(page) == []
    assert [text for text in problems if _PROBING not in text and "(Not Found)" not in text] == []


def test_several_devices_fit_on_a_phone_and_anyone_can_use_them(newcomer, swept):
    page = newcomer(color_scheme="dark", viewport=PHONE)
    problems = problems_of(page)
    page.goto(f"{swept.url}/crossover?view=scaling")
    expect(page.get_by_role("heading", name="4 workers: 2.85")).to_be_visible()
    expect(charts(page)).to_have_count(3)
    expect(page.get_by_text("Looking for GPUs")).to_have_count(0)
    settled(page)
    assert too_wide(page) == []
    edges = page.evaluate("[...document.querySelectorAll('table')].map(t => t.getBoundingClientRect().right)")
    assert max(edges) <= PHONE["width"]
    assert violations(page) == []
    assert [text for text in problems if _PROBING not in text and "(Not Found)" not in text] == []
