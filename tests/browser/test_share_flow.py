"""The way of a result to other people: a file, another machine, a link, a report that needs no network."""

from __future__ import annotations

import json
from dataclasses import replace

from playwright.sync_api import Page, expect

from core.records import Device, Setup
from core.runs.files import exchange, recordings
from tests.browser.acting import VERDICT, answer, charts, job_of, visit
from tests.browser.conftest import settled
from tests.browser.judging import problems_of, too_wide, violations


def take(page: Page, kind: str | None, button: str) -> str:
    """What a download of "Take it away" holds."""
    section = page.get_by_text("Take it away")
    if not page.get_by_role("combobox", name="What to take").count():
        settled(page)  # a click while the page is drawn may be lost
        section.click()
        expect(page.get_by_role("combobox", name="What to take")).to_be_visible()
    if kind is not None:
        page.get_by_role("combobox", name="What to take").click()
        page.get_by_role("option", name=kind).click()
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    return download.value.path().read_text("utf-8")


def as_recorded_on_a_gpu(run):
    """The same work, four times as fast, on a GPU that there isn't: a recording for this test alone."""
    device = Device("cuda:0", "NVIDIA Test GPU", "GPU-test", 16 * 2**30, "9.0")
    blocks = tuple(replace(block, duration_s=block.duration_s / 4) for block in run.blocks)
    spec = replace(run.spec, setup=Setup("cuda:0"))
    return replace(
        run,
        id="0123456789-0",
        job_id="0123456789",
        spec=spec,
        blocks=blocks,
        environment=replace(run.environment, device=device),
        limits=None,
        trace=None,
        thread_trials=(),
        telemetry=None,
        idle=None,
        notes=(),
    )


def results(page: Page, url: str) -> Page:
    page.goto(url)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    return page


def pick(page: Page, run_id: str) -> None:
    box = page.locator(f".st-key-pick-{run_id}")
    box.locator("label").click()
    expect(box.get_by_role("checkbox")).to_have_count(1)
    expect(box.get_by_role("checkbox")).to_be_checked()


def test_a_result_travels_as_a_link_a_file_and_a_report(walked, start_server, newcomer, browser, tmp_path):
    here = visit(newcomer(), walked.link)
    expect(answer(here)).to_have_text(walked.answer)
    expect(here.get_by_role("slider", name="Epochs")).to_have_value("2")
    expect(here.get_by_text(", batch 1024, 2 epochs").first).to_be_visible()
    expect(charts(here)).to_have_count(5)
    records = tmp_path / "crossover.json"
    records.write_text(take(here, None, "Download the records (JSON)"), "utf-8")
    measured = exchange.read_document(json.loads(records.read_text("utf-8")))
    assert [run.job_id for run in measured] == [job_of(walked.link)] * 2
    assert all(run.spec.workload.batch_size == 1024 and run.blocks for run in measured)

    # another machine: a fresh server and database, with a recording of a GPU
    there = start_server()
    recordings.write(there.recordings, [as_recorded_on_a_gpu(measured[0])], measured[0].created_at)
    page = newcomer()
    problems = problems_of(page)
    results(page, f"{there.url}/results")
    expect(page.get_by_text("1 to 1 of 1 runs")).to_be_visible()
    page.get_by_text("Add runs from files").click()
    page.locator("input[type=file]").set_input_files(records)
    expect(page.get_by_text("2 to add, 0 that are here already")).to_be_visible()
    page.get_by_role("button", name="Add 2 runs").click()
    expect(page.get_by_text("Added: 2 runs.")).to_be_visible()
    expect(page.get_by_text("1 to 3 of 3 runs")).to_be_visible()
    assert violations(page) == []

    pick(page, measured[0].id)
    pick(page, "0123456789-0")
    page.get_by_role("button", name="Compare them").click()
    expect(answer(page)).to_contain_text("Test GPU")
    expect(answer(page)).to_have_text(VERDICT)
    expect(page.get_by_text("imported").first).to_be_visible()
    expect(charts(page).first).to_be_visible()
    assert f"runs={measured[0].id}" in page.url
    # the page first asks for its health below its own address, as every page of Streamlit's but the first
    assert [problem for problem in problems if "_stcore" not in problem and "404" not in problem] == []

    other = results(newcomer(), page.url)  # a second browser
    expect(answer(other)).to_have_text(answer(page).inner_text())
    phone = newcomer(locale="zh-CN", color_scheme="dark", viewport={"width": 390, "height": 844})
    results(phone, page.url.replace("lang=en&", ""))  # a link has no language but the one that it names
    expect(answer(phone)).to_contain_text("加速比")
    assert too_wide(phone) == []
    assert violations(phone) == []

    report = tmp_path / "report.html"
    report.write_text(take(page, "Report (HTML)", "Download the report (HTML)"), "utf-8")
    without_network = browser.new_context()
    without_network.set_offline(True)
    shown = without_network.new_page()
    shown.goto(report.as_uri())
    expect(shown.get_by_role("heading", level=1)).to_have_text(answer(page).inner_text())
    drawings = shown.locator(".drawing svg.main-svg")
    expect(drawings.first).to_be_visible()
    assert shown.locator(".drawing").count() >= 5
    without_network.close()
