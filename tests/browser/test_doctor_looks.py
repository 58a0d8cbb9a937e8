"""The Doctor page in a browser: findings with what mends them, a report to paste, on a phone, for anyone."""

from __future__ import annotations

import getpass
import re
import socket

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import settled
from tests.browser.judging import problems_of, too_wide, violations

PHONE = {"width": 390, "height": 844}
_PROBING = "/doctor/_stcore/"  # Streamlit asks below the page's path first, and then at the top


def examined(page, server):
    page.goto(f"{server.url}/doctor")
    # The report says when, too; which of the two is there first isn't certain.
    when = page.get_by_text(re.compile(r"^(Examined .* \(UTC\)|检查于 .*（UTC）)$"))
    expect(when).to_be_visible()
    settled(page)
    return page


def own(problems):
    return [text for text in problems if _PROBING not in text and "(Not Found)" not in text]


def unfold(page):
    for fold in page.get_by_test_id("stMain").locator("details:not([open]) > summary").all()[::-1]:
        fold.click()  # from the last up: one that opens moves those below it
    settled(page)


def test_the_report_is_copied_and_saved_and_names_nobody(newcomer, server):
    page = newcomer(permissions=["clipboard-read", "clipboard-write"])
    problems = problems_of(page)
    examined(page, server)
    expect(page.get_by_role("heading", name=re.compile("no NVIDIA GPU"))).to_be_visible()
    unfold(page)
    report = page.get_by_test_id("stCode").last
    report.hover()
    report.get_by_role("button").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the report (Markdown)").click()
    assert download.value.path().read_text("utf-8").strip() == copied.strip()
    assert len(copied.splitlines()) > 10
    assert socket.gethostname() not in copied
    assert f"/{getpass.getuser()}/" not in copied
    assert violations(page) == []
    assert own(problems) == []


@pytest.mark.parametrize(("scheme", "locale"), [("light", "en-US"), ("dark", "zh-CN")])
def test_a_gpu_that_torch_cant_use_is_explained_on_a_phone_to_anyone(newcomer, one_gpu, scheme, locale):
    page = newcomer(color_scheme=scheme, locale=locale, viewport=PHONE)
    problems = problems_of(page)
    examined(page, one_gpu)
    expect(page.get_by_test_id("stCode").filter(has_text="pip install torch==").first).to_be_visible()
    unfold(page)
    assert too_wide(page) == []
    assert violations(page) == []
    assert own(problems) == []
