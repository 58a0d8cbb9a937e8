"""Other machines in a browser: a real Ray cluster, two of its kinds measured at once, one answer with both."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.acting import VERDICT, answer, charts, press_run, visit
from tests.browser.conftest import settled
from tests.browser.judging import problems_of, too_wide, violations

pytest.importorskip("ray", reason="requirements-cluster.txt isn't installed")
from tests import ray_cluster

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 720}
_TINY = "dataset=synthetic:1x8x8,classes=4,images=4096&batch_size=1024&epochs=1&max_seconds=1"


@pytest.fixture(scope="module")
def with_cluster(start_server):
    """A dashboard whose owner has two machines: one labelled small, and one that goes by its processor."""
    with ray_cluster.running(("small", ray_cluster.SMALL)) as cluster:
        yield start_server(cluster=cluster.address)


def test_two_kinds_are_found_chosen_and_measured_into_one_chart(newcomer, with_cluster):
    page = newcomer(viewport=DESK)
    problems = problems_of(page)
    visit(page, f"{with_cluster.url}/?{_TINY}&devices=@small")  # it connects by itself
    expect(page.get_by_role("button", name="Disconnect")).to_be_visible()
    expect(page.get_by_text("1 machine · free")).to_have_count(2)
    kinds = page.get_by_test_id("stSidebar").get_by_role("button", name="· cluster")
    expect(kinds).to_have_count(2)
    kinds.filter(has_not_text="small").focus()
    page.keyboard.press("Enter")
    expect(
        page.get_by_test_id("stSidebar").get_by_role("button", name="· cluster", pressed=True)
    ).to_have_count(2)
    settled(page)
    assert violations(page) == []

    press_run(page)
    expect(page.get_by_text("of 2 machines are done")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel all")).to_be_visible()
    expect(page.get_by_text("Each machine trains and times")).to_be_visible()
    assert violations(page) == [], "the live panel"
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    expect(answer(page)).to_have_text(VERDICT)
    expect(charts(page).first).to_contain_text("small")
    assert problems == []

    phone = newcomer(viewport=PHONE, color_scheme="dark", locale="zh-CN")
    phone.goto(page.url)  # as somebody else would, who was sent the link
    expect(charts(phone).first).to_contain_text("small")
    settled(phone)
    assert violations(phone) == []
    assert too_wide(phone) == []
