"""What a decider does on the Decide page: reads the answer, puts in a price, and reads another answer."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from core.records import Setup
from core.runs.files import exchange
from core.runs.queue.keeping import Keeper
from core.runs.store import Store
from tests.browser.acting import answer, charts
from tests.browser.conftest import settled
from tests.browser.judging import problems_of, too_wide, violations
from tests.builders import make_gpu_result, make_result
from tests.sweeps import make_grid

PHONE = {"width": 390, "height": 844}
_WORK = "?images=1200000&epochs=90&runs=40"
_PROBING = "/decide/_stcore/"  # Streamlit asks below the page's path first, and then at the top


@pytest.fixture(scope="module")
def measured(start_server):
    """A server that has measured its CPU, with the recording of a GPU a hundred times as fast."""
    server = start_server()
    store = Store(server.database)
    Keeper(store).results((*make_grid(2e-3, 4e-4), make_result(id="tested")))
    store.close()
    runs = (*make_grid(1e-3, 4e-6, Setup("cuda:0")), make_gpu_result(id="tested-gpu"))
    server.recordings.mkdir(exist_ok=True)
    document = exchange.document(runs, created_at="2026-11-01T00:00:00+00:00")
    (server.recordings / "2026-11-01_test-gpu.json").write_text(json.dumps(document))
    return server


def _opened(page, server, work=_WORK):
    page.goto(f"{server.url}/decide{work}")
    expect(answer(page)).to_be_visible()
    expect(charts(page)).to_have_count(3)
    settled(page)
    return page


def test_a_price_is_put_in_and_the_answer_changes(newcomer, measured):
    page = _opened(newcomer(), measured)
    expect(page.get_by_text("These are example prices")).to_be_visible()
    before = answer(page).inner_text()
    entry = page.get_by_text(re.compile(r"GPU Test GPU · recorded \(rented\) · 3 EUR an hour"))
    entry.click()
    price = page.get_by_label("EUR an hour", exact=True)
    price.fill("100")
    price.press("Enter")
    expect(answer(page)).not_to_have_text(before)
    expect(answer(page)).to_contain_text("Test · 16 cores (owned) is the cheapest")
    expect(page.get_by_text("100 EUR an hour · no source given")).to_be_visible()
    expect(page.get_by_text("These are example prices")).to_have_count(0)
    page.get_by_role("link", name="Results").first.click()
    expect(page.get_by_role("heading", name="Results")).to_be_visible()
    page.go_back()
    expect(answer(page)).to_contain_text("(owned) is the cheapest")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_all_and_anyone_can_use_it(newcomer, measured, scheme):
    page = newcomer(color_scheme=scheme, viewport=PHONE, locale="zh-CN")
    problems = problems_of(page)
    _opened(page, measured)
    page.get_by_text("3 EUR").first.click()
    expect(page.locator("input[type=number]")).not_to_have_count(0)
    settled(page)
    assert too_wide(page) == []
    edges = page.evaluate("[...document.querySelectorAll('table')].map(t => t.getBoundingClientRect().right)")
    assert len(edges) > 2
    assert max(edges) <= PHONE["width"]
    assert violations(page) == []
    assert [text for text in problems if _PROBING not in text and "(Not Found)" not in text] == []


def test_a_card_leads_to_its_run_and_to_compare(newcomer, measured):
    page = _opened(newcomer(), measured)
    for link, heading, held in (("The run", "Results", "run="), ("Measure it here", "", "batch_size=8192")):
        with page.expect_popup() as popup:
            page.get_by_role("link", name=link).first.click()
        landed = popup.value
        expect(landed.get_by_role("heading", level=1)).to_contain_text(heading)
        settled(landed)
        assert held in landed.url
        assert "/decide" not in landed.url
        expect(landed.get_by_text("Parts of the link made no sense")).to_have_count(0)


def test_no_number_in_a_field_breaks_the_page_or_loses_a_price(newcomer, measured):
    page = _opened(newcomer(), measured)
    page.get_by_text(re.compile(r"recorded \(rented\) · 3 EUR an hour")).click()
    for label, kept in (("EUR an hour", "3"), ("Images in an epoch", "1200000")):
        field = page.get_by_label(label, exact=True)
        for typed in ("", "-5", "1e308", "99999999999999999999"):
            field.fill(typed)
            field.press("Enter")
            settled(page)
            if label == "EUR an hour":  # refused: another field comes, with the old price
                expect(field.last).to_have_value("3")
                expect(field).to_have_count(1)
        field.fill(kept)
        field.press("Enter")
        settled(page)
    expect(page.get_by_text(re.compile(r"recorded \(rented\) · 3 EUR an hour"))).to_be_visible()
    expect(answer(page)).to_contain_text("(rented)")
