"""The Results page in a browser with runs of a cluster: filtered, turned, on a phone, in Chinese."""

from __future__ import annotations

import dataclasses
import re

import pytest
from playwright.sync_api import Page, expect

from core.records import Note
from core.runs.queue.keeping import Keeper
from core.runs.store import Store
from tests.browser.acting import PATIENCE_MS
from tests.browser.conftest import settled
from tests.browser.judging import problems_of, too_wide, violations
from tests.builders import make_result

KIND = "big_box / AMD EPYC 9454 / 16 CPUs"


def run(number, kind=None):
    notes = (Note("through_ray", {"kind": kind, "ray": "2.50"}),) if kind else ()
    return dataclasses.replace(
        make_result(),
        id=f"run-{number}",
        job_id=f"job-{number}",
        created_at=f"2026-11-20T10:{number:02}:00+00:00",
        notes=notes,
        telemetry=None,
    )


@pytest.fixture(scope="module")
def filled(start_server):
    """A server that holds 23 runs of its own and two of a cluster's machine."""
    server = start_server()
    store = Store(server.database)
    assert Keeper(store).results([*(run(i) for i in range(23)), run(40, KIND), run(41, KIND)]) is None
    store.close()
    return server


def opened(page: Page, url: str) -> Page:
    page.goto(url)
    expect(page.locator("[class*=st-key-pick-]").first).to_be_visible(timeout=PATIENCE_MS)
    return page


def test_a_kind_of_machine_is_chosen_at_the_side_and_in_the_address(filled, newcomer):
    page = newcomer()
    problems = problems_of(page)
    opened(page, f"{filled.url}/results")
    settled(page)  # a click while the page is drawn may be lost
    page.locator(".st-key-results_machine").get_by_role("combobox").click()
    page.get_by_role("option", name=f"{KIND} · cluster").click()
    expect(page.get_by_text("1 to 2 of 2 runs")).to_be_visible(timeout=PATIENCE_MS)
    expect(page).to_have_url(re.compile("machine=%40big_box"))
    page.keyboard.press("Escape")
    settled(page)
    assert violations(page) == []
    assert [problem for problem in problems if "_stcore" not in problem and "404" not in problem] == []


def test_what_is_chosen_at_the_side_can_be_read_in_the_dark(filled, newcomer):
    page = opened(newcomer(color_scheme="dark"), f"{filled.url}/results?machine=@{KIND.replace(' ', '%20')}")
    chosen = page.get_by_test_id("stSidebar").locator("[data-tag]")
    expect(chosen).to_have_count(1)
    expect(chosen).to_have_css("background-color", "rgb(29, 78, 216)")
    settled(page)
    # Streamlit leaves the field beside a long choice too small a target; the rest is a matter of our colours
    assert [found for found in violations(page) if found["rule"] != "target-size"] == []


def test_pages_are_turned_and_the_servers_log_doesn_t_warn(filled, newcomer):
    page = opened(newcomer(), f"{filled.url}/results")
    settled(page)
    page.get_by_role("button", name="3").click()
    expect(page.get_by_text("21 to 25 of 25 runs")).to_be_visible(timeout=PATIENCE_MS)
    settled(page)
    assert "was created with a default value" not in filled.log.read_text("utf-8")


def test_on_a_phone_in_chinese_nothing_is_wider_than_the_screen(filled, newcomer):
    phone = newcomer(locale="zh-CN", viewport={"width": 390, "height": 844})
    opened(phone, f"{filled.url}/results?machine=@{KIND.replace(' ', '%20')}")
    expect(phone.get_by_text(f"在另一台机器上：{KIND}").first).to_be_visible(timeout=PATIENCE_MS)
    settled(phone)
    assert too_wide(phone) == []
    assert violations(phone) == []
