"""The Monitor page in a browser: live, without a GPU and with up to eight, on a phone, for anyone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from core.messages import sentence
from tests.browser.conftest import settled
from tests.browser.judging import problems_of, too_wide, violations

PHONE = {"width": 390, "height": 844}
_PROBING = "/monitor/_stcore/"  # Streamlit asks below the page's path first, and then at the top


@pytest.fixture(scope="module")
def eight(start_server):
    return start_server(gpus=8)


def opened(page, server):
    page.goto(f"{server.url}/monitor")
    drawn = page.get_by_test_id("stEChartsChart").filter(has=page.locator("canvas, svg"))
    expect(drawn).to_have_count(2)
    return page


def own(problems):
    return [text for text in problems if _PROBING not in text and "(Not Found)" not in text]


def pause(page):
    """Nothing moves from now on, so that it can be looked at."""
    page.get_by_role("button", name=re.compile("Pause|暂停")).click()
    expect(page.get_by_role("button", name=re.compile("Continue|继续"))).to_be_visible()
    settled(page)


def test_without_a_gpu_it_says_why_and_leads_to_the_doctor(newcomer, server):
    page = newcomer()
    problems = problems_of(page)
    opened(page, server)
    expect(page.get_by_text(sentence("nvml_no_driver"))).to_be_visible()
    pause(page)
    assert violations(page) == []
    page.get_by_role("link", name="Why there is no GPU, and what to do about it").click()
    expect(page.get_by_role("heading", name="Can training use the GPU here?")).to_be_visible()
    assert own(problems) == []


def test_a_gpu_falls_off_the_bus_and_comes_back_while_the_page_stays_up(newcomer, one_gpu):
    page = newcomer(color_scheme="dark")
    problems = problems_of(page)
    opened(page, one_gpu)
    power = page.get_by_test_id("stMarkdown").filter(has_text=re.compile(r"Power\W+[\d.]+\W+W\W+of\W+700"))
    before = power.inner_text()
    expect(power).not_to_have_text(before)  # by itself
    one_gpu.lose([0])
    expect(page.get_by_text(sentence("nvml_gpu_lost")).first).to_be_visible()
    expect(power).to_have_count(0)
    expect(page.get_by_text("GPU 0 (NVIDIA H200) no longer answers.")).to_be_visible()
    one_gpu.lose([])
    expect(power).to_be_visible()
    expect(page.get_by_text("GPU 0 (NVIDIA H200) answers again.")).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)
    pause(page)
    assert violations(page) == []
    assert own(problems) == []


@pytest.mark.parametrize(("scheme", "locale"), [("light", "en-US"), ("dark", "zh-CN")])
def test_a_phone_shows_eight_gpus_and_anyone_can_use_it(newcomer, eight, scheme, locale):
    page = newcomer(color_scheme=scheme, locale=locale, viewport=PHONE)
    problems = problems_of(page)
    opened(page, eight)
    for number in range(8):
        name = page.get_by_test_id("stMain").get_by_text(f"GPU {number} · H200")
        expect(name.first).to_be_visible()
    assert too_wide(page) == []
    edges = page.evaluate("[...document.querySelectorAll('table')].map(t => t.getBoundingClientRect().right)")
    assert max(edges) <= PHONE["width"]
    assert violations(page) == []
    assert own(problems) == []
