"""What a person does on the Compare page, and what they wait for."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

# The smallest sound job: images made on the spot, a second of measuring; and one that lasts for minutes
TINY = "?dataset=synthetic:1x8x8,classes=4,images=4096&batch_size=1024&epochs=1&max_seconds=1"
ENDLESS = "?dataset=synthetic:1x8x8,classes=4,images=65536&batch_size=1024&epochs=1000&max_seconds=600"
PATIENCE_MS = 90_000  # a busy machine

_MEASURING = """() =>
    [...document.querySelectorAll('button')].some(button => button.innerText.includes('Cancel')) &&
    [...document.querySelectorAll('[data-testid=stMetricValue]')].some(
        rate => /\\d images\\/s/.test(rate.innerText))
"""


def visit(page: Page, url: str) -> Page:
    """Open a link, up to the moment when the devices are known."""
    page.goto(url)
    expect(run_button(page)).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("Looking for GPUs")).to_have_count(0, timeout=PATIENCE_MS)
    return page


def run_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Run", exact=True)


def cancel_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Cancel", exact=True)


def press_run(page: Page) -> None:
    expect(run_button(page)).to_be_enabled(timeout=PATIENCE_MS)
    run_button(page).click()
    expect(page).to_have_url(re.compile(r"[?&]job="), timeout=PATIENCE_MS)


def wait_for_measuring(page: Page) -> None:
    """Until a rate is shown while the run can still be cancelled."""
    page.wait_for_function(_MEASURING, timeout=PATIENCE_MS)


def answer(page: Page) -> Locator:
    """The verdict."""
    return page.get_by_role("heading", level=2)


def charts(page: Page) -> Locator:
    """Those that are drawn."""
    return page.locator(".js-plotly-plot")


def job_of(page: Page) -> str:
    found = re.search(r"[?&]job=(\w+)", page.url)
    assert found, page.url
    return found[1]
