"""From a real run on Compare to its step on Sequence: played, switched, downloaded, on a phone."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.acting import PATIENCE_MS, cancel_button, charts, visit
from tests.browser.conftest import settled
from tests.browser.judging import problems_of, too_wide, violations

PHONE = {"width": 390, "height": 844}
# A page below the root asks for its own health check first; Streamlit's own, and harmless
_PROBING = "/sequence/_stcore/"


@pytest.fixture(scope="module")
def address(walked, browser) -> str:
    """Where the link from a run on Compare leads: to its watched step."""
    context = browser.new_context(locale="en-US")
    context.set_default_timeout(PATIENCE_MS)
    page = visit(context.new_page(), walked.link)
    link = page.get_by_role("link", name=re.compile("One step of it as a sequence"))
    expect(link).to_be_visible()
    link.click()
    expect(page.get_by_role("heading", name="Why it takes that long")).to_be_visible()
    settled(page)
    found = page.url
    context.close()
    return found


def opened(page, address):
    page.goto(address)
    expect(page.get_by_role("heading", name=re.compile("Why it takes that long|为什么"))).to_be_visible()
    expect(charts(page)).to_have_count(1)
    expect(page.locator("[data-testid=stMermaidChart][aria-busy=true]")).to_have_count(0)
    settled(page)
    return page


def test_a_run_can_be_played_and_switched_and_what_is_missing_measured(newcomer, address):
    page = newcomer()
    problems = problems_of(page)
    opened(page, address)
    assert "images=" not in address, "the run had its images on the device"
    expect(page.locator("[aria-current=step]")).to_have_count(0)
    page.get_by_role("button", name="Play").click()
    # by itself; which one is met isn't certain, as each is there for a second only
    expect(page.get_by_text(re.compile(r"^([2-9]|\d\d)\. ")).first).to_be_visible()
    expect(page.locator("[aria-current=step]")).to_have_count(1)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Play")).to_be_visible()

    value = page.get_by_test_id("stMetricValue").first
    warm = value.inner_text()
    page.get_by_test_id("stRadio").get_by_text("cold", exact=True).click()
    expect(page.get_by_text("CPU: the very first step")).to_be_visible()
    expect(value).not_to_have_text(warm)
    expect(page).to_have_url(re.compile("moment=cold"))
    page.get_by_test_id("stRadio").get_by_text("warm", exact=True).click()
    expect(value).to_have_text(warm)

    page.get_by_test_id("stRadio").get_by_text("article's loop", exact=True).click()
    expect(page.get_by_text("next(batches)").first).to_be_visible()
    expect(page.get_by_role("heading", name="What the switches change")).to_be_visible()
    expect(value).not_to_have_text(warm)

    page.get_by_test_id("stRadio").get_by_text("synchronous", exact=True).click()
    expect(page.get_by_text("hasn't been measured yet")).to_be_visible()
    page.get_by_role("button", name="Measure it").click()
    expect(cancel_button(page)).to_be_enabled()
    expect(page).to_have_url(re.compile("job="))
    cancel_button(page).click()
    expect(cancel_button(page)).to_have_count(0)
    expect(page.get_by_role("button", name="Measure it")).to_be_enabled()
    settled(page)
    assert [text for text in problems if _PROBING not in text and "(Not Found)" not in text] == []


def test_the_step_downloads_as_a_trace(newcomer, address):
    page = opened(newcomer(accept_downloads=True), address)
    page.get_by_text("Take it away").click()
    button = page.get_by_role("button", name="Download the steps as a Chrome trace")
    expect(button).to_be_visible()
    with page.expect_download() as waiting:
        button.click()
    document = json.loads(waiting.value.path().read_text(encoding="utf-8"))
    spans = [event for event in document["traceEvents"] if event["ph"] == "X"]
    assert len(spans) > 20
    assert all({"name", "cat", "ts", "dur", "pid", "tid"} <= set(event) for event in spans)


def test_the_keyboard_goes_through_the_messages(newcomer, address):
    page = opened(newcomer(), address)
    slider = page.get_by_role("slider", name="Message")
    slider.focus()
    for message in (r"^1\. You → Python script", r"^2\. "):
        page.keyboard.press("ArrowRight")
        expect(page.get_by_text(re.compile(message))).to_be_visible()
    forward = page.get_by_role("button", name="Forward")
    forward.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile(r"^3\. "))).to_be_visible()


@pytest.mark.parametrize(("scheme", "locale"), [("light", "en-US"), ("dark", "zh-CN")])
def test_a_phone_shows_it_all_and_anyone_can_use_it(newcomer, address, scheme, locale):
    page = newcomer(color_scheme=scheme, viewport=PHONE, locale=locale)
    opened(page, address)
    expect(page.locator("table").first).to_be_attached()
    expect(page.locator("[data-testid=stMermaidChart][aria-busy=true]")).to_have_count(0)
    assert too_wide(page) == []
    edges = page.evaluate("[...document.querySelectorAll('table')].map(t => t.getBoundingClientRect().right)")
    assert max(edges) <= PHONE["width"]
    assert violations(page) == []


def test_the_learn_page_opens_on_a_phone(newcomer, server):
    page = newcomer(viewport=PHONE)
    page.goto(f"{server.url}/learn")
    expect(page.get_by_role("heading", name="The article, corrected")).to_be_visible()
    expect(page.get_by_role("heading", name="Predict, then run")).to_be_visible()
    settled(page)
    assert too_wide(page) == []
    assert violations(page) == []
