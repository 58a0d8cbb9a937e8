"""What a person does on the Compare page, and what they wait for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

from tests.browser.judging import problems_of

# One thread beside the browser's own; two setups, so that there is a ratio, and both data paths to look at
_SETUPS = "devices=cpu/1&data_paths=resident,loader"
# The smallest sound job: images made on the spot, a second of measuring; and one that lasts for minutes
_TINY = f"?dataset=synthetic:1x8x8,classes=4,images=4096&max_seconds=1&{_SETUPS}"
ENDLESS = (
    f"?dataset=synthetic:1x8x8,classes=4,images=65536&batch_size=1024&epochs=1000&max_seconds=600&{_SETUPS}"
)
PATIENCE_MS = 90_000  # a busy machine
VERDICT = re.compile(r"trains this .*× faster than|No reliable difference|No speed-up is given")

_MEASURING = """() =>
    [...document.querySelectorAll('button')].some(button => button.innerText.includes('Cancel')) &&
    [...document.querySelectorAll('[data-testid=stMetricValue]')].some(
        rate => /\\d images\\/s/.test(rate.innerText))
"""


@dataclass(frozen=True)
class Walk:
    """A run by hand: the link to it, its verdict, and what went wrong in the browser meanwhile."""

    link: str
    answer: str
    problems: list[str]


def from_the_controls_to_an_answer(page: Page, url: str) -> Walk:
    """Set the controls by keyboard, press Run, and wait for the verdict.

    The measuring is over too soon to be met for certain; runs that last show it.
    """
    problems = problems_of(page)
    visit(page, f"{url}/{_TINY}")
    batch, epochs = (page.get_by_role("slider", name=name) for name in ("Batch size", "Epochs"))
    for size in (128, 256, 512, 1024):
        batch.press("ArrowRight")
        expect(page.get_by_text(f", batch {size}, 3 epochs")).to_be_visible()
    epochs.press("ArrowLeft")
    expect(page.get_by_text(", batch 1024, 2 epochs")).to_be_visible()
    press_run(page)
    expect(answer(page)).to_have_text(VERDICT)
    expect(cancel_button(page)).to_have_count(0)
    expect(charts(page)).to_have_count(5)  # all but the accuracy, which made images lack
    return Walk(page.url, answer(page).inner_text(), problems)


def visit(page: Page, url: str) -> Page:
    """Open a link, up to the moment when the devices are known."""
    page.goto(url)
    expect(run_button(page)).to_be_visible()
    expect(page.get_by_text("Looking for GPUs")).to_have_count(0)
    return page


def run_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Run", exact=True)


def cancel_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Cancel", exact=True)


def press_run(page: Page) -> None:
    expect(run_button(page)).to_be_enabled()
    run_button(page).click()
    expect(page).to_have_url(re.compile(r"[?&]job="))


def wait_for_measuring(page: Page) -> None:
    """Until a rate is shown while the run can still be cancelled."""
    page.wait_for_function(_MEASURING)


def answer(page: Page) -> Locator:
    """The verdict."""
    return page.get_by_role("heading", level=2)


def charts(page: Page) -> Locator:
    """Those that are drawn."""
    return page.locator(".js-plotly-plot")


def job_of(url: str) -> str:
    found = re.search(r"[?&]job=(\w+)", url)
    assert found, url
    return found[1]
