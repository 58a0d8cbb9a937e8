"""Other machines in a browser: a real Ray cluster, its kinds measured at once, one answer with all of them."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.acting import PATIENCE_MS, VERDICT, answer, charts, press_run, run_button, visit
from tests.browser.conftest import settled
from tests.browser.judging import problems_of, too_wide, violations

pytest.importorskip("ray", reason="requirements-cluster.txt isn't installed")
from tests import ray_cluster

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 720}
_TINY = "dataset=synthetic:1x8x8,classes=4,images=4096&batch_size=1024&epochs=1&max_seconds=1"


@pytest.fixture(scope="module")
def with_cluster(start_server):
    """A dashboard whose owner has three machines of three kinds."""
    with ray_cluster.running() as cluster:
        yield start_server(cluster=cluster.address)


def test_every_kind_of_device_is_found_and_two_are_measured_into_one_chart(newcomer, with_cluster):
    page = newcomer(viewport=DESK)
    problems = problems_of(page)
    visit(page, f"{with_cluster.url}/?{_TINY}&devices=@small,@large")  # it connects by itself
    look_until_all_answer(page)
    every = page.get_by_role("button", name="Every kind of device")
    chosen = page.get_by_test_id("stSidebar").get_by_role("button", name="cluster", pressed=True)
    expect(chosen).to_have_count(2)
    every.focus()
    page.keyboard.press("Enter")
    expect(chosen).to_have_count(3)
    settled(page)
    assert violations(page) == []

    visit(page, f"{with_cluster.url}/?{_TINY}&devices=@small,@large")
    press_run(page)
    expect(page.get_by_role("button", name="Cancel all")).to_be_visible(timeout=PATIENCE_MS)
    assert violations(page) == [], "the live panel"
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0, timeout=PATIENCE_MS)
    expect(answer(page)).to_have_text(VERDICT, timeout=PATIENCE_MS)
    expect(run_button(page)).to_be_enabled()
    expect(charts(page).first).to_contain_text("small")
    expect(charts(page).first).to_contain_text("large")
    expect(page.get_by_text("Measured on another machine of the kind small")).to_be_visible()
    settled(page)
    assert violations(page) == []
    page.set_viewport_size(PHONE)
    settled(page)
    assert too_wide(page) == []
    assert problems == []


def look_until_all_answer(page):
    """Open the part on other machines; on a busy machine not all may answer at the first look."""
    looking = page.get_by_text("Looking for machines at")
    disconnect = page.get_by_role("button", name="Disconnect")
    expect(looking.or_(disconnect).first).to_be_attached(timeout=PATIENCE_MS)
    expect(looking).to_have_count(0, timeout=PATIENCE_MS)
    if not disconnect.is_visible():
        page.get_by_text("Other machines", exact=True).click()
    expect(disconnect).to_be_visible()
    for _ in range(4):
        if page.get_by_text("1 machine · free").count() == 3:
            return
        page.get_by_role("button", name="Look again").click()
        expect(looking).to_have_count(1)
        expect(looking).to_have_count(0, timeout=PATIENCE_MS)
    expect(page.get_by_text("1 machine · free")).to_have_count(3)
