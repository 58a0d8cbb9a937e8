"""The report in a browser without a network: its charts, its pictures, and nothing hostile that starts."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from core.i18n import english
from core.records import Device
from core.runs.files import exchange
from core.runs.files.exchange import write_text
from core.sharing import formats
from tests.browser.judging import violations
from tests.builders import make_environment, make_gpu_result, make_result

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"


@pytest.fixture
def report(tmp_path):
    device = Device("cuda:0", HOSTILE, "GPU-test")
    other = replace(
        make_gpu_result(), job_id="job-2", origin="recorded", environment=make_environment(device=device)
    )
    path = tmp_path / "report.html"
    text = formats.render("html", (make_result(), other), english, created_at="2026-11-29T10:00:00+00:00")
    write_text(path, text)
    return path


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_it_opens_offline_with_its_charts_and_saves_what_it_holds(browser, report, width, scheme):
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.set_offline(True)
    page = context.new_page()
    problems, asked = [], []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: (problems.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())

    expect(page.get_by_role("heading", level=1)).to_contain_text("faster than CPU")
    drawings = page.locator(".drawing")
    expect(drawings).to_have_count(8)
    for drawing in drawings.all():
        expect(drawing.locator("svg.main-svg").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert violations(page) == []

    for kind, start in (("PNG", b"\x89PNG"), ("SVG", b"<svg")):
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Save this chart as {kind}").first.click()
        assert download.value.path().read_bytes().startswith(start)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the records").click()
    runs = exchange.read_document(json.loads(download.value.path().read_text("utf-8")))
    assert [run.id for run in runs] == ["run-cpu", "run-gpu"]

    assert problems == []
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [report.as_uri()]
    context.close()
